"""`observer analyze` stores what the rules of this version find."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from observer.commands.analyze import analyze_again
from observer.model.errors import CannotWrite, ForeignDatabase, NotFound
from observer.store import Reader
from observer.store.writing import Writer
from reports.analysis.analyze import analyze
from tests.recorded import FAILOVER, database


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(sql).fetchall()


def test_the_tables_hold_what_the_analysis_finds_and_the_recording_stays_as_it_is(tmp_path: Path) -> None:
    path = database(FAILOVER, tmp_path / "observer.db")
    before = rows(path, "select * from events order by id"), rows(path, "select * from operations order by id")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("delete from evidence")
        connection.execute("delete from phases")
        connection.execute("delete from judged_outages")
        connection.execute("delete from incidents")
    with Reader(path) as reader:
        found = analyze(reader.load(1))
    assert analyze_again(path) == [(1, len(found.incidents))]
    assert rows(path, "select cause, target from incidents") == [(i.cause, i.target) for i in found.incidents]
    assert rows(path, "select name from phases") == [(p.name,) for i in found.incidents for p in i.phases]
    after = rows(path, "select * from events order by id"), rows(path, "select * from operations order by id")
    assert before == after


def test_a_second_analysis_stores_the_same(tmp_path: Path) -> None:
    path = database(FAILOVER, tmp_path / "observer.db")
    analyze_again(path)
    once = rows(path, "select cause, began_ns, ended_ns from incidents")
    analyze_again(path)
    assert rows(path, "select cause, began_ns, ended_ns from incidents") == once


def test_a_missing_file_is_not_created(tmp_path: Path) -> None:
    with pytest.raises(NotFound):
        analyze_again(tmp_path / "observer.db")
    assert list(tmp_path.iterdir()) == []


def test_a_file_that_a_daemon_records_into_is_refused(tmp_path: Path) -> None:
    path = database(FAILOVER, tmp_path / "observer.db")
    with closing(Writer(path)), pytest.raises(CannotWrite, match="a daemon records into it"):
        analyze_again(path)


def test_a_packed_file_is_refused(tmp_path: Path) -> None:
    packed = tmp_path / "observer.db.xz"
    packed.write_bytes(b"\xfd7zXZ\x00 anything")
    with pytest.raises(ForeignDatabase, match="unpack it: xz -dk"):
        analyze_again(packed)
