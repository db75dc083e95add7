"""The report's document: timelines and their findings in, plain facts out (the shape is in facts.py)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from observer.model.findings import Evidence, Findings, Incident, Lost, Outage
from observer.model.recording import Action, Recording
from reports.analysis.consistency import two_primaries
from reports.analysis.durability import Durability, durability
from reports.analysis.probes import new_longer
from reports.analysis.theory import brownout
from reports.facts import course, pace, shape
from reports.facts.answers import answers_of
from reports.facts.checks import checked
from reports.facts.incident_shape import CostFact, EvidenceFact, IncidentFact, LostFact, OutageFact
from reports.facts.moments import or_none, seconds, told, utc_of
from reports.facts.portrait import proxy_of
from reports.facts.recorded import recording_facts
from reports.facts.returns import returns_of
from reports.facts.safety import appeared_of, forks_of, hidden_of, reads_of
from reports.facts.testimony import testimony_of


def facts_of(judged: Sequence[tuple[Recording, Findings]], version: str) -> shape.Facts:
    """The whole document of one or more recordings, each with its findings; `version` is the observer's own."""
    incidents: list[IncidentFact] = []
    for recording, found in judged:
        incidents += [
            _incident(recording, found, incident, len(incidents) + 1 + i) for i, incident in enumerate(found.incidents)
        ]
    document: shape.Facts = {
        "observer": version,
        "recordings": [recording_facts(recording, found) for recording, found in judged],
        "incidents": incidents,
        "durability": _durability([(recording, durability(recording)) for recording, _ in judged]),
        "consistency": {
            "observed": all(_asked_directly(recording) for recording, _ in judged),
            "two_primaries": [both for recording, _ in judged for both in _both(recording)],
            "hidden": [one for recording, _ in judged for one in hidden_of(recording)],
            "forks": [one for recording, _ in judged for one in forks_of(recording)],
            "reads": [reads_of(recording) for recording, _ in judged],
        },
        "answers": [],
        "objectives": [],
        "warnings": [],
    }
    document = checked(document)
    document["answers"] = answers_of(document)
    return document


def _evidence(evidence: Evidence) -> EvidenceFact:
    return {"table": evidence.table, "ids": list(evidence.ids), "says": evidence.says, "facts": dict(evidence.facts)}


def _incident(recording: Recording, found: Findings, incident: Incident, number: int) -> IncidentFact:
    return {
        "id": number,
        "number": incident.number,
        "recording": recording.header.id,
        "cause": incident.cause,
        "target": incident.target,
        "targets": list(incident.targets),
        "confidence": incident.confidence,
        "evidence": [_evidence(evidence) for evidence in incident.evidence],
        "rejected": [{"cause": r.cause, "reason": r.reason, "facts": dict(r.facts)} for r in incident.rejected],
        "began_s": seconds(incident.began_ns),
        "ended_s": seconds(incident.ended_ns),
        "began_utc": utc_of(recording, incident.began_ns),
        "ended_utc": utc_of(recording, incident.ended_ns),
        "fault_to_write_s": or_none(incident.fault_to_write_ns),
        "write": _cost(recording, found, incident, number, "write"),
        "read": _cost(recording, found, incident, number, "read"),
        "leader": {
            "before": incident.leader_before,
            "after": incident.leader_after,
            "timeline_before": incident.timeline_before,
            "timeline_after": incident.timeline_after,
        },
        "phases": [
            {
                "name": phase.name,
                "began_s": seconds(phase.began.by_ns),
                "ended_s": seconds(phase.ended.by_ns),
                "seconds": seconds(phase.duration_ns),
                "shortest_s": seconds(phase.shortest_ns),
                "longest_s": seconds(phase.longest_ns),
                "bound_s": None if phase.bound_s is None else list(phase.bound_s),
                "evidence": [_evidence(e) for e in (phase.began_by, phase.ended_by) if e is not None],
            }
            for phase in incident.phases
        ],
        "brownout_s": or_none(incident.brownout_ns),
        "brownout_bound_s": _brownout_bound(recording),
        "lost_writes": None if incident.lost is None else len(incident.lost),
        "lost": [_lost(recording, lost) for lost in incident.lost or ()],
        "redundancy_back_s": or_none(incident.redundancy_back_ns),
        "told": [told(recording, event) for event in incident.injected],
        "returns": returns_of(recording, incident, _next_of(found, incident, recording)),
        "led_etcd": course.led_etcd(recording, incident),
        "testimony": testimony_of(recording, incident),
        "pace": pace.pace_around(recording, incident),
    }


