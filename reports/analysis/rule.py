"""What rules share: what was observed of a member, the result of a rule, and its evidence.

A rule finds its cause with the rows that show it, rejects it with a reason, or returns None if nothing points to it.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Confidence, Evidence, Rejected, Unreachable
from observer.model.recording import SECOND_NS, Event
from reports.analysis.changes import Change, started
from reports.analysis.incident_context import IncidentContext, MemberObservations, shows
from reports.analysis.incidents import TOGETHER_NS
from reports.analysis.leadership import says_primary

# Keys that expire with one lease go at one revision; if no revision is known, this close together.
ONE_LEASE_NS = SECOND_NS
# How long after an incident's end its consequences may come: the lease of a replica, a proxy's checks.
CONSEQUENCES_NS = 60 * SECOND_NS
# A member that acts this long after it stopped answering is not dying; only a running one writes these lines.
DYING_NS = 2 * SECOND_NS
OF_A_RUNNING_MEMBER = ("key_not_renewed", "demoted")
# The accept queue of a stopped Patroni is full after about 5 s of polls and of a proxy's checks (measured: 5.0 s).
QUEUE_NS = 6 * SECOND_NS


def observed(context: IncidentContext, member: str) -> MemberObservations:
    """Return what was observed of a member in and around the incident; computed once for each."""
    if member not in context.observations:
        context.observations[member] = _observe(context, member)
    return context.observations[member]


def _observe(context: IncidentContext, member: str) -> MemberObservations:
    index, end_ns = context.index, context.index.end_ns
    reach_ns = max(context.span.reach_ns, min(context.span.ended_ns + CONSEQUENCES_NS, context.span.following_ns))
    lost = context.first("leader.lost", subject=member)
    keys_lost = context.events("member.lost", subject=member, until_ns=reach_ns)
    with_it = None if lost is None else next((e for e in keys_lost if _one_lease(lost, e)), None)
    rest = next((one for one in context.unreachable("patroni") if one.subject == member), None)
    of_sql = (one for one in context.unreachable("postgres") if one.subject == member)
    sql = next((one for one in of_sql if _together(one, rest)), None)
    back_ns = reach_ns if rest is None else _shut_ns(rest, end_ns)
    # A member that went away in the incident was there before; otherwise it counts whether it was reachable then.
    away_ns = context.span.since_ns if rest is None else rest.began_ns
    sql_observed = sql is not None or index.observed("postgres", member, away_ns)
    role = index.last("member.changed", member, context.span.reach_ns if lost is None else lost.by_ns, "postgres")
    paused = index.last("member.changed", member, away_ns, "patroni")
    stopping = (c.event for c in context.changes(member) if _reports_stop(c) and c.event.by_ns < back_ns)
    return MemberObservations(
        member=member,
        rest=rest,
        rest_observed=rest is not None or index.observed("patroni", member, context.span.since_ns),
        sql=sql,
        sql_observed=sql_observed,
        sql_primary=role if sql_observed and role is not None and says_primary(role) else None,
        leader_lost=lost,
        expired=() if lost is None or with_it is None else (lost, with_it),
        key_lost=next(iter(keys_lost), None),
        stopping=next(stopping, None),
        restarted=_restarted(context, member, reach_ns),
        ran_on=None if rest is None or sql is None else _ran_on(context, rest, sql, reach_ns),
        paused=paused if paused is not None and paused.detail.get("pause") else None,
    )


def _ran_on(context: IncidentContext, rest: Unreachable, sql: Unreachable, reach_ns: int) -> Event | None:
    """Return what its container or its log reported meanwhile; else its return, if it was never restarted."""
    reports = [
        e
        for e in context.index.between(rest.began_ns - DYING_NS, rest.ended_ns(context.index.end_ns))
        if e.subject == rest.subject
        and (e.kind == "container.ended" or (e.kind == "log.told" and e.detail.get("says") in OF_A_RUNNING_MEMBER))
    ]
    if reports:
        first = reports[0]
        ran = first.kind == "log.told" or first.detail.get("exit_code") == 128 + 9
        return first if ran and first.by_ns > rest.began_ns + DYING_NS else None
    back = sql.back if sql.back is not None and sql.back.by_ns <= reach_ns else None
    if back is None or _restarted(context, rest.subject, max(reach_ns, back.by_ns + DYING_NS)) is not None:
        return None
    changed = context.index.events_of("member.changed", rest.subject)
    known = (e for e in changed if e.source == "postgres" and e.by_ns <= sql.began_ns)
    return back if any(started(e) is not None for e in known) else None


def _restarted(context: IncidentContext, member: str, until_ns: int) -> Event | None:
    changed = context.index.changed_between(context.span.since_ns, until_ns)
    return next((c.event for c in changed if c.event.subject == member and c.restarted), None)


def accepts_on(context: IncidentContext, rest: Unreachable) -> bool:
    """Return whether REST went on accepting connections without an answer: Patroni runs and waits for its PostgreSQL.

    The accept queue of a stopped Patroni holds 5 connections, and is full after a few seconds of polls and checks. If a
    published port of Docker accepts the observer's connections, a check of the proxy shows that Patroni did not.
    """
    until_ns = rest.ended_ns(context.index.end_ns)
    if until_ns - rest.began_ns < QUEUE_NS or any(event.detail.get("how") != "silent" for event in rest.failures):
        return False
    return not any(
        event.kind.startswith("route.")
        and str(event.detail.get("check_status")).lstrip("* ") == "L4TOUT"
        and context.index.member_of(event) == rest.subject
        for event in context.index.between(rest.began_ns, until_ns)
    )


def _together(sql: Unreachable, rest: Unreachable | None) -> bool:
    """Return whether PostgreSQL went away with Patroni, or before it, or whenever if Patroni was there throughout.

    One that goes later is shut down by a Patroni that came back.
    """
    return rest is None or sql.began_ns <= rest.began_ns + TOGETHER_NS


def _one_lease(lost: Event, member_lost: Event) -> bool:
    one, other = lost.detail.get("revision"), member_lost.detail.get("revision")
    if one is None or other is None:
        return abs(lost.by_ns - member_lost.by_ns) <= ONE_LEASE_NS
    return bool(one == other)


def _shut_ns(rest: Unreachable, end_ns: int) -> int:
    """Return until when a member may still report its stop: a moment after REST was refused.

    Later reports come from its return: a Patroni that starts also calls its PostgreSQL stopped.
    """
    shut = next((event.by_ns for event in rest.failures if event.detail.get("how") == "refused"), None)
    return rest.ended_ns(end_ns) if shut is None else shut + SECOND_NS


def _reports_stop(change: Change) -> bool:
    return change.event.detail.get("state") in ("stopping", "stopped", "shutting down")


@dataclass(frozen=True, slots=True)
class Found:
    """A cause that holds, with its targets."""

    cause: str
    targets: tuple[str, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejected, ...] = field(default=())

    @property
    def target(self) -> str | None:
        """Return the target; None if there are several or none."""
        return self.targets[0] if len(self.targets) == 1 else None


RuleResult = Found | Rejected | None
Rule = Callable[[IncidentContext], RuleResult]


def found(cause: str, targets: str | Iterable[str], sure: Confidence | bool, *evidence: Evidence | None) -> Found:
    """Return a cause that holds, with each target once and without the evidence that is None.

    `sure`: the confidence; True is "high", False "medium".
    """
    named = (targets,) if isinstance(targets, str) else tuple(dict.fromkeys(targets))
    confidence: Confidence = sure if isinstance(sure, str) else "high" if sure else "medium"
    return Found(cause, named, confidence, tuple(e for e in evidence if e is not None))


def rejected(cause: str, reason: str, **facts: Any) -> Rejected:
    """Return a cause that does not hold, and why."""
    return Rejected(cause, reason, facts)


def decided(
    cause: str,
    seen: MemberObservations,
    reasons: Mapping[str, object],
    sure: Confidence | bool,
    *evidence: Evidence | None,
) -> RuleResult:
    """Return a cause that lies with a member; if one of the reasons against it applies, the first of those."""
    reason = next((reason for reason, applies in reasons.items() if applies), None)
    if reason is None:
        return found(cause, seen.member, sure, *evidence)
    hows = {"reason.rest_how": seen.rest_how, "reason.sql_how": seen.sql_how}
    facts = {"how": hows[reason]} if reason in hows else {}
    return rejected(cause, reason, member=seen.member, **facts)


def of_member(says: str, event: Event | None, **facts: Any) -> Evidence | None:
    """Return evidence of an event about a member; None if there is no event."""
    return None if event is None else shows(says, event, member=event.subject, **facts)


def key_deleted(context: IncidentContext) -> Evidence | None:
    """Return evidence that the leader key was deleted."""
    return of_member("evidence.leader_key_deleted", context.leader_lost)


def key_taken(context: IncidentContext) -> Evidence | None:
    """Return evidence that the leader key was taken after."""
    return of_member("evidence.leader_key_taken", context.leader_elected)


def expired(seen: MemberObservations) -> Evidence:
    """Return evidence that the lease of a leader ran out: its keys went at one revision."""
    revision = seen.expired[0].detail.get("revision")
    return shows("evidence.lease_expired", seen.expired, member=seen.member, revision=revision)


def failed(seen: MemberObservations) -> list[Evidence]:
    """Return evidence of how the polls of a member failed."""
    polls = (("evidence.rest_failed", seen.rest), ("evidence.sql_failed", seen.sql))
    return [shows(says, one.event, member=seen.member, how=one.how) for says, one in polls if one is not None]


def failed_endpoints(down: Iterable[Unreachable]) -> list[Evidence]:
    """Return evidence of the members of etcd that did not answer."""
    return [shows("evidence.etcd_failed", one.event, endpoint=one.subject, how=one.how) for one in down]


def member_state(event: Event | None) -> Evidence | None:
    """Return evidence of the state that a member reported."""
    return None if event is None else of_member("evidence.member_state", event, state=event.detail.get("state"))


def restarted(seen: MemberObservations) -> Evidence | None:
    """Return evidence that its PostgreSQL has another start time."""
    return of_member("evidence.postgres_started", seen.restarted)
