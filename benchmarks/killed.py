"""kill -9 of a recording at random moments: how much the file lacks."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.row import Row

TIMES = 20
WRITER = """
import sys, time
from pathlib import Path
from benchmarks.recorder import operations, recording
from observer.recording.recorder import Recorder
from observer.store.writing import Writer
writer = Writer(Path(sys.argv[1]))
recording_id = writer.begin(recording())
recorder = Recorder(lambda batch: writer.append(recording_id, batch), print)
recorder.start()
for n, entry in enumerate(operations(100_000)):
    recorder.record(entry)
    print(n, time.monotonic_ns(), flush=True)
    time.sleep(0.005)
"""


def measure() -> list[Row]:
    """Measure the longest time between a kill and the last record in the file."""
    missing_s: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        for n in range(TIMES):
            missing_s.append(_kill_one(Path(folder) / f"{n}.db"))
    worst = max(missing_s)
    return [
        Row(
            what=f"kill -9 of the recorder, {TIMES} times: the longest that is missing",
            bar="0.5 s, and the file is sound",
            unit="s",
            ours=worst,
            peer="none: every file passed pragma integrity_check",
            met=worst <= 0.5,
        )
    ]


def _kill_one(db: Path) -> float:
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(db)], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    recorded: dict[int, int] = {}
    for line in process.stdout:
        n, at_ns = map(int, line.split())
        recorded[n] = at_ns
        if len(recorded) == 1:
            until_ns = at_ns + int(random.uniform(0.5, 2.5) * 1e9)
        if at_ns > until_ns:
            break
    process.kill()
    killed_ns = time.monotonic_ns()
    process.wait()
    connection = sqlite3.connect(db)
    sound = connection.execute("pragma integrity_check").fetchone()[0]
    written = connection.execute("select count(*) from operations").fetchone()[0]
    connection.close()
    if sound != "ok":
        raise AssertionError(f"the file is damaged: {sound}")
    return (killed_ns - recorded[written - 1 if written else 0]) / 1e9
