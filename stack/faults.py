"""Breaks and mends the members of a local cluster. Each returns the moment of its first signal, monotonic ns."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from typing import Literal

from stack import configs, packages, processes
from stack.errors import StackError
from stack.processes import Process
from stack.settings import ETCD, MEMBERS, NODES, SCOPE, StackSettings

Part = Literal["patroni", "postgres"]
_STOP_LIMIT_S = 60
_FREEZE_LIMIT_S = 5


def kill(settings: StackSettings, member: str, only: Part | None = None) -> int:
    """SIGKILL to every process of a member at once: of a node to Patroni and to every process of its PostgreSQL.

    `only` takes one of the two of a node. All are dead when this returns. Raises StackError where nothing runs.
    """
    _must_run(settings, member, only)
    return processes.kill(_finder(settings, member, only))


def stop(settings: StackSettings, member: str, only: Part | None = None) -> int:
    """Ask a member to stop, as `systemctl stop` would, and wait until it has. Raises StackError if it does not.

    A node's Patroni stops its PostgreSQL and gives up the leader key. PostgreSQL alone is asked for a fast shutdown.
    """
    targets = _must_run(settings, member, only)
    # The first is the parent of the others, or their master; it tells them itself.
    number = signal.SIGINT if only == "postgres" else signal.SIGTERM
    first = [target for target in targets if target.program == only or only is None][:1]
    moment_ns = processes.signal_all(first, number)
    asked = {target.pid for target in first}
    # Patroni soon starts its PostgreSQL anew, under other pids: only those who were asked are awaited.
    if not processes.gone(
        lambda: [p for p in _of(settings, member, only) if p.pid in asked or only is None], _STOP_LIMIT_S
    ):
        raise StackError(f"{member} did not stop within {_STOP_LIMIT_S} s; kill it, and see {settings.log(member)}.")
    return moment_ns


def pause(settings: StackSettings, member: str, only: Part | None = None) -> int:
    """Freeze every process of a member (SIGSTOP): its connections stay open and nothing answers.

    Raises StackError where nothing runs or does not freeze.
    """
    moment_ns = processes.signal_all(_must_run(settings, member, only), signal.SIGSTOP)
    deadline = time.monotonic() + _FREEZE_LIMIT_S
    # A signal takes effect a moment after it is sent, and a process may just have been forked.
    while awake := [found for found in _of(settings, member, only) if found.state != "T"]:
        if time.monotonic() > deadline:
            raise StackError(f"{member} does not freeze within {_FREEZE_LIMIT_S} s; look for a stuck disk.")
        processes.signal_all(awake, signal.SIGSTOP)
        time.sleep(0.001)
    return moment_ns


def resume(settings: StackSettings, member: str, only: Part | None = None) -> int:
    """Let a frozen member run on (SIGCONT)."""
    return processes.signal_all(_must_run(settings, member, only), signal.SIGCONT)


def start(settings: StackSettings, member: str) -> int:
    """Start a member that does not run: etcd, HAProxy, or Patroni, which starts its PostgreSQL. Waits for nothing."""
    _must_be_known(member)
    if any(found.program in ("etcd", "haproxy", "patroni") for found in _of(settings, member, None)):
        raise StackError(f"{member} runs already; stop or kill it first.")
    programs = packages.find()
    command = (
        configs.etcd_command
        if member in ETCD
        else configs.patroni_command
        if member in NODES
        else configs.haproxy_command
    )(settings, programs, member)
    return processes.start(command, processes.run_as(), settings.folder(member), settings.log(member))


def reload(settings: StackSettings, member: str) -> int:
    """Have HAProxy take its configuration anew: a new process takes over its ports, and the old one ends."""
    old = _must_run(settings, member, None)
    command = configs.haproxy_command(settings, packages.find(), member)
    # `-sf` asks the old ones to finish as soon as the new one listens.
    command = (*command, "-sf", *(str(process.pid) for process in old))
    return processes.start(command, processes.run_as(), settings.folder(member), settings.log(member))


def switchover(settings: StackSettings, leader: str, candidate: str) -> int:
    """Hand leadership over as planned, through patronictl; when this returns Patroni has said it is done."""
    programs = packages.find()
    config = settings.folder(leader) / "patroni.yml"
    command = (str(programs.patronictl), "-c", str(config), "switchover", SCOPE)
    moment_ns = time.monotonic_ns()
    done = subprocess.run(
        [*command, "--leader", leader, "--candidate", candidate, "--force"],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": os.fspath(settings.folder(leader))},
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )
    if done.returncode != 0 or "Successfully switched over" not in done.stdout:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise StackError(
            f"patronictl did not switch over from {leader} to {candidate}: {said[-1] if said else 'silent'}."
        )
    return moment_ns


def _of(settings: StackSettings, member: str, only: Part | None) -> Sequence[Process]:
    """A member's processes. PostgreSQL's are the postmaster and its children, child of Patroni or not."""
    everyone = processes.of(settings.folder(member))
    if only is None:
        return everyone
    server = {found.pid for found in everyone if found.program == "postgres"}
    for found in everyone:  # parents come first
        if found.parent in server:
            server.add(found.pid)
    return [found for found in everyone if (found.pid in server) == (only == "postgres")]


def _finder(settings: StackSettings, member: str, only: Part | None) -> Callable[[], Sequence[Process]]:
    """What is to be killed: as it is for a whole member, the pids of now for a part, since Patroni starts new ones."""
    if only is None:
        return lambda: _of(settings, member, None)
    now = {found.pid for found in _of(settings, member, only)}
    return lambda: [found for found in _of(settings, member, only) if found.pid in now or found.parent in now]


def _must_run(settings: StackSettings, member: str, only: Part | None) -> Sequence[Process]:
    _must_be_known(member)
    if only is not None and member not in NODES:
        raise StackError(f"{member} has no {only}; name one of {', '.join(NODES)}.")
    found = _of(settings, member, only)
    if not found:
        raise StackError(f"{member} does not run; start it first.")
    return found


def _must_be_known(member: str) -> None:
    if member not in MEMBERS:
        raise StackError(f"There is no member {member}; known are: {', '.join(MEMBERS)}.")
