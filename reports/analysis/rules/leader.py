"""Causes that lie with the leader: killed, stopped, frozen, cut off, or requested to hand over."""

from __future__ import annotations

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS, Event
from reports.analysis.incident_context import SHUT, UNREACHED, IncidentContext, MemberObservations, at_s, shows
from reports.analysis.observe import accepts_on, observed
from reports.analysis.rule import (
    RuleResult,
    expired,
    failed,
    found,
    key_deleted,
    key_taken,
    member_state,
    of_member,
    paused,
    ran_on,
    rejected,
    restarted,
)
from reports.analysis.rules.etcd import quorum_passed
from reports.analysis.rules.postgres import crashed_first

# A leader whose key stays was away only if it was unreachable for at least this long.
AWAY_NS = 3 * SECOND_NS


def switchover(context: IncidentContext) -> RuleResult:
    """Find a request for a switchover: the failover key was written first, and names the leader."""
    return _requested(context, "switchover", with_leader=True)


def failover_manual(context: IncidentContext) -> RuleResult:
    """Find a request for a manual failover: the failover key was written first, and names a candidate alone."""
    return _requested(context, "failover.manual", with_leader=False)


def _requested(context: IncidentContext, cause: str, with_leader: bool) -> RuleResult:
    request, elected = context.request, context.leader_elected
    if context.leader_lost is None and elected is None and request is None:
        return None
    if request is None:
        return rejected(cause, "reason.no_failover_asked")
    leader = request.detail.get("leader")
    if with_leader and not leader:
        return rejected(cause, "reason.no_leader_named")
    if not with_leader and leader:
        return rejected(cause, "reason.leader_named", leader=leader)
    target = str(leader or context.leader_before or "")
    return found(
        cause,
        target or (),
        "high" if elected is not None else "medium",
        shows("evidence.failover_asked", request, leader=leader, candidate=request.detail.get("candidate")),
        key_deleted(context),
        key_taken(context),
    )


def leader_taken_back(context: IncidentContext) -> RuleResult:
    """Find a former leader that wrote its key over its successor's, still held, and continues an older timeline.

    With etcd, Patroni does so if a leader is frozen through the end of its lease and resumes in the middle of its loop.
    """
    elected, before = context.leader_elected, context.leader_before
    if context.leader_lost is not None or context.request is not None or elected is None or before is None:
        return None
    ours = next((e for e in context.events("member.changed", subject=elected.subject) if _timeline(e)), None)
    known = context.index.events_of("member.changed", before)
    theirs = next((e for e in reversed(known) if e.by_ns <= elected.by_ns and _timeline(e)), None)
    if ours is None or theirs is None or _timeline(ours) >= _timeline(theirs):
        return None
    facts = {"member": elected.subject, "timeline": _timeline(ours), "leader": before, "newer": _timeline(theirs)}
    return found(
        "leader.taken_back",
        elected.subject,
        "high",
        key_taken(context),
        shows("evidence.timeline_older", (theirs, ours), **facts),
    )


def _timeline(event: Event) -> int:
    """Return the timeline that a member reports; 0: it reports none."""
    return int(event.detail.get("timeline") or 0)


def leader_stopped(context: IncidentContext) -> RuleResult:
    """Find a leader whose key alone was deleted, and that reported its stop, or whose REST was refused after."""
    seen, cause = _leader(context), "leader.stopped"
    if seen is None:
        return None
    if context.request is not None:
        return rejected(cause, "reason.failover_asked", at_s=at_s(context.request.by_ns))
    if seen.expired:
        return rejected(cause, "reason.lease_expired", member=seen.member)
    if seen.leader_lost is None:
        return rejected(cause, "reason.leader_key_kept", member=seen.member)
    if crashed_first(context) is not None:
        return rejected(cause, "reason.crashed_first", member=seen.member)
    if seen.stopping is None and (seen.rest is None or seen.rest.how not in SHUT):
        return rejected(cause, "reason.not_said_stopped", member=seen.member)
    sure = seen.stopping is not None
    state = member_state(seen.stopping, seen.member)
    return found(cause, seen.member, "high" if sure else "medium", key_deleted(context), state, *failed(seen))


def leader_killed(context: IncidentContext) -> RuleResult:
    """Find a leader whose lease ran out (or that came back before it did), with REST and SQL refused at once."""
    seen, cause = _leader(context), "leader.killed"
    if seen is None:
        return None
    if (reason := _not_sudden(context, seen, cause)) is not None:
        return reason
    if seen.rest is None:
        answers = "reason.rest_answers" if seen.rest_observed else "reason.rest_not_observed"
        return rejected(cause, answers, member=seen.member)
    if seen.rest.how not in SHUT and not seen.refused_first:
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.sql.how not in SHUT and not seen.address_gone:
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if seen.sql is None and seen.sql_primary is not None:
        return rejected(cause, "reason.sql_primary", member=seen.member)
    if seen.ran_on is not None:
        return rejected(cause, "reason.ran_on", member=seen.member)
    shut = seen.sql is not None and seen.sql.how in SHUT and seen.rest.how in SHUT
    sure = shut and (bool(seen.expired) or seen.restarted is not None)
    return found(cause, seen.member, "high" if sure else "medium", *_key(context, seen), *failed(seen), restarted(seen))


