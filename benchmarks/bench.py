"""A real local cluster and a real daemon, for the measurements that need them."""

from __future__ import annotations

import contextlib
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from stack import configs, local
from stack.settings import StackSettings

PORT_SHIFT = 6600
OBSERVER = [sys.executable, "-m", "observer.cli"]


@contextlib.contextmanager
def cluster(maxconn: int = 100) -> Iterator[StackSettings]:
    """Bring up a cluster on its own ports, and take it down at the end."""
    directory = Path(tempfile.mkdtemp(prefix="observer-bench-"))
    directory.rmdir()  # the stack creates it
    settings = StackSettings(directory, PORT_SHIFT, ttl_s=20, loop_wait_s=5, retry_timeout_s=5, haproxy_maxconn=maxconn)
    local.up(settings, say)
    try:
        yield settings
    finally:
        local.down(directory, say)


@contextlib.contextmanager
def daemon(settings: StackSettings, *options: str) -> Iterator[tuple[Path, subprocess.Popen[bytes]]]:
    """Run `observer start` on the cluster and stop it cleanly; give the recording file and the process."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "observer.toml").write_text(configs.observer_toml(settings))
        db = folder / "observer.db"
        log = (folder / "daemon.log").open("wb")
        command = [*OBSERVER, "start", "-c", str(folder / "observer.toml"), "--plain", *options]
        process = subprocess.Popen(command, stdout=log, stderr=log)
        try:
            until(lambda: acknowledged(db) > 20, 60, "the daemon writes")
            yield db, process
        finally:
            process.terminate()
            process.wait(60)
            log.close()


def acknowledged(db: Path) -> int:
    """Return the number of acknowledged writes in a running recording."""
    try:
        with contextlib.closing(sqlite3.connect(f"file:{db}?mode=ro", uri=True)) as connection:
            rows = connection.execute("select count(*) from operations where action = 'write' and outcome = 'ok'")
            return int(rows.fetchone()[0])
    except sqlite3.OperationalError:
        return 0


def until(condition: Callable[[], bool], limit_s: float, what: str) -> None:
    """Wait for a condition. Raise TimeoutError at the limit."""
    end = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"waited {limit_s} s in vain until {what}")
        time.sleep(0.1)


def say(line: str) -> None:
    """Print progress to standard error, since the table goes to standard output."""
    print(f"  {line}", file=sys.stderr, flush=True)
