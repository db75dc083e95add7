"""Streaming replicas: when there were as many as before an incident; and brownouts, when a stale route stayed up."""

from collections.abc import Sequence

from observer.model.findings import Brownout, Phase
from observer.model.recording import NEW, SECOND_NS, Event, Operation, Window
from reports.analysis.incident_context import IncidentContext, shows

# Any client that opens new connections does so within this time.
MINUTE_NS = 60 * SECOND_NS


def streaming(event: Event) -> int | None:
    """Return how many replicas stream from a member, by its REST API; None: it is no primary, or reports none."""
    replication = event.detail.get("replication")
    if event.detail.get("role") not in ("primary", "master") or not isinstance(replication, (list, tuple)):
        return None
    return sum(1 for row in replication if isinstance(row, dict) and row.get("state") == "streaming")


def redundancy_back(context: IncidentContext) -> tuple[int | None, Event | None]:
    """Return how long after the incident's start as many replicas streamed as before it, and the event that shows it.

    0: there were never fewer. None: not observed, or not within the recording.
    """
    if context.span.about and not context.span.about & context.index.members:
        return None, None  # cut out of another incident, whose replicas these may be
    before: int | None = None
    fell_ns: int | None = None
    primary = context.leader_before
    for event in context.index.of_kinds("leader.elected", "member.changed"):
        if fell_ns is None and event.by_ns > context.span.reach_ns:
            break  # there were as many throughout
        if event.kind == "leader.elected" and event.by_ns >= context.span.since_ns:
            primary, fell_ns = event.subject, event.by_ns
        if event.source != "patroni" or event.subject != primary:
            continue
        count = streaming(event)
        if count is None:
            continue
        if event.by_ns < context.span.since_ns:
            before = count
        elif before is not None and count < before:
            fell_ns = event.by_ns if fell_ns is None else fell_ns
        elif before is not None and fell_ns is not None and event.by_ns >= max(fell_ns, context.span.since_ns):
            return max(0, event.by_ns - context.span.began_ns), event
    return (0, None) if before is not None and fell_ns is None else (None, None)


def protection(context: IncidentContext, shown: Event | None) -> list[Phase]:
    """Return the phase from the first acknowledged write after the outage until as many replicas stream as before."""
    last = context.write.outages[-1] if context.write.outages else None
    if last is None or last.open or shown is None or shown.by_ns <= max(last.ended_ns, context.span.began_ns):
        return []
    evidence = shows("evidence.streaming", shown, member=shown.subject, replicas=streaming(shown))
    return [Phase("protection", Window.at(last.ended_ns), shown.window, None, evidence)]


def brownout(context: IncidentContext) -> Brownout | None:
    """Return how long the old leader's route was still up beside the new one while new connections failed.

    Its duration is 0 if the route was not up, or no operation failed meanwhile. None: no routes were observed, or no
    new connection was opened meanwhile.
    """
    index, elected, old = context.index, context.leader_elected, context.leader_before
    if not index.primary_pools:
        return None
    longest, unknown = Brownout(0), False
    if elected is None or elected.subject == old:
        return longest
    for pool in index.primary_pools:
        up, down = _stale_route(context, index.routes.get(pool, ()), old, elected.subject)
        if up is None:
            continue
        until_ns = index.end_ns if down is None else down.by_ns
        if any(o.probe == NEW and up.by_ns < o.finished_ns <= until_ns for o in index.failures["write"]):
            longest = max(longest, _brownout(up, down, until_ns), key=lambda one: one.duration_ns)
        elif not any(map(_connects, index.recording.between(up.by_ns, min(until_ns, up.by_ns + MINUTE_NS)))):
            unknown = True
    return None if unknown and not longest.duration_ns else longest


def _stale_route(
    context: IncidentContext, routes: Sequence[Event], old: str | None, new: str
) -> tuple[Event | None, Event | None]:
    """Return the new leader's route that came up while the old one was up, and the old one that went down after."""
    own = [(route, context.index.member_of(route)) for route in routes]
    came_up = (r for r, member in own if r.kind == "route.up" and r.by_ns >= context.span.since_ns and member == new)
    up = next(came_up, None)
    before = [r for r, member in own if member == old and up is not None and r.by_ns <= up.by_ns]
    if up is None or not before or before[-1].kind == "route.down":
        return None, None
    down = (r for r, member in own if r.by_ns > up.by_ns and r.kind == "route.down" and member == old)
    return up, next(down, None)


def _brownout(up: Event, down: Event | None, until_ns: int) -> Brownout:
    length = None
    if down is not None:
        length = Window(max(0, down.window.after_ns - up.by_ns), down.by_ns - up.window.after_ns)
    return Brownout(until_ns - up.by_ns, length, tuple(e.id for e in (up, down) if e is not None and e.id is not None))


def _connects(operation: Operation) -> bool:
    """Return whether it is a write on a new connection: only such a write meets a stale route."""
    return operation.action == "write" and operation.probe == NEW
