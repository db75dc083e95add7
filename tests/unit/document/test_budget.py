"""A reader has three minutes: the document stays short, and the verdict and the answers come first."""

from __future__ import annotations

import pytest

from tests.unit.document.homework_run import HW3, homework_document, outside, plain, words

WHOLE, OUTSIDE, OUTSIDE_DRILL = 7_000, 2_500, 1_500
FIRST_SCREEN = 330
SECOND_SCREEN = 800


@pytest.fixture(params=["committed", "ru", "en"])
def text(request: pytest.FixtureRequest) -> str:
    if request.param == "committed":
        return plain((HW3 / "HW_3_SOLUTION.md").read_text(encoding="utf-8"))
    return homework_document(request.param)


def test_the_homework_has_at_most_7000_words_of_which_2500_outside_folded_blocks(text: str) -> None:
    assert words(text) <= WHOLE
    assert words(outside(text)) <= OUTSIDE


@pytest.mark.parametrize("name", ["ru", "en"])
def test_a_drill_has_at_most_1500_words_outside_folded_blocks(name: str) -> None:
    assert words(outside(homework_document(name, "drill"))) <= OUTSIDE_DRILL


def test_the_first_screen_has_the_verdict_in_five_lines_and_the_table_by_fault(text: str) -> None:
    first, _, _ = text.partition("\n## ")
    lines = first.splitlines()
    assert sum(line.startswith("- **") for line in lines) == 5
    assert first.index("- **") < first.index("\n| ")
    assert words(first) <= FIRST_SCREEN


def test_the_second_screen_answers_every_question_of_the_homework(text: str) -> None:
    sections = text.split("\n## ")
    answers = sections[1]
    assert answers.count("\n- **") >= 14
    assert words(outside(sections[0] + answers)) <= SECOND_SCREEN
