"""The phrases of all languages agree with each other, with the keys of the analysis, and with what code uses."""

from __future__ import annotations

import ast
import re
import string
from pathlib import Path

import pytest

import observer
import reports
from observer.commands.event_filter import SOURCES
from observer.model.causes import CAUSES
from reports.analysis.keys import PHASES
from reports.analysis.self_checks import CHECKS
from reports.contents import document
from reports.render.language import DEFAULT_PLURAL, LANGUAGES, PLURALS, Language, language
from reports.render.markdown import markdown
from tests.unit.analyzed import recorded
from tests.unit.phrase_facts import EVIDENCE, REASONS

ROOT = Path(reports.__file__).parent
BOTH = [pytest.param(language(name), id=name) for name in LANGUAGES]


def placeholders(text: str) -> set[tuple[str, str]]:
    """Return the fields of a phrase with the form of each; plural forms differ between languages."""
    found = set()
    for _, name, spec, _ in string.Formatter().parse(text):
        if name is not None:
            found.add((name, "" if (spec or "").startswith("|") else spec or ""))
    return found


def fields(text: str) -> set[str]:
    return {name for name, _ in placeholders(text)}


def used_by_code() -> list[tuple[str, str, set[str]]]:
    """Return (file, key, fields) of each say("literal", ...); of a call that passes ** only the key counts."""
    found = []
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
            key = node.args[0]
            if name == "say" and isinstance(key, ast.Constant) and isinstance(key.value, str):
                given = {keyword.arg for keyword in node.keywords}
                known = {one for one in given if one is not None}
                needed = fields(language("en").phrases[key.value])
                found.append((path.name, key.value, needed if None in given else known))
    return found


@pytest.mark.parametrize("words", BOTH)
def test_every_language_has_the_phrases_and_lists_of_english(words: Language) -> None:
    assert words.phrases.keys() == language("en").phrases.keys()
    assert words.lists.keys() == language("en").lists.keys()


@pytest.mark.parametrize("words", BOTH)
def test_a_phrase_has_the_same_fields_in_every_language(words: Language) -> None:
    for key, text in language("en").phrases.items():
        if key != "format.day":
            assert placeholders(words.phrases[key]) == placeholders(text), key


@pytest.mark.parametrize("words", BOTH)
def test_a_table_has_as_many_columns_in_every_language(words: Language) -> None:
    for key in language("en").lists:
        assert len(words.columns(key)) == len(language("en").columns(key)), key


def test_the_analysis_uses_every_key_and_no_other() -> None:
    nodes = [
        node for path in (ROOT / "analysis").rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))
    ]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {text for text in texts if text.startswith(("evidence.", "reason."))} == EVIDENCE.keys() | REASONS.keys()


@pytest.mark.parametrize("words", BOTH)
def test_every_key_of_the_analysis_has_a_phrase_that_needs_no_more_than_its_facts(words: Language) -> None:
    for key, given in {**EVIDENCE, **REASONS, **CHECKS}.items():
        assert fields(words.phrases[key]) <= set(given), key


@pytest.mark.parametrize("words", BOTH)
def test_every_cause_and_phase_has_its_words(words: Language) -> None:
    for cause in CAUSES:
        assert {f"cause.{cause}.{form}" for form in ("name", "title", "meaning")} <= words.phrases.keys()
    for phase in PHASES:
        assert {f"phase.{phase}.{form}" for form in ("name", "meaning")} <= words.phrases.keys()


@pytest.mark.parametrize("words", BOTH)
def test_only_the_title_of_a_cause_has_a_field_and_that_is_who(words: Language) -> None:
    allowed = {"title": {"who"}, "name": set[str](), "meaning": set[str]()}
    for cause in CAUSES:
        for form, known in allowed.items():
            key = f"cause.{cause}.{form}"
            assert fields(words.phrases[key]) <= known, f"{key}: nothing fills another field"


@pytest.mark.parametrize("words", BOTH)
def test_every_source_has_its_name(words: Language) -> None:
    written = {key.removeprefix("source.") for key in words.phrases if key.startswith("source.")}
    assert set(SOURCES) == written, "[source] of each language names every source of observer/commands/event_filter.py"


@pytest.mark.parametrize("words", BOTH)
def test_no_phrase_is_kept_for_a_key_that_the_analysis_lacks(words: Language) -> None:
    said = {key for key in words.phrases if key.split(".")[0] in ("evidence", "reason", "check")}
    assert said == EVIDENCE.keys() | REASONS.keys() | CHECKS.keys()


@pytest.mark.parametrize("words", BOTH)
def test_plurals_have_as_many_forms_as_the_language(words: Language) -> None:
    forms = words.phrases.get("format.plural", DEFAULT_PLURAL).count("|") + 1
    for key, text in words.phrases.items():
        for _, _, spec, _ in string.Formatter().parse(text):
            if spec and spec.startswith("|"):
                assert len(spec[1:].split("|")) == forms, key


@pytest.mark.parametrize(("where", "key", "given"), used_by_code())
def test_a_phrase_that_code_uses_exists_and_gets_its_fields(where: str, key: str, given: set[str]) -> None:
    assert fields(language("ru").phrases[key]) <= given, where


@pytest.mark.parametrize("words", BOTH)
def test_every_phrase_can_be_filled_even_with_what_is_unknown(words: Language) -> None:
    for key, text in words.phrases.items():
        if key != "format.day":
            assert words.say(key, **dict.fromkeys(fields(text)))


