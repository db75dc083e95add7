"""Phase boundaries: the moments that divide an outage into phases, each with its evidence."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from observer.model.findings import Evidence
from observer.model.recording import NEW, Event, Operation, Outcome, Window
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.index import pool_of
from reports.analysis.leadership import says_primary
from reports.analysis.outages import STABLE_NS
from reports.analysis.rule import Found, expired, key_deleted, observed
from reports.analysis.rule import key_taken as shows_taken
from reports.analysis.rules.etcd import shows_regained

# The class of SQLSTATEs of the connection, which the client library raises as well; all others are a server's own.
CONNECTION = "08"


@dataclass(frozen=True, slots=True)
class Boundary:
    """The end of a phase: when, and what shows it."""

    window: Window
    evidence: Evidence


# The incident, its cause, and the moment of the boundary before (by_ns).
Find = Callable[[IncidentContext, Found, int], Boundary | None]


def key_gone(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find the loss of the leader key: its lease ran out, or it was given up."""
    lost = context.leader_lost
    if lost is None:
        return None
    seen = observed(context, lost.subject)
    return _boundary(lost, expired(seen) if seen.expired else key_deleted(context))


def key_taken(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find the taking of the leader key."""
    return _boundary(context.leader_elected, shows_taken(context))


def accepts(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find when the primary accepts writes: it reports that to direct SQL, or else to REST."""
    leader = _leader(context)
    for source, says in (("postgres", "evidence.sql_primary"), ("patroni", "evidence.rest_role")):
        for event in _from(context, after_ns, "member.changed", "source.sees"):
            if (event.source, event.subject) != (source, leader):
                continue
            last = context.index.last("member.changed", event.subject, event.by_ns, source)
            back = event.kind == "source.sees" and context.leader_elected is None
            if says_primary(event) or (back and last is not None and says_primary(last)):
                facts = {"role": "primary"} if source == "patroni" else {}
                return _boundary(event, shows(says, event, member=leader, **facts))
    return None


def routed(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find when a proxy routes the primary's clients to the leader."""
    leader, index = _leader(context), context.index
    for event in _from(context, after_ns, "route.up"):
        if event.detail.get("initial") or index.member_of(event) != leader or pool_of(event) not in index.primary_pools:
            continue
        facts = {"pool": pool_of(event), "server": event.detail.get("server") or leader}
        return _boundary(event, shows("evidence.route_up", event, **facts))
    return None


def quorum_back(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find when etcd has a leader again."""
    event = next(_from(context, after_ns, "quorum.regained"), None)
    return None if event is None else _boundary(event, shows_regained(event, context.index))


def proxy_back(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """Find the first answer of a server through the proxy, or of its statistics, whichever came first."""
    answer = _answered_again(context)
    back = (e for e in _from(context, after_ns, "source.sees") if e.source == "haproxy" and e.subject in cause.targets)
    event = next(back, None)
    if event is not None and (answer is None or answer[1].by_ns >= event.by_ns):
        return _boundary(event, shows("evidence.proxy_back", event, proxy=event.subject))
    if answer is None:
        return None
    first, window = answer
    facts = {"action": first.action, "server": first.server, "at_s": at_s(window.by_ns)}
    ids = () if first.id is None else (first.id,)
    return Boundary(window, Evidence("operations", ids, "evidence.proxy_answered", facts))


def _answered(operation: Operation) -> bool:
    """Return whether a server answered, even with an error: only then did the route through the proxy work."""
    state = operation.sqlstate
    return operation.outcome is Outcome.OK or (state is not None and not state.startswith(CONNECTION))


def _answered_again(context: IncidentContext) -> tuple[Operation, Window] | None:
    """Return the first answer on a connection made since the proxy went away, and the window of the proxy's return.

    None: the proxy was not seen away, or no operation of the incident got an answer.
    """
    began = [one.began_ns for one in context.unreachable("haproxy")]
    if not began or not context.write.outages:
        return None
    until_ns = max(context.span.reach_ns, *(outage.ended_ns for outage in context.write.outages))
    own = [o for o in context.index.recording.between(min(began), until_ns) if o.started_ns >= min(began)]
    first = next(_on_new_connections(own), None)
    if first is None:
        return None
    failed = [o.started_ns for o in own if not _answered(o) and o.started_ns < first.started_ns]
    return first, Window(max(failed, default=min(began)), first.finished_ns)


def _on_new_connections(operations: list[Operation]) -> Iterator[Operation]:
    """Yield operations answered on a new connection: a proxy that is asked to stop still serves the open ones."""
    failed: set[tuple[str, str]] = set()
    for one in sorted(operations, key=lambda o: o.finished_ns):
        if not _answered(one):
            failed.add((one.action, one.probe))
        elif one.probe == NEW or (one.action, one.probe) in failed:
            yield one


def _boundary(event: Event | None, evidence: Evidence | None) -> Boundary | None:
    return None if event is None or evidence is None else Boundary(event.window, evidence)


def _leader(context: IncidentContext) -> str | None:
    elected = context.leader_elected
    return context.leader_before if elected is None else elected.subject


def _from(context: IncidentContext, after_ns: int, *kinds: str) -> Iterator[Event]:
    """Yield events of some kinds from a moment on, up to the end of the incident and of the calm after its outages."""
    until_ns = max([context.span.reach_ns, *(outage.ended_ns + STABLE_NS for outage in context.write.outages)])
    events = context.index.between(max(context.span.since_ns, after_ns), until_ns)
    return (event for event in events if event.kind in kinds)
