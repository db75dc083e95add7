"""A change of the leader key: when the source receives it (peer: `etcdctl watch`), and when its row is committed."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks import bench
from benchmarks.recorder import recording
from benchmarks.row import Row, percentile
from observer.model.recording import Event
from observer.recording.recorder import Entry, Recorder
from observer.sources.dcs import EtcdSource
from observer.store.writing import Writer
from stack.settings import StackSettings

CHANGES = 200
PAUSE_S = 0.05
SCOPE = "bench"


def measure() -> list[Row]:
    """Put every change once; both watches receive it. The latency of both counts from just before the put."""
    with bench.cluster() as settings, tempfile.TemporaryDirectory() as folder:
        return _measure(settings, Path(folder))


def _measure(settings: StackSettings, folder: Path) -> list[Row]:
    received: dict[int, int] = {}
    committed: dict[int, int] = {}
    peers: dict[int, int] = {}
    writer = Writer(folder / "bench.db")
    recording_id = writer.begin(recording())

    def write(batch: Sequence[Entry]) -> None:
        writer.append(recording_id, batch)
        now_ns = time.monotonic_ns()
        committed.update({n: now_ns for e in batch if (n := _number(e)) is not None})

    recorder = Recorder(write, bench.say)

    def record(event: Event) -> None:
        if (n := _number(event)) is not None:
            received[n] = time.monotonic_ns()
        recorder.record(event)

    endpoints = settings.etcd_endpoints
    source = EtcdSource(endpoints, SCOPE, "/service", record, time.monotonic_ns)
    watch = subprocess.Popen(
        ["etcdctl", "--endpoints", endpoints[0], "watch", "--prefix", f"/service/{SCOPE}/", "-w", "json"],
        env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"},
        stdout=subprocess.PIPE,
    )
    follower = threading.Thread(target=_follow, args=(watch, peers), daemon=True)
    put: dict[int, int] = {}
    try:
        recorder.start()
        source.start()
        follower.start()
        client = _client(endpoints[0])
        # Both watches run once both have received a change; earlier puts may reach neither.
        n = 0
        while not (received and peers) and n < 200:
            _put(client, n, put)
            n += 1
            time.sleep(PAUSE_S)
        first = n
        for n in range(first, first + CHANGES):
            _put(client, n, put)
            time.sleep(PAUSE_S)
        numbers = range(first, first + CHANGES)
        bench.until(
            lambda: all(n in received and n in peers and n in committed for n in numbers), 30, "all changes arrive"
        )
        client.close()
    finally:
        watch.terminate()
        watch.wait(10)
        source.stop()
        recorder.stop()
        writer.close()
    ours_ms = [(received[n] - put[n]) / 1e6 for n in numbers]
    peers_ms = [(peers[n] - put[n]) / 1e6 for n in numbers]
    rows_ms = [(committed[n] - put[n]) / 1e6 for n in numbers]
    ours, peer = percentile(ours_ms, 50), percentile(peers_ms, 50)
    p50, p99 = percentile(rows_ms, 50), percentile(rows_ms, 99)
    what = "leader key changed in etcd"
    return [
        Row(
            f"{what}: event received, p50", "within 2x of the peer", "ms", ours, "etcdctl watch", peer, ours <= 2 * peer
        ),
        Row(f"{what}: row committed, p50", "20 ms", "ms", p50, "etcdctl watch, received", peer, p50 <= 20),
        Row(f"{what}: row committed, p99", "100 ms", "ms", p99, "etcdctl watch, received", peer, p99 <= 100),
    ]


def _number(entry: Entry) -> int | None:
    if isinstance(entry, Event) and entry.kind in ("leader.elected", "leader.seen"):
        return int(entry.subject.removeprefix("member"))
    return None


def _follow(watch: subprocess.Popen[bytes], peers: dict[int, int]) -> None:
    """Record when etcdctl printed each change."""
    assert watch.stdout is not None
    for line in watch.stdout:
        now_ns = time.monotonic_ns()
        for event in json.loads(line).get("Events") or []:
            value = base64.b64decode(event["kv"].get("value", "")).decode()
            peers[int(value.removeprefix("member"))] = now_ns


def _client(address: str) -> Any:  # etcd3 has no types
    import etcd3  # only after observer.sources, which chooses protobuf's implementation for it

    host, _, port = address.rpartition(":")
    return etcd3.client(host=host, port=int(port))


def _put(client: Any, n: int, put: dict[int, int]) -> None:
    put[n] = time.monotonic_ns()
    client.put(f"/service/{SCOPE}/leader", f"member{n}")
