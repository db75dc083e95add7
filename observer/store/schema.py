"""The tables of a recording file, which tables.sql creates.

`PRAGMA user_version` counts the migrations that a file has had; `PRAGMA application_id` marks the file as ours.
"""

import re
import sqlite3
from importlib import resources

APPLICATION_ID = 0x50744F62  # "PtOb"

SLOW_NS = 150_000_000
"""The analysis loads an operation that took longer than this since it was due, even if it succeeded."""

INTERESTING = f"(outcome <> 'ok' or finished_ns - due_ns > {SLOW_NS})"
"""The condition of a partial index. SQLite uses the index only if a query repeats the condition word for word."""

SERVED_ONCE = (
    "recording_id, action, probe, ifnull(server, ''), ifnull(address, ''), ifnull(in_recovery, -1), "
    "ifnull(timeline, -1)"
)
"""The unique key of counted_servers; an index of plain columns would take each null for a different value."""


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many migrations a file has had."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def _migrations() -> list[list[str]]:
    text = resources.files("observer.store").joinpath("tables.sql").read_text("utf-8")
    text = text.replace("INTERESTING", INTERESTING).replace("SERVED_ONCE", SERVED_ONCE)
    return [part.split(";\n")[:-1] for part in re.split(r"-- Migration .+\n", text)[1:]]


TABLES = _migrations()
"""The statements of each migration, for a connection that runs them in one transaction."""