def _brownout_bound(recording: Recording) -> list[float] | None:
    proxy = proxy_of(recording)
    bound = brownout(proxy["fall"], proxy["inter_ms"])
    return None if bound is None else list(bound)


def _next_of(found: Findings, incident: Incident, recording: Recording) -> int:
    """When the next incident about the same member begins, or the recording ends."""
    own = {incident.target, *incident.targets}
    later = [i.began_ns for i in found.incidents if i.began_ns > incident.began_ns and own & {i.target, *i.targets}]
    return min(later, default=recording.header.until_ns)


def _cost(recording: Recording, found: Findings, incident: Incident, number: int, action: Action) -> CostFact:
    cost = incident.write if action == "write" else incident.read
    own = {one.probe: one for one in incident.per_probe if one.action == action}
    kept, fresh = own["kept"], own["fresh"]
    return {
        "outage_s": or_none(cost.outage_ns),
        "kept_outage_s": or_none(kept.outage_ns),
        "fresh_outage_s": or_none(fresh.outage_ns),
        "kept_open": kept.open,
        "fresh_open": fresh.open,
        "fresh_longer": new_longer(recording, kept, fresh),
        "stable_s": or_none(cost.stable_ns),
        "calm_id": cost.stable_since_id,
        "within": _within(found, incident, number, action),
        "open": cost.open,
        "ok": cost.ok,
        "failed": cost.failed,
        "unknown": cost.unknown,
        "outages": [_outage(outage) for outage in cost.outages],
        "kept_outages": [_outage(outage) for outage in kept.outages],
        "fresh_outages": [_outage(outage) for outage in fresh.outages],
    }


def _within(found: Findings, incident: Incident, number: int, action: Action) -> int | None:
    """The number in the document of the incident whose outage of an action was not over when this one began."""
    for other in reversed(found.incidents[: incident.number - 1]):
        cost = other.write if action == "write" else other.read
        if any(outage.began_ns < incident.began_ns < outage.ended_ns for outage in cost.outages):
            return number - incident.number + other.number
    return None


def _outage(outage: Outage) -> OutageFact:
    return {
        "began_s": seconds(outage.began_ns),
        "ended_s": seconds(outage.ended_ns),
        "seconds": seconds(outage.duration_ns),
        "open": outage.open,
        "before_id": outage.before_id,
        "after_id": outage.after_id,
        "failed": outage.failed,
        "unknown": outage.unknown,
    }


def _lost(recording: Recording, lost: Lost) -> LostFact:
    return {
        "token": lost.token,
        "acknowledged_utc": utc_of(recording, lost.acknowledged_ns),
        "acknowledged_s": seconds(lost.acknowledged_ns),
        "server": lost.server,
        "timeline": lost.timeline,
        "operation_id": lost.operation_id,
        "audit_id": lost.audit_id,
    }


def _durability(told: Sequence[tuple[Recording, Durability]]) -> shape.DurabilityFact:
    """All recordings together. The losses are those that are known; how many writes nobody read back stands beside.

    Of writes that were not acknowledged: what one recording does not know, the whole does not know.
    """

    def total(values: Sequence[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    kept = [one for _, one in told if one.acknowledged or one.unknown]
    unaudited = sum(one.unaudited for one in kept)
    written = sum(one.acknowledged for one in kept)
    lost = [one.lost for one in kept if one.lost is not None]
    return {
        "acknowledged": written,
        "audited": written - unaudited,
        "unaudited": unaudited,
        "lost": sum(map(len, lost)) if lost else None,
        "lost_writes": [_lost(timeline, lost) for timeline, one in told for lost in one.lost or ()],
        "unknown": sum(one.unknown for one in kept),
        "unknown_took_effect": total([one.unknown_took_effect for one in kept]),
        "failed_but_present": total([one.failed_but_present for one in kept]),
        "failed_but_present_writes": [fact for timeline, _ in told for fact in appeared_of(timeline)],
    }


def _asked_directly(recording: Recording) -> bool:
    """Whether the PostgreSQL of two members or more answered for itself: else two primaries could not be seen."""
    answered = {e.subject for e in recording.events if e.source == "postgres" and "in_recovery" in e.detail}
    return len(answered) > 1


def _both(recording: Recording) -> list[dict[str, Any]]:
    return [
        {
            "recording": recording.header.id,
            "members": list(both.members),
            "from_s": seconds(both.from_ns),
            "to_s": seconds(both.until_ns),
            "seconds": seconds(both.until_ns - both.from_ns),
            "event_ids": [event.id for event in both.events if event.id is not None],
        }
        for both in two_primaries(recording)
    ]
