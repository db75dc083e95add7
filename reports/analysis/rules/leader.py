"""Causes that lie with the leader: killed, stopped, frozen, cut off, or asked to hand over."""

from __future__ import annotations

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS, Event
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.member_observations import SHUT, UNREACHED, MemberObservations, accepts_on, went_with_its_address
from reports.analysis.rule import RuleResult, failed, found, key_deleted, key_taken, paused, ran_on, rejected
from reports.analysis.rules.etcd import quorum_passed
from reports.analysis.rules.postgres import crashed_first

# A leader whose key stays was away only if nobody could reach it for at least this long.
AWAY_NS = 3 * SECOND_NS


def switchover(context: IncidentContext) -> RuleResult:
    """The failover key was written first, and names the leader."""
    return _asked_for(context, "switchover", with_leader=True)


def failover_manual(context: IncidentContext) -> RuleResult:
    """The failover key was written first, and names a candidate alone."""
    return _asked_for(context, "failover.manual", with_leader=False)


def _asked_for(context: IncidentContext, cause: str, with_leader: bool) -> RuleResult:
    asked, elected = context.asked, context.leader_elected
    if context.leader_lost is None and elected is None and asked is None:
        return None
    if asked is None:
        return rejected(cause, "reason.no_failover_asked")
    leader = asked.detail.get("leader")
    if with_leader and not leader:
        return rejected(cause, "reason.no_leader_named")
    if not with_leader and leader:
        return rejected(cause, "reason.leader_named", leader=leader)
    target = str(leader or context.leader_before or "")
    return found(
        cause,
        target if target else (),
        "high" if elected is not None else "medium",
        shows("evidence.failover_asked", asked, leader=leader, candidate=asked.detail.get("candidate")),
        key_deleted(context),
        key_taken(context),
    )


def leader_taken_back(context: IncidentContext) -> RuleResult:
    """A former leader wrote its key over its successor's, which was still held, and goes on with an older timeline.

    Patroni on etcd does so where a leader sleeps through the end of its lease and wakes in the midst of its round.
    """
    elected, before = context.leader_elected, context.leader_before
    if context.leader_lost is not None or context.asked is not None or elected is None or before is None:
        return None
    ours = next((e for e in context.events("member.changed") if e.subject == elected.subject and _timeline(e)), None)
    known = context.index.said.get(("member.changed", before), ())
    theirs = next((e for e in reversed(known) if e.by_ns <= elected.by_ns and _timeline(e)), None)
    if ours is None or theirs is None or _timeline(ours) >= _timeline(theirs):
        return None
    facts = {"member": elected.subject, "timeline": _timeline(ours), "leader": before, "newer": _timeline(theirs)}
    return found(
        "leader.taken_back",
        elected.subject,
        "high",
        shows("evidence.leader_key_taken", elected, member=elected.subject),
        shows("evidence.timeline_older", (theirs, ours), **facts),
    )


def _timeline(event: Event) -> int:
    """The timeline that a member tells; 0 where it tells none."""
    return int(event.detail.get("timeline") or 0)


def leader_stopped(context: IncidentContext) -> RuleResult:
    """The leader key alone was deleted, and the member said that it stops, or shut its doors after."""
    seen = _leader(context)
    cause = "leader.stopped"
    if seen is None:
        return None
    if context.asked is not None:
        return rejected(cause, "reason.failover_asked", at_s=at_s(context.asked.by_ns))
    if seen.expired:
        return rejected(cause, "reason.lease_expired", member=seen.member)
    if seen.leader_lost is None:
        return rejected(cause, "reason.leader_key_kept", member=seen.member)
    if crashed_first(context) is not None:
        return rejected(cause, "reason.crashed_first", member=seen.member)
    if seen.said is None and (seen.rest is None or seen.rest.how not in SHUT):
        return rejected(cause, "reason.not_said_stopped", member=seen.member)
    return found(
        cause,
        seen.member,
        "high" if seen.said is not None else "medium",
        key_deleted(context),
        None if seen.said is None else _said(seen),
        *failed(seen),
    )


