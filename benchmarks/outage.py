"""An outage in the recording, compared with an independent probe at 100 Hz on the same machine."""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
from pathlib import Path

from benchmarks import bench
from benchmarks.accuracy.probe import Probe, gaps
from benchmarks.row import Row
from stack import faults, health, local
from stack.settings import StackSettings

KILLS = 3
RATE_PER_S = 20
END_BAR_MS = 1000 / RATE_PER_S + 20
DURATION_BAR_MS = 2000 / RATE_PER_S + 40


def measure() -> list[Row]:
    """Measure the worst difference over some kills of the leader, at each end of the outage and in its length."""
    ends_ms: list[float] = []
    durations_ms: list[float] = []
    longest_s = 0.0
    with bench.cluster(maxconn=1000) as settings:
        for _ in range(KILLS):
            ours, probes = _kill(settings)
            ends_ms += [abs(ours[0] - probes[0]) / 1e6, abs(ours[1] - probes[1]) / 1e6]
            durations_ms.append(abs((ours[1] - ours[0]) - (probes[1] - probes[0])) / 1e6)
            longest_s = max(longest_s, (probes[1] - probes[0]) / 1e9)
    what, peer = f"an outage, {KILLS} kills of the leader", f"independent probe at 100 Hz (up to {longest_s:.1f} s)"
    end, duration = max(ends_ms), max(durations_ms)
    return [
        Row(f"{what}: worst end", f"within {END_BAR_MS:.0f} ms of the probe", "ms", end, peer, met=end <= END_BAR_MS),
        Row(
            f"{what}: worst duration",
            f"within {DURATION_BAR_MS:.0f} ms of the probe",
            "ms",
            duration,
            peer,
            met=duration <= DURATION_BAR_MS,
        ),
    ]


def _kill(settings: StackSettings) -> tuple[tuple[int, int], tuple[int, int]]:
    """Kill the leader; return begin and end of the write outage in the recording and in the probe, monotonic ns."""
    old = health.poll(settings).leader
    assert old is not None
    with tempfile.TemporaryDirectory() as folder:
        with (
            Probe(settings.dsn(settings.primary_port), Path(folder) / "probe.jsonl") as probe,
            bench.daemon(settings) as (db, _),
        ):
            bench.until(lambda: sum(a.ok for a in probe.attempts) > 300, 60, "the probe writes")
            faults.kill(settings, old)
            bench.until(lambda: len(_outages(db)) == 1, 120, "the recording has the outage")
            ours = _outages(db)[0]
        probes = max(gaps(probe.attempts), key=lambda gap: gap.seconds)
    faults.start(settings, old)
    local.wait_healthy(settings)
    return ours, (probes.from_ns, probes.to_ns)


def _outages(db: Path) -> list[tuple[int, int]]:
    with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
        return connection.execute(
            "select anchor_ns + o.began_ns, anchor_ns + o.ended_ns from judged_outages o "
            "join incidents i on i.id = o.incident_id join recordings r on r.id = i.recording_id "
            "where o.action = 'write' and not o.open"
        ).fetchall()
