"""Which processes belong to a member: told by their command lines and their parents."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from stack import processes
from stack.processes import Process

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the local cluster is Linux only")


@pytest.fixture
def member(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """A folder, and a program named etcd that names it and has a child."""
    program = tmp_path / "etcd"
    program.write_text("import subprocess, sys\nprint(subprocess.Popen(['sleep', '300']).pid, flush=True)\ninput()\n")
    command = [sys.executable, str(program), "--data-dir", f"{tmp_path}/data"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield tmp_path, running.pid
        processes.kill(lambda: processes.of(tmp_path))


def test_a_member_is_the_program_that_names_its_folder_and_its_children(member: tuple[Path, int]) -> None:
    folder, pid = member
    found = processes.of(folder)
    assert found[0].pid == pid
    assert [process.program for process in found] == ["etcd", "sleep"]


def test_a_look_at_the_folder_with_another_program_is_not_a_member(member: tuple[Path, int]) -> None:
    folder, _ = member
    with subprocess.Popen(["tail", "-f", str(folder / "etcd")], stdout=subprocess.DEVNULL) as looking:
        assert looking.pid not in {process.pid for process in processes.of(folder)}
        looking.kill()


def test_a_folder_whose_name_only_begins_alike_is_another(member: tuple[Path, int]) -> None:
    folder, _ = member
    assert processes.of(folder.with_name(folder.name[:-1])) == ()


def test_kill_leaves_nothing_though_the_parent_dies_first(member: tuple[Path, int]) -> None:
    folder, _ = member
    pids = {process.pid for process in processes.of(folder)}
    before = time.monotonic_ns()
    moment_ns = processes.kill(lambda: [p for p in processes.living().values() if p.pid in pids])
    assert not pids & processes.living().keys()
    assert before <= moment_ns <= time.monotonic_ns()


def test_kill_waits_for_those_that_are_found_no_more_and_live_on(monkeypatch: pytest.MonkeyPatch) -> None:
    orphan = Process(7, 1, "R", ("postgres: demo: walwriter ",))
    looks, found = [{7: orphan}, {7: orphan}, {}], [[orphan]]
    monkeypatch.setattr(processes, "signal_all", lambda targets, number: 1)
    monkeypatch.setattr(processes, "living", lambda: looks.pop(0))
    assert processes.kill(lambda: found.pop() if found else []) == 1
    assert looks == []


def test_an_interpreters_script_is_the_program() -> None:
    assert Process(1, 0, "S", ("/usr/bin/python3", "/usr/bin/patroni", "/x/patroni1/patroni.yml")).program == "patroni"
    assert Process(1, 0, "S", ("postgres: demo: walwriter ",)).program == "postgres: demo: walwriter "
    assert Process(1, 0, "S", ()).program == ""