def leader_killed(context: IncidentContext) -> RuleResult:
    """The lease ran out (or the member came back before it did) and both its doors were shut at once."""
    seen = _leader(context)
    cause = "leader.killed"
    if seen is None:
        return None
    reason = _not_suddenly(context, seen, cause)
    if reason is not None:
        return reason
    if seen.rest is None:
        return _no_rest(seen, cause)
    if seen.rest.how not in SHUT and not _refused_first(seen):
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.sql.how not in SHUT and not went_with_its_address(seen):
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if seen.sql is None and seen.sql_primary is not None:
        return rejected(cause, "reason.sql_primary", member=seen.member)
    if seen.ran_on is not None:
        return rejected(cause, "reason.ran_on", member=seen.member)
    shut = seen.sql is not None and seen.sql.how in SHUT and seen.rest.how in SHUT
    sure = shut and (bool(seen.expired) or seen.started_anew is not None)
    return found(cause, seen.member, "high" if sure else "medium", *_key(context, seen), *failed(seen), _anew(seen))


def patroni_killed(context: IncidentContext) -> RuleResult:
    """Patroni's door is shut, while its PostgreSQL goes on as a primary. In pause mode it may have been restarted.

    A PostgreSQL that lets one in and says nothing is no dead one either, but may be ill in its own way.
    """
    seen = _leader(context)
    cause = "patroni.killed"
    if seen is None or seen.rest is None:
        return None
    reason = _not_suddenly(context, seen, cause)
    if reason is not None:
        return reason
    if seen.rest.how not in SHUT:
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and (seen.sql.how != "silent" or went_with_its_address(seen)):
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if seen.sql is not None:
        return found(cause, seen.member, "medium", *_key(context, seen), *failed(seen))
    if seen.sql_primary is None:
        return rejected(cause, "reason.rest_not_observed", member=seen.member)
    resting = not seen.expired and seen.paused is not None
    return found(
        cause,
        seen.member,
        "medium" if resting else "high",
        *_key(context, seen),
        *failed(seen),
        shows("evidence.sql_primary", seen.sql_primary, member=seen.member),
        paused(seen) if resting else None,
    )


def leader_frozen(context: IncidentContext) -> RuleResult:
    """The first look at REST was let in and got no answer."""
    seen = _leader(context)
    cause = "leader.frozen"
    if seen is None or seen.rest is None:
        return None
    reason = _not_suddenly(context, seen, cause)
    if reason is not None:
        return reason
    if seen.rest.how != "silent":
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.sql.how in SHUT:
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if not seen.expired and accepts_on(context, seen.rest):
        return rejected(cause, "reason.rest_accepts", member=seen.member)
    if not seen.expired and seen.rest.until_ns(context.index.end_ns) - seen.rest.began_ns < AWAY_NS:
        return rejected(cause, "reason.rest_answers", member=seen.member)
    if seen.sql is None and seen.sql_primary is not None:
        primary = shows("evidence.sql_primary", seen.sql_primary, member=seen.member)
        return found(
            cause, seen.member, "medium" if seen.expired else "low", *_key(context, seen), *failed(seen), primary
        )
    sure = bool(seen.expired) and seen.sql is not None
    return found(cause, seen.member, "high" if sure else "medium", *_key(context, seen), *failed(seen))


def leader_unreachable(context: IncidentContext) -> RuleResult:
    """Connecting to REST timed out, or found no way, from the first look on; or was refused, while the member lived."""
    seen = _leader(context)
    cause = "leader.unreachable"
    if seen is None or seen.rest is None:
        return None
    reason = _not_suddenly(context, seen, cause)
    if reason is not None:
        return reason
    if seen.rest.how not in UNREACHED and (seen.rest.how not in SHUT or seen.ran_on is None):
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    if seen.sql is not None and seen.ran_on is None and _refused_first(seen):
        return rejected(cause, "reason.sql_how", member=seen.member, how=seen.sql.how)
    if not seen.expired and seen.rest.until_ns(context.index.end_ns) - seen.rest.began_ns < AWAY_NS:
        return rejected(cause, "reason.rest_answers", member=seen.member)
    if seen.sql is None and seen.sql_primary is not None:
        if seen.expired:
            return rejected(cause, "reason.sql_primary", member=seen.member)
        primary = shows("evidence.sql_primary", seen.sql_primary, member=seen.member)
        return found(cause, seen.member, "low", *_key(context, seen), *failed(seen), primary)
    sure = bool(seen.expired) and seen.sql is not None
    return found(cause, seen.member, "high" if sure else "medium", *_key(context, seen), *failed(seen), ran_on(seen))


