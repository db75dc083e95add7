"""Schedule lag of 1,000 operations per second; the peer is `pgbench -R 1000` with the same write."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from pathlib import Path

from benchmarks.row import Row, percentile
from benchmarks.server import Server, running
from benchmarks.traffic import traffic
from observer.model.recording import MS_NS, Operation
from observer.traffic.preflight import preflight

SECONDS = 20
BAR_MS = 10.0


def measure() -> list[Row]:
    """Measure 500 writes and 500 reads per second with the default new connections; then pgbench."""
    with running() as server:
        preflight(server.dsn, "probe", 5000, time.monotonic_ns)
        with traffic(server.dsn, rate_per_s=500, fresh_per_s=2, deadline_ms=1000) as records:
            time.sleep(SECONDS)
        operations = [one for one in records if isinstance(one, Operation)]
        ours = percentile([(one.started_ns - one.due_ns) / MS_NS for one in operations], 99)
        failed = sum(one.outcome != "ok" for one in operations)
        peers = percentile(_pgbench(server), 99)
    return [
        Row(
            what="operations scheduled at 1,000/s: p99 schedule lag",
            bar="10 ms",
            unit="ms",
            ours=ours,
            peer="pgbench -R 1000",
            peers=peers,
            met=ours <= BAR_MS,
            note=f"{len(operations) / SECONDS:.0f} operations per second, {failed} of {len(operations)} failed; "
            "the peer only writes, on 4 persistent connections, and opens no new ones",
        )
    ]


def _pgbench(server: Server) -> list[float]:
    """Return the schedule lags in ms from pgbench's log, whose seventh column is the lag in microseconds."""
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder) / "write.sql"
        script.write_text("INSERT INTO observer_probe (token, at) VALUES (gen_random_uuid()::text, now());\n")
        subprocess.run(
            [
                *(server.programs / "pgbench", "-n", "-f", script, "-c", "4", "-R", "1000", "-T", str(SECONDS), "-l"),
                *("--log-prefix", Path(folder) / "log", "-h", "127.0.0.1", "-p", str(server.port)),
                *("-U", "postgres", "postgres"),
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PGPASSWORD": "postgres"},
        )
        rows = [line.split() for log in Path(folder).glob("log.*") for line in log.read_text().splitlines()]
        return [int(row[6]) / 1000 for row in rows]
