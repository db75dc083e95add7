"""Causes that lie with a replica, two primaries or the observer; and what nobody can name."""

from __future__ import annotations

from dataclasses import replace

from observer.model.findings import Confidence, Evidence
from reports.analysis.incident_context import IncidentContext, at_s, shows, shows_failed
from reports.analysis.member_observations import SHUT, UNREACHED, MemberObservations, went_with_its_address
from reports.analysis.rule import Found, RuleResult, failed, found, paused, ran_on, rejected


def replica(context: IncidentContext) -> RuleResult:
    """A member that does not lead went away while the leader kept its key."""
    if (
        context.leader_lost is not None
        and context.leader_lost.subject == context.leader_before
        and not context.span.about
    ):
        return None
    gone = [
        seen for seen in map(context.observed, _others(context)) if seen.rest is not None or seen.key_lost is not None
    ]
    if not gone:
        return None
    rulings = [_of_replica(context, seen) for seen in gone]
    first = rulings[0]
    same = [r for r in rulings if r.cause == first.cause]
    evidence = [e for r in same for e in r.evidence]
    kept = [] if context.leader_before is None else [context.leader_key_kept(context.leader_before)]
    return Found(first.cause, tuple(t for r in same for t in r.targets), first.confidence, (*evidence, *kept))


def replica_rebuilt(context: IncidentContext) -> RuleResult:
    """Patroni goes on answering and says that it makes its PostgreSQL anew."""
    copying = [c.event for c in context.changes() if c.event.detail.get("state") == "creating replica"]
    for event in copying:
        seen = context.observed(event.subject)
        # One that was away itself is made anew because of that.
        away = seen.rest is not None and seen.rest.began_ns < event.by_ns
        if not away and context.leader_lost is None and context.concerns(event.subject):
            said = shows("evidence.member_state", event, member=event.subject, state="creating replica")
            anew = None
            if seen.started_anew is not None:
                anew = shows("evidence.postgres_started", seen.started_anew, member=event.subject)
            return found("replica.rebuilt", event.subject, "high", said, *failed(seen), anew)
    return None


def _others(context: IncidentContext) -> list[str]:
    """Members that do not lead, the one that was missed first standing first."""
    since = {spell.subject: spell.began_ns for spell in reversed(context.spells("patroni"))}
    for event in context.events("member.lost"):
        since.setdefault(event.subject, event.by_ns)
    return sorted((m for m in since if m != context.leader_before and context.concerns(m)), key=lambda m: since[m])


def _of_replica(context: IncidentContext, seen: MemberObservations) -> Found:
    key_lost = None if seen.key_lost is None else shows("evidence.member_key_lost", seen.key_lost, member=seen.member)
    if seen.said is not None:
        said = shows("evidence.member_state", seen.said, member=seen.member, state=seen.said.detail.get("state"))
        return found("replica.stopped", seen.member, "high", said, *failed(seen), key_lost)
    if seen.rest is None and seen.rest_observed:
        told = context.before("member.changed", subject=seen.member, source="patroni")
        answers = shows("evidence.rest_answers", told, member=seen.member, at_s=at_s(context.from_ns))
        return found("replica.cut_off", seen.member, "medium", key_lost, answers)
    if seen.rest is None:
        return found("replica.killed", seen.member, "low", key_lost)
    if seen.rest.how == "silent":
        return found("replica.frozen", seen.member, "high" if seen.sql else "medium", *failed(seen), key_lost)
    sure: Confidence = "high" if seen.sql else "medium"
    if seen.rest.how in UNREACHED or seen.ran_on is not None:
        return found("replica.unreachable", seen.member, sure, *failed(seen), key_lost, ran_on(seen))
    if seen.sql is None and seen.sql_observed:
        told = context.before("member.changed", subject=seen.member, source="postgres")
        answers = shows("evidence.sql_replica", told, member=seen.member, at_s=at_s(context.from_ns))
        resting = seen.key_lost is None and seen.paused is not None
        sure = "medium" if resting else "high"
        mode = paused(seen) if resting else None
        return found("patroni.killed", seen.member, sure, *failed(seen), answers, key_lost, mode)
    if seen.sql is not None and seen.sql.how not in SHUT:
        # Not dead as its Patroni is, unless its address went too.
        cause = "replica.killed" if went_with_its_address(seen) else "patroni.killed"
        return found(cause, seen.member, "medium", *failed(seen), key_lost)
    return found("replica.killed", seen.member, sure, *failed(seen), key_lost)


def two_primaries(context: IncidentContext) -> RuleResult:
    """Two members were out of recovery at once, and nobody had gone away before."""
    both = [b for b in context.index.both if context.from_ns <= b.from_ns <= context.until_ns]
    if not both:
        return None
    sooner = [s for source in ("patroni", "postgres") for s in context.spells(source) if s.began_ns < both[0].from_ns]
    if sooner:
        return rejected("two_primaries", "reason.sql_how", member=sooner[0].subject, how=sooner[0].how)
    return found("two_primaries", both[0].members, "high", *evidence_of_two(context))


def evidence_of_two(context: IncidentContext) -> list[Evidence]:
    """That two members were primaries at once, whatever the cause; of an incident about one member, with that one."""
    return [
        shows(
            "evidence.two_primaries",
            b.events,
            members=list(b.members),
            seconds=at_s(b.until_ns - b.from_ns),
            at_s=at_s(b.from_ns),
        )
        for b in context.index.both
        if context.from_ns <= b.from_ns <= context.until_ns and any(map(context.concerns, b.members))
    ]


def observer_blind(context: IncidentContext) -> RuleResult:
    """The observer itself did not run, and nothing of the cluster changed."""
    slept = context.first("observer.slept")
    if slept is None:
        return None
    for_ms = slept.detail.get("for_ms") or 0
    return found("observer.blind", (), "medium", shows("evidence.observer_slept", slept, seconds=for_ms / 1000))


def unknown(context: IncidentContext) -> Found:
    """What was seen, without a name for it."""
    seen: list[Evidence] = []
    told: set[tuple[str, str, str]] = set()
    for event in context.index.recording.events:
        key = (event.source, event.kind, event.subject)
        meant = event.kind in SEEN and context.from_ns <= event.by_ns <= context.span.ended_ns
        if meant and not event.detail.get("initial") and key not in told and len(seen) < 20:
            told.add(key)
            seen.append(shows("evidence.seen", event, source=event.source, kind=event.kind, subject=event.subject))
    return found(
        "unknown", (), "low", *seen, *([] if seen else _nothing_else(context)), *shows_failed(context.failed())
    )


def _nothing_else(context: IncidentContext) -> list[Evidence]:
    """That the cluster was seen all the while, and nothing of it changed: what failed, failed of something else."""
    leader, end_ns = context.leader_before, context.index.end_ns
    spells = [
        s for s in context.index.spells if s.began_ns <= context.span.ended_ns and s.until_ns(end_ns) >= context.from_ns
    ]
    if leader is None or spells:
        return []
    return [replace(context.leader_key_kept(leader), says="evidence.nothing_else")]


SEEN = (
    "leader.lost",
    "leader.elected",
    "member.changed",
    "member.lost",
    "config.changed",
    "sync.changed",
    "quorum.lost",
    "quorum.regained",
    "raft.elected",
    "route.up",
    "route.down",
    "proxy.restarted",
    "proxy.full",
    "proxy.room",
    "source.blind",
    "source.sees",
    "failover.asked",
    "lease.overdue",
    "observer.slept",
)
