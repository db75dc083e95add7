"""Causes that lie with the leader: killed, stopped, frozen, cut off, or requested to hand over."""

from observer.model.findings import Confidence, Evidence, Rejected
from observer.model.recording import SECOND_NS
from reports.analysis.incident_context import SHUT, UNREACHED, IncidentContext, MemberObservations, at_s, shows
from reports.analysis.rule import (
    RuleResult,
    accepts_on,
    decided,
    expired,
    failed,
    found,
    key_deleted,
    key_taken,
    member_state,
    observed,
    of_member,
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
    if request is None:
        moved = context.leader_lost is not None or elected is not None
        return rejected(cause, "reason.no_failover_asked") if moved else None
    leader, candidate = request.detail.get("leader"), request.detail.get("candidate")
    if with_leader and not leader:
        return rejected(cause, "reason.no_leader_named")
    if not with_leader and leader:
        return rejected(cause, "reason.leader_named", leader=leader)
    targets = [str(name) for name in (leader or context.leader_before,) if name]
    asked = shows("evidence.failover_asked", request, leader=leader, candidate=candidate)
    return found(cause, targets, elected is not None, asked, key_deleted(context), key_taken(context))


def leader_taken_back(context: IncidentContext) -> RuleResult:
    """Find a former leader that wrote its key over its successor's, still held, and continues an older timeline.

    With etcd, Patroni does so if a leader is frozen through the end of its lease and resumes in the middle of its loop.
    """
    elected, before = context.leader_elected, context.leader_before
    if context.leader_lost is not None or context.request is not None or elected is None or before is None:
        return None
    member = elected.subject
    ours = [e for e in context.events("member.changed", subject=member) if e.detail.get("timeline")][:1]
    known = (e for e in context.index.reports_of(before) if e.by_ns <= elected.by_ns and e.detail.get("timeline"))
    both = [*list(known)[-1:], *ours]
    newer, older = (int(event.detail["timeline"]) for event in both) if len(both) == 2 else (0, 0)
    if older >= newer:
        return None
    shown = shows("evidence.timeline_older", both, member=member, timeline=older, leader=before, newer=newer)
    return found("leader.taken_back", member, "high", key_taken(context), shown)


def leader_stopped(context: IncidentContext) -> RuleResult:
    """Find a leader whose key alone was deleted, and that reported its stop, or whose REST was refused after."""
    seen, cause = _leader(context), "leader.stopped"
    if seen is None or context.request is not None:
        return None if seen is None else _asked(context, cause)
    reasons = {
        "reason.lease_expired": seen.expired,
        "reason.leader_key_kept": seen.leader_lost is None,
        "reason.crashed_first": crashed_first(context),
        "reason.not_said_stopped": seen.stopping is None and seen.rest_how not in SHUT,
    }
    state = member_state(seen.stopping)
    return decided(cause, seen, reasons, seen.stopping is not None, key_deleted(context), state, *failed(seen))


def leader_killed(context: IncidentContext) -> RuleResult:
    """Find a leader whose lease ran out (or that came back before it did), with REST and SQL refused at once."""
    seen = _sudden(context, cause := "leader.killed", away=False)
    if not isinstance(seen, MemberObservations):
        return seen
    reasons = {
        "reason.rest_answers": seen.rest is None and seen.rest_observed,
        "reason.rest_not_observed": seen.rest is None,
        "reason.rest_how": seen.rest_how not in SHUT and not seen.refused_first,
        "reason.sql_how": seen.sql is not None and seen.sql_how not in SHUT and not seen.address_gone,
        "reason.sql_primary": seen.serves,
        "reason.ran_on": seen.ran_on,
    }
    sure = seen.sql_how in SHUT and seen.rest_how in SHUT and bool(seen.expired or seen.restarted)
    return decided(cause, seen, reasons, sure, *_shown(context, seen), restarted(seen))


def patroni_killed(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST is refused, while PostgreSQL goes on as a primary.

    In pause mode Patroni may have been restarted. A PostgreSQL that accepts a connection and does not answer is not
    dead either, but may have a fault of its own.
    """
    seen = _sudden(context, cause := "patroni.killed")
    if not isinstance(seen, MemberObservations):
        return seen
    reasons = {
        "reason.rest_how": seen.rest_how not in SHUT,
        "reason.sql_how": seen.sql is not None and (seen.sql_how != "silent" or seen.address_gone),
        "reason.rest_not_observed": seen.sql is None and not seen.serves,
    }
    mode = None if seen.expired or seen.sql is not None else of_member("evidence.paused", seen.paused)
    sure = seen.sql is None and mode is None
    return decided(cause, seen, reasons, sure, *_shown(context, seen), mode)


def leader_frozen(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST accepted the first poll and did not answer."""
    seen = _sudden(context, cause := "leader.frozen")
    if not isinstance(seen, MemberObservations):
        return seen
    reasons = {
        "reason.rest_how": seen.rest_how != "silent",
        "reason.sql_how": seen.sql_how in SHUT,
        "reason.rest_accepts": not seen.expired and seen.rest is not None and accepts_on(context, seen.rest),
        "reason.rest_answers": _came_back(context, seen),
    }
    unsure: Confidence = "medium" if seen.expired else "low"
    sure = unsure if seen.serves else bool(seen.expired and seen.sql)
    return decided(cause, seen, reasons, sure, *_shown(context, seen))


def leader_unreachable(context: IncidentContext) -> RuleResult:
    """Find a leader whose REST let no connection in from the first poll on, or that was refused while it ran."""
    seen = _sudden(context, cause := "leader.unreachable")
    if not isinstance(seen, MemberObservations):
        return seen
    refused_on = seen.rest_how in SHUT and seen.ran_on is not None
    reasons = {
        "reason.rest_how": seen.rest_how not in UNREACHED and not refused_on,
        "reason.sql_how": seen.ran_on is None and seen.refused_first,
        "reason.rest_answers": _came_back(context, seen),
        "reason.sql_primary": seen.serves and seen.expired,
    }
    ran_on = of_member("evidence.ran_on", seen.ran_on)
    sure: Confidence | bool = "low" if seen.serves else bool(seen.expired and seen.sql)
    return decided(cause, seen, reasons, sure, *_shown(context, seen), ran_on)


def leader_cut_off(context: IncidentContext) -> RuleResult:
    """Find a leader whose lease ran out while it answered the observer: REST throughout, or direct SQL as a primary."""
    seen, cause = _leader(context), "leader.cut_off"
    if seen is None or not seen.expired or not seen.rest_observed:
        return None
    shown = _shown(context, seen)
    if seen.rest is None:
        last = context.before("member.changed", subject=seen.member, source="patroni")
        answers = shows("evidence.rest_answers", last, member=seen.member, at_s=at_s(context.span.began_ns))
        shown = [expired(seen), key_taken(context), answers]
    reasons = {"reason.rest_how": seen.rest is not None and not (seen.rest_how in UNREACHED and seen.serves)}
    return decided(cause, seen, reasons, "medium", *shown)


def _leader(context: IncidentContext) -> MemberObservations | None:
    """Return the leader at the incident's beginning if anything points to it: its key went, or REST was unreachable."""
    lost = context.leader_lost
    name = lost.subject if lost is not None else context.leader_before
    if name is None or not context.concerns(name):
        return None
    seen = observed(context, name)
    return seen if seen.leader_lost is not None or seen.rest is not None else None


def _sudden(context: IncidentContext, cause: str, away: bool = True) -> MemberObservations | Rejected | None:
    """Return the leader if it went away suddenly, else the reason why not. `away`: only if REST was unreachable."""
    seen = _leader(context)
    if seen is None or (away and seen.rest is None):
        return None
    if context.request is not None:
        return _asked(context, cause)
    if seen.expired:
        return seen
    quorum = None if seen.leader_lost is not None else context.first("quorum.lost")
    if quorum is not None and not quorum_passed(context):
        return rejected(cause, "reason.quorum_lost", at_s=at_s(quorum.by_ns))
    if seen.stopping is not None:
        return rejected(cause, "reason.said_stopped", member=seen.member, state=seen.stopping.detail.get("state"))
    return seen if seen.leader_lost is None else rejected(cause, "reason.lease_not_expired", member=seen.member)


def _asked(context: IncidentContext, cause: str) -> Rejected | None:
    request = context.request
    return None if request is None else rejected(cause, "reason.failover_asked", at_s=at_s(request.by_ns))


def _came_back(context: IncidentContext, seen: MemberObservations) -> bool:
    """Return whether a leader that kept its key was back too soon to have been away."""
    if seen.expired or seen.rest is None:
        return False
    return seen.rest.ended_ns(context.index.end_ns) - seen.rest.began_ns < AWAY_NS


def _shown(context: IncidentContext, seen: MemberObservations) -> list[Evidence | None]:
    """Return evidence of the leader key, of the polls that failed, and of a PostgreSQL that went on as a primary."""
    key = [expired(seen), key_taken(context)] if seen.expired else [context.leader_key_kept(seen.member)]
    return [*key, *failed(seen), of_member("evidence.sql_primary", seen.sql_primary) if seen.serves else None]
