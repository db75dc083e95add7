"""Causes that lie with etcd: a member down, quorum lost, a harmless election."""

from collections.abc import Mapping

from observer.model.findings import Confidence, Evidence
from observer.model.recording import Event
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.index import Index
from reports.analysis.reachability import INFERRED
from reports.analysis.rule import RuleResult, failed_endpoints, found, observed, of_member, rejected


def quorum_lost(context: IncidentContext) -> RuleResult:
    """Find a loss of quorum: etcd has no leader, so no key can change and the primary demotes itself."""
    cause, down = "etcd.quorum_lost", context.unreachable("etcd")
    lost, regained, demoted = _quorum(context)
    if lost is None:
        return rejected(cause, "reason.quorum_kept") if down else None
    if failsafe(context) is not None or quorum_passed(context):
        return None
    return found(
        cause,
        (one.subject for one in down),
        _sure(context, lost, bool(down), demoted),
        *failed_endpoints(down),
        shows_lost(lost),
        of_member("evidence.demoted", demoted),
        None if regained is None else shows_regained(regained, context.index),
    )


def shows_lost(lost: Event) -> Evidence:
    """Return evidence of a lost quorum: a member reported it, or most members did not answer."""
    if not lost.detail.get(INFERRED):
        return shows("evidence.quorum_lost", lost)
    return Evidence("events", tuple(lost.detail["rows"]), "evidence.quorum_gone", {"at_s": at_s(lost.by_ns)})


def shows_regained(regained: Event, index: Index) -> Evidence:
    """Return evidence of a quorum that is back: a member reported it, or an election by a majority, or answers."""
    if not regained.detail.get(INFERRED):
        return shows("evidence.quorum_regained", regained)
    facts = {"at_s": at_s(regained.by_ns)}
    lost_ns = max((e.by_ns for e in index.events_of("quorum.lost") if e.by_ns <= regained.by_ns), default=0)
    for event in index.events_of("raft.elected"):
        before = event.detail.get("before")
        if isinstance(before, Mapping) and lost_ns < event.by_ns <= regained.by_ns:
            elected = {"endpoint": event.detail.get("leader"), "before": before.get("term")}
            return shows("evidence.quorum_elected", event, **facts, **elected, term=event.detail.get("term"))
    return Evidence("events", tuple(regained.detail["rows"]), "evidence.quorum_answers", facts)


def _sure(context: IncidentContext, lost: Event, down: bool, demoted: Event | None) -> Confidence:
    """Return the confidence. An inferred loss is sure if a primary demoted itself; refused polls make it likelier."""
    if not lost.detail.get(INFERRED) or demoted is not None:
        return "high" if down else "medium"
    return "medium" if all(one.how == "refused" for one in context.unreachable("etcd")) else "low"


def failsafe(context: IncidentContext) -> RuleResult:
    """Find Patroni's failsafe mode: quorum was lost, and the primary stayed one."""
    lost, _, demoted = _quorum(context)
    active = next((c.event for c in context.changes(source="patroni") if c.event.detail.get("failsafe")), None)
    if lost is None or active is None or demoted is not None:
        return None
    down = context.unreachable("etcd")
    return found(
        "failsafe",
        [one.subject for one in down] or active.subject,
        "high",
        *failed_endpoints(down),
        shows_lost(lost),
        of_member("evidence.failsafe", active),
    )


def etcd_member_down(context: IncidentContext) -> RuleResult:
    """Find members of etcd that are away, while the majority has a leader."""
    cause, down = "etcd.member_down", context.unreachable("etcd")
    if not down:
        return None
    lost, regained, _ = _quorum(context)
    if lost is not None and not quorum_passed(context):
        return rejected(cause, "reason.quorum_lost", at_s=at_s(lost.by_ns))
    elected = _elected(context) or Evidence("events", (), "evidence.quorum_kept", {})
    return found(
        cause,
        (one.subject for one in down),
        "low" if context.write.outages or context.read.outages else "high",
        *failed_endpoints(down),
        None if lost is None else shows_lost(lost),
        None if regained is None else shows_regained(regained, context.index),
        elected if lost is None else None,
        *_harmless(context),
    )


def etcd_election(context: IncidentContext) -> RuleResult:
    """Find an election of etcd with which nothing else happened."""
    cause, elected = "etcd.election", _elected(context)
    if elected is None:
        return None
    down = context.unreachable("etcd")
    if down:
        return rejected(cause, "reason.endpoint_down", endpoint=down[0].subject)
    failed = context.failed()
    if failed:
        return rejected(cause, "reason.operations_failed", count=len(failed))
    return found(cause, (), "high", elected, *_harmless(context))


def _elected(context: IncidentContext) -> Evidence | None:
    elected = next((e for e in context.events("raft.elected") if e.detail.get("before") is not None), None)
    return None if elected is None else shows("evidence.raft_elected", elected, endpoint=elected.detail.get("leader"))


def _harmless(context: IncidentContext) -> list[Evidence]:
    if context.failed() or not context.write.ok + context.read.ok:
        return []
    return [
        Evidence("events", (), "evidence.no_failure", {"action": cost.action, "ok": cost.ok})
        for cost in (context.write, context.read)
        if cost.ok
    ]


def quorum_passed(context: IncidentContext) -> bool:
    """Return whether quorum was away too shortly to explain a leader that went away itself.

    Its lease ran out after quorum was back; or it was unreachable, and quorum was back within a loop of Patroni. In
    neither case had the primary demoted itself before.
    """
    lost, regained, demoted = _quorum(context)
    if lost is None or regained is None or context.leader_before is None or not context.concerns(context.leader_before):
        return False
    seen = observed(context, context.leader_before)
    demoted_ns = context.index.end_ns if demoted is None else demoted.by_ns
    if seen.leader_lost is not None and seen.expired:
        return seen.leader_lost.by_ns > regained.by_ns and demoted_ns > regained.by_ns
    shortly = regained.by_ns - lost.by_ns <= context.loop_wait_ns
    return shortly and seen.rest is not None and demoted_ns > seen.rest.began_ns


def _quorum(context: IncidentContext) -> tuple[Event | None, Event | None, Event | None]:
    """Return the loss of quorum, its return, and the first report of a primary that demoted itself since the loss."""
    lost = context.first("quorum.lost")
    if lost is None:
        return None, None, None
    regained = (e for e in context.events("quorum.regained") if e.by_ns >= lost.by_ns)
    demoted = (c.event for c in context.changes() if c.event.by_ns >= lost.by_ns and c.role == (True, False))
    return lost, next(regained, None), next(demoted, None)
