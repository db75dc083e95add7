"""The report of a day at the default rate; the peer is one scan of the same rows by SQLite."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks import bench
from benchmarks.recorder import operations, recording
from benchmarks.row import Row
from observer.model.recording import MS_NS, Event, Window
from observer.store.writing import Writer

OPERATIONS = 3_800_000
EVERY_MS = 23  # about 44 operations a second
CHUNK = 100_000


def measure() -> list[Row]:
    """Measure wall time and peak memory of `observer report --format json` in its own process."""
    with tempfile.TemporaryDirectory() as folder:
        db = Path(folder) / "day.db"
        _record(db)
        began = time.perf_counter()
        with sqlite3.connect(db) as connection:
            connection.execute(
                "select action, outcome, count(*), max(finished_ns - started_ns) from operations group by 1, 2"
            ).fetchall()
        connection.close()
        scan_s = time.perf_counter() - began
        took_s, memory_mb = _report(db, Path(folder) / "day.json")
    what = "report of 24 h, 3.8 million operations"
    return [
        Row(what, "20 s", "s", took_s, "one scan of the rows by SQLite", scan_s, took_s <= 20),
        Row(f"{what}: peak memory", "500 MB", "MB", memory_mb, met=memory_mb <= 500),
    ]


def _record(db: Path) -> None:
    writer = Writer(db)
    recording_id = writer.begin(recording())
    bench.say(f"writing {OPERATIONS} operations")
    # In chunks, because the peak memory of a child process includes the memory of its parent at the fork.
    for first in range(0, OPERATIONS, CHUNK):
        writer.append(recording_id, operations(CHUNK, EVERY_MS, first))
    end_ns = OPERATIONS * EVERY_MS * MS_NS
    samples = [
        Event(
            "postgres", "replication.sampled", f"patroni{n}", Window.at(at_ns), {"in_recovery": n > 1, "lag_bytes": 0}
        )
        for at_ns in range(0, end_ns, 10_000 * MS_NS)
        for n in (1, 2, 3)
    ]
    writer.append(recording_id, samples)
    writer.end(recording_id, end_ns, "stop")
    writer.close()


def _report(db: Path, out: Path) -> tuple[float, float]:
    command = [*bench.OBSERVER, "report", "--db", str(db), "--format", "json", "-o", str(out)]
    began = time.perf_counter()
    process = subprocess.Popen(command)
    _, status, usage = os.wait4(process.pid, 0)  # POSIX: the peak memory of this child only
    took_s = time.perf_counter() - began
    if status != 0:
        raise RuntimeError(f"observer report ended with {os.waitstatus_to_exitcode(status)}")
    attempted = sum(total["attempted"] for r in json.loads(out.read_text())["recordings"] for total in r["totals"])
    if attempted != OPERATIONS:
        raise AssertionError(f"the report counts {attempted} operations")
    return took_s, usage.ru_maxrss / 1024
