"""An independent probe: one INSERT every 10 ms through HAProxy. It shares no code with the traffic generator.

It runs as its own process, so that no other thread delays it, until its standard input ends:
`python benchmarks/accuracy/probe.py DSN FILE DEADLINE_S`. Each attempt is a line of JSON: number, due, finished
(monotonic ns), and whether it was acknowledged.

- Five clients take turns, each with its own connections, like five applications with a fifth of the rate. A client
  uses its most recently used connection first, so that it opens no more connections than it needs.
- The role's password has one SCRAM iteration instead of 4,096. A hundred connections per second would otherwise keep a
  core busy and prolong the outage that the probe measures.
- An attempt ends at its deadline with a reset. With 0.3 s at most 30 attempts are open, which leaves free connections
  in a HAProxy with maxconn 100.
- An attempt that was due while the probe itself did not run is left out, with its number.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import queue
import random
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
DEADLINE_S = 0.3
SLEPT_NS = 100_000_000  # if the probe wakes later than this, it did not run
CLIENTS = 5
PERIOD_NS = CLIENTS * EVERY_NS  # between two attempts of one client
NEAR_NS = 1_000_000_000
TABLE = ROLE = PASSWORD = "independent_probe"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One INSERT: `ok` if it was acknowledged."""

    number: int
    due_ns: int
    finished_ns: int
    ok: bool


@dataclass(frozen=True, slots=True)
class Gap:
    """An outage: from the last acknowledgement before it to the first one after it."""

    from_ns: int
    to_ns: int

    @property
    def seconds(self) -> float:
        return (self.to_ns - self.from_ns) / 1e9


def gaps(attempts: Sequence[Attempt]) -> list[Gap]:
    """Return the times without an acknowledgement that are longer than 150 ms and hold a failure, in order."""
    found, last, failed = [], None, False
    for attempt in sorted(attempts, key=lambda one: one.finished_ns):
        if not attempt.ok:
            failed = True
            continue
        if last is not None and failed and attempt.finished_ns - last > 150_000_000:
            found.append(Gap(last, attempt.finished_ns))
        last, failed = attempt.finished_ns, False
    return found


def span(attempts: Sequence[Attempt], gap: Gap) -> Gap:
    """Return the longest outage that one of the five clients measured in this gap.

    The difference between the clients is the best precision at their rate. It exceeds the time between two attempts of
    a client if only some attempts succeed.
    """
    clients = [[one for one in attempts if one.ok and one.number % CLIENTS == client] for client in range(CLIENTS)]
    before = [[one.finished_ns for one in own if one.finished_ns <= gap.from_ns] for own in clients]
    after = [[one.finished_ns for one in own if one.finished_ns >= gap.to_ns] for own in clients]
    return Gap(
        min((max(own) for own in before if own), default=gap.from_ns),
        max((min(own) for own in after if own), default=gap.to_ns),
    )


def near(attempts: Sequence[Attempt], outages: Sequence[Gap]) -> list[Attempt]:
    """Return the attempts within a second of an end of these outages; `span` and `sharp` need no others."""
    ends_ns = [at_ns for gap in outages for at_ns in (gap.from_ns, gap.to_ns)]
    return [
        one
        for one in attempts
        if any(at_ns - NEAR_NS <= one.finished_ns and one.due_ns <= at_ns + NEAR_NS for at_ns in ends_ns)
    ]


def sharp(attempts: Sequence[Attempt], gap: Gap) -> tuple[bool, bool]:
    """Return for each end of a gap whether every client must measure it at its next attempt.

    An end is sharp if every attempt in the five client periods outside the gap was acknowledged within one period. Then
    none failed, as every second one does while HAProxy still uses a demoted server. And none waited in the queue of a
    server that was just resumed.
    """

    def ok(after_ns: int, by_ns: int) -> bool:
        own = [one for one in attempts if after_ns <= one.due_ns < by_ns]
        return all(one.ok and one.finished_ns - one.due_ns <= PERIOD_NS for one in own)

    before_ns = max((one.due_ns for one in attempts if one.finished_ns <= gap.from_ns and one.ok), default=gap.from_ns)
    return ok(before_ns - CLIENTS * PERIOD_NS, before_ns), ok(gap.to_ns, gap.to_ns + CLIENTS * PERIOD_NS)


