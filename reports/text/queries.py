"""Verification queries: commands that count a number of the report again from the recording file. Pure.

Each is one line; the views that they select from are those of docs/sqlite.md.
"""

from __future__ import annotations

from collections.abc import Iterable

from reports.facts.loaded import READ_ONLY
from reports.facts.shape import ConsistencyFact, RecordingFact


def _command(sql: str) -> str:
    return f'observer query "{sql}"'


def _of(table: str, recording_id: int, condition: str = "", columns: str = "*") -> str:
    """Return the command that shows the rows of one recording in a table or view."""
    also = f" and {condition}" if condition else ""
    return _command(f"select {columns} from {table} where recording_id = {recording_id}{also}")


def of_recording(recording: RecordingFact) -> str:
    """Return the command for the recording's own row: beginning, end, cluster, settings."""
    return _command(f"select * from recordings where id = {recording['id']}")


def proxy(recording: RecordingFact) -> list[str]:
    """Return the commands for all that the section about the proxy counts."""
    own, found = recording["id"], []
    if recording["served"]:
        found += [_of("served_by", own), _of("failures", own, f"sqlstate = '{READ_ONLY}'")]
    if recording["checks"]["pauses"]:
        found.append(_of("check_pauses", own))
    if recording["crowds"]:
        found += [_of("events", own, "kind in ('proxy.full', 'proxy.room')"), _of("proxy_sessions", own)]
    turned = recording["turned"]
    if turned is not None:
        found.append(_command(f"select * from events where id = {turned['event_id']}"))
        found.append(_command(f"select * from operations where id = {turned['operation_id']}"))
    persistent = [s for s in recording["served"] if s["action"] == "read" and s["probe"] == "kept"]
    if any(s["in_recovery"] is False for s in persistent):
        found.append(_of("reader_switches", own))
    return found


def load(recording: RecordingFact) -> list[str]:
    """Return the commands for the counts, failures and servers of the load, and for the lag of replicas under it."""
    own = recording["id"]
    totals = f"select action, outcome, count(*) from operations where recording_id = {own} group by 1, 2"
    lags = [_of("replica_lag", own)] if recording["lags"] else []
    return [_command(totals), _of("failures", own), _of("served_by", own), *lags, of_recording(recording)]


def unreachable(recording: RecordingFact) -> str:
    """Return the command for the periods in which a source got no answer."""
    return _of("unreachable", recording["id"])


def meanwhile(blind_id: int) -> str:
    """Return the command for one such period, by the row that began it, with the operations in it."""
    return _command(f"select * from unreachable where blind_id = {blind_id}")


def incident_operations(recording_id: int, incident: int) -> str:
    """Return the command for how the operations of an incident ended."""
    return _of("incident_operations", recording_id, f"incident = {incident}")


def refused(recording_id: int, incident: int) -> str:
    """Return the command for the writes of an incident that reached a server that takes none."""
    return _of("failures", recording_id, f"incident = {incident} and sqlstate = '{READ_ONLY}'")


def rebuilt(member: str, start_id: int, streaming_id: int) -> str:
    """Return the command for a rewind or a new copy that a member's log reported as done between two rows of events."""
    done = f"member = '{member}' and id between {start_id} and {streaming_id}"
    return _command(f"select * from rebuilt_members where {done}")


def serving() -> str:
    """Return the command that shows which server answers reads on persistent connections now."""
    return _command("select server, in_recovery from reader_switches order by id desc limit 1")


def due_reads(recording_id: int, from_s: float, to_s: float) -> str:
    """Return the command for how the reads that were due in a period ended."""
    after, by = (f"{round(at_s * 1_000_000)}000" for at_s in (from_s, to_s))
    due = f"action = 'read' and due_ns >= {after} and due_ns < {by} group by 1"
    return _of("operations", recording_id, due, "outcome, count(*)")


def crowded() -> str:
    """Return the command for when the proxy reached its connection limit, and when it had connections again."""
    return _command("select * from events where kind in ('proxy.full', 'proxy.room') order by by_ns")


def durability(recordings: Iterable[RecordingFact]) -> list[str]:
    """Return the commands for what became of the writes: the last audit that covers the token of each decides."""
    return [_of("write_durability", recording["id"]) for recording in recordings]


def consistency(fact: ConsistencyFact) -> list[str]:
    """Return the commands for the rows of what polls could not show, and of histories that were not the cluster's."""
    rows: dict[int, set[int | None]] = {}
    for one in fact["hidden"]:
        rows.setdefault(one["recording"], set()).update([*one["event_ids"], one["committed_id"]])
    for fork in fact["forks"]:
        rows.setdefault(fork["recording"], set()).update([fork["event_id"], fork["rewound_id"]])
    found = [sorted(row for row in ids if row is not None) for _, ids in sorted(rows.items())]
    return [_command(f"select * from events where id in ({', '.join(map(str, ids))})") for ids in found if ids]


def roles(recordings: Iterable[RecordingFact]) -> list[str]:
    """Return the commands for what PostgreSQL of each member reported of its role and timeline."""
    return [_of("member_roles", recording["id"]) for recording in recordings]


def reads(recording_id: int) -> list[str]:
    """Return the commands for what reads returned: the counts by server, then the stale, reversed and lost reads."""
    behind = (
        f"select in_recovery, server, sum(behind) from reads_seen where recording_id = {recording_id} group by 1, 2"
    )
    return [
        _command(behind),
        *(_of("reads_seen", recording_id, condition) for condition in ("behind", "went_back", "lost")),
    ]


def leaders(recording: RecordingFact) -> str:
    """Return the command for who held the leader key, from when to when."""
    return _of("leaders", recording["id"])


def notes(recording: RecordingFact) -> str:
    """Return the command for the operators' notes."""
    return _of("events", recording["id"], "kind = 'note.told'")


def compared(recordings: Iterable[RecordingFact]) -> list[str]:
    """Return the commands for the costs of the incidents, in all and on new connections alone."""
    tables = (("incidents", ""), ("outages_alone", "probe = 'fresh'"))
    return [_of(table, recording["id"], condition) for recording in recordings for table, condition in tables]


def outcomes(recordings: Iterable[RecordingFact]) -> list[str]:
    """Return the commands for how many operations of each incident ended in each way."""
    return [_of("incident_operations", recording["id"]) for recording in recordings]


def panels(recording: RecordingFact) -> str:
    """Return the command for the panels of the dashboards that had data over the longest span that was captured."""
    event_id = recording["dashboards"][0]["event_id"]
    return _command(f"select board, sum(data), count(*) from dashboard_panels where id = {event_id} group by 1")


def series(recording: RecordingFact) -> str:
    """Return the command for how many series each panel had in each span that was captured."""
    return _of("dashboard_panels", recording["id"])
