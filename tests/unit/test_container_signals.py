"""Signals to one service of a node: the processes that get them, from the list of processes."""

from __future__ import annotations

from pathlib import Path

import pytest

from stack import container_signals


@pytest.fixture
def proc(tmp_path: Path) -> Path:
    """Return /proc of a node: tini, Patroni, a postmaster with two children, a zombie, and an unrelated process."""
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
    (tmp_path / "99").mkdir()  # this process ended after the folder was listed
    return tmp_path


def test_postgresql_is_its_living_processes_with_the_postmaster_first(proc: Path) -> None:
    assert list(container_signals.living("postgres", proc).items()) == [(30, "T"), (22, "S"), (31, "R")]


def test_patroni_is_one_process(proc: Path) -> None:
    assert container_signals.living("patroni", proc) == {7: "S"}


def test_an_exit_code_reports_that_no_such_process_runs() -> None:
    assert container_signals.main("kill", "no such program") == container_signals.NOT_RUNNING
