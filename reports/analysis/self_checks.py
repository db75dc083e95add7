"""The report's checks of its own results: what does not hold is withheld, and a warning names the check."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from observer.model.findings import Cost, Phase
from observer.model.recording import MS_NS, SECOND_NS
from reports.analysis.keys import is_inside
from reports.analysis.results.recording import LeaderPeriod
from reports.analysis.results.whole import FailedCheck, IncidentResults, RecordingResults, Results

SLACK_NS = 2 * MS_NS

# The checks, with the values of their phrases.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "check.failures": ("recording", "action", "failed", "told"),
    "check.phases_sum": ("incident", "sum_s", "outage_s"),
    "check.phase_window": ("incident", "phase"),
    "check.outage_backwards": ("incident", "action"),
    "check.moments": ("incident", "row", "one_s", "other_s"),
    "check.cause_rows": ("incident", "cause"),
    "check.timeline_falls": ("incident", "before", "after"),
    "check.timeline_stayed": ("incident", "before"),
    "check.leaders_order": ("recording",),
    "check.incident_order": ("incident", "other"),
    "check.nobody": ("recording", "member"),
}
UNKNOWN: Mapping[str, Any] = {"cause": "unknown", "target": None, "targets": (), "confidence": "low", "rejected": ()}


@dataclass(frozen=True, slots=True)
class _Failed:
    """A check that failed, and the values that replace what it forbids to state."""

    check: FailedCheck
    instead: Mapping[str, Any] = field(default_factory=dict)


def checked(results: Results) -> Results:
    """Return the results without what does not hold, and with a warning for each check that failed."""
    failed: list[_Failed] = []
    recordings, incidents = [], []
    for recording in results.recordings:
        own = [*_totals(results, recording), *_leaders(recording)]
        failed += own
        recordings.append(replace(recording, **_instead(own)))
    for incident in results.incidents:
        own = list(_incident(incident))
        failed += own
        incidents.append(replace(incident, **_instead(own)))
    failed += _order(results)
    warnings = tuple(one.check for one in failed)
    return replace(results, recordings=tuple(recordings), incidents=tuple(incidents), warnings=warnings)


def _failed(key: str, facts: Mapping[str, Any], instead: Mapping[str, Any] | None = None) -> _Failed:
    return _Failed(FailedCheck(key, facts), instead or {})


def _instead(failed: list[_Failed]) -> dict[str, Any]:
    return {name: value for one in failed for name, value in one.instead.items()}


def _totals(results: Results, recording: RecordingResults) -> Iterator[_Failed]:
    """Every failed operation belongs to an incident."""
    own = [i for i in results.incidents if i.recording == recording.id]
    for totals in recording.totals:
        costs = [i.write if totals.action == "write" else i.read for i in own]
        counted, failed = sum(cost.failed + cost.unknown for cost in costs), totals.failed + totals.unknown
        if counted != failed:
            facts = {"recording": recording.id, "action": totals.action, "failed": failed, "told": counted}
            yield _failed("check.failures", facts)


def _incident(incident: IncidentResults) -> Iterator[_Failed]:
    one = {"incident": incident.id}
    yield from _phases(incident)
    for action, cost in (("write", incident.write), ("read", incident.read)):
        # The phases divide the outage of writes, so they go with it.
        instead = {action: _without_outages(cost)} | ({"phases": ()} if action == "write" else {})
        for outage in cost.outages:
            if outage.ended_ns < outage.began_ns:
                yield _failed("check.outage_backwards", {**one, "action": action}, instead)
    if incident.cause not in ("unknown", "observer.blind") and not any(e.ids for e in incident.evidence):
        yield _failed("check.cause_rows", {**one, "cause": incident.cause}, UNKNOWN)
    yield from _moments(incident)
    before, after = incident.timeline_before, incident.timeline_after
    if before is None or after is None:
        return
    unstated = {"timeline_before": None, "timeline_after": None}
    if after < before and incident.cause != "leader.taken_back":  # there the old leader, on its timeline, came back
        yield _failed("check.timeline_falls", {**one, "before": before, "after": after}, unstated)
    elif incident.leader_before != incident.leader_after and after == before:
        yield _failed("check.timeline_stayed", {**one, "before": before}, unstated)


def _moments(incident: IncidentResults) -> Iterator[_Failed]:
    """Check that a row of events that an incident quotes twice has the same moment both times."""
    proofs = (*incident.evidence, *(e for phase in incident.phases for e in _evidence(phase)))
    support = incident.supporting
    quoted: list[tuple[int | None, float]] = [
        (e.ids[0], e.facts["at_s"])
        for e in proofs
        if e.table == "events" and len(e.ids) == 1 and e.facts.get("at_s") is not None
    ]
    quoted += [(e.event_id, e.at_ns / SECOND_NS) for e in incident.injected]
    quoted += [(e.event_id, e.at_ns / SECOND_NS) for e in support.lines]
    quoted += [(e.event_id, e.at_ns / SECOND_NS) for e in support.ended]
    moments: dict[int, float] = {}
    for row, at_s in quoted:
        if row is not None and abs(moments.setdefault(row, at_s) - at_s) > SLACK_NS / SECOND_NS:
            facts = {"incident": incident.id, "row": row, "one_s": moments[row], "other_s": at_s}
            yield _failed("check.moments", facts)


def _evidence(phase: Phase) -> Iterator[Any]:
    return (one for one in (phase.began_by, phase.ended_by) if one is not None)


def _phases(incident: IncidentResults) -> Iterator[_Failed]:
    """Check that the phases of an outage sum to it, and that each is as long as its windows allow."""
    one, outage_ns = {"incident": incident.id}, incident.write.outage_ns
    counted = [phase for phase in incident.phases if is_inside(phase.name)]
    sum_ns = sum(phase.duration_ns for phase in counted)
    if counted and outage_ns is not None and abs(sum_ns - outage_ns) > SLACK_NS:
        facts = {**one, "sum_s": sum_ns / SECOND_NS, "outage_s": outage_ns / SECOND_NS}
        yield _failed("check.phases_sum", facts, {"phases": ()})
    for phase in incident.phases:
        if not phase.shortest_ns - SLACK_NS <= phase.duration_ns <= phase.longest_ns + SLACK_NS:
            yield _failed("check.phase_window", {**one, "phase": phase.name}, {"phases": ()})


def _without_outages(cost: Cost) -> Cost:
    return replace(cost, outage_ns=None, stable_ns=None, open=False, outages=())


def _leaders(recording: RecordingResults) -> Iterator[_Failed]:
    """Leaders follow each other in time, and each is a known member."""
    leaders: tuple[LeaderPeriod, ...] = recording.leaderships
    if any(other.from_ns < one.from_ns for one, other in pairwise(leaders)):
        yield _failed("check.leaders_order", {"recording": recording.id}, {"leaderships": ()})
    known = {part.name for part in recording.parts} | {period.subject for period in recording.roles}
    for name in sorted({leader.member for leader in leaders} - known) if known else ():
        yield _failed("check.nobody", {"recording": recording.id, "member": name})


def _order(results: Results) -> Iterator[_Failed]:
    """Incidents of a recording follow each other in time."""
    for one, other in pairwise(results.incidents):
        if one.recording == other.recording and other.began_ns < one.began_ns:
            yield _failed("check.incident_order", {"incident": other.id, "other": one.id})
