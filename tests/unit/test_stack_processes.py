"""The processes of a member, found by their command lines and their parents."""

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
    """Return a folder and the pid of a program etcd that has the folder as an argument and a child process."""
    program = tmp_path / "etcd"
    program.write_text("import subprocess, sys\nprint(subprocess.Popen(['sleep', '300']).pid, flush=True)\ninput()\n")
    command = [sys.executable, str(program), "--data-dir", f"{tmp_path}/data"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        running.stdout.readline()
        yield tmp_path, running.pid
        processes.kill(lambda: processes.of(tmp_path))


def test_a_member_is_the_program_with_its_folder_as_argument_and_the_children(member: tuple[Path, int]) -> None:
    folder, pid = member
    found = processes.of(folder)
    assert found[0].pid == pid
    assert [process.program for process in found] == ["etcd", "sleep"]


def test_another_program_with_the_folder_as_argument_is_not_the_member(member: tuple[Path, int]) -> None:
    folder, _ = member
    with subprocess.Popen(["tail", "-f", str(folder / "etcd")], stdout=subprocess.DEVNULL) as tail:
        assert tail.pid not in {process.pid for process in processes.of(folder)}
        tail.kill()


def test_a_folder_whose_name_has_the_same_beginning_is_another(member: tuple[Path, int]) -> None:
    folder, _ = member
    assert processes.of(folder.with_name(folder.name[:-1])) == ()


def test_kill_leaves_no_process_if_the_parent_dies_first(member: tuple[Path, int]) -> None:
    folder, _ = member
    pids = {process.pid for process in processes.of(folder)}
    before = time.monotonic_ns()
    moment_ns = processes.kill(lambda: [p for p in processes.living().values() if p.pid in pids])
    assert not pids & processes.living().keys()
    assert before <= moment_ns <= time.monotonic_ns()


def test_kill_waits_for_a_living_process_that_is_not_found_again(monkeypatch: pytest.MonkeyPatch) -> None:
    orphan = Process(7, 1, "R", ("postgres: demo: walwriter ",))
    polls, found = [{7: orphan}, {7: orphan}, {}], [[orphan]]
    monkeypatch.setattr(processes, "signal_all", lambda targets, number: 1)
    monkeypatch.setattr(processes, "living", lambda: polls.pop(0))
    assert processes.kill(lambda: found.pop() if found else []) == 1
    assert polls == []


def test_the_program_of_an_interpreter_is_its_script() -> None:
    assert Process(1, 0, "S", ("/usr/bin/python3", "/usr/bin/patroni", "/x/patroni1/patroni.yml")).program == "patroni"
    assert Process(1, 0, "S", ("postgres: demo: walwriter ",)).program == "postgres: demo: walwriter "
    assert Process(1, 0, "S", ()).program == ""
