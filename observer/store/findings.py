"""The results of the analysis as rows. The analysis can run again, so each run replaces all rows of a recording."""

from typing import Any

from sqlite_utils import Database

from observer.model.findings import Evidence, Findings, Incident, Lost, Outage, Phase
from observer.model.recording import NEW, PERSISTENT
from observer.store.rows import text_of

# Children before parents.
_TABLES = ("evidence", "phases", "judged_outages", "judged_outages_alone", "judged_losses", "incidents")
_OUTAGE = ("action", "began_ns", "ended_ns", "open", "before_id", "after_id", "first_failure_ns", "failed", "unknown")
_LEADER = ("leader_before", "leader_after", "timeline_before", "timeline_after")
_INCIDENT = ("number", "cause", "target", "confidence", "began_ns", "ended_ns", *_LEADER)
_LOST = ("token", "acknowledged_ns", "server", "timeline", "operation_id", "audit_id")


def replace_findings(db: Database, recording_id: int, findings: Findings) -> None:
    """Replace the stored results of a recording, within the caller's transaction."""
    for table in _TABLES:
        db.table(table).delete_where("recording_id = ?", [recording_id])
    for incident in findings.incidents:
        _add_incident(db, recording_id, incident)
    losses = ({"recording_id": recording_id, **_values(lost, _LOST)} for lost in findings.lost or ())
    db.table("judged_losses").insert_all(losses)


def _add_incident(db: Database, recording_id: int, incident: Incident) -> None:
    number = db.table("incidents").insert({"recording_id": recording_id, **_incident_row(incident)}).last_pk
    owner: dict[str, Any] = {"recording_id": recording_id, "incident_id": number}
    evidence = [{**owner, "role": "cause", **_evidence_row(e)} for e in incident.evidence]
    for rejected in incident.rejected:
        row = {"cause": rejected.cause, "ids": "[]", "says": rejected.reason, "facts": text_of(dict(rejected.facts))}
        evidence.append({**owner, "role": "rejected", **row})
    outages = (*incident.write.outages, *incident.read.outages)
    db.table("judged_outages").insert_all({**owner, **_values(outage, _OUTAGE)} for outage in outages)
    db.table("judged_outages_alone").insert_all(
        {**owner, "probe": probe, **_values(outage, _OUTAGE)}
        for cost in (incident.write, incident.read)
        for probe, alone in ((PERSISTENT, cost.persistent_outages), (NEW, cost.new_outages))
        for outage in alone
    )
    for phase in incident.phases:
        phase_id = db.table("phases").insert({**owner, **_phase_row(phase)}).last_pk
        for role, boundary in (("began", phase.began_by), ("ended", phase.ended_by)):
            if boundary is not None:
                evidence.append({**owner, "phase_id": phase_id, "role": role, **_evidence_row(boundary)})
    # One row at a time: rows of different columns in one statement would give each the columns of all.
    for row in evidence:
        db.table("evidence").insert(row)


def _values(found: Incident | Outage | Lost, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: getattr(found, name) for name in names}


def _seconds(nanoseconds: int | None) -> float | None:
    return None if nanoseconds is None else round(nanoseconds / 1e9, 3)


def _incident_row(i: Incident) -> dict[str, Any]:
    return {
        **_values(i, _INCIDENT),
        "targets": text_of(i.targets),
        "write_outage_s": _seconds(i.write.outage_ns),
        "read_outage_s": _seconds(i.read.outage_ns),
        "write_open": i.write.open,
        "read_open": i.read.open,
        "brownout_s": _seconds(i.brownout_ns),
        "lost_writes": i.lost_writes,
        "redundancy_back_s": _seconds(i.redundancy_back_ns),
        "fault_to_write_s": _seconds(i.fault_to_write_ns),
    }


def _phase_row(phase: Phase) -> dict[str, Any]:
    row = {"name": phase.name, "began_ns": phase.began.by_ns, "ended_ns": phase.ended.by_ns}
    lengths = {"seconds": phase.duration_ns, "shortest_s": phase.shortest_ns, "longest_s": phase.longest_ns}
    least, most = phase.bound_s or (None, None)
    row |= {name: _seconds(length_ns) for name, length_ns in lengths.items()}
    return {**row, "bound_min_s": least, "bound_max_s": most}


def _evidence_row(evidence: Evidence) -> dict[str, Any]:
    ids, facts = text_of(evidence.ids), text_of(dict(evidence.facts))
    return {"table_name": evidence.table, "ids": ids, "says": evidence.says, "facts": facts}
