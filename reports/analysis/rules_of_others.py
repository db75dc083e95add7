"""Causes that lie with a replica, two primaries or the observer; and what nobody can name."""

from __future__ import annotations

from dataclasses import replace

from observer.findings import Confidence, Evidence
from reports.analysis.case import Case, at_s, shows, shows_failed
from reports.analysis.ruling import Found, Ruling, failed, found, paused, ran_on, rejected
from reports.analysis.witness import SHUT, UNREACHED, Witness, went_with_its_address


def replica(case: Case) -> Ruling:
    """A member that does not lead went away while the leader kept its key."""
    if case.leader_lost is not None and case.leader_lost.subject == case.leader_before and not case.span.about:
        return None
    gone = [seen for seen in map(case.witness, _others(case)) if seen.rest is not None or seen.key_lost is not None]
    if not gone:
        return None
    rulings = [_of_replica(case, seen) for seen in gone]
    first = rulings[0]
    same = [r for r in rulings if r.cause == first.cause]
    evidence = [e for r in same for e in r.evidence]
    kept = [] if case.leader_before is None else [case.leader_key_kept(case.leader_before)]
    return Found(first.cause, tuple(t for r in same for t in r.targets), first.confidence, (*evidence, *kept))


def replica_rebuilt(case: Case) -> Ruling:
    """Patroni goes on answering and says that it makes its PostgreSQL anew."""
    copying = [c.event for c in case.changes() if c.event.detail.get("state") == "creating replica"]
    for event in copying:
        seen = case.witness(event.subject)
        # One that was away itself is made anew because of that.
        away = seen.rest is not None and seen.rest.began_ns < event.by_ns
        if not away and case.leader_lost is None and case.concerns(event.subject):
            said = shows("evidence.member_state", event, member=event.subject, state="creating replica")
            anew = None
            if seen.started_anew is not None:
                anew = shows("evidence.postgres_started", seen.started_anew, member=event.subject)
            return found("replica.rebuilt", event.subject, "high", said, *failed(seen), anew)
    return None


def _others(case: Case) -> list[str]:
    """Members that do not lead, the one that was missed first standing first."""
    since = {spell.subject: spell.began_ns for spell in reversed(case.spells("patroni"))}
    for event in case.events("member.lost"):
        since.setdefault(event.subject, event.by_ns)
    return sorted((m for m in since if m != case.leader_before and case.concerns(m)), key=lambda m: since[m])


def _of_replica(case: Case, seen: Witness) -> Found:
    key_lost = None if seen.key_lost is None else shows("evidence.member_key_lost", seen.key_lost, member=seen.member)
    if seen.said is not None:
        said = shows("evidence.member_state", seen.said, member=seen.member, state=seen.said.detail.get("state"))
        return found("replica.stopped", seen.member, "high", said, *failed(seen), key_lost)
    if seen.rest is None and seen.rest_observed:
        told = case.before("member.changed", subject=seen.member, source="patroni")
        answers = shows("evidence.rest_answers", told, member=seen.member, at_s=at_s(case.from_ns))
        return found("replica.cut_off", seen.member, "medium", key_lost, answers)
    if seen.rest is None:
        return found("replica.killed", seen.member, "low", key_lost)
    if seen.rest.how == "silent":
        return found("replica.frozen", seen.member, "high" if seen.sql else "medium", *failed(seen), key_lost)
    sure: Confidence = "high" if seen.sql else "medium"
    if seen.rest.how in UNREACHED or seen.ran_on is not None:
        return found("replica.unreachable", seen.member, sure, *failed(seen), key_lost, ran_on(seen))
    if seen.sql is None and seen.sql_observed:
        told = case.before("member.changed", subject=seen.member, source="postgres")
        answers = shows("evidence.sql_replica", told, member=seen.member, at_s=at_s(case.from_ns))
        resting = seen.key_lost is None and seen.paused is not None
        sure = "medium" if resting else "high"
        mode = paused(seen) if resting else None
        return found("patroni.killed", seen.member, sure, *failed(seen), answers, key_lost, mode)
    if seen.sql is not None and seen.sql.how not in SHUT:
        # Not dead as its Patroni is, unless its address went too.
        cause = "replica.killed" if went_with_its_address(seen) else "patroni.killed"
        return found(cause, seen.member, "medium", *failed(seen), key_lost)
    return found("replica.killed", seen.member, sure, *failed(seen), key_lost)


def two_primaries(case: Case) -> Ruling:
    """Two members were out of recovery at once, and nobody had gone away before."""
    both = [b for b in case.scene.both if case.from_ns <= b.from_ns <= case.until_ns]
    if not both:
        return None
    sooner = [s for source in ("patroni", "postgres") for s in case.spells(source) if s.began_ns < both[0].from_ns]
    if sooner:
        return rejected("two_primaries", "reason.sql_how", member=sooner[0].subject, how=sooner[0].how)
    return found("two_primaries", both[0].members, "high", *evidence_of_two(case))


def evidence_of_two(case: Case) -> list[Evidence]:
    """That two members were primaries at once, whatever the cause; of an incident about one member, with that one."""
    return [
        shows(
            "evidence.two_primaries",
            b.events,
            members=list(b.members),
            seconds=at_s(b.until_ns - b.from_ns),
            at_s=at_s(b.from_ns),
        )
        for b in case.scene.both
        if case.from_ns <= b.from_ns <= case.until_ns and any(map(case.concerns, b.members))
    ]


def observer_blind(case: Case) -> Ruling:
    """The observer itself did not run, and nothing of the cluster changed."""
    slept = case.first("observer.slept")
    if slept is None:
        return None
    for_ms = slept.detail.get("for_ms") or 0
    return found("observer.blind", (), "medium", shows("evidence.observer_slept", slept, seconds=for_ms / 1000))


def unknown(case: Case) -> Found:
    """What was seen, without a name for it."""
    seen: list[Evidence] = []
    told: set[tuple[str, str, str]] = set()
    for event in case.scene.timeline.events:
        key = (event.source, event.kind, event.subject)
        meant = event.kind in SEEN and case.from_ns <= event.by_ns <= case.span.ended_ns
        if meant and not event.detail.get("initial") and key not in told and len(seen) < 20:
            told.add(key)
            seen.append(shows("evidence.seen", event, source=event.source, kind=event.kind, subject=event.subject))
    return found("unknown", (), "low", *seen, *([] if seen else _nothing_else(case)), *shows_failed(case.failed()))


def _nothing_else(case: Case) -> list[Evidence]:
    """That the cluster was seen all the while, and nothing of it changed: what failed, failed of something else."""
    leader, end_ns = case.leader_before, case.scene.end_ns
    spells = [s for s in case.scene.spells if s.began_ns <= case.span.ended_ns and s.until_ns(end_ns) >= case.from_ns]
    if leader is None or spells:
        return []
    return [replace(case.leader_key_kept(leader), says="evidence.nothing_else")]


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
