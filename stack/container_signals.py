"""Signals to one service of a node from inside its container: `python3 - kill postgres < container_signals.py`.

Every container that runs Patroni has Python; this file may use nothing but the standard library.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

_LIMIT_S = 60.0
NOT_RUNNING, TIMED_OUT = 3, 4  # exit codes: no process of that name; the action did not take effect in time


def main(action: str, service: str) -> int:
    """Kill, stop, pause or resume every process of a service; return 0 or one of the exit codes above."""
    proc = Path("/proc")
    found = list(living(service, proc))
    if not found:
        return NOT_RUNNING
    if action == "resume":
        _send(found, signal.SIGCONT)
        return 0
    if action == "stop":
        # The first process is the parent and stops the others itself; Patroni soon starts new ones.
        _send(found[:1], signal.SIGINT if service == "postgres" else signal.SIGTERM)
        return _wait(lambda: not set(found[:1]) & set(living(service, proc)))
    _send(found[:1], signal.SIGSTOP)  # so that the parent starts no more processes
    found = list(living(service, proc))
    if action == "pause":
        _send(found, signal.SIGSTOP)
        # A signal takes effect some time after it is sent.
        return _wait(lambda: set(living(service, proc).values()) <= {"T"})
    _send(found, signal.SIGKILL)
    return _wait(lambda: not set(found) & set(living(service, proc)))


def living(program: str, proc: Path) -> dict[int, str]:
    """Return pid and state of every living process of that name, parents before their children."""
    found: dict[int, tuple[int, str]] = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # the process has ended
                # The name in brackets may hold any character; the fields after the last bracket are regular.
                head, _, rest = (folder / "stat").read_text().rpartition(")")
                state, parent, *_ = rest.split()
                if head.partition("(")[2] == program and state not in "ZX":
                    found[int(folder.name)] = int(parent), state
    return {pid: found[pid][1] for pid in sorted(found, key=lambda pid: (found[pid][0] in found, pid))}


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _wait(done: Callable[[], bool]) -> int:
    deadline = time.monotonic() + _LIMIT_S
    while not done():
        if time.monotonic() > deadline:
            return TIMED_OUT
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
