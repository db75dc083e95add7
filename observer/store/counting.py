"""Counts of operations by second and by server, kept up in the transaction that writes the operations."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable

from observer.model.recording import SECOND_NS, Operation, Outcome
from observer.store.schema import SERVED_ONCE

_ADD_SECOND = """
insert into counted_seconds (recording_id, second, action, ok, failed, unknown, max_ns) values (?, ?, ?, ?, ?, ?, ?)
on conflict do update set ok = ok + excluded.ok, failed = failed + excluded.failed,
  unknown = unknown + excluded.unknown, max_ns = max(max_ns, excluded.max_ns)
"""
_ADD_SERVER = f"""
insert into counted_servers (recording_id, action, probe, server, address, in_recovery, timeline, operations)
values (?, ?, ?, ?, ?, ?, ?, ?)
on conflict ({SERVED_ONCE}) do update set operations = operations + excluded.operations
"""
_COLUMN = {Outcome.OK: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 2}


def count(connection: sqlite3.Connection, recording_id: int, operations: Iterable[Operation]) -> None:
    """Add operations to the counts, within the caller's transaction."""
    seconds: dict[tuple[int, str], list[int]] = {}
    servers: Counter[tuple[object, ...]] = Counter()
    for o in operations:
        row = seconds.setdefault((o.finished_ns // SECOND_NS, o.action), [0, 0, 0, 0])
        row[_COLUMN[o.outcome]] += 1
        row[3] = max(row[3], o.finished_ns - o.due_ns)
        if o.outcome is Outcome.OK:
            servers[o.action, o.probe, o.server, o.address, o.in_recovery, o.timeline] += 1
    connection.executemany(_ADD_SECOND, [(recording_id, *key, *counts) for key, counts in seconds.items()])
    connection.executemany(_ADD_SERVER, [(recording_id, *key, number) for key, number in servers.items()])
