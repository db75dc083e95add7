"""The phrases of both languages hold to each other, to the judge's keys and to what templates and code ask for."""

from __future__ import annotations

import ast
import string
from pathlib import Path

import pytest

import reports
from observer.model.causes import CAUSES
from reports.analysis.keys import PHASES
from reports.document.self_checks import CHECKS
from reports.render.language import LANGUAGES, PLURALS, Language, language
from tests.unit.phrase_facts import EVIDENCE, REASONS

ROOT = Path(reports.__file__).parent
BOTH = [pytest.param(language(name), id=name) for name in LANGUAGES]


def placeholders(text: str) -> set[tuple[str, str]]:
    """The fields of a phrase with how each is written; plural forms differ between languages."""
    found = set()
    for _, name, spec, _ in string.Formatter().parse(text):
        if name is not None:
            found.add((name, "" if (spec or "").startswith("|") else spec or ""))
    return found


def fields(text: str) -> set[str]:
    return {name for name, _ in placeholders(text)}


def asked_by_code() -> list[tuple[str, str, set[str]]]:
    """(where, key, fields given) for each say("literal", ...); a call that passes ** is asked for its key alone."""
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


@pytest.mark.parametrize("words", BOTH)
def test_everything_that_the_judge_may_say_has_a_phrase_that_needs_no_more_than_its_facts(words: Language) -> None:
    for key, given in {**EVIDENCE, **REASONS, **CHECKS}.items():
        assert fields(words.phrases[key]) <= set(given), key


def test_the_analysis_uses_every_key_and_no_other() -> None:
    nodes = [
        node for path in (ROOT / "analysis").rglob("*.py") for node in ast.walk(ast.parse(path.read_text("utf-8")))
    ]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    assert {text for text in texts if text.startswith(("evidence.", "reason."))} == EVIDENCE.keys() | REASONS.keys()


@pytest.mark.parametrize("words", BOTH)
def test_every_cause_and_phase_has_its_words(words: Language) -> None:
    for cause in CAUSES:
        assert {f"cause.{cause}.{form}" for form in ("name", "title", "meaning")} <= words.phrases.keys()
    for phase in PHASES:
        assert {f"phase.{phase}.{form}" for form in ("name", "meaning")} <= words.phrases.keys()


@pytest.mark.parametrize("words", BOTH)
def test_no_phrase_of_a_key_that_the_judge_does_not_know_is_kept(words: Language) -> None:
    said = {key for key in words.phrases if key.split(".")[0] in ("evidence", "reason", "check")}
    assert said == EVIDENCE.keys() | REASONS.keys() | CHECKS.keys()


@pytest.mark.parametrize("words", BOTH)
def test_plurals_have_as_many_forms_as_the_language(words: Language) -> None:
    _, forms = PLURALS[words.phrases["format.plurals"]]
    for key, text in words.phrases.items():
        for _, _, spec, _ in string.Formatter().parse(text):
            if spec and spec.startswith("|"):
                assert len(spec[1:].split("|")) == forms, key


@pytest.mark.parametrize(("where", "key", "given"), asked_by_code())
def test_what_templates_and_code_ask_for_is_there_and_gets_what_it_needs(where: str, key: str, given: set[str]) -> None:
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


def test_a_long_time_is_said_in_minutes_and_hours() -> None:
    en = language("en")
    assert [en.span(s).replace("\u00a0", " ") for s in (0.3, 59.4, 59.6, 127.4, 3599.9, 93_600)] == [
        "0.3 s",
        "59.4 s",
        "1 min",
        "2 min 7 s",
        "1 h",
        "26 h",
    ]


def test_what_is_unknown_is_said_to_be_and_a_word_that_nobody_knows_is_quoted() -> None:
    ru = language("ru")
    assert ru.written(None, "s") == "неизвестно"
    assert ru.written("refused", "@how") == "в соединении отказано"
    assert ru.written("very odd", "@how") == "`very odd`"
