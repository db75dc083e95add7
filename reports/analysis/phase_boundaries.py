"""What ends a phase: the moments that take an outage apart, each with what shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from observer.model.findings import Evidence
from observer.model.recording import Event, Window
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.index import pool_of
from reports.analysis.leadership import says_primary
from reports.analysis.outages import STABLE_NS
from reports.analysis.proxy_return import answered_again
from reports.analysis.rule import Found
from reports.analysis.rules.etcd import shows_regained


@dataclass(frozen=True, slots=True)
class Boundary:
    """The end of a phase: when, and what shows it."""

    window: Window
    evidence: Evidence


Find = Callable[
    [IncidentContext, Found, int], Boundary | None
]  # the incident, its cause, when the mark before it was (by_ns)


def key_gone(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """The leader key is gone: its lease ran out, or it was given up."""
    lost = context.leader_lost
    expired = () if lost is None else context.observed(lost.subject).expired
    if lost is not None and expired:
        facts = {"member": lost.subject, "revision": lost.detail.get("revision")}
        return Boundary(lost.window, shows("evidence.lease_expired", expired, **facts))
    return (
        None if lost is None else Boundary(lost.window, shows("evidence.leader_key_deleted", lost, member=lost.subject))
    )


def key_taken(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """The leader key is taken."""
    event = context.leader_elected
    return (
        None
        if event is None
        else Boundary(event.window, shows("evidence.leader_key_taken", event, member=event.subject))
    )


def accepts(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """The primary accepts writes: it says so to direct SQL, or else to REST."""
    elected = context.leader_elected
    leader = context.leader_before if elected is None else elected.subject
    for source, says in (("postgres", "evidence.sql_primary"), ("patroni", "evidence.rest_role")):
        for event in _reach(context, after_ns):
            back = event.kind == "source.sees" and elected is None
            if event.source != source or event.subject != leader or event.kind not in ("member.changed", "source.sees"):
                continue
            if says_primary(event) or (back and _was_primary(context, event)):
                facts = {"role": "primary"} if source == "patroni" else {}
                return Boundary(event.window, shows(says, event, member=leader, **facts))
    return None


def routed(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """A proxy routes the primary's clients to the leader."""
    elected = context.leader_elected
    leader = context.leader_before if elected is None else elected.subject
    for event in _reach(context, after_ns):
        if event.kind != "route.up" or event.detail.get("initial") or context.index.member_of(event) != leader:
            continue
        if pool_of(event) in context.index.primary_pools:
            facts = {"pool": pool_of(event), "server": event.detail.get("server") or leader}
            return Boundary(event.window, shows("evidence.route_up", event, **facts))
    return None


def quorum_back(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """etcd has a leader again."""
    event = next((e for e in _reach(context, after_ns) if e.kind == "quorum.regained"), None)
    return None if event is None else Boundary(event.window, shows_regained(event, context.index.recording.events))


def proxy_back(context: IncidentContext, cause: Found, after_ns: int) -> Boundary | None:
    """The proxy answers again: a server's answer through it shows that, or its statistics, whichever came first."""
    answer = answered_again(context) if cause.cause in ("proxy.down", "proxy.frozen") else None
    for event in _reach(context, after_ns):
        if event.source == "haproxy" and event.kind == "source.sees" and event.subject in cause.targets:
            if answer is not None and answer[1].by_ns < event.by_ns:
                break
            return Boundary(event.window, shows("evidence.proxy_back", event, proxy=event.subject))
    if answer is None:
        return None
    first, window = answer
    ids = () if first.id is None else (first.id,)
    facts = {"action": first.action, "server": first.server, "at_s": at_s(window.by_ns)}
    return Boundary(window, Evidence("operations", ids, "evidence.proxy_answered", facts))


def _reach(context: IncidentContext, after_ns: int) -> list[Event]:
    """Events of the incident that are known since a moment or later, as far as its outages and its calm reach."""
    until_ns = max([context.until_ns, *(outage.ended_ns + STABLE_NS for outage in context.outages)])
    from_ns = max(context.from_ns, after_ns)
    return list(context.index.between(from_ns, until_ns))


def _was_primary(context: IncidentContext, sees: Event) -> bool:
    """Whether what a source last said of a member, when it sees it again, is that it is a primary."""
    told = [
        e
        for e in context.index.recording.events
        if e.kind == "member.changed" and (e.source, e.subject) == (sees.source, sees.subject) and e.by_ns <= sees.by_ns
    ]
    return bool(told) and bool(says_primary(told[-1]))
