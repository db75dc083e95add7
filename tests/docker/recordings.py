"""An observer on the host that records the stack in Docker, and the events in its file."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.docker.stacks import NODES, Stack, until

OBSERVER = Path(sys.executable).with_name("observer")


@dataclass(frozen=True)
class Row:
    """An event of the file; `at_s`: seconds since 1970."""

    source: str
    kind: str
    subject: str
    detail: dict[str, Any]
    at_s: float


def events(file: Path) -> list[Row]:
    """Return all events in order of time."""
    statement = (
        "select source, kind, subject, detail, (began_unix_ns + by_ns) / 1e9 from events"
        " join recordings on recordings.id = recording_id order by by_ns, events.id"
    )
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as connection:
        return [Row(s, k, u, json.loads(d), at) for s, k, u, d, at in connection.execute(statement)]


def settings(stack: Stack) -> str:
    """Return observer.toml for a stack, whose ports may be moved."""
    etcd = ", ".join(f'"127.0.0.1:{stack.ports[f"PORT_ETCD{n}"]}"' for n in (1, 2, 3))
    rest = ", ".join(f'{name} = "{stack.url(f"PORT_REST{n}")}"' for n, name in enumerate(NODES, 1))
    postgres = ", ".join(
        f'{name} = "host=127.0.0.1 port={stack.ports[f"PORT_POSTGRES{n}"]}"' for n, name in enumerate(NODES, 1)
    )
    return f"""
[cluster]
scope = "demo"
[etcd]
endpoints = [{etcd}]
[patroni]
members = {{ {rest} }}
[postgres]
members = {{ {postgres} }}
[haproxy]
stats = ["{stack.url("PORT_STATS")}"]
[traffic]
write = "{stack.dsn("PORT_PRIMARY")}"
read = "{stack.dsn("PORT_REPLICAS")}"
workload = "probe"
"""


@contextmanager
def recording(stack: Stack, folder: Path, more: str = "") -> Iterator[Path]:
    """Run an observer until the end of the block; give its file."""
    (folder / "observer.toml").write_text(settings(stack) + more, encoding="utf-8")
    output = folder / "observer.log"
    with output.open("w", encoding="utf-8") as log:
        daemon = subprocess.Popen(
            [OBSERVER, "start", "--plain"], cwd=folder, stdout=log, stderr=subprocess.STDOUT, env=dict(os.environ)
        )
        try:
            until("a recording", lambda: "Recording 1" in output.read_text(encoding="utf-8"), 30)
            yield folder / "observer.db"
        except BaseException:
            print(output.read_text(encoding="utf-8"))
            raise
        finally:
            daemon.terminate()
            daemon.wait(60)