def lateness_s(attempts: Sequence[Attempt]) -> float:
    """Return how late the machine made the probe: p99 of its acknowledged writes, and the time it did not run."""
    late = sorted(attempt.finished_ns - attempt.due_ns for attempt in attempts if attempt.ok)
    left_out = max(attempt.number for attempt in attempts) - len(attempts)
    return (late[len(late) * 99 // 100] + left_out * EVERY_NS) / 1e9


class Probe:
    """The process of the probe, as a context; `attempts` holds its results."""

    def __init__(self, dsn: str, path: Path, deadline_s: float = DEADLINE_S) -> None:
        self.dsn, self.path, self.deadline_s = dsn, path, deadline_s

    def __enter__(self) -> Probe:
        with contextlib.closing(psycopg2.connect(self.dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"create table if not exists {TABLE} (n bigint primary key)")
            cursor.execute(f"truncate {TABLE}")
            cursor.execute("select from pg_roles where rolname = %s", (ROLE,))
            if not cursor.rowcount:
                cursor.execute(f"create role {ROLE} login password %s", (_secret(PASSWORD),))
            cursor.execute(f"grant insert on {TABLE} to {ROLE}")
        dsn = psycopg2.extensions.make_dsn(self.dsn, user=ROLE, password=PASSWORD)
        command = [sys.executable, __file__, dsn, str(self.path), str(self.deadline_s)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=120)

    @property
    def attempts(self) -> list[Attempt]:
        """All attempts so far, in order of their ends."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.exists() else []
        return [Attempt(*json.loads(line)) for line in lines if line.endswith("\n")]


def _secret(password: str) -> str:
    """Return PostgreSQL's stored form of a SCRAM password, with a single iteration (RFC 5802, section 3)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client = hmac.digest(salted, b"Client Key", "sha256")
    keys = (salt, hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256"))
    encoded = [base64.b64encode(key).decode() for key in keys]
    return f"SCRAM-SHA-256$1:{encoded[0]}${encoded[1]}:{encoded[2]}"


def _run(dsn: str, output: IO[str], deadline_s: float) -> None:
    due: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    pools: list[queue.LifoQueue[psycopg2.extensions.connection]] = [queue.LifoQueue() for _ in range(CLIENTS)]
    at_most = round(deadline_s * 1e9 / EVERY_NS) + 2
    idle = threading.Semaphore(at_most)
    lock = threading.Lock()

    def write(number: int, due_ns: int, finished_ns: int, ok: bool) -> None:
        with lock:
            output.write(json.dumps([number, due_ns, finished_ns, ok]) + "\n")
            output.flush()

    def work() -> None:
        while (job := due.get()) is not None:
            connection, pool = None, pools[job[0] % CLIENTS]
            try:
                deadline = time.monotonic() + deadline_s
                with contextlib.suppress(queue.Empty):
                    connection = pool.get_nowait()
                if connection is None:
                    connection = psycopg2.connect(dsn, async_=True)
                    _await(connection, deadline)
                with connection.cursor() as cursor:
                    cursor.execute(f"insert into {TABLE} values (%s)", (job[0],))
                    _await(connection, deadline)
                write(*job, time.monotonic_ns(), True)
                pool.put(connection)
            except (psycopg2.Error, OSError):
                write(*job, time.monotonic_ns(), False)
                _reset(connection)
            idle.release()

    ended = threading.Event()

    def wait_for_end() -> None:
        sys.stdin.read()
        ended.set()

    threading.Thread(target=wait_for_end, daemon=True).start()
    workers = [threading.Thread(target=work) for _ in range(at_most)]
    for worker in workers:
        worker.start()
    began_ns, number = time.monotonic_ns(), 0
    while not ended.is_set():
        number += 1
        due_ns = began_ns + number * EVERY_NS + random.randrange(EVERY_NS)  # out of step with every other period
        time.sleep(max(0, due_ns - time.monotonic_ns()) / 1e9)
        if (late_ns := time.monotonic_ns() - due_ns) > SLEPT_NS:
            number += late_ns // EVERY_NS
            continue
        if idle.acquire(blocking=False):
            due.put((number, due_ns))
        else:
            write(number, due_ns, time.monotonic_ns(), False)
    for _ in workers:
        due.put(None)
    for worker in workers:
        worker.join()


def _await(connection: psycopg2.extensions.connection, deadline: float) -> None:
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        left = max(0.0, deadline - time.monotonic())  # at 0 an answer that has already arrived still counts
        reading = [connection] if state == psycopg2.extensions.POLL_READ else []
        writing = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if not any(select.select(reading, writing, [], left)):
            raise TimeoutError


def _reset(connection: psycopg2.extensions.connection | None) -> None:
    """Close a connection with a reset; after a normal close it would remain a session in HAProxy."""
    if connection is None:
        return
    with contextlib.suppress(psycopg2.Error, OSError), socket.socket(fileno=os.dup(connection.fileno())) as twin:
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()


if __name__ == "__main__":
    with Path(sys.argv[2]).open("w", encoding="utf-8") as file:
        _run(sys.argv[1], file, float(sys.argv[3]))
