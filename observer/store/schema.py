"""The tables of a recording file: a public interface that changes only by a migration at the end of the list.

`PRAGMA user_version` counts the migrations that a file has had; `PRAGMA application_id` marks the file as ours.
"""

import sqlite3
from collections.abc import Collection, Mapping

from sqlite_utils import Database

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

_RECORDING = {"recording_id": "recordings"}
_INCIDENT = {**_RECORDING, "incident_id": "incidents"}
_WINDOW = {"began_ns": int, "ended_ns": int}
_OUTAGE = {**_WINDOW, "open": int, "before_id": int, "after_id": int}
_OUTAGE |= {"first_failure_ns": int, "failed": int, "unknown": int}


def version_of(connection: sqlite3.Connection) -> int:
    """Return how many migrations a file has had."""
    return int(connection.execute("pragma user_version").fetchone()[0])


def _create(
    db: Database,
    table: str,
    columns: Mapping[str, type],
    optional: Collection[str] = (),
    references: Mapping[str, str] = _RECORDING,
) -> None:
    """Create a table with the key `id` and the references; all columns but the optional ones are not null."""
    found = {**dict.fromkeys(references, int), **columns}
    db.create_table(
        table,
        {"id": int, **found},
        pk="id",
        not_null=[name for name in found if name not in optional],
        foreign_keys=[(column, other, "id") for column, other in references.items()],
    )


def create_tables(db: Database) -> None:
    """Create the tables of the first version: what the daemon records, and what the analysis stores."""
    recording = {"began_utc": str, "ended_ns": int, "ended": str, "boot": str, "anchor_ns": int, "pid": int}
    recording |= {"cluster_id": str, "scope": str, "settings": str, "began_unix_ns": int}
    _create(db, "recordings", recording, ("ended_ns", "ended", "cluster_id", "scope"), {})
    event = {"source": str, "kind": str, "subject": str, "after_ns": int, "by_ns": int, "utc": str, "detail": str}
    _create(db, "events", event)
    answer = {"sqlstate": str, "server": str, "address": str, "in_recovery": int, "timeline": int}
    answer |= {"saw": str, "message": str}
    operation = {"action": str, "probe": str, "token": str, "due_ns": int, "started_ns": int, "finished_ns": int}
    _create(db, "operations", {**operation, "outcome": str, "stage": str, **answer}, answer.keys())
    audit = {"audited_ns": int, "first_token": str, "last_token": str, "present": int, "server": str, "timeline": int}
    _create(db, "audits", audit, ("server", "timeline"))
    db.table("events").create_index(["recording_id", "by_ns"], "events_by")
    db.table("events").create_index(["kind", "recording_id", "by_ns"], "events_kind")
    db.table("operations").create_index(["recording_id", "finished_ns"], "operations_finished")
    # sqlite-utils makes no partial indexes.
    partial = f"create index operations_interesting on operations(recording_id, finished_ns) where {INTERESTING}"
    db.conn.execute(partial)
    db.table("audits").create_index(["recording_id", "audited_ns"], "audits_recording")
    cost = {"write_outage_s": float, "read_outage_s": float}
    members = {"leader_before": str, "leader_after": str, "timeline_before": int, "timeline_after": int}
    effects = {"brownout_s": float, "lost_writes": int, "redundancy_back_s": float, "fault_to_write_s": float}
    incident = {"number": int, "cause": str, "target": str, "targets": str, "confidence": str, **_WINDOW, **cost}
    incident |= {"write_open": int, "read_open": int, **members, **effects}
    _create(db, "incidents", incident, {"target", *cost, *members, *effects})
    bounds = {"bound_min_s": float, "bound_max_s": float}
    phase = {"name": str, **_WINDOW, "seconds": float, "shortest_s": float, "longest_s": float, **bounds}
    _create(db, "phases", phase, bounds.keys(), _INCIDENT)
    evidence = {"role": str, "cause": str, "table_name": str, "ids": str, "says": str, "facts": str}
    optional = ("phase_id", "cause", "table_name")
    _create(db, "evidence", evidence, optional, {**_INCIDENT, "phase_id": "phases"})
    outage = {"action": str, **_OUTAGE}
    _create(db, "judged_outages", outage, ("before_id", "after_id"), _INCIDENT)
    lost = {"token": str, "acknowledged_ns": int, "server": str, "timeline": int, "operation_id": int, "audit_id": int}
    _create(db, "judged_losses", lost, ("server", "timeline", "operation_id", "audit_id"))


def count_operations(db: Database) -> None:
    """Create the counts of operations, which the writer keeps up, so that no reader has to count a day of them."""
    second = {"recording_id": int, "second": int, "action": str, "ok": int, "failed": int, "unknown": int}
    db.create_table(
        "counted_seconds",
        {**second, "max_ns": int},
        pk=("recording_id", "second", "action"),
        not_null=[*second, "max_ns"],
        foreign_keys=[("recording_id", "recordings", "id")],
    )
    server = {"action": str, "probe": str, "server": str, "address": str, "in_recovery": int, "timeline": int}
    db.create_table(
        "counted_servers",
        {"recording_id": int, **server, "operations": int},
        not_null=["recording_id", "action", "probe", "operations"],
        foreign_keys=[("recording_id", "recordings", "id")],
    )
    # sqlite-utils makes no indexes of expressions.
    db.conn.execute(f"create unique index counted_servers_once on counted_servers({SERVED_ONCE})")
    db.conn.execute(
        "insert into counted_seconds select recording_id, finished_ns / 1000000000, action, sum(outcome = 'ok'), "
        "sum(outcome = 'fail'), sum(outcome = 'unknown'), max(finished_ns - due_ns) from operations group by 1, 2, 3"
    )
    db.conn.execute(
        "insert into counted_servers select recording_id, action, probe, server, address, in_recovery, timeline, "
        "count(*) from operations where outcome = 'ok' group by 1, 2, 3, 4, 5, 6, 7"
    )


def create_outages_by_connection(db: Database) -> None:
    """Create the outages of persistent and of new connections, each computed from its own operations."""
    outage = {"action": str, "probe": str, **_OUTAGE}
    _create(db, "judged_outages_alone", outage, ("before_id", "after_id"), _INCIDENT)
