"""kill -9 at any moment: the file stays intact, lacks at most 0.5 s, and takes the next recording."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from observer.model.recording import SECOND_NS
from observer.store import Reader, Writer

TIMES = 20
LIMIT_NS = SECOND_NS // 2

# As in the daemon, one thread makes records and the recorder writes them; the rate is far above that of the daemon.
RECORDER = """
import os, sys, time
from pathlib import Path
from observer.model.clock import Clock, boot_id
from observer.recording.recorder import Recorder
from observer.store import Writer
from observer.model.recording import Event, Operation, Outcome, RecordingHeader, Window

writer = Writer(Path(sys.argv[1]))
clock = Clock.begin()
one = writer.begin(RecordingHeader(0, clock.began_utc, boot_id(), clock.anchor_ns, os.getpid(), "demo", None, {}))
recorder = Recorder(lambda batch: writer.append(one, batch), print)
recorder.start()
n = 0
while True:
    n += 1
    now = clock.now_ns()
    recorder.record(Operation("write", "kept", f"t-{n:010d}", now, now, now, Outcome.OK, "done"))
    if n % 50 == 0:
        recorder.record(Event("etcd", "leader.seen", "a", Window.at(now)))
    if n == 20:
        print("recording", flush=True)
    time.sleep(0.002)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGKILL on Windows")
def test_twenty_kills_leave_an_intact_file_that_lacks_at_most_the_last_half_second(tmp_path: Path) -> None:
    path = tmp_path / "observer.db"
    moments = random.Random(path.name)
    for number in range(1, TIMES + 1):
        process = subprocess.Popen([sys.executable, "-c", RECORDER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        assert process.stdout.readline() == b"recording\n"
        time.sleep(moments.uniform(0, 0.3))  # the test needs a random moment
        process.send_signal(signal.SIGKILL)
        killed_ns = time.monotonic_ns()
        process.wait()
        process.stdout.close()
        with Reader(path) as reader:
            assert [tuple(row) for row in reader.query("pragma integrity_check")[1]] == [("ok",)]
            newest = reader.recording()
            assert (newest.id, newest.ended) == (number, None)
            assert killed_ns - newest.anchor_ns - newest.last_ns < LIMIT_NS
    writer = Writer(path)
    before = writer.last()
    assert before is not None
    assert before.id == TIMES
    writer.close()
    assert sorted(file.name for file in tmp_path.iterdir()) == ["observer.db"]
