"""The table of the run: one row for each incident, in the order of time."""

from observer.model.findings import Cost
from reports.analysis.results.evidence import Rejoin
from reports.analysis.results.whole import IncidentResults, Results
from reports.document.blocks import Anchor, Blocks, Cell, Inline, Row, Value
from reports.document.build import code, incident_link, say, seconds, table
from reports.document.kinds import cause_name, recording_of, repairs_before_write


def incident_table(results: Results) -> Blocks:
    """Return one row for each incident; its number is the anchor that links lead to."""
    return table("incident_table.columns", (_row(incident, results) for incident in results.incidents))


def _row(incident: IncidentResults, results: Results) -> Row:
    fault_to_write = seconds(incident.fault_to_write_ns)
    return (
        Anchor(f"incident-{incident.id}", Value(incident.id, "id")),
        Value(incident.began_utc, "clock"),
        _fault(incident, results),
        _outage(incident.write),
        _outage(incident.read),
        _new_connections(incident),
        None if fault_to_write is None else Value(fault_to_write, "tenths"),
        (_failures(incident.write), _failures(incident.read)),
        Value(incident.lost_writes),
        _leader(incident),
        rejoin_cell(incident),
        _writes_back(incident, results),
    )


def _fault(incident: IncidentResults, results: Results) -> Cell:
    """Return what failed: no target for the only HAProxy, nor for a leader that the column of leaders names."""
    names = recording_of(incident, results).names
    parts: list[Inline] = [cause_name(incident.cause)]
    if incident.target is None or not incident.target == incident.leader_before != incident.leader_after:
        targets = incident.targets or (incident.target,)
        parts += [code(target) for target in targets if target and names.get(target) != ""]
    if incident.confidence != "high":
        parts.append(say(f"incident_table.confidence_{incident.confidence}"))
    return tuple(parts)


def _outage(cost: Cost) -> Cell:
    if cost.within is not None:
        return say("incident_table.within", incident=incident_link(cost.within))
    if cost.open:
        return say("incident_table.at_least", seconds=seconds(cost.outage_ns))
    return Value(seconds(cost.outage_ns), "tenths")


def _new_connections(incident: IncidentResults) -> Cell:
    """Return the outages that were longer on new connections."""
    costs = (("write", incident.write), ("read", incident.read))
    return (
        tuple(
            say(f"incident_table.new{'_open' * cost.new_open}", action=action, seconds=seconds(cost.new_outage_ns))
            for action, cost in costs
            if cost.new_longer and cost.new_outage_ns is not None
        )
        or None
    )


def _failures(cost: Cost) -> Inline:
    if cost.outage_ns is None and not cost.ok + cost.failed + cost.unknown:
        return Value(None)
    if not cost.unknown:
        return Value(cost.failed)
    return say("incident_table.with_unknown", failed=cost.failed, unknown=cost.unknown)


def _leader(incident: IncidentResults) -> Cell:
    """Return the leader and the timeline, before and after if they changed."""
    before, after = incident.leader_before, incident.leader_after
    if before is None and after is None:
        return Value(None)
    timeline: Inline = Value(incident.timeline_before)
    if incident.timeline_before != incident.timeline_after:
        timeline = say("incident_table.change", before=incident.timeline_before, after=incident.timeline_after)
    key = "incident_table.leader" if before == after else "incident_table.new_leader"
    return say(key, before=before, after=after, timeline=timeline)


def rejoin_cell(incident: IncidentResults) -> Cell:
    """Return how the members of an incident came back; None if no return was analyzed."""
    if len(incident.rejoins) == 1:
        return tuple(_rejoined(incident.rejoins[0], incident))
    named = [say("rejoin.of", member=r.member, facts=tuple(_rejoined(r, incident))) for r in incident.rejoins]
    return tuple(named) or None


def _rejoined(rejoin: Rejoin, incident: IncidentResults) -> list[Inline]:
    if rejoin.answered_ns is None and rejoin.streaming_ns is None:
        return [say("rejoin.not_seen")]
    if rejoin.role == "primary":
        return [Value(rejoin.role, "@role")]
    streamed = seconds(rejoin.streaming_ns)
    parts: list[Inline] = [say("rejoin.no_streaming") if streamed is None else Value(streamed, "tenths")]
    if rejoin.role is not None:
        parts.append(Value(rejoin.role, "@role"))
    # pg_rewind concerns a former leader: a replica has no history of its own.
    was_leader = rejoin.member == incident.leader_before != incident.leader_after
    if was_leader or rejoin.how is not None:
        parts.append(say(f"rejoin.how_{rejoin.how or 'unknown'}"))
    return parts


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