def test_russian_counts_in_three_forms() -> None:
    ru = language("ru")
    forms = {n: ru.written(n, "|запись|записи|записей") for n in (0, 1, 2, 4, 5, 11, 12, 21, 22, 111, 1_002)}
    assert [n for n, form in forms.items() if form == "запись"] == [1, 21]
    assert [n for n, form in forms.items() if form == "записи"] == [2, 4, 22, 1_002]


def test_english_counts_in_two_forms() -> None:
    assert [language("en").written(n, "|write|writes") for n in (0, 1, 2)] == ["writes", "write", "writes"]


def test_numbers_follow_the_language() -> None:
    assert language("ru").number(1234.56, 1) == "1\u00a0234,6"
    assert language("en").number(1234.56, 1) == "1,234.6"
    assert language("en").number(-0.04, 1) == "0.0"


def test_milliseconds_have_one_decimal_below_100_whatever_their_sign() -> None:
    en = language("en")
    shown = [en.written(ms, "ms").replace("\u00a0", " ") for ms in (99.94, 250.4, -2.5, -250.4)]
    assert shown == ["99.9 ms", "250 ms", "−2.5 ms", "−250 ms"]


def test_a_long_duration_is_in_minutes_and_hours() -> None:
    en = language("en")
    assert [en.span(s).replace("\u00a0", " ") for s in (0.3, 59.4, 59.6, 127.4, 3599.9, 93_600)] == [
        "0.3 s",
        "59.4 s",
        "1 min",
        "2 min 7 s",
        "1 h",
        "26 h",
    ]


def test_none_is_unknown_and_a_value_without_a_phrase_is_code() -> None:
    ru = language("ru")
    assert ru.written(None, "s") == "неизвестно"
    assert ru.written("refused", "@how") == "в соединении отказано"
    assert ru.written("very odd", "@how") == "`very odd`"


LONGEST_SENTENCE = 35
SENTENCE_END = re.compile(r"[.:;!?]\s|\n|\*\*")


@pytest.mark.parametrize("words", BOTH)
def test_no_sentence_has_more_than_35_words(words: Language) -> None:
    for key, text in words.phrases.items():
        for sentence in SENTENCE_END.split(re.sub(r"{[^}]*}", "x", text)):
            assert len(re.findall(r"\w[\w\-']*", sentence)) <= LONGEST_SENTENCE, key


def test_no_phrase_is_kept_that_nothing_uses() -> None:
    literals, patterns, groups = used_keys()
    pattern = re.compile("|".join(sorted(patterns)))
    words = language("en")
    groups |= {found for text in words.phrases.values() for found in re.findall(r":@([a-z_]+)}", text)}
    keys = {key for key in (*words.phrases, *words.lists) if key not in {**EVIDENCE, **REASONS, **CHECKS}}
    for key in sorted(keys):
        assert key in literals or pattern.fullmatch(key) or key.rpartition(".")[0] in groups, key


# What turns keys into sentences; other code has event kinds and causes, which may be equal to a key.
WRITERS = [
    *(path for name in ("document", "homework", "render") for path in (ROOT / name).rglob("*.py")),
    *(ROOT / "analysis" / name for name in ("keys.py", "objectives.py")),
    Path(observer.__file__).parent / "commands" / "objectives.py",
]


def used_keys() -> tuple[set[str], set[str], set[str]]:
    """Return the strings of the code, its f-strings that begin with a table's name as patterns, and its "@groups"."""
    literals, patterns = set(), set()
    for path in WRITERS:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                literals.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = (re.escape(str(v.value)) if isinstance(v, ast.Constant) else r"[\w.]*" for v in node.values)
                text = "".join(parts)
                if re.match(r"[a-z_]+\\\.", text):
                    patterns.add(text)
    script = (ROOT / "render" / "html" / "script.js").read_text(encoding="utf-8")
    page = (ROOT / "render" / "html" / "page.html.j2").read_text(encoding="utf-8")
    literals |= set(re.findall(r'"([\w.]+)"', script + page))
    patterns |= {re.sub(r"\$\{[^}]*\}", r"[\\w.]*", key) for key in re.findall(r"`(\w+\.[\w.${}]+)`", script)}
    return literals, patterns, {text[1:] for text in literals if text.startswith("@")}


REPLACED_IN_RUSSIAN = re.compile(r"инцидент|журнал|разжалован|держател|проспал|очнул|слепот|молчал", re.IGNORECASE)


def test_one_word_stands_for_one_thing_in_russian() -> None:
    words = language("ru")
    texts = {**words.phrases, **{key: " ".join(columns) for key, columns in words.lists.items()}}
    assert [key for key, text in texts.items() if REPLACED_IN_RUSSIAN.search(text)] == []


def test_a_language_is_added_with_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = (ROOT / "phrases" / "en.toml").read_text(encoding="utf-8")
    own = source.replace('title = "Incidents"', 'title = "Vorfälle"').replace('plural = "one|other"\n', "")
    (tmp_path / "xx.toml").write_text(own, encoding="utf-8")
    monkeypatch.setattr("reports.render.language.PHRASES", tmp_path)
    language.cache_clear()
    try:
        added = language("xx")
        text = markdown(document(recorded("leader-killed"), "homework"), added)
        assert "## Vorfälle" in text
        assert [added.written(n, "|write|writes") for n in (1, 2)] == ["write", "writes"]
    finally:
        language.cache_clear()


def test_every_plural_rule_returns_one_of_its_forms() -> None:
    for forms, rule in PLURALS.items():
        assert {rule(n) for n in range(200)} == set(range(forms.count("|") + 1))
