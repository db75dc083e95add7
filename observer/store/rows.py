"""Conversion of recorded objects to rows of SQLite and back."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from observer.model.recording import Audit, Event, Operation, Outcome, RecordingHeader, Served, Window

Row = Sequence[Any]

# Events and operations arrive by the hundred a second and in batches, so prepared statements write them. A run of
# `python -m benchmarks recorder` measured 2.4 times the rows per second of `sqlite_utils.insert_all`.
INSERT_EVENT = (
    "insert into events (recording_id, source, kind, subject, after_ns, by_ns, utc, detail) "
    "values (?, ?, ?, ?, ?, ?, ?, ?)"
)
_ANSWER = ("outcome", "stage", "sqlstate", "server", "address", "in_recovery", "timeline", "saw", "message")
_OPERATION = ("action", "probe", "token", "due_ns", "started_ns", "finished_ns", *_ANSWER)
INSERT_OPERATION = f"insert into operations (recording_id, {', '.join(_OPERATION)}) values (?{', ?' * len(_OPERATION)})"
SELECT_EVENT = "select id, source, kind, subject, after_ns, by_ns, detail from events"
SELECT_OPERATION = f"select {', '.join(_OPERATION)}, id from operations"
SELECT_AUDIT = "select audited_ns, first_token, last_token, present, server, timeline, id from audits"
SELECT_RECORDING = (
    "select id, began_utc, boot, anchor_ns, pid, scope, cluster_id, settings, ended_ns, ended, "
    "max(coalesce((select max(by_ns) from events where recording_id = recordings.id), 0), "
    "coalesce((select max(finished_ns) from operations where recording_id = recordings.id), 0), "
    "coalesce((select max(audited_ns) from audits where recording_id = recordings.id), 0)) "
    "from recordings"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_values_of_operation = attrgetter(*_OPERATION)
_OUTCOME, _IN_RECOVERY = _OPERATION.index("outcome"), _OPERATION.index("in_recovery")
_OUTCOMES = {outcome.value: outcome for outcome in Outcome}


def text_of(value: Any) -> str:
    """Return JSON that people can read: no escapes for letters, no spaces."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)


def unix_ns(moment: datetime) -> int:
    """Return nanoseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000


def utc_text(began_unix_ns: int, at_ns: int) -> str:
    """Return the wall clock at a moment of the recording, to the millisecond, in the format of the views."""
    at_ms = (began_unix_ns + at_ns) // 1_000_000
    moment = _EPOCH + timedelta(milliseconds=at_ms)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{at_ms % 1000:03d}Z"


def recording_row(recording: RecordingHeader) -> dict[str, Any]:
    """Return a row of recordings that has not ended; SQLite gives it an id."""
    same = {name: getattr(recording, name) for name in ("boot", "anchor_ns", "pid", "cluster_id", "scope")}
    began_utc = recording.began_utc.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    settings = text_of(dict(recording.settings))
    return {"began_utc": began_utc, "began_unix_ns": unix_ns(recording.began_utc), "settings": settings, **same}


def event_row(recording_id: int, began_unix_ns: int, event: Event) -> Row:
    """Return the values for INSERT_EVENT."""
    after_ns, by_ns, utc = event.window.after_ns, event.by_ns, utc_text(began_unix_ns, event.by_ns)
    return (recording_id, event.source, event.kind, event.subject, after_ns, by_ns, utc, text_of(dict(event.detail)))


def operation_row(recording_id: int, operation: Operation) -> Row:
    """Return the values for INSERT_OPERATION."""
    return (recording_id, *_values_of_operation(operation))


def audit_row(recording_id: int, audit: Audit) -> dict[str, Any]:
    """Return a row of audits."""
    return {"recording_id": recording_id, **{name: value for name, value in asdict(audit).items() if name != "id"}}


def event_of(row: Row) -> Event:
    """Return an event from a row of SELECT_EVENT."""
    number, source, kind, subject, after_ns, by_ns, detail = row
    found: Mapping[str, Any] = json.loads(detail)
    return Event(source, kind, subject, Window(after_ns, by_ns), found, number)


def operation_of(row: Row) -> Operation:
    """Return an operation from a row of SELECT_OPERATION, whose columns are in the order of the fields."""
    values = list(row)
    values[_OUTCOME] = _OUTCOMES[values[_OUTCOME]]
    values[_IN_RECOVERY] = None if values[_IN_RECOVERY] is None else bool(values[_IN_RECOVERY])
    return Operation(*values)


def audit_of(row: Row) -> Audit:
    """Return an audit from a row of SELECT_AUDIT."""
    audited_ns, first, last, present, server, timeline, number = row
    return Audit(audited_ns, first, last, bool(present), server, timeline, number)


def served_of(row: Row) -> Served:
    """Return a row of counted_servers, without its recording."""
    action, probe, server, address, in_recovery, timeline, operations = row
    role = None if in_recovery is None else bool(in_recovery)
    return Served(action, probe, server, address, role, timeline, operations)


def recording_of(row: Row) -> RecordingHeader:
    """Return a recording from a row of SELECT_RECORDING."""
    number, began, boot, anchor_ns, pid, scope, cluster_id, settings, *end = row
    began_utc = datetime.fromisoformat(began)
    return RecordingHeader(number, began_utc, boot, anchor_ns, pid, scope, cluster_id, json.loads(settings), *end)
