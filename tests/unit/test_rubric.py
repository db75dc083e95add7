"""docs/rubric.md quotes hw3/HW_3_SOLUTION.md point by point, and the same in English: each quotation is there."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

import pytest

from observer.commands import reporting
from observer.config.settings import load
from observer.store.packed import opened
from reports.report import LanguageName
from reports.text import queries
from reports.text.old_facts import Facts

ROOT = Path(__file__).parents[2]
RECORDING = ROOT / "hw3" / "observer.db.xz"
RUBRIC = (ROOT / "docs" / "rubric.md").read_text(encoding="utf-8")


@lru_cache
def facts() -> Facts:
    return reporting.facts(RECORDING, None, load(ROOT / "hw3" / "observer.toml").objectives)


@lru_cache
def document(language: LanguageName) -> str:
    return plain(reporting.text(facts(), "md", language, "homework", None))


def plain(text: str) -> str:
    """Without the spaces that do not break, which nobody can see in a quotation."""
    return text.replace("\u00a0", " ")


def points() -> list[tuple[int, str]]:
    parts = re.split(r"(?m)^### (\d+)\. ", RUBRIC)
    return [(int(number), text) for number, text in zip(parts[1::2], parts[2::2], strict=True)]


def quotations(text: str) -> list[tuple[LanguageName, str]]:
    found: list[tuple[LanguageName, str]] = []
    for language, block in re.findall(r"(?ms)^```(ru|en)\n(.*?)\n```$", text):
        found += [("ru" if language == "ru" else "en", line) for line in block.splitlines()]
    return found


def test_all_thirty_points_are_there_in_order() -> None:
    assert [number for number, _ in points()] == list(range(1, 31))


@pytest.mark.parametrize(("number", "text"), points())
def test_a_point_quotes_the_document_in_both_languages(number: int, text: str) -> None:
    told = quotations(text)
    assert {language for language, _ in told} == {"ru", "en"}
    for language, line in told:
        assert plain(line) in document(language), f"point {number}"


@pytest.mark.parametrize(("number", "text"), points())
def test_a_point_names_code_that_is_there(number: int, text: str) -> None:
    named = re.findall(r"`((?:reports|observer)/[\w/.]+)`", text)
    assert named, f"point {number} names no file"
    for path in named:
        assert (ROOT / path).exists(), path


def test_the_report_of_the_recording_holds_all_of_its_own_checks() -> None:
    assert facts()["warnings"] == []


@pytest.mark.parametrize("language", ["ru", "en"])
def test_nothing_is_claimed_that_wrong_documents_claim(language: LanguageName) -> None:
    """What the rubric calls wrong: each would have to be in the document to be claimed."""
    text = document(language).lower()
    for claim in ("репликация синхронная", "replication is synchronous.", "данные не потеряны", "no data was lost"):
        assert claim not in text


def test_counting_anew_by_the_quoted_queries_gives_the_same_numbers() -> None:
    [recording] = facts()["recordings"]
    by_outcome, by_server = (
        re.findall(r'"(.*)"', command)[0] for command in (queries.load(recording)[0], queries.ports(recording))
    )
    with opened(RECORDING) as reader:
        counts = {(action, outcome): n for action, outcome, n in reader.query(by_outcome)[1]}
        columns, rows = reader.query(by_server)
        n_at = list(columns).index("operations")
        served = sum(row[n_at] for row in rows)
    for total in recording["totals"]:
        for outcome, n in (("ok", total["ok"]), ("fail", total["failed"]), ("unknown", total["unknown"])):
            assert counts.get((total["action"], outcome), 0) == n
    assert served == sum(one["operations"] for one in recording["served"])
