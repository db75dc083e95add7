"""What the judge found in a recording, as rows; rebuilt at will, so each time all of a recording's are replaced."""

from __future__ import annotations

import sqlite3
from typing import Any

from observer.model.findings import Cost, Evidence, Findings, Incident, Lost, Outage, Phase
from observer.store.rows import text_of

# Children before parents.
_TABLES = ("evidence", "phases", "judged_outages", "judged_outages_alone", "judged_losses", "incidents")


def replace_findings(connection: sqlite3.Connection, recording_id: int, findings: Findings) -> None:
    """Within the caller's transaction."""
    for table in _TABLES:
        connection.execute(f"delete from {table} where recording_id = ?", (recording_id,))
    for incident in findings.incidents:
        _add_incident(connection, recording_id, incident)
    for lost in findings.lost or ():
        _add(connection, "judged_losses", _lost_row(recording_id, lost))


def _add_incident(connection: sqlite3.Connection, recording_id: int, incident: Incident) -> None:
    number = _add(connection, "incidents", _incident_row(recording_id, incident))
    whose: dict[str, Any] = {"recording_id": recording_id, "incident_id": number}
    for evidence in incident.evidence:
        _add(connection, "evidence", {**whose, "role": "cause", **_evidence_row(evidence)})
    for rejected in incident.rejected:
        row = {"cause": rejected.cause, "ids": "[]", "says": rejected.reason, "facts": text_of(dict(rejected.facts))}
        _add(connection, "evidence", {**whose, "role": "rejected", **row})
    for outage in (*incident.write.outages, *incident.read.outages):
        _add(connection, "judged_outages", {**whose, **_outage_row(outage)})
    for alone in incident.per_probe:
        for outage in alone.outages:
            _add(connection, "judged_outages_alone", {**whose, "probe": alone.probe, **_outage_row(outage)})
    for phase in incident.phases:
        phase_id = _add(connection, "phases", {**whose, **_phase_row(phase)})
        for role, boundary in (("began", phase.began_by), ("ended", phase.ended_by)):
            if boundary is not None:
                _add(connection, "evidence", {**whose, "phase_id": phase_id, "role": role, **_evidence_row(boundary)})


def _add(connection: sqlite3.Connection, table: str, row: dict[str, Any]) -> int:
    columns, marks = ", ".join(row), ", ".join("?" * len(row))
    added = connection.execute(f"insert into {table} ({columns}) values ({marks})", tuple(row.values())).lastrowid
    assert added is not None
    return added


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e9, 3)


def _incident_row(recording_id: int, i: Incident) -> dict[str, Any]:
    def outage_s(cost: Cost) -> float | None:
        return _seconds(cost.outage_ns)

    return {
        "recording_id": recording_id,
        "number": i.number,
        "cause": i.cause,
        "target": i.target,
        "targets": text_of(i.targets),
        "confidence": i.confidence,
        "began_ns": i.began_ns,
        "ended_ns": i.ended_ns,
        "write_outage_s": outage_s(i.write),
        "read_outage_s": outage_s(i.read),
        "write_open": i.write.open,
        "read_open": i.read.open,
        "leader_before": i.leader_before,
        "leader_after": i.leader_after,
        "timeline_before": i.timeline_before,
        "timeline_after": i.timeline_after,
        "brownout_s": _seconds(i.brownout_ns),
        "lost_writes": None if i.lost is None else len(i.lost),
        "redundancy_back_s": _seconds(i.redundancy_back_ns),
        "fault_to_write_s": _seconds(i.fault_to_write_ns),
    }


def _phase_row(phase: Phase) -> dict[str, Any]:
    least, most = phase.bound_s if phase.bound_s is not None else (None, None)
    return {
        "name": phase.name,
        "began_ns": phase.began.by_ns,
        "ended_ns": phase.ended.by_ns,
        "seconds": _seconds(phase.duration_ns),
        "shortest_s": _seconds(phase.shortest_ns),
        "longest_s": _seconds(phase.longest_ns),
        "bound_min_s": least,
        "bound_max_s": most,
    }


def _evidence_row(evidence: Evidence) -> dict[str, Any]:
    return {
        "table_name": evidence.table,
        "ids": text_of(evidence.ids),
        "says": evidence.says,
        "facts": text_of(dict(evidence.facts)),
    }


def _outage_row(outage: Outage) -> dict[str, Any]:
    names = ("action", "began_ns", "ended_ns", "open", "before_id", "after_id", "first_failure_ns", "failed", "unknown")
    return {name: getattr(outage, name) for name in names}


def _lost_row(recording_id: int, lost: Lost) -> dict[str, Any]:
    names = ("token", "acknowledged_ns", "server", "timeline", "operation_id", "audit_id")
    return {"recording_id": recording_id} | {name: getattr(lost, name) for name in names}
