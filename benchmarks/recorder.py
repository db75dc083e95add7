"""The recorder into SQLite; the peer is `insert_all` of sqlite_utils with the same rows."""

from __future__ import annotations

import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlite_utils import Database

from benchmarks.row import Row, percentile
from observer.model.clock import boot_id
from observer.model.recording import MS_NS, Operation, Outcome, RecordingHeader
from observer.recording.recorder import Recorder
from observer.store.rows import INSERT_OPERATION, operation_row
from observer.store.writing import Writer

OPERATIONS = 50_000
RUNS = 5
COLUMNS = re.findall(r"\w+", INSERT_OPERATION.partition("(")[2].partition(")")[0])


def operations(count: int, every_ms: int = 25, first: int = 0) -> list[Operation]:
    """Return acknowledged writes and reads in turn, as in a healthy run."""
    return [
        Operation(
            action="write" if n % 2 else "read",
            probe="fresh" if n % 20 == 0 else "kept",
            token=f"0badcafe-{n:010d}" if n % 2 else "",
            due_ns=n * every_ms * MS_NS,
            started_ns=n * every_ms * MS_NS + 20_000,
            finished_ns=n * every_ms * MS_NS + 2_000_000,
            outcome=Outcome.OK,
            stage="done",
            server="patroni1",
            address="127.0.0.1:15431",
            in_recovery=False,
            timeline=1,
            saw=None if n % 2 else f"0badcafe-{max(1, n - 1):010d}",
        )
        for n in range(first, first + count)
    ]


def recording() -> RecordingHeader:
    """Return the header of a new recording."""
    return RecordingHeader(0, datetime.now(UTC), boot_id(), time.monotonic_ns(), 0, "demo", None, {})


def measure() -> list[Row]:
    """Measure rows per second of each, in turns; the median of some runs. Each run starts with an empty file."""
    entries = operations(OPERATIONS)
    ours, peers = [], []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(RUNS):
            ours.append(_ours(Path(folder) / f"ours{n}.db", entries))
            peers.append(_peer(Path(folder) / f"peer{n}.db", entries))
    mine, other = percentile(ours, 50), percentile(peers, 50)
    return [
        Row(
            what="recorder into SQLite",
            bar="at least 0.8 of the peer",
            unit="rows/s",
            ours=mine,
            peer="sqlite_utils insert_all",
            peers=other,
            met=mine >= 0.8 * other,
        )
    ]


def _ours(path: Path, entries: list[Operation]) -> float:
    writer = Writer(path)
    recording_id = writer.begin(recording())
    recorder = Recorder(lambda batch: writer.append(recording_id, batch), print)
    began = time.perf_counter()
    recorder.start()
    for entry in entries:
        recorder.record(entry)
    recorder.stop()
    took = time.perf_counter() - began
    writer.close()
    return len(entries) / took


def _peer(path: Path, entries: list[Operation]) -> float:
    # With our table and indexes, so that only the method of writing differs.
    writer = Writer(path)
    recording_id = writer.begin(recording())
    writer.close()
    db = Database(path)
    db.conn.execute("pragma journal_mode = wal")
    db.conn.execute("pragma synchronous = normal")
    began = time.perf_counter()
    rows = (dict(zip(COLUMNS, operation_row(recording_id, entry), strict=True)) for entry in entries)
    db.table("operations").insert_all(rows)
    took = time.perf_counter() - began
    db.conn.close()
    return len(entries) / took
