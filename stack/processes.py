"""The processes of the cluster: start, find, signal and wait for them.

There are no pid files. A process belongs to a member if it runs one of the cluster's programs and its command line
names the member's folder, or if it descends from such a process. So no file can be stale or damaged, no reused pid gets
a signal, and a cluster that is frozen or only partly started is found like any other. Only /proc/PID/stat and cmdline
are read; they need no privilege, so this also works in containers.
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
        """The name of the program, or of the script that an interpreter runs."""
        first = Path(self.command[0]).name if self.command else ""
        if first.startswith("python") and len(self.command) > 1:
            return Path(self.command[1]).name
        return first

    def names(self, folder: Path) -> bool:
        """Return whether an argument is a path in that folder."""
        return any(argument.startswith(f"{folder}/") for argument in self.command)


def run_as() -> str | None:
    """Return the user for the cluster's processes: None for our own, `postgres` for root, which PostgreSQL refuses."""
    if os.geteuid() != 0:
        return None
    identity(UNPRIVILEGED)
    return UNPRIVILEGED


def identity(user: str | None) -> dict[str, Any]:
    """Return the options that make subprocess run as that user, and in its group only; none for our own user."""
    import pwd  # noqa: PLC0415 (Windows has none, and must be able to import this module)

    if user is None:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError:
        raise StackError(
            f"PostgreSQL refuses to run as root and there is no user {user}; run `make setup`, which creates it."
        ) from None
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": [account.pw_gid]}


def start(command: Sequence[str], user: str | None, folder: Path, log: Path) -> int:
    """Start a process that outlives us, in `folder`, and append its output to `log`. Return the time, monotonic ns."""
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
    # It is our child as long as we run; a thread waits for its end, or it would stay a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
    return moment_ns


def living() -> dict[int, Process]:
    """Return every living process of this machine by its pid."""
    found = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            process = _read(int(entry.name))
            if process is not None and process.state not in "ZX":
                found[process.pid] = process
    return found


def of(folder: Path) -> tuple[Process, ...]:
    """Return the living processes of the member that works in `folder`, parents before their children."""
    running = living()
    found = {p.pid: p for p in running.values() if p.program in _PROGRAMS and p.names(folder)}
    children = found
    while children:
        children = {p.pid: p for p in running.values() if p.parent in children and p.pid not in found}
        found = {**found, **children}
    return tuple(found.values())


def signal_all(targets: Sequence[Process], number: signal.Signals) -> int:
    """Send a signal to each living target, in order. Return the time just before the first, monotonic ns."""
    moment_ns = time.monotonic_ns()
    for target in targets:
        try:
            os.kill(target.pid, number)
        except ProcessLookupError:
            continue
        except PermissionError:
            raise StackError(
                f"The process {target.pid} ({target.program}) belongs to another user; run as that user or as root."
            ) from None
    return moment_ns


def kill(find: Callable[[], Sequence[Process]], limit_s: float = 30) -> int:
    """Send SIGKILL to all that `find` returns, until all are dead. Return the time of the first signal, monotonic ns.

    A process that is forked between a call of `find` and the signal is found by the next call. Raise StackError at
    the limit.
    """
    first_ns = None
    deadline_ns = time.monotonic_ns() + int(limit_s * 1e9)
    dying: set[int] = set()  # a child that outlives its parent has a new parent, so `find` does not return it again
    while (targets := find()) or (dying := dying & living().keys()):
        sent_ns = signal_all(targets, signal.SIGKILL)
        first_ns = first_ns or sent_ns
        dying |= {target.pid for target in targets}
        if time.monotonic_ns() > deadline_ns:
            pids = ", ".join(map(str, sorted(dying)))
            raise StackError(f"The processes {pids} do not end after SIGKILL; check the disk.")
        time.sleep(0.005)
    return first_ns or time.monotonic_ns()


def gone(find: Callable[[], Sequence[Process]], limit_s: float) -> bool:
    """Return whether all that `find` returns ends within the limit."""
    deadline = time.monotonic() + limit_s
    while find():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _read(pid: int) -> Process | None:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        raw = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return None
    # The name in brackets may hold any character; the fields after the last bracket are regular.
    state, parent = stat.rpartition(")")[2].split()[:2]
    command = tuple(part for part in raw.decode("utf-8", "replace").split("\0") if part)
    return Process(pid, int(parent), state, command)
