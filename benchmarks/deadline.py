"""An operation's deadline against a server that is frozen or gone, beside psycopg2 as it is usually called."""

from __future__ import annotations

import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress

import psycopg2

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
    """The longest of some hundred operations, at the default rate, for each kind of silence."""
    with running() as server:
        preflight(server.dsn, "probe", 5000, time.monotonic_ns)
        with traffic(server.dsn, 20, 2, DEADLINE_MS) as told:
            _until(lambda: len(told) > 40)
            server.signal(signal.SIGSTOP)
            _until(lambda: len(_overdue(told)) >= ENOUGH)
            frozen = _row("frozen (SIGSTOP)", _overdue(told), _psycopg2(server.dsn))
            server.signal(signal.SIGCONT)
    with _gone() as dsn:
        with traffic(dsn, 20, 2, DEADLINE_MS) as told:
            _until(lambda: len(_overdue(told)) >= ENOUGH)
        gone = _row("vanished", _overdue(told), _psycopg2(dsn))
    return [frozen, gone]


def _row(what: str, overdue: list[Operation], peers: float) -> Row:
    ours = max((one.finished_ns - one.started_ns) / MS_NS for one in overdue)
    return Row(
        what=f"an operation's deadline of {DEADLINE_MS} ms, server {what}: the longest operation",
        bar="1050 ms",
        unit="ms",
        ours=ours,
        peer="psycopg2, connect_timeout=1",
        peers=peers,
        held=ours <= DEADLINE_MS + BAR_MS,
        note=f"{len(overdue)} operations; the peer can bound a connection only, never a statement",
    )


def _overdue(told: Sequence[object]) -> list[Operation]:
    return [one for one in told if isinstance(one, Operation) and one.outcome is not Outcome.OK]


def _psycopg2(dsn: str) -> float:
    began_ns = time.monotonic_ns()
    with suppress(psycopg2.Error):
        psycopg2.connect(dsn, connect_timeout=1)
    return (time.monotonic_ns() - began_ns) / MS_NS


@contextmanager
def _gone() -> Iterator[str]:
    """A port that answers no SYN, as a host that vanished: its backlog is full."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        crowd = [socket.socket() for _ in range(8)]
        for one in crowd:
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=postgres dbname=postgres"
        for one in crowd:
            one.close()


def _until(holds: Callable[[], bool]) -> None:
    end_s = time.monotonic() + LIMIT_S
    while not holds():
        if time.monotonic() > end_s:
            raise TimeoutError("the operations of the benchmark never came")
        time.sleep(0.05)