def patroni_killed(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST is refused, while PostgreSQL goes on as a primary.

    In pause mode Patroni may have been restarted. A PostgreSQL that accepts a connection and does not answer is not
    dead either, but may have a fault of its own.
    """
    seen, cause = _leader(context), "patroni.killed"
    if seen is None or seen.rest is None:
        return None
    if (reason := _not_sudden(context, seen, cause)) is not None:
        return reason
    if seen.rest.how not in SHUT:
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and (seen.sql.how != "silent" or seen.address_gone):
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if seen.sql is None and seen.sql_primary is None:
        return rejected(cause, "reason.rest_not_observed", member=seen.member)
    evidence = [*_key(context, seen), *failed(seen)]
    if seen.sql is not None:
        return found(cause, seen.member, "medium", *evidence)
    resting = not seen.expired and seen.paused is not None
    mode = paused(seen) if resting else None
    return found(cause, seen.member, "medium" if resting else "high", *evidence, _sql_primary(seen), mode)


def leader_frozen(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST accepted the first poll and did not answer."""
    seen, cause = _leader(context), "leader.frozen"
    if seen is None or seen.rest is None:
        return None
    if (reason := _not_sudden(context, seen, cause)) is not None:
        return reason
    if seen.rest.how != "silent":
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.sql.how in SHUT:
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if not seen.expired and accepts_on(context, seen.rest):
        return rejected(cause, "reason.rest_accepts", member=seen.member)
    if _came_back(context, seen):
        return rejected(cause, "reason.rest_answers", member=seen.member)
    evidence = [*_key(context, seen), *failed(seen)]
    if seen.sql is None and seen.sql_primary is not None:
        return found(cause, seen.member, "medium" if seen.expired else "low", *evidence, _sql_primary(seen))
    return found(cause, seen.member, "high" if seen.expired and seen.sql is not None else "medium", *evidence)


def leader_unreachable(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST let no connection in from the first poll on, or that was refused while it ran."""
    seen, cause = _leader(context), "leader.unreachable"
    if seen is None or seen.rest is None:
        return None
    if (reason := _not_sudden(context, seen, cause)) is not None:
        return reason
    if seen.rest.how not in UNREACHED and (seen.rest.how not in SHUT or seen.ran_on is None):
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.ran_on is None and seen.refused_first:
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if _came_back(context, seen):
        return rejected(cause, "reason.rest_answers", member=seen.member)
    evidence = [*_key(context, seen), *failed(seen)]
    if seen.sql is None and seen.sql_primary is not None:
        if seen.expired:
            return rejected(cause, "reason.sql_primary", member=seen.member)
        return found(cause, seen.member, "low", *evidence, _sql_primary(seen))
    sure = seen.expired and seen.sql is not None
    return found(cause, seen.member, "high" if sure else "medium", *evidence, ran_on(seen))


def leader_cut_off(context: IncidentContext) -> RuleResult:
    """Find a leader whose lease ran out while it answered the observer: REST throughout, or direct SQL as a primary."""
    seen, cause = _leader(context), "leader.cut_off"
    if seen is None or not seen.expired or not seen.rest_observed:
        return None
    if seen.rest is None:
        last = context.before("member.changed", subject=seen.member, source="patroni")
        answers = [of_member("evidence.rest_answers", last, seen.member, at_s=at_s(context.span.began_ns))]
    elif seen.rest.how in UNREACHED and seen.sql is None and seen.sql_primary is not None:
        answers = [*failed(seen), _sql_primary(seen)]
    else:
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    return found(cause, seen.member, "medium", *_key(context, seen), *answers)


def _leader(context: IncidentContext) -> MemberObservations | None:
    """Return the leader at the incident's beginning if anything points to it: its key went, or REST was unreachable."""
    lost = context.leader_lost
    name = lost.subject if lost is not None else context.leader_before
    if name is None or not context.concerns(name):
        return None
    seen = observed(context, name)
    return seen if seen.leader_lost is not None or seen.rest is not None else None


def _not_sudden(context: IncidentContext, seen: MemberObservations, cause: str) -> RuleResult:
    """Return the reason why the leader did not go away suddenly."""
    if context.request is not None:
        return rejected(cause, "reason.failover_asked", at_s=at_s(context.request.by_ns))
    if seen.expired:
        return None
    given_up = seen.leader_lost is not None
    quorum = None if given_up else context.first("quorum.lost")
    if quorum is not None and not quorum_passed(context):
        return rejected(cause, "reason.quorum_lost", at_s=at_s(quorum.by_ns))
    if seen.stopping is not None:
        return rejected(cause, "reason.said_stopped", member=seen.member, state=seen.stopping.detail.get("state"))
    return rejected(cause, "reason.lease_not_expired", member=seen.member) if given_up else None


def _came_back(context: IncidentContext, seen: MemberObservations) -> bool:
    """Return whether a leader that kept its key was back too soon to have been away."""
    if seen.expired or seen.rest is None:
        return False
    return seen.rest.ended_ns(context.index.end_ns) - seen.rest.began_ns < AWAY_NS


def _key(context: IncidentContext, seen: MemberObservations) -> list[Evidence | None]:
    """Return evidence of the fate of the leader key."""
    return [expired(seen), key_taken(context)] if seen.expired else [context.leader_key_kept(seen.member)]


def _sql_primary(seen: MemberObservations) -> Evidence | None:
    return of_member("evidence.sql_primary", seen.sql_primary, seen.member)
