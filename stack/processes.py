"""Starts, finds, signals and awaits the cluster's processes.

There are no pid files: a process is ours if its program is one of the cluster's and its command line names the
member's folder, or if it descends from one that is. So nothing can go stale or be damaged, no reused pid is ever
signalled, and a cluster that was started half or frozen is found like any other. Only /proc/PID/stat and cmdline are
read, which need no privilege, so that it works in containers too.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from stack.errors import StackError

UNPRIVILEGED = "postgres"  # made by Debian's postgresql-common
_PROGRAMS = ("etcd", "haproxy", "patroni", "postgres")


@dataclass(frozen=True, slots=True)
class Process:
    """A living process: `state` is the kernel's letter (T is stopped), `command` its arguments."""

    pid: int
    parent: int
    state: str
    command: tuple[str, ...]

    @property
    def program(self) -> str:
        """The program's name, of an interpreter the script's."""
        first = Path(self.command[0]).name if self.command else ""
        if first.startswith("python") and len(self.command) > 1:
            return Path(self.command[1]).name
        return first

    def names(self, folder: Path) -> bool:
        """Whether an argument is a path in that folder."""
        return any(argument.startswith(f"{folder}/") for argument in self.command)


def run_as() -> str | None:
    """The user for the cluster's processes: None for our own; `postgres` for root, whom PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    identity(UNPRIVILEGED)
    return UNPRIVILEGED


def identity(user: str | None) -> dict[str, Any]:
    """What makes subprocess run something as that user, and in no other group; nothing for our own."""
    import pwd  # Windows has none, and must be able to import this module

    if user is None:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise StackError(
            f"PostgreSQL refuses to run as root and there is no user {user}; run `make setup`, which makes it."
        ) from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [account.pw_gid]}


def start(command: Sequence[str], user: str | None, folder: Path, log: Path) -> int:
    """Start a process that outlives us, in `folder`, its output appended to `log`; its moment, monotonic ns."""
    environment: Mapping[str, str] = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LANG": "C.UTF-8", "HOME": str(folder)}
    with log.open("ab") as output:
        moment_ns = time.monotonic_ns()
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
            env=environment,
            start_new_session=True,
            **identity(user),
        )
    # As long as we live it is our child; someone must take note of its death, or it stays a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return moment_ns


def living() -> dict[int, Process]:
    """Every living process of this machine by its pid."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            process = _look(int(entry.name))
            if process is not None and process.state not in "ZX":
                found[process.pid] = process
    return found


def of(folder: Path) -> tuple[Process, ...]:
    """The living processes of the member that works in `folder`, parents before their children."""
    everyone = living()
    ours = {p.pid: p for p in everyone.values() if p.program in _PROGRAMS and p.names(folder)}
    fresh = ours
    while fresh:
        fresh = {p.pid: p for p in everyone.values() if p.parent in fresh and p.pid not in ours}
        ours = {**ours, **fresh}
    return tuple(ours.values())


def signal_all(targets: Sequence[Process], number: signal.Signals) -> int:
    """Send a signal to each, in order; the moment just before the first, monotonic ns. The dead are passed over."""
    moment_ns = time.monotonic_ns()
    for target in targets:
        try:
            os.kill(target.pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            raise StackError(
                f"The process {target.pid} ({target.program}) belongs to another user; act as that user or as root."
            ) from None
    return moment_ns


def kill(find: Callable[[], Sequence[Process]], limit_s: float = 30) -> int:
    """SIGKILL everything that `find` finds until it finds nothing; the moment of the first signal, monotonic ns.

    All of it is dead then. A process forked between the look and the signal is found by the next look. Raises
    StackError at the limit.
    """
    first_ns = None
    deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
    dying: set[int] = set()  # who outlives its parent for a moment is nobody's child any more, and not found again
    while (targets := find()) or (dying := dying & living().keys()):
        sent_ns = signal_all(targets, signal.SIGKILL)
        first_ns = first_ns or sent_ns
        dying |= {target.pid for target in targets}
        if time.monotonic_ns() > deadline_ns:
            pids = ", ".join(map(str, sorted(dying)))
            raise StackError(f"The processes {pids} do not die by SIGKILL; look for a stuck disk.")
        time.sleep(0.005)
    return first_ns or time.monotonic_ns()


def gone(find: Callable[[], Sequence[Process]], limit_s: float) -> bool:
    """Whether everything that `find` finds ends within the limit."""
    deadline = time.monotonic() + limit_s
    while find():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _look(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    # The name in brackets may hold anything; the fields after the last bracket are regular.
    state, parent = stat.rpartition(")")[2].split()[:2]
    command = tuple(part for part in raw.decode("utf-8", "replace").split("\0") if part)
    return Process(pid, int(parent), state, command)
