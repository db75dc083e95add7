"""Faults and repairs of the members of a local cluster.

Every function returns the time of its first signal, monotonic ns, and raises StackError.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Sequence

from stack import configs, packages, processes
from stack.cluster import Service, check_switchover
from stack.errors import StackError
from stack.processes import Process
from stack.settings import ETCD, MEMBERS, NODES, SCOPE, StackSettings

_STOP_LIMIT_S = 60
_FREEZE_LIMIT_S = 5


def kill(settings: StackSettings, member: str, only: Service | None = None) -> int:
    """Send SIGKILL to every process of a member at once, and wait until all are dead.

    The processes of a node are Patroni and those of its PostgreSQL; `only` limits the fault to one of the two.
    """
    _must_run(settings, member, only)
    return processes.kill(_finder(settings, member, only))


def stop(settings: StackSettings, member: str, only: Service | None = None) -> int:
    """Stop a member cleanly, as `systemctl stop` does, and wait until it has stopped.

    Patroni stops its PostgreSQL and gives up the leader key. PostgreSQL alone gets a fast shutdown (SIGINT).
    """
    targets = _must_run(settings, member, only)
    # The first process is the parent of the others and stops them itself.
    number = signal.SIGINT if only == "postgres" else signal.SIGTERM
    first = [target for target in targets if target.program == only or only is None][:1]
    moment_ns = processes.signal_all(first, number)
    signaled = {target.pid for target in first}
    # Patroni soon starts its PostgreSQL again with other pids, so the wait is for these pids only.
    if not processes.gone(
        lambda: [p for p in _of(settings, member, only) if p.pid in signaled or only is None], _STOP_LIMIT_S
    ):
        raise StackError(f"{member} did not stop within {_STOP_LIMIT_S} s; kill it, and see {settings.log(member)}.")
    return moment_ns


def pause(settings: StackSettings, member: str, only: Service | None = None) -> int:
    """Freeze every process of a member (SIGSTOP): its connections stay open and nothing answers."""
    moment_ns = processes.signal_all(_must_run(settings, member, only), signal.SIGSTOP)
    deadline = time.monotonic() + _FREEZE_LIMIT_S
    # A signal takes effect some time after it is sent, and a process may just have been forked.
    while awake := [found for found in _of(settings, member, only) if found.state != "T"]:
        if time.monotonic() > deadline:
            raise StackError(f"{member} does not freeze within {_FREEZE_LIMIT_S} s; check its disk.")
        processes.signal_all(awake, signal.SIGSTOP)
        time.sleep(0.001)
    return moment_ns


def resume(settings: StackSettings, member: str, only: Service | None = None) -> int:
    """Resume a frozen member (SIGCONT)."""
    return processes.signal_all(_must_run(settings, member, only), signal.SIGCONT)


def start(settings: StackSettings, member: str) -> int:
    """Start a member that does not run, and wait for nothing. Patroni starts its PostgreSQL."""
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
    """Reload HAProxy: a new process reads the configuration and takes over the ports, and the old one ends."""
    old = _must_run(settings, member, None)
    command = configs.haproxy_command(settings, packages.find(), member)
    # With `-sf` the old processes finish as soon as the new one listens.
    command = (*command, "-sf", *(str(process.pid) for process in old))
    return processes.start(command, processes.run_as(), settings.folder(member), settings.log(member))


def switchover(settings: StackSettings, leader: str, candidate: str) -> int:
    """Switch over through patronictl, and return when Patroni has confirmed it."""
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
    check_switchover(done, leader, candidate)
    return moment_ns


def _of(settings: StackSettings, member: str, only: Service | None) -> Sequence[Process]:
    """Return a member's processes. Those of PostgreSQL are the postmaster and its descendants."""
    running = processes.of(settings.folder(member))
    if only is None:
        return running
    server = {process.pid for process in running if process.program == "postgres"}
    for process in running:  # parents come first
        if process.parent in server:
            server.add(process.pid)
    return [process for process in running if (process.pid in server) == (only == "postgres")]


def _finder(settings: StackSettings, member: str, only: Service | None) -> Callable[[], Sequence[Process]]:
    """Return a function that finds what to kill; for one service the present pids, since Patroni starts new ones."""
    if only is None:
        return lambda: _of(settings, member, None)
    now = {found.pid for found in _of(settings, member, only)}
    return lambda: [found for found in _of(settings, member, only) if found.pid in now or found.parent in now]


def _must_run(settings: StackSettings, member: str, only: Service | None) -> Sequence[Process]:
    _must_be_known(member)
    if only is not None and member not in NODES:
        raise StackError(f"{member} has no {only}; name one of {', '.join(NODES)}.")
    found = _of(settings, member, only)
    if not found:
        raise StackError(f"{member} does not run; start it first.")
    return found


def _must_be_known(member: str) -> None:
    if member not in MEMBERS:
        raise StackError(f"There is no member {member}; the members are: {', '.join(MEMBERS)}.")
