"""docs/reference/sqlite.md is true: its questions have the answers shown, its tables and views the columns named."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from observer.commands.datasette_metadata import Question, questions
from observer.store import VIEWS, Reader
from tests.answers import answer, parts
from tests.recorded import FAILOVER, database

TEXT = (Path(__file__).parents[2] / "docs" / "reference" / "sqlite.md").read_text(encoding="utf-8")
SQL = re.findall(r"```sql\n(.*?)```", TEXT, re.DOTALL)
ROWS = re.findall(r"^\| `(\w+)` \| (?:[^|]*\| )?([^|]*) \|$", TEXT, re.MULTILINE)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Reader:
    return Reader(database(FAILOVER, tmp_path_factory.mktemp("docs") / "observer.db"))


@pytest.mark.parametrize("question", questions(), ids=lambda one: one.name)
def test_a_question_has_the_answer_that_the_documentation_gives(reader: Reader, question: Question) -> None:
    _, answers, _ = parts()
    section = answers.partition(f"### {question.asks}\n")[2].partition("\n### ")[0]
    assert section.strip() == f"```sql\n{question.sql}\n```\n\n{answer(reader, question.sql)}".strip(), (
        "write the answers again with: python -m tests.answers"
    )


def test_the_documentation_asks_all_questions_and_no_others() -> None:
    _, answers, _ = parts()
    asked = re.findall(r"^### (.*)$", answers, re.MULTILINE)
    assert asked == [question.asks for question in questions()]
    assert len(asked) >= 20


def test_all_sql_of_the_documentation_is_among_the_questions() -> None:
    known = {question.sql for question in questions()}
    assert {block.strip() for block in SQL} <= known


@pytest.mark.parametrize(("table", "described"), ROWS)
def test_a_table_or_view_has_the_columns_that_the_documentation_names(
    reader: Reader, table: str, described: str
) -> None:
    there, _ = reader.query(f"select * from {table}")
    outside_brackets = re.sub(r"\([^)]*\)", "", described)
    named = re.findall(r"`(\w+)`", outside_brackets)
    not_columns = {"operations_utc": {"operations"}, "unreachable": {"events"}, "check_pauses": {"events"}}
    assert set(named) - not_columns.get(table, set()) <= set(there)
    assert "recording_id" in there or table == "recordings"


def test_the_documentation_was_read() -> None:
    assert {name for name, _ in ROWS} == {"recordings", "events", "operations", "audits", *VIEWS}
