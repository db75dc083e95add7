"""Causes that lie with a replica, while the leader keeps its key."""

from reports.analysis.incident_context import SHUT, UNREACHED, IncidentContext, MemberObservations, at_s, shows
from reports.analysis.rule import (
    Found,
    RuleResult,
    failed,
    found,
    member_state,
    observed,
    of_member,
    restarted,
)


def replica(context: IncidentContext) -> RuleResult:
    """Find a member that does not lead and went away while the leader kept its key."""
    lost, leader = context.leader_lost, context.leader_before
    if lost is not None and lost.subject == leader and not context.span.about:
        return None
    members = [observed(context, member) for member in _others(context)]
    results = [_of_replica(context, seen) for seen in members if seen.rest is not None or seen.key_lost is not None]
    same = [result for result in results if result.cause == results[0].cause]
    if not same:
        return None
    kept = None if leader is None else context.leader_key_kept(leader)
    targets, evidence = [t for r in same for t in r.targets], [e for r in same for e in r.evidence]
    return found(same[0].cause, targets, same[0].confidence, *evidence, kept)


def replica_rebuilt(context: IncidentContext) -> RuleResult:
    """Find a replica that Patroni creates again, while Patroni goes on answering."""
    for event in (c.event for c in context.changes() if c.event.detail.get("state") == "creating replica"):
        seen = observed(context, event.subject)
        # A member that was away itself is created again because of that.
        away = seen.rest is not None and seen.rest.began_ns < event.by_ns
        if not away and context.leader_lost is None and context.concerns(seen.member):
            state = member_state(event)
            return found("replica.rebuilt", seen.member, "high", state, *failed(seen), restarted(seen))
    return None


def _others(context: IncidentContext) -> list[str]:
    """Return members that do not lead, in the order in which they went away."""
    since = {one.subject: one.began_ns for one in reversed(context.unreachable("patroni"))}
    for event in context.events("member.lost"):
        since.setdefault(event.subject, event.by_ns)
    return sorted((m for m in since if m != context.leader_before and context.concerns(m)), key=lambda m: since[m])


def _of_replica(context: IncidentContext, seen: MemberObservations) -> Found:
    member, at = seen.member, at_s(context.span.since_ns)
    key_lost = of_member("evidence.member_key_lost", seen.key_lost)
    if seen.stopping is not None:
        return found("replica.stopped", member, "high", member_state(seen.stopping), *failed(seen), key_lost)
    if seen.rest is None and seen.rest_observed:
        last = context.before("member.changed", subject=member, source="patroni")
        answers = shows("evidence.rest_answers", last, member=member, at_s=at)
        return found("replica.cut_off", member, "medium", key_lost, answers)
    if seen.rest is None:
        return found("replica.killed", member, "low", key_lost)
    sure, ran_on = seen.sql is not None, of_member("evidence.ran_on", seen.ran_on)
    if seen.rest.how == "silent":
        return found("replica.frozen", member, sure, *failed(seen), key_lost)
    if seen.rest.how in UNREACHED or seen.ran_on is not None:
        return found("replica.unreachable", member, sure, *failed(seen), key_lost, ran_on)
    if seen.sql is None and seen.sql_observed:
        last = context.before("member.changed", subject=member, source="postgres")
        answers = shows("evidence.sql_replica", last, member=member, at_s=at)
        resting = seen.key_lost is None and seen.paused is not None
        mode = of_member("evidence.paused", seen.paused) if resting else None
        return found("patroni.killed", member, not resting, *failed(seen), answers, key_lost, mode)
    if seen.sql is not None and seen.sql.how not in SHUT:
        # PostgreSQL is not dead as its Patroni is, unless its address went too.
        cause = "replica.killed" if seen.address_gone else "patroni.killed"
        return found(cause, member, "medium", *failed(seen), key_lost)
    return found("replica.killed", member, sure, *failed(seen), key_lost)
