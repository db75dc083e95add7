"""An operation's deadline with a frozen or vanished server; the peer is psycopg2 with connect_timeout."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg2

from benchmarks.bench import until
from benchmarks.row import Row
from benchmarks.server import running
from benchmarks.traffic import traffic
from observer.model.recording import MS_NS, Operation, Outcome
from observer.traffic.preflight import preflight

DEADLINE_MS = 1000
BAR_MS = 50.0
ENOUGH = 200  # operations that reached their deadline
LIMIT_S = 60


def measure() -> list[Row]:
    """Measure the longest of some hundred operations at the default rate, for each kind of fault."""
    with running() as server:
        preflight(server.dsn, "probe", 5000, time.monotonic_ns)
        with traffic(server.dsn, 20, 2, DEADLINE_MS) as records:
            until(lambda: len(records) > 40, LIMIT_S, "operations end")
            server.signal(signal.SIGSTOP)
            until(lambda: len(_failed(records)) >= ENOUGH, LIMIT_S, "operations reach their deadline")
            frozen = _row("frozen (SIGSTOP)", _failed(records), _psycopg2(server.dsn))
            server.signal(signal.SIGCONT)
    with _vanished() as dsn:
        with traffic(dsn, 20, 2, DEADLINE_MS) as records:
            until(lambda: len(_failed(records)) >= ENOUGH, LIMIT_S, "operations reach their deadline")
        vanished = _row("vanished", _failed(records), _psycopg2(dsn))
    return [frozen, vanished]


def _row(what: str, failed: list[Operation], peers: float) -> Row:
    ours = max((one.finished_ns - one.started_ns) / MS_NS for one in failed)
    return Row(
        what=f"an operation's deadline of {DEADLINE_MS} ms, server {what}: the longest operation",
        bar="1050 ms",
        unit="ms",
        ours=ours,
        peer="psycopg2, connect_timeout=1",
        peers=peers,
        met=ours <= DEADLINE_MS + BAR_MS,
        note=f"{len(failed)} operations; the peer can limit only the connection, not a statement",
    )


def _failed(records: Sequence[object]) -> list[Operation]:
    return [one for one in records if isinstance(one, Operation) and one.outcome is not Outcome.OK]


def _psycopg2(dsn: str) -> float:
    began_ns = time.monotonic_ns()
    with suppress(psycopg2.Error):
        psycopg2.connect(dsn, connect_timeout=1)
    return (time.monotonic_ns() - began_ns) / MS_NS


@contextmanager
def _vanished() -> Iterator[str]:
    """Give the DSN of a port whose backlog is full, so that it answers no SYN, like a vanished host."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(8)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=postgres dbname=postgres"
        for one in waiting:
            one.close()