def leader_cut_off(context: IncidentContext) -> RuleResult:
    """The lease ran out, while the member answered the observer: REST all the time, or direct SQL, as a primary."""
    seen = _leader(context)
    cause = "leader.cut_off"
    if seen is None or not seen.expired or not seen.rest_observed:
        return None
    if seen.rest is None:
        told = context.before("member.changed", subject=seen.member, source="patroni")
        answers = [shows("evidence.rest_answers", told, member=seen.member, at_s=at_s(context.span.began_ns))]
    elif seen.rest.how in UNREACHED and seen.sql is None and seen.sql_primary is not None:
        answers = [*failed(seen), shows("evidence.sql_primary", seen.sql_primary, member=seen.member)]
    else:
        return rejected(cause, "reason.rest_how", member=seen.member, how=seen.rest.how)
    return found(cause, seen.member, "medium", *_key(context, seen), *answers)


def _refused_first(seen: MemberObservations) -> bool:
    """Whether the first look at SQL was refused, though REST could not be reached: a host was there and nobody on it.

    So it is with a container that is killed: its address goes too, some hundredths of a second later.
    """
    return seen.rest is not None and seen.rest.how in UNREACHED and seen.sql is not None and seen.sql.how == "refused"


def _leader(context: IncidentContext) -> MemberObservations | None:
    """The leader of the incident's beginning, if anything points to it: its key went, or its REST API was away."""
    lost = context.leader_lost
    name = lost.subject if lost is not None else context.leader_before
    if name is None or not context.concerns(name):
        return None
    seen = context.observed(name)
    return seen if seen.leader_lost is not None or seen.rest is not None else None


def _not_suddenly(context: IncidentContext, seen: MemberObservations, cause: str) -> RuleResult:
    """Why the leader did not go away all of a sudden."""
    if context.asked is not None:
        return rejected(cause, "reason.failover_asked", at_s=at_s(context.asked.by_ns))
    if seen.leader_lost is not None and not seen.expired:
        if seen.said is not None:
            return rejected(cause, "reason.said_stopped", member=seen.member, state=seen.said.detail.get("state"))
        return rejected(cause, "reason.lease_not_expired", member=seen.member)
    quorum = context.first("quorum.lost")
    if quorum is not None and not seen.expired and not quorum_passed(context):
        return rejected(cause, "reason.quorum_lost", at_s=at_s(quorum.by_ns))
    if seen.said is not None and not seen.expired:
        return rejected(cause, "reason.said_stopped", member=seen.member, state=seen.said.detail.get("state"))
    return None


def _no_rest(seen: MemberObservations, cause: str) -> RuleResult:
    if seen.rest_observed:
        return rejected(cause, "reason.rest_answers", member=seen.member)
    return rejected(cause, "reason.rest_not_observed", member=seen.member)


def _key(context: IncidentContext, seen: MemberObservations) -> list[Evidence | None]:
    """What became of the leader key."""
    if seen.expired:
        revision = seen.expired[0].detail.get("revision")
        return [
            shows("evidence.lease_expired", seen.expired, member=seen.member, revision=revision),
            key_taken(context),
        ]
    return [context.leader_key_kept(seen.member)]


def _said(seen: MemberObservations) -> Evidence | None:
    said = seen.said
    return (
        None
        if said is None
        else shows("evidence.member_state", said, member=seen.member, state=said.detail.get("state"))
    )


def _anew(seen: MemberObservations) -> Evidence | None:
    event = seen.started_anew
    return None if event is None else shows("evidence.postgres_started", event, member=seen.member)
