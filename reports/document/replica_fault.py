"""What the loss of a replica costs: the read pool and the candidates for leadership."""

from __future__ import annotations

from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults
from reports.document.blocks import Cell, Value, say, seconds


def pool_cell(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return when HAProxy stopped routing to the replicas that failed, after the start of the incident."""
    began, ended = incident.began_ns, incident.ended_ns
    dropped = [
        route
        for route in recording.routes
        if route.subject.rpartition("/")[2] in incident.targets
        and route.until_id is not None
        and began < route.to_ns <= ended
    ]
    if not recording.routes:
        return Value(None)
    return Value(seconds(min(d.to_ns for d in dropped) - began), "tenths") if dropped else say("effects.kept_in_pool")


def candidates_cell(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return the replicas that could still have become the leader when the incident began."""
    replicas = {
        role.subject
        for role in recording.roles
        if role.what == "replica" and role.from_ns <= incident.began_ns < role.to_ns
    }
    left = sorted(replicas - set(incident.targets))
    if not recording.roles:
        return Value(None)
    return tuple(Value(member, "code") for member in left) or say("effects.no_candidate")
