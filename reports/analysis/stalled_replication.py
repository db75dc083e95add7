"""Replicas that stopped receiving WAL in an incident and received it again, as their own Patroni reported.

A leader that is demoted and promoted again has as many replicas at its promotion as before; in between it had none.
"""

from __future__ import annotations

from collections.abc import Iterable

from observer.model.findings import Incident
from observer.model.recording import Event
from reports.analysis.index import Index
from reports.analysis.results.evidence import StalledReplication

STREAMING = "streaming"


def stalled_replication(index: Index, incident: Incident) -> StalledReplication | None:
    """Return the replicas that streamed before the incident and stopped in it; None: there were none."""
    streamed = {name: _streamed_before(index, name, incident.began_ns) for name in index.members}
    stopped: dict[str, Event] = {}
    back: dict[str, Event] = {}
    for event in index.between(incident.began_ns, incident.ended_ns):
        if not _is_report(event):
            continue
        name, streams = event.subject, event.detail["replication_state"] == STREAMING
        if event.detail.get("role") == "replica":
            if streamed.get(name) and not streams:
                stopped.setdefault(name, event)
            elif streams and name in stopped:
                back.setdefault(name, event)
        streamed[name] = streams
    if not stopped:
        return None
    by_ns, ids = _together(stopped.values())
    back_ns, back_ids = _together(back.values()) if back.keys() == stopped.keys() else (None, ())
    return StalledReplication(tuple(sorted(stopped)), by_ns, ids, back_ns, back_ids)


def _is_report(event: Event) -> bool:
    return event.kind == "member.changed" and event.source == "patroni" and "replication_state" in event.detail


def _streamed_before(index: Index, member: str, at_ns: int) -> bool:
    """Return whether a member's last report before a moment was that it streamed."""
    reports = (e for e in reversed(index.events_of("member.changed", member)) if e.by_ns < at_ns and _is_report(e))
    last = next(reports, None)
    return last is not None and last.detail["replication_state"] == STREAMING


def _together(events: Iterable[Event]) -> tuple[int, tuple[int, ...]]:
    own = list(events)
    return max(e.by_ns for e in own), tuple(sorted(e.id for e in own if e.id is not None))
