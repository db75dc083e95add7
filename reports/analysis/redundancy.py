"""Streaming replicas: how many there were, and when as many were back; and brownouts, when an old route lingered."""

from __future__ import annotations

from observer.model.findings import Evidence, Phase
from observer.model.recording import SECOND_NS, Event, Operation, Window
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.index import pool_of

# What connects now and then has done so within this time.
MINUTE_NS = 60 * SECOND_NS


def streaming(event: Event) -> int | None:
    """How many replicas stream from a member, as its REST API says; None: it is no primary, or does not say."""
    replication = event.detail.get("replication")
    if event.detail.get("role") not in ("primary", "master") or not isinstance(replication, (list, tuple)):
        return None
    return sum(1 for row in replication if isinstance(row, dict) and row.get("state") == "streaming")


def redundancy_back(context: IncidentContext) -> tuple[int | None, Event | None]:
    """How long after the incident's start as many replicas streamed as before it, and the event that shows it.

    0: there were never fewer. None: not observed, or not within the recording.
    """
    if context.span.about and not context.span.about & context.index.members:
        return None, None  # cut out of another incident, whose replicas these may be
    before: int | None = None
    fell_ns: int | None = None
    primary = context.leader_before
    for event in context.index.recording.events:
        if fell_ns is None and event.by_ns > context.until_ns:
            break  # there were as many all the while
        if event.kind == "leader.elected" and event.by_ns >= context.from_ns:
            primary, fell_ns = event.subject, event.by_ns
        if event.source != "patroni" or event.kind != "member.changed" or event.subject != primary:
            continue
        count = streaming(event)
        if count is None:
            continue
        if event.by_ns < context.from_ns:
            before = count
        elif before is not None and count < before:
            fell_ns = event.by_ns if fell_ns is None else fell_ns
        elif before is not None and fell_ns is not None and event.by_ns >= max(fell_ns, context.from_ns):
            return max(0, event.by_ns - context.span.began_ns), event
    return (0, None) if before is not None and fell_ns is None else (None, None)


def protection(context: IncidentContext, back_ns: int | None, shown: Event | None) -> list[Phase]:
    """From the first acknowledged write after the outage until as many replicas stream as before."""
    if not context.outages or context.outages[-1].open or not back_ns or shown is None:
        return []
    last = context.outages[-1]
    if shown.by_ns <= last.ended_ns:
        return []
    proof = shows("evidence.streaming", shown, member=shown.subject, replicas=streaming(shown))
    return [Phase("protection", Window.at(last.ended_ns), shown.window, None, proof)]


def brownout_ns(context: IncidentContext) -> int | None:
    """How long the old leader's route was still up beside the new one while new connections failed.

    0: it was not, or nothing failed meanwhile. None: no proxy's routes were observed, or nobody connected meanwhile.
    """
    if not context.index.primary_pools:
        return None
    elected, old = context.leader_elected, context.leader_before
    if elected is None or elected.subject == old:
        return 0
    routes = [e for e in context.index.recording.events if e.kind in ("route.up", "route.down")]
    longest, unseen = 0, False
    for pool in context.index.primary_pools:
        own = [e for e in routes if pool_of(e) == pool]
        up = next(
            (e for e in own if e.kind == "route.up" and e.by_ns >= context.from_ns and _is(context, e, elected)), None
        )
        last = [e for e in own if context.index.member_of(e) == old and up is not None and e.by_ns <= up.by_ns]
        if up is None or not last or last[-1].kind == "route.down":
            continue
        down = next((e for e in own if e.by_ns > up.by_ns and e.kind == "route.down" and _of(context, e) == old), None)
        until_ns = context.index.end_ns if down is None else down.by_ns
        if any(o.probe == "fresh" and up.by_ns < o.finished_ns <= until_ns for o in context.index.failures["write"]):
            longest = max(longest, until_ns - up.by_ns)
        elif not any(
            _connects(o) for o in context.index.recording.between(up.by_ns, min(until_ns, up.by_ns + MINUTE_NS))
        ):
            unseen = True
    return None if unseen and not longest else longest


def _connects(operation: Operation) -> bool:
    """Whether it is a write on a new connection: such a one alone meets a route that lingers."""
    return operation.action == "write" and operation.probe == "fresh"


def _of(context: IncidentContext, event: Event) -> str:
    return context.index.member_of(event)


def _is(context: IncidentContext, event: Event, elected: Event) -> bool:
    return _of(context, event) == elected.subject


def streaming_evidence(event: Event | None) -> Evidence | None:
    """The event that shows how many replicas stream, as evidence."""
    if event is None:
        return None
    return shows("evidence.streaming", event, member=event.subject, replicas=streaming(event), at_s=at_s(event.by_ns))
