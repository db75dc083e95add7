"""The language of the project: short sentences, and no word that the standard terms replaced.

docs/reference/glossary.md has both. Public names that predate it are quoted: `told`, "testimony".
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from reports.render.language import language
from tests.prose import sentences, words
from tests.unit.test_glossary import EXPLAINED

ROOT = Path(__file__).parents[2]
MEAN, MOST = 20, 35

CODE = sorted(
    path for name in ("observer", "reports", "stack", "benchmarks", "tests") for path in ROOT.glob(f"{name}/**/*.py")
)
PAGES = [
    *(ROOT / name for name in ("README.md", "README.ru.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")),
    *sorted((ROOT / "docs").rglob("*.md")),
]

REPLACED = re.compile(
    r"(?<![.\w-])(told|mend(s|ed|ing)?|deeds?|anew|testimony|aftermath|spells?|whom|whoever|nobody|somebody|everybody|"
    r"thaw(s|ed|ing)?|comeback|recounts?|quorumless|blindness)\b",
    re.IGNORECASE,
)
# This file and the glossary name the words themselves.
APART = {Path(__file__), ROOT / "docs" / "reference" / "glossary.md", ROOT / "tests" / "unit" / "test_glossary.py"}


def without_quoted_names(text: str) -> str:
    """Return a text without public names in quotes or backticks, alone or as the end of a dotted name."""
    return re.sub(
        r"([\"'`])([\w.]+)\1",
        lambda quoted: "" if quoted[2].split(".")[-1] in EXPLAINED or quoted[2] in EXPLAINED else quoted[0],
        text,
    )


def replaced(text: str) -> list[str]:
    """Return the lines with a replaced word, each with its number."""
    lines = enumerate(without_quoted_names(text).splitlines(), 1)
    return [f"{number}: {line.strip()}" for number, line in lines if REPLACED.search(line)]


def long(page: str) -> Iterator[str]:
    """Return the sentences of a page that are too long."""
    return (f"{words(one)} words: {one}" for one in sentences(page) if words(one) > MOST)


@pytest.mark.parametrize("path", [*CODE, *PAGES], ids=lambda path: str(path.relative_to(ROOT)))
def test_no_word_stands_that_the_standard_terms_replaced(path: Path) -> None:
    if path not in APART:
        assert replaced(path.read_text(encoding="utf-8")) == []


def test_no_phrase_has_a_word_that_the_standard_terms_replaced() -> None:
    said = {key: re.sub(r"\{[^}]*\}", "", text) for key, text in language("en").phrases.items()}
    assert [f"{key}: {text}" for key, text in said.items() if replaced(text)] == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_of_a_page_is_too_long(path: Path) -> None:
    assert list(long(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_sentences_of_a_page_are_short_on_average(path: Path) -> None:
    counts = [words(one) for one in sentences(path.read_text(encoding="utf-8"))]
    mean = sum(counts) / len(counts)
    print(f"{path.relative_to(ROOT)}: {len(counts)} sentences, {mean:.1f} words on average, at most {max(counts)}")
    assert mean <= MEAN


def test_a_replaced_word_is_noticed_and_a_quoted_public_name_is_not() -> None:
    text = 'The report told it.\nThe key `told` is public, and so is "fault.told".\n'
    assert replaced(text) == ["1: The report told it."]


def test_code_tables_and_links_do_not_count_as_words() -> None:
    page = (
        "# Title\n\nOne `a b c` [two three](x.md).\n\n| a | b |\n|---|---|\n\n```sh\nrun now\n```\n- Four. Five six!\n"
    )
    assert [words(one) for one in sentences(page)] == [4, 1, 2]
