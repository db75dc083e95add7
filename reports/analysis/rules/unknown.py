"""An incident that no rule explains: list what was observed."""

from __future__ import annotations

from dataclasses import replace

from observer.model.findings import Evidence
from observer.model.recording import Event
from reports.analysis.incident_context import IncidentContext, shows, shows_failed
from reports.analysis.rule import Found, found

SHOWN = 20
KINDS = (
    "leader.lost",
    "leader.elected",
    "member.changed",
    "member.lost",
    "config.changed",
    "sync.changed",
    "quorum.lost",
    "quorum.regained",
    "raft.elected",
    "route.up",
    "route.down",
    "proxy.restarted",
    "proxy.full",
    "proxy.room",
    "source.blind",
    "source.sees",
    "failover.asked",
    "lease.overdue",
    "observer.slept",
)


def unknown(context: IncidentContext) -> Found:
    """Return what was observed, the first event of each source, kind and subject, without a name for the cause."""
    first: dict[tuple[str, str, str], Event] = {}
    for event in context.index.between(context.span.since_ns, context.span.ended_ns):
        if event.kind in KINDS and not event.detail.get("initial"):
            first.setdefault((event.source, event.kind, event.subject), event)
    shown = [
        shows("evidence.seen", event, source=event.source, kind=event.kind, subject=event.subject)
        for event in list(first.values())[:SHOWN]
    ]
    return found("unknown", (), "low", *(shown or _nothing_else(context)), *shows_failed(context.failed()))


def _nothing_else(context: IncidentContext) -> list[Evidence]:
    """Return evidence that every source answered and nothing of the cluster changed: the cause is elsewhere."""
    leader, end_ns = context.leader_before, context.index.end_ns
    away = any(
        one.began_ns <= context.span.ended_ns and one.ended_ns(end_ns) >= context.span.since_ns
        for one in context.index.unreachable
    )
    if leader is None or away:
        return []
    return [replace(context.leader_key_kept(leader), says="evidence.nothing_else")]
