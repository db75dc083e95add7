"""Signals to one part of a node: who is meant, by what the list of processes says."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack import within


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """A node: tini, Patroni, a postmaster with two children of which one is older, one that is dead, and a stranger."""
    for pid, name, state, parent in [
        (1, "tini", "S", 0),
        (7, "patroni", "S", 1),
        (30, "postgres", "T", 1),
        (22, "postgres", "S", 30),
        (31, "postgres", "R", 30),
        (40, "postgres", "Z", 1),
        (50, "a (b) postgres", "S", 1),
    ]:
        folder = tmp_path / str(pid)
        folder.mkdir()
        (folder / "stat").write_text(f"{pid} ({name}) {state} {parent} 0 0 0 -1 4194560\n")
    (tmp_path / "self").mkdir()
    (tmp_path / "99").mkdir()  # it ended between the look at the folder and the look into it
    return tmp_path


def test_postgresql_is_its_living_processes_the_postmaster_first(proc: Path) -> None:
    assert list(within.living("postgres", proc).items()) == [(30, "T"), (22, "S"), (31, "R")]


def test_patroni_is_patroni_alone(proc: Path) -> None:
    assert within.living("patroni", proc) == {7: "S"}


def test_where_nothing_runs_that_is_said() -> None:
    assert within.main("kill", "no such program") == within.NOBODY
