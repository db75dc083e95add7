"""The table of a kind of fault: one row for each incident."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Cost
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Anchor, Block, Cell, Inline, Sentence, Value, incident_link, say, seconds, table
from reports.document.kinds import recording_of
from reports.document.rejoins import rejoin_cell
from reports.document.repairs import repairs_before_write


def incidents_table(incidents: Sequence[IncidentResults], results: Results) -> tuple[Block, ...]:
    """Return one row for each incident; its number is the anchor that links lead to."""
    # A confidence that all share stands in the sentence about the evidence.
    differ = len({incident.confidence for incident in incidents}) > 1
    return table("incident_table.columns", [_row(incident, results, differ) for incident in incidents])


def _row(incident: IncidentResults, results: Results, confidence: bool) -> tuple[Cell, ...]:
    return (
        Anchor(f"incident-{incident.id}", Value(incident.id)),
        Value(incident.began_utc, "clock"),
        _target(incident, recording_of(incident, results)),
        Value(incident.confidence, "@incident_confidence") if confidence else None,
        _outage(incident.write),
        _outage(incident.read),
        _new_connections(incident),
        Value(seconds(incident.fault_to_write_ns), "tenths") if incident.fault_to_write_ns is not None else None,
        (_failures(incident.write), _failures(incident.read)),
        Value(incident.lost_writes),
        _leader(incident),
        rejoin_cell(incident),
        _writes_back(incident, results),
    )


def _target(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return the parts that failed; None for the only HAProxy, and for a leader that the column of leaders names."""
    if incident.target is not None and incident.target == incident.leader_before != incident.leader_after:
        return None
    named = [part for part in incident.targets or (incident.target,) if part and recording.names.get(part) != ""]
    return tuple(Value(part, "code") for part in named) or None


def _observed(cost: Cost) -> bool:
    return cost.outage_ns is not None or bool(cost.ok + cost.failed + cost.unknown)


def _outage(cost: Cost) -> Cell:
    if cost.within is not None:
        return say("incident_table.within", incident=incident_link(cost.within))
    if cost.open:
        return say("incident_table.at_least", seconds=seconds(cost.outage_ns))
    return Value(seconds(cost.outage_ns), "tenths")


def _new_connections(incident: IncidentResults) -> Cell:
    """Return the outages that were longer on new connections."""
    costs = (("write", incident.write), ("read", incident.read))
    parts: list[Sentence] = []
    for action, cost in costs:
        if cost.new_longer and cost.new_outage_ns is not None:
            key = "incident_table.new_open" if cost.new_open else "incident_table.new"
            parts.append(say(key, action=action, seconds=seconds(cost.new_outage_ns)))
    return tuple(parts) or None


def _failures(cost: Cost) -> Inline:
    if not _observed(cost):
        return Value(None)
    if not cost.unknown:
        return Value(cost.failed)
    return say("incident_table.with_unknown", failed=cost.failed, unknown=cost.unknown)


def _leader(incident: IncidentResults) -> Cell:
    """Return the leader and the timeline, before and after if they changed."""
    before, after = incident.leader_before, incident.leader_after
    if before is None and after is None:
        return Value(None)
    key = "incident_table.leader" if before == after else "incident_table.new_leader"
    timeline: Inline = Value(incident.timeline_before)
    if incident.timeline_before != incident.timeline_after:
        timeline = say("incident_table.change", before=incident.timeline_before, after=incident.timeline_after)
    return say(key, before=before, after=after, timeline=timeline)


def _writes_back(incident: IncidentResults, results: Results) -> Cell:
    """Return whether writes came back before any repair was reported; None without an outage of writes."""
    if incident.write.open:
        return say("incident_table.still_down")
    if not incident.write.outages:
        return None
    repairs = repairs_before_write(incident, results)
    if repairs:
        return say("incident_table.after_repair", seconds=seconds(repairs[0].at_ns - incident.began_ns))
    # Repairs are known only if an operator or a drill reports its actions.
    return say("incident_table.by_itself" if incident.injected else "incident_table.no_repair_recorded")
