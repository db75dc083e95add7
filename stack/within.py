"""Signals to one part of a node from within its container: `python3 - kill postgres < within.py`.

Python is in every container that runs Patroni; nothing but the standard library may be used here.
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
NOBODY, STUCK = 3, 4  # exit codes: nothing of that name runs; it did not do as it was told in time


def main(deed: str, part: str) -> int:
    """Kills, stops, pauses or resumes every process of a part; 0 when that is so, else one of the codes."""
    proc = Path("/proc")
    found = list(living(part, proc))
    if not found:
        return NOBODY
    if deed == "resume":
        _send(found, signal.SIGCONT)
        return 0
    if deed == "stop":
        # The first is the parent of the others, and tells them itself; Patroni soon starts others.
        _send(found[:1], signal.SIGINT if part == "postgres" else signal.SIGTERM)
        return _await(lambda: not set(found[:1]) & set(living(part, proc)))
    _send(found[:1], signal.SIGSTOP)  # so that it starts nobody meanwhile
    found = list(living(part, proc))
    if deed == "pause":
        _send(found, signal.SIGSTOP)
        # A signal takes effect a moment after it is sent.
        return _await(lambda: set(living(part, proc).values()) <= {"T"})
    _send(found, signal.SIGKILL)
    return _await(lambda: not set(found) & set(living(part, proc)))


def living(part: str, proc: Path) -> dict[int, str]:
    """Pid and state of every living process of that name, parents before their children."""
    found: dict[int, tuple[int, str]] = {}
    for folder in proc.iterdir():
        if folder.name.isdigit():
            with suppress(OSError):  # it ended meanwhile
                # The name in brackets may hold anything; the fields after the last bracket are regular.
                head, _, rest = (folder / "stat").read_text().rpartition(")")
                state, parent, *_ = rest.split()
                if head.partition("(")[2] == part and state not in "ZX":
                    found[int(folder.name)] = int(parent), state
    return {pid: found[pid][1] for pid in sorted(found, key=lambda pid: (found[pid][0] in found, pid))}


def _send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _await(done: Callable[[], bool]) -> int:
    deadline = time.monotonic() + _LIMIT_S
    while not done():
        if time.monotonic() > deadline:
            return STUCK
        time.sleep(0.01)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
