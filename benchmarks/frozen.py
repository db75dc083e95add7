"""Thirty seconds of a frozen PostgreSQL behind HAProxy's maxconn 100: whether other clients still get in.

The peer is a simple generator that closes its connections normally.
"""

from __future__ import annotations

import contextlib
import csv
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psycopg2

from benchmarks import bench
from benchmarks.row import Row
from benchmarks.server import Server, running
from benchmarks.traffic import traffic
from observer.traffic.preflight import preflight

SECONDS = 30
RATE_PER_S = 20
CONFIG = """
global
    maxconn 100
defaults
    mode tcp
    timeout connect 4s
    timeout client 30m
    timeout server 30m
listen stats
    mode http
    bind 127.0.0.1:{stats}
    stats enable
    stats uri /
listen primary
    bind 127.0.0.1:{primary}
    server one 127.0.0.1:{port}
"""


def measure() -> list[Row]:
    """Count in how many of thirty seconds the stats page was readable, and another client got in."""
    with running() as server:
        preflight(server.dsn, "probe", 5000, time.monotonic_ns)
        ours = _polls(server, _observer)
        peers = _polls(server, _naive)
    peer = "naive psycopg2 generator"
    bar = f"all {SECONDS}"
    what = f"{SECONDS} s of a frozen server, maxconn 100"
    return [
        Row(f"{what}: stats page readable", bar, "polls", ours[0], peer, peers[0], ours[0] == SECONDS),
        Row(f"{what}: another client let in", bar, "polls", ours[1], peer, peers[1], ours[1] == SECONDS),
    ]


def _polls(server: Server, generator: Callable[[str], contextlib.AbstractContextManager[object]]) -> tuple[int, int]:
    with _proxy(server) as (dsn, stats, port), generator(dsn):
        time.sleep(3)
        server.signal(signal.SIGSTOP)
        try:
            readable = let_in = 0
            for _ in range(SECONDS):
                began = time.monotonic()
                readable += _page(stats) is not None
                let_in += _let_in(stats, port)
                time.sleep(max(0, 1 - (time.monotonic() - began)))
        finally:
            server.signal(signal.SIGCONT)
    return readable, let_in


def _page(url: str) -> str | None:
    try:
        with urllib.request.urlopen(f"{url};csv", timeout=1) as page:
            return str(page.read().decode())
    except OSError:
        return None


def _let_in(url: str, port: int) -> bool:
    """Return whether another client gets a session of the proxy; at maxconn it would have to wait."""
    before = _sessions(url)
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            end = time.monotonic() + 0.5
            while before is not None and time.monotonic() < end:
                if (_sessions(url) or 0) > before:
                    return True
    except OSError:
        pass
    return False


def _sessions(url: str) -> int | None:
    """Return the total number of sessions of the pool; None if the page is not readable."""
    text = _page(url)
    if text is None:
        return None
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return next(int(row["stot"]) for row in rows if (row["pxname"], row["svname"]) == ("primary", "FRONTEND"))


def _observer(dsn: str) -> contextlib.AbstractContextManager[object]:
    return traffic(dsn, rate_per_s=RATE_PER_S, fresh_per_s=2, deadline_ms=1000)


@contextlib.contextmanager
def _naive(dsn: str) -> Iterator[None]:
    """Send as many operations per second, each on a new asynchronous connection that is closed after a second."""
    ended = threading.Event()

    def once() -> None:
        with contextlib.suppress(psycopg2.Error):
            connection = psycopg2.connect(dsn, async_=True)
            end = time.monotonic() + 1
            while time.monotonic() < end and connection.poll() != psycopg2.extensions.POLL_OK:
                time.sleep(0.02)
            connection.close()

    def drive() -> None:
        with ThreadPoolExecutor(64) as pool:
            while not ended.wait(1 / (2 * RATE_PER_S + 4)):
                pool.submit(once)

    thread = threading.Thread(target=drive)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextlib.contextmanager
def _proxy(server: Server) -> Iterator[tuple[str, str, int]]:
    program = shutil.which("haproxy") or "/usr/sbin/haproxy"
    stats, primary = _free_ports(2)
    with tempfile.NamedTemporaryFile("w", suffix=".cfg", delete=False) as config:
        config.write(CONFIG.format(stats=stats, primary=primary, port=server.port))
    process = subprocess.Popen(
        [program, "-db", "-f", config.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        url = f"http://127.0.0.1:{stats}/"
        bench.until(lambda: _page(url) is not None, 30, "HAProxy answers")
        yield server.dsn.replace(f"port={server.port}", f"port={primary}"), url, primary
    finally:
        process.kill()
        process.wait()
        Path(config.name).unlink()


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
