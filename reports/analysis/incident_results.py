"""The results of one incident: its findings, and what else the recording shows about it."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Cost, Findings, Incident, Lost, Unreachable
from observer.model.recording import NEW, PERSISTENT, Action, RecordingHeader
from reports.analysis.etcd_evidence import etcd_absences, was_etcd_leader
from reports.analysis.index import Index
from reports.analysis.probes import new_longer
from reports.analysis.proxy_checks import proxy_settings
from reports.analysis.recording_results import reported
from reports.analysis.rejoin import rejoins
from reports.analysis.results.incident import ActionCost, IncidentResults, LeaderChange, LostWrite
from reports.analysis.supporting_evidence import supporting_evidence
from reports.analysis.theory import Bound, brownout
from reports.analysis.throughput import throughput_around


def incident_results(index: Index, found: Findings, first_id: int) -> tuple[IncidentResults, ...]:
    """Return the results of all incidents of a recording; their ids count from `first_id`."""
    proxy, absences = proxy_settings(index), etcd_absences(index)
    bound = brownout(proxy.fall, proxy.inter_ms)
    return tuple(
        _incident(index, found, incident, number, bound, absences)
        for number, incident in enumerate(found.incidents, first_id)
    )


def _incident(
    index: Index,
    found: Findings,
    incident: Incident,
    number: int,
    bound: Bound | None,
    absences: Sequence[Unreachable],
) -> IncidentResults:
    header = index.recording.header
    return IncidentResults(
        id=number,
        number=incident.number,
        recording=header.id,
        cause=incident.cause,
        target=incident.target,
        targets=incident.targets,
        confidence=incident.confidence,
        evidence=incident.evidence,
        rejected=incident.rejected,
        began_ns=incident.began_ns,
        ended_ns=incident.ended_ns,
        began_utc=header.utc(incident.began_ns).isoformat(),
        ended_utc=header.utc(incident.ended_ns).isoformat(),
        fault_to_write_ns=incident.fault_to_write_ns,
        write=_cost(index, found, incident, number, incident.write),
        read=_cost(index, found, incident, number, incident.read),
        leader=LeaderChange(
            incident.leader_before, incident.leader_after, incident.timeline_before, incident.timeline_after
        ),
        phases=incident.phases,
        brownout_ns=incident.brownout_ns,
        brownout_bound_s=bound,
        lost_writes=None if incident.lost is None else len(incident.lost),
        lost=tuple(lost_write(header, lost) for lost in incident.lost or ()),
        redundancy_back_ns=incident.redundancy_back_ns,
        injected=tuple(reported(header, event) for event in incident.injected),
        rejoins=rejoins(index, incident, _until_ns(found, incident, index.end_ns)),
        was_etcd_leader=was_etcd_leader(index, incident),
        supporting=supporting_evidence(index, incident, absences),
        throughput=throughput_around(index.recording, incident),
    )


def lost_write(header: RecordingHeader, lost: Lost) -> LostWrite:
    """Return a lost write with the UTC time of its acknowledgement."""
    utc = header.utc(lost.acknowledged_ns).isoformat()
    own = (lost.token, lost.acknowledged_ns, lost.server, lost.timeline, lost.operation_id, lost.audit_id)
    return LostWrite(*own, acknowledged_utc=utc)


def _until_ns(found: Findings, incident: Incident, end_ns: int) -> int:
    """Return when the next incident of the same members begins, or the end of the recording."""
    own = {incident.target, *incident.targets}
    later = [i.began_ns for i in found.incidents if i.began_ns > incident.began_ns and own & {i.target, *i.targets}]
    return min(later, default=end_ns)


def _cost(index: Index, found: Findings, incident: Incident, number: int, cost: Cost) -> ActionCost:
    own = {one.probe: one for one in incident.per_probe if one.action == cost.action}
    persistent, new = own[PERSISTENT], own[NEW]
    within = _within(found, incident, cost.action)
    return ActionCost(
        outage_ns=cost.outage_ns,
        persistent_outage_ns=persistent.outage_ns,
        new_outage_ns=new.outage_ns,
        persistent_open=persistent.open,
        new_open=new.open,
        new_longer=new_longer(index.recording, persistent, new),
        stable_ns=cost.stable_ns,
        calm_id=cost.stable_since_id,
        within=None if within is None else number - incident.number + within,
        open=cost.open,
        ok=cost.ok,
        failed=cost.failed,
        unknown=cost.unknown,
        outages=cost.outages,
        persistent_outages=persistent.outages,
        new_outages=new.outages,
    )


def _within(found: Findings, incident: Incident, action: Action) -> int | None:
    """Return the number of the earlier incident whose outage of an action was still open when this one began."""
    for other in reversed(found.incidents[: incident.number - 1]):
        cost = other.write if action == "write" else other.read
        if any(outage.began_ns < incident.began_ns < outage.ended_ns for outage in cost.outages):
            return other.number
    return None
