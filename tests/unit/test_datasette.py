"""Datasette opens a recording with our metadata: titles, units, and every ready-made question."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from observer import cli
from observer.commands.datasette_metadata import NAMES, TEXTS, descriptions, metadata, questions
from observer.store import Reader
from tests.recorded import FAILOVER, database


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return database(FAILOVER, tmp_path_factory.mktemp("datasette") / "observer.db")


@pytest.fixture(scope="module")
def columns(recorded: Path) -> Mapping[str, list[str]]:
    with Reader(recorded) as reader:
        names = [name for (name,) in reader.query(NAMES)[1]]
        return {name: list(reader.query(f"select * from {name} limit 0")[0]) for name in names}


def get(recorded: Path, shown: dict[str, Any], *paths: str) -> list[Any]:
    """What Datasette answers."""
    app = pytest.importorskip("datasette.app")

    async def ask() -> list[Any]:
        datasette = app.Datasette([str(recorded)], metadata=shown)
        return [await datasette.client.get(path) for path in paths]

    return asyncio.run(ask())


def test_every_table_and_view_is_described(columns: Mapping[str, list[str]]) -> None:
    assert set(columns) == set(descriptions())
    known = {column for found in columns.values() for column in found}
    assert set(TEXTS["columns"]) <= known


def test_datasette_answers_every_question_with_rows_or_none(recorded: Path, columns: Mapping[str, list[str]]) -> None:
    paths = [f"/observer/{one.name}.json?_shape=array" for one in questions()]
    answers = get(recorded, metadata(recorded, dict(columns)), *paths)
    with Reader(recorded) as reader:
        for one, got in zip(questions(), answers, strict=True):
            assert got.status_code == 200, f"{one.asks}: {got.text[:200]}"
            assert len(got.json()) == min(1000, len(list(reader.query(one.sql)[1]))), one.asks


def test_titles_units_and_descriptions_are_shown(recorded: Path, columns: Mapping[str, list[str]]) -> None:
    shown = metadata(recorded, dict(columns))
    page, phases, events = get(recorded, shown, "/observer", "/observer/phases", "/observer/events?_size=1")
    assert "Who led, and for how long?" in page.text
    assert descriptions()["phases"] in phases.text
    assert "&nbsp;s</td>" in phases.text, "durations have their unit"
    assert TEXTS["columns"]["by_ns"] in events.text


def test_the_command_prints_it(
    recorded: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["observer", "datasette-metadata", "--db", os.fspath(recorded)])
    monkeypatch.chdir(recorded.parent)
    assert cli.run() == 0
    shown = json.loads(capsys.readouterr().out)
    assert set(shown["databases"]["observer"]["tables"]) == set(descriptions())
    assert len(shown["databases"]["observer"]["queries"]) == len(questions())


def test_the_names_of_the_questions_differ() -> None:
    names = [one.name for one in questions()]
    assert len(set(names)) == len(names)
