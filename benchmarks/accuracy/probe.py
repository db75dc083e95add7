"""An independent witness: an INSERT in each 10 ms through the proxy, with nothing in common with the traffic generator.

A process of its own, so that no other thread delays it, until its input ends:
`python tests/cluster/probe.py DSN FILE PATIENCE_S`. Each attempt is a line of JSON: number, due, finished (monotonic
ns), whether it was acknowledged. Five take turns, each with connections of its own, as five applications of a fifth of
the rate would have: of its own, the one that worked last is taken first, so that no more are opened than are needed at
once. The role's password is hashed once, not 4,096 times: a hundred connections a second would keep a core busy with
that, and make the outage longer that they measure. An attempt is given up when its patience is over, with a reset:
0.3 s leave room in a HAProxy that takes a hundred sessions, with no more than 30 under way. What was due while the
witness itself did not run is no attempt: its number is left out.
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
PATIENCE_S = 0.3
SLEPT_NS = 100_000_000  # whoever wakes later than this did not run
FIFTHS = 5
BEAT_NS = FIFTHS * EVERY_NS
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


def span(attempts: Sequence[Attempt], gap: Gap) -> Gap:
    """The widest outage that a witness of a fifth of the rate would have seen in this gap.

    The attempts are those of five such witnesses who take turns. By how much these differ is what no witness of that
    rate can know better: where every second attempt gets through, it is more than the time between two of its own.
    """
    fifths = [[one for one in attempts if one.ok and one.number % FIFTHS == fifth] for fifth in range(FIFTHS)]
    before = [[one.finished_ns for one in own if one.finished_ns <= gap.from_ns] for own in fifths]
    after = [[one.finished_ns for one in own if one.finished_ns >= gap.to_ns] for own in fifths]
    return Gap(
        min((max(own) for own in before if own), default=gap.from_ns),
        max((min(own) for own in after if own), default=gap.to_ns),
    )


def near(attempts: Sequence[Attempt], seen: Sequence[Gap]) -> list[Attempt]:
    """The attempts within a second of an end of any of these gaps, by which one can tell how sharp the end is."""
    ends_ns = [at_ns for gap in seen for at_ns in (gap.from_ns, gap.to_ns)]
    return [
        one
        for one in attempts
        if any(at_ns - NEAR_NS <= one.finished_ns and one.due_ns <= at_ns + NEAR_NS for at_ns in ends_ns)
    ]


def sharp(attempts: Sequence[Attempt], gap: Gap) -> tuple[bool, bool]:
    """Whether each end of a gap is one that any witness must see at its next attempt.

    That is so where, in the five beats of a witness of a fifth of the rate on the good side of it, every attempt was
    acknowledged within one beat: none failed, as each second does while a proxy still sends it to a server that takes
    no writes, and none waited, as in the crowd before a server that was just thawed.
    """

    def well(after_ns: int, by_ns: int) -> bool:
        own = [one for one in attempts if after_ns <= one.due_ns < by_ns]
        return all(one.ok and one.finished_ns - one.due_ns <= BEAT_NS for one in own)

    before_ns = max((one.due_ns for one in attempts if one.finished_ns <= gap.from_ns and one.ok), default=gap.from_ns)
    return well(before_ns - FIFTHS * BEAT_NS, before_ns), well(gap.to_ns, gap.to_ns + FIFTHS * BEAT_NS)


def lateness_s(attempts: Sequence[Attempt]) -> float:
    """What the machine costs a witness: how late the slowest hundredth of its acknowledged writes were, and how long it
    did not run at all."""
    late = sorted(attempt.finished_ns - attempt.due_ns for attempt in attempts if attempt.ok)
    left_out = max(attempt.number for attempt in attempts) - len(attempts)
    return (late[len(late) * 99 // 100] + left_out * EVERY_NS) / 1e9


class Probe:
    """The witness's process. Use it as a context; afterwards `attempts` has what it saw."""

    def __init__(self, dsn: str, path: Path, patience_s: float = PATIENCE_S) -> None:
        self.dsn, self.path, self.patience_s = dsn, path, patience_s

    def __enter__(self) -> Probe:
        with contextlib.closing(psycopg2.connect(self.dsn)) as connection, connection, connection.cursor() as cursor:
            cursor.execute(f"create table if not exists {TABLE} (n bigint primary key)")
            cursor.execute(f"truncate {TABLE}")
            cursor.execute("select from pg_roles where rolname = %s", (ROLE,))
            if not cursor.rowcount:
                cursor.execute(f"create role {ROLE} login password %s", (_secret(PASSWORD),))
            cursor.execute(f"grant insert on {TABLE} to {ROLE}")
        dsn = psycopg2.extensions.make_dsn(self.dsn, user=ROLE, password=PASSWORD)
        command = [sys.executable, __file__, dsn, str(self.path), str(self.patience_s)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.communicate(timeout=120)

    @property
    def attempts(self) -> list[Attempt]:
        """What was attempted until now, in the order of the ends."""
        lines = self.path.read_text(encoding="utf-8").splitlines(keepends=True) if self.path.exists() else []
        return [Attempt(*json.loads(line)) for line in lines if line.endswith("\n")]


def _secret(password: str) -> str:
    """What PostgreSQL keeps of a SCRAM password, of a single iteration (RFC 5802, section 3)."""
    salt = os.urandom(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, 1)
    client = hmac.digest(salted, b"Client Key", "sha256")
    keys = (salt, hashlib.sha256(client).digest(), hmac.digest(salted, b"Server Key", "sha256"))
    said = [base64.b64encode(key).decode() for key in keys]
    return f"SCRAM-SHA-256$1:{said[0]}${said[1]}:{said[2]}"


def _witness(dsn: str, output: IO[str], patience_s: float) -> None:
    due: queue.SimpleQueue[tuple[int, int] | None] = queue.SimpleQueue()
    kept: list[queue.LifoQueue[psycopg2.extensions.connection]] = [queue.LifoQueue() for _ in range(FIFTHS)]
    at_most = round(patience_s * 1e9 / EVERY_NS) + 2
    idle = threading.Semaphore(at_most)
    lock = threading.Lock()

    def say(number: int, due_ns: int, finished_ns: int, ok: bool) -> None:
        with lock:
            output.write(json.dumps([number, due_ns, finished_ns, ok]) + "\n")
            output.flush()

    def work() -> None:
        while (job := due.get()) is not None:
            connection, own = None, kept[job[0] % FIFTHS]
            try:
                deadline = time.monotonic() + patience_s
                with contextlib.suppress(queue.Empty):
                    connection = own.get_nowait()
                if connection is None:
                    connection = psycopg2.connect(dsn, async_=True)
                    _await(connection, deadline)
                with connection.cursor() as cursor:
                    cursor.execute(f"insert into {TABLE} values (%s)", (job[0],))
                    _await(connection, deadline)
                say(*job, time.monotonic_ns(), True)
                own.put(connection)
            except (psycopg2.Error, OSError):
                say(*job, time.monotonic_ns(), False)
                _reset(connection)
            idle.release()

    ended = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), ended.set()), daemon=True).start()
    workers = [threading.Thread(target=work) for _ in range(at_most)]
    for worker in workers:
        worker.start()
    began_ns, number = time.monotonic_ns(), 0
    while not ended.is_set():
        number += 1
        due_ns = began_ns + number * EVERY_NS + random.randrange(EVERY_NS)  # none keeps step with it
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
        _witness(sys.argv[1], file, float(sys.argv[3]))
