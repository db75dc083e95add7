"""Causes that lie with etcd: a member down, quorum lost, a harmless election."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from observer.model.findings import Confidence, Evidence
from observer.model.recording import Event
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.quorum import INFERRED
from reports.analysis.rule import RuleResult, found, rejected


def quorum_lost(context: IncidentContext) -> RuleResult:
    """etcd has no leader, so no key can change and Patroni demotes itself."""
    cause, lost = "etcd.quorum_lost", context.first("quorum.lost")
    down = context.spells("etcd")
    if lost is None:
        return rejected(cause, "reason.quorum_kept") if down else None
    if failsafe(context) is not None or quorum_passed(context):
        return None
    regained, demoted = _regained(context, lost), _demoted(context)
    targets = tuple(dict.fromkeys(spell.subject for spell in down))
    return found(
        cause,
        targets,
        _sure(context, lost, bool(down), demoted),
        *[shows("evidence.etcd_failed", s.teller, endpoint=s.subject, how=s.how) for s in down],
        shows_lost(lost),
        None if demoted is None else shows("evidence.demoted", demoted, member=demoted.subject),
        None if regained is None else shows_regained(regained, context.index.recording.events),
    )


def shows_lost(lost: Event) -> Evidence:
    """Evidence of a quorum that was lost: a member said so, or most members gave no answer."""
    if not lost.detail.get(INFERRED):
        return shows("evidence.quorum_lost", lost)
    return Evidence("events", tuple(lost.detail["rows"]), "evidence.quorum_gone", {"at_s": at_s(lost.by_ns)})


def shows_regained(regained: Event, events: Sequence[Event]) -> Evidence:
    """Evidence of a quorum that is back: a member said so, or an election that only a majority can hold, or answers."""
    if not regained.detail.get(INFERRED):
        return shows("evidence.quorum_regained", regained)
    facts = {"at_s": at_s(regained.by_ns)}
    lost_ns = max((e.by_ns for e in events if e.kind == "quorum.lost" and e.by_ns <= regained.by_ns), default=0)
    for event in events:
        before = event.detail.get("before")
        if event.kind == "raft.elected" and isinstance(before, Mapping) and lost_ns < event.by_ns <= regained.by_ns:
            elected = {"endpoint": event.detail.get("leader"), "before": before.get("term")}
            return shows("evidence.quorum_elected", event, **facts, **elected, term=event.detail.get("term"))
    return Evidence("events", tuple(regained.detail["rows"]), "evidence.quorum_answers", facts)


def _sure(context: IncidentContext, lost: Event, down: bool, demoted: Event | None) -> Confidence:
    """How sure it is. Where nobody was left to say it, a primary that demotes itself does, or else shut doors."""
    if not lost.detail.get(INFERRED) or demoted is not None:
        return "high" if down else "medium"
    return "medium" if all(spell.how == "refused" for spell in context.spells("etcd")) else "low"


def failsafe(context: IncidentContext) -> RuleResult:
    """Quorum was lost, the primary stayed one: Patroni's failsafe mode."""
    lost = context.first("quorum.lost")
    if lost is None:
        return None
    active = next((c.event for c in context.changes(source="patroni") if c.event.detail.get("failsafe")), None)
    if active is None or _demoted(context) is not None:
        return None
    down = context.spells("etcd")
    return found(
        "failsafe",
        tuple(dict.fromkeys(spell.subject for spell in down)) or active.subject,
        "high",
        *[shows("evidence.etcd_failed", s.teller, endpoint=s.subject, how=s.how) for s in down],
        shows_lost(lost),
        shows("evidence.failsafe", active, member=active.subject),
    )


def etcd_member_down(context: IncidentContext) -> RuleResult:
    """Some members of etcd are away, the majority has a leader."""
    cause, down = "etcd.member_down", context.spells("etcd")
    if not down:
        return None
    lost = context.first("quorum.lost")
    if lost is not None and not quorum_passed(context):
        return rejected(cause, "reason.quorum_lost", at_s=at_s(lost.by_ns))
    regained = None if lost is None else _regained(context, lost)
    elected = next((e for e in context.events("raft.elected") if e.detail.get("before") is not None), None)
    targets = tuple(dict.fromkeys(spell.subject for spell in down))
    return found(
        cause,
        targets,
        "low" if context.write.outages or context.read.outages else "high",
        *[shows("evidence.etcd_failed", s.teller, endpoint=s.subject, how=s.how) for s in down],
        None if lost is None else shows_lost(lost),
        None if regained is None else shows_regained(regained, context.index.recording.events),
        _kept(elected) if lost is None else None,
        *harmless(context),
    )


def _kept(elected: Event | None) -> Evidence:
    """That those left were a majority: they elected a leader, or else no row tells of a loss."""
    if elected is None:
        return Evidence("events", (), "evidence.quorum_kept", {})
    return shows("evidence.raft_elected", elected, endpoint=elected.detail.get("leader"))


def etcd_election(context: IncidentContext) -> RuleResult:
    """etcd chose a leader anew, and nothing else happened."""
    elected = next((e for e in context.events("raft.elected") if e.detail.get("before") is not None), None)
    if elected is None:
        return None
    down = context.spells("etcd")
    if down:
        return rejected("etcd.election", "reason.endpoint_down", endpoint=down[0].subject)
    failed = context.failed()
    if failed:
        return rejected("etcd.election", "reason.operations_failed", count=len(failed))
    return found(
        "etcd.election",
        (),
        "high",
        shows("evidence.raft_elected", elected, endpoint=elected.detail.get("leader")),
        *harmless(context),
    )


def harmless(context: IncidentContext) -> list[Evidence]:
    """That the application noticed nothing, where it was there to notice."""
    if context.failed() or not context.acknowledged():
        return []
    return [
        Evidence("events", (), "evidence.no_failure", {"action": cost.action, "ok": cost.ok})
        for cost in (context.write, context.read)
        if cost.ok
    ]


def quorum_passed(context: IncidentContext) -> bool:
    """Whether quorum was away too shortly to explain what became of a leader that went away itself.

    Its lease ran out after quorum was back; or it could not be reached, and quorum was back within a round of
    Patroni's. In neither case had the primary demoted itself before.
    """
    lost = context.first("quorum.lost")
    regained = None if lost is None else _regained(context, lost)
    if lost is None or regained is None or context.leader_before is None or not context.concerns(context.leader_before):
        return False
    seen, demoted = context.observed(context.leader_before), _demoted(context)
    demoted_ns = context.index.end_ns if demoted is None else demoted.by_ns
    if seen.leader_lost is not None and seen.expired:
        return seen.leader_lost.by_ns > regained.by_ns and demoted_ns > regained.by_ns
    shortly = regained.by_ns - lost.by_ns <= context.loop_wait_ns
    return shortly and seen.rest is not None and demoted_ns > seen.rest.began_ns


def _regained(context: IncidentContext, lost: Event) -> Event | None:
    return next((e for e in context.events("quorum.regained") if e.by_ns >= lost.by_ns), None)


def _demoted(context: IncidentContext) -> Event | None:
    lost = context.first("quorum.lost")
    for change in context.changes():
        if lost is not None and change.event.by_ns >= lost.by_ns and change.role == (True, False):
            return change.event
    return None
