"""What an incident did beside its outage: reads, the read pool, candidates, brownout, HAProxy's connection limit."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.causes import CAUSES
from observer.model.recording import SECOND_NS
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Block, Cell, Value, say, seconds, table
from reports.document.kinds import recording_of
from reports.document.rejoins import caught_up_cell
from reports.document.replica_fault import candidates_cell, pool_cell

MEMBER_LAYERS = ("leader", "replica", "postgres", "patroni")


def effects_table(incidents: Sequence[IncidentResults], results: Results) -> tuple[Block, ...]:
    """Return one row for each incident that had such effects."""
    rows = [
        row
        for row in (_row(i, recording_of(i, results)) for i in incidents)
        if any(cell is not None for cell in row[1:])
    ]
    return table("effects.columns", rows)


def _row(incident: IncidentResults, recording: RecordingResults) -> tuple[Cell, ...]:
    replica = CAUSES[incident.cause].paragraph == "replica"
    return (
        Value(incident.id),
        _new_reads(incident),
        _persistent_reads(incident),
        pool_cell(incident, recording) if replica else None,
        candidates_cell(incident, recording) if replica else None,
        caught_up_cell(incident) if replica else None,
        _brownout(incident),
        _limit(incident, recording),
    )


def _new_reads(incident: IncidentResults) -> Cell:
    """Return the share of reads that failed between the first and the last failure, if reads as a whole went on."""
    failed = incident.supporting.failed_reads
    if failed is None or not failed.new + failed.persistent:
        return None
    facts = {
        "failed": failed.new,
        "tried": failed.tried,
        "share": failed.new / failed.tried if failed.tried else None,
        "seconds": seconds(failed.to_ns - failed.from_ns),
        "persistent": failed.persistent,
    }
    return say("effects.new_reads" if not failed.persistent else "effects.reads_of_both", **facts)


def _persistent_reads(incident: IncidentResults) -> Cell:
    if CAUSES[incident.cause].layer not in MEMBER_LAYERS:
        return None
    reads = incident.supporting.persistent_reads
    if reads is None:
        return None
    if not reads.hit:
        return say("effects.not_hit", servers=tuple(Value(server, "code") for server in reads.servers))
    if reads.moved is None:
        return say("effects.not_moved")
    moved = reads.moved
    return say("effects.moved", server=moved.server, seconds=seconds(moved.duration_ns), failed=moved.failed)


def _brownout(incident: IncidentResults) -> Cell:
    if not incident.brownout_ns:
        return None
    lasted = seconds(incident.brownout_ns)
    if incident.brownout_bound_s is None:
        return say("effects.brownout_unbound", seconds=lasted)
    low, high = incident.brownout_bound_s
    window = incident.supporting.brownout
    certain_ns = incident.brownout_ns if window is None else window.after_ns
    outside = certain_ns > high * SECOND_NS
    return say("effects.brownout_outside" if outside else "effects.brownout", seconds=lasted, low=low, high=high)


def _limit(incident: IncidentResults, recording: RecordingResults) -> Cell:
    full = [
        period
        for period in recording.connection_limits
        if period.from_ns < incident.ended_ns and period.to_ns > incident.began_ns
    ]
    if not full:
        return None
    lasted = sum(min(p.to_ns, incident.ended_ns) - max(p.from_ns, incident.began_ns) for p in full)
    return say("effects.limit", seconds=seconds(lasted), sessions=full[0].sessions, limit=full[0].limit)
