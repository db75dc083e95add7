"""Causes beside the layers of a cluster: two primaries, an observer that did not run, and none that a rule knows."""

from dataclasses import replace

from observer.model.findings import Evidence
from observer.model.recording import Event
from reports.analysis.incident_context import IncidentContext, at_s, shows, shows_failed
from reports.analysis.rule import Found, RuleResult, found, rejected


def observer_blind(context: IncidentContext) -> RuleResult:
    """Find a time in which the observer itself did not run, and nothing of the cluster changed."""
    slept = context.first("observer.slept")
    if slept is None:
        return None
    seconds = (slept.detail.get("for_ms") or 0) / 1000
    return found("observer.blind", (), "medium", shows("evidence.observer_slept", slept, seconds=seconds))


def two_primaries(context: IncidentContext) -> RuleResult:
    """Find two members that were out of recovery at once, with no member gone before."""
    both = [b for b in context.index.two_primaries if context.span.since_ns <= b.from_ns <= context.span.reach_ns]
    if not both:
        return None
    away = [one for source in ("patroni", "postgres") for one in context.unreachable(source)]
    sooner = next((one for one in away if one.began_ns < both[0].from_ns), None)
    if sooner is not None:
        return rejected("two_primaries", "reason.sql_how", member=sooner.subject, how=sooner.how)
    return found("two_primaries", both[0].members, "high", *evidence_of_two(context))


def evidence_of_two(context: IncidentContext) -> list[Evidence]:
    """Return evidence that two members were primaries at once, if the incident concerns one, whatever the cause."""
    return [
        Evidence(
            "events",
            both.event_ids,
            "evidence.two_primaries",
            {"members": list(both.members), "seconds": at_s(both.duration_ns), "at_s": at_s(both.from_ns)},
        )
        for both in context.index.two_primaries
        if context.span.since_ns <= both.from_ns <= context.span.reach_ns and any(map(context.concerns, both.members))
    ]


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
