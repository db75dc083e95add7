"""Two primaries at once, as a cause and as evidence beside another cause."""

from __future__ import annotations

from observer.model.findings import Evidence
from reports.analysis.incident_context import IncidentContext, at_s
from reports.analysis.rule import RuleResult, found, rejected


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
