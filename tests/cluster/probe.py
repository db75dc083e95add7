"""An independent witness: one INSERT every 10 ms through the proxy, with nothing in common with the traffic generator.

A process of its own, so that no other thread delays it: `python tests/cluster/probe.py DSN FILE`, until its input ends.
Each attempt is a line of JSON: number, due, finished (monotonic ns), whether it was acknowledged. A connection is kept
while it works. An attempt is given up after 300 ms, with a reset, so that at 100 Hz no more than 30 are under way.
What was due while the witness itself did not run is no attempt: its number is left out.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import psycopg2
import psycopg2.extensions

EVERY_NS = 10_000_000
GIVE_UP_S = 0.3
SLEPT_NS = 100_000_000  # whoever wakes later than this did not run
WORKERS = 32
TABLE = "independent_probe"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One INSERT: `ok` if it was acknowledged."""

    number: int
    due_ns: int
    finished_ns: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """An outage: from the last acknowledgement before the first one after it."""

    from_ns: int
    to_ns: int

    @property
    def seconds(self) -> float:
        return (self.to_ns - self.from_ns) / 1e9


def gaps(attempts: Sequence[Attempt]) -> list[Gap]:
    """Times without an acknowledgement that are longer than 150 ms and hold a failure, in their order."""
    found, last, failed = [], None, False
    for attempt in sorted(attempts, key=lambda one: one.finished_ns):
        if not attempt.ok:
            failed = True
            continue
        if last is not None and failed and attempt.finished_ns - last > 150_000_000:
            found.append(Gap(last, attempt.finished_ns))
        last, failed = attempt.finished_ns, False
    return found


def lateness_s(attempts: Sequence[Attempt]) -> float:
    """What the machine costs a witness: how late the slowest hundredth of its acknowledged writes were, and how long it
    did not run at all."""
    late = sorted(attempt.finished_ns - attempt.due_ns for attempt in attempts if attempt.ok)
    left_out = max(attempt.number for attempt in attempts) - len(attempts)
    return (late[len(late) * 99 // 100] + left_out * EVERY_NS) / 1e9


class Probe:
    """The witness's process. Use it as a context; afterwards `attempts` has what it saw."""

    def __init__(self, dsn: str, path: Path) -> None:
        self.dsn, self.path = dsn, path

    def __enter__(self) -> Probe:
        with contextlib.closing(psycopg2.connect(self.dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"create table if not exists {TABLE} (n bigint primary key)")
            cursor.execute(f"truncate {TABLE}")
        self.process = subprocess.Popen([sys.executable, __file__, self.dsn, str(self.path)], stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=120)

    @property
    def attempts(self) -> list[Attempt]:
        """What was attempted until now, in the order of the ends."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.exists() else []
        return [Attempt(*json.loads(line)) for line in lines if line.endswith("\n")]


def _witness(dsn: str, output: IO[str]) -> None:
    due: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    idle = threading.Semaphore(WORKERS)
    lock = threading.Lock()

    def say(number: int, due_ns: int, finished_ns: int, ok: bool) -> None:
        with lock:
            output.write(json.dumps([number, due_ns, finished_ns, ok]) + "\n")
            output.flush()

    def work() -> None:
        connection = None
        while (job := due.get()) is not None:
            try:
                deadline = time.monotonic() + GIVE_UP_S
                if connection is None:
                    connection = psycopg2.connect(dsn, async_=True)
                    _await(connection, deadline)
                with connection.cursor() as cursor:
                    cursor.execute(f"insert into {TABLE} values (%s)", (job[0],))
                    _await(connection, deadline)
                say(*job, time.monotonic_ns(), True)
            except (psycopg2.Error, OSError):
                say(*job, time.monotonic_ns(), False)
                _reset(connection)
                connection = None
            idle.release()

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    workers = [threading.Thread(target=work) for _ in range(WORKERS)]
    for worker in workers:
        worker.start()
    began_ns, number = time.monotonic_ns(), 0
    while not ended.is_set():
        number += 1
        due_ns = began_ns + number * EVERY_NS
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        if (late_ns := time.monotonic_ns() - due_ns) > SLEPT_NS:
            number += late_ns // EVERY_NS
            continue
        if idle.acquire(blocking=False):
            due.put((number, due_ns))
        else:
            say(number, due_ns, time.monotonic_ns(), False)
    for _ in workers:
        due.put(None)
    for worker in workers:
        worker.join()


def _await(connection: psycopg2.extensions.connection, deadline: float) -> None:
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        left = max(0.0, deadline - time.monotonic())  # what came while we did not run has come in time
        reading = [connection] if state == psycopg2.extensions.POLL_READ else []
        writing = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if not any(select.select(reading, writing, [], left)):
            raise TimeoutError


def _reset(connection: psycopg2.extensions.connection | None) -> None:
    """Close with a reset: closed plainly, it would stay a session in HAProxy."""
    if connection is None:
        return
    with contextlib.suppress(psycopg2.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as file:
        _witness(sys.argv[1], file)
