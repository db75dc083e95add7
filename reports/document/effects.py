"""What an incident did beside its outage: reads, the read pool, candidates, brownout, HAProxy's connection limit."""

from collections.abc import Sequence

from observer.model.causes import CAUSES
from observer.model.recording import SECOND_NS
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Row, Value
from reports.document.build import code, say, seconds, table
from reports.document.kinds import recording_of

MEMBER_LAYERS = ("leader", "replica", "postgres", "patroni")


def effects_table(incidents: Sequence[IncidentResults], results: Results) -> Blocks:
    """Return one row for each incident that had such effects."""
    rows = (_row(incident, recording_of(incident, results)) for incident in incidents)
    return table("effects.columns", [row for row in rows if any(cell is not None for cell in row[1:])])


def _row(incident: IncidentResults, recording: RecordingResults) -> Row:
    replica = CAUSES[incident.cause].paragraph == "replica"
    return (
        Value(incident.id, "id"),
        _new_reads(incident),
        _persistent_reads(incident),
        _pool(incident, recording) if replica else None,
        _candidates(incident, recording) if replica else None,
        _caught_up(incident) if replica else None,
        _brownout(incident),
        _limit(incident, recording),
    )


def _new_reads(incident: IncidentResults) -> Cell:
    """Return the share of reads that failed between the first and the last failure, if reads as a whole went on."""
    failed = incident.supporting.failed_reads
    if failed is None or not failed.new + failed.persistent:
        return None
    return say(
        "effects.reads_of_both" if failed.persistent else "effects.new_reads",
        failed=failed.new,
        tried=failed.tried,
        share=failed.new / failed.tried if failed.tried else None,
        seconds=seconds(failed.to_ns - failed.from_ns),
        persistent=failed.persistent,
    )


def _persistent_reads(incident: IncidentResults) -> Cell:
    reads = incident.supporting.persistent_reads
    if reads is None or CAUSES[incident.cause].layer not in MEMBER_LAYERS:
        return None
    if not reads.hit:
        return say("effects.not_hit", servers=[code(server) for server in reads.servers])
    moved = reads.moved
    if moved is None:
        return say("effects.not_moved")
    return say("effects.moved", server=moved.server, seconds=seconds(moved.duration_ns), failed=moved.failed)


def _pool(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return when HAProxy stopped routing to the replicas that failed, after the start of the incident."""
    if not recording.routes:
        return Value(None)
    dropped = [
        route.to_ns
        for route in recording.routes
        if route.subject.rpartition("/")[2] in incident.targets
        and route.until_id is not None
        and incident.began_ns < route.to_ns <= incident.ended_ns
    ]
    return Value(seconds(min(dropped) - incident.began_ns), "tenths") if dropped else say("effects.kept_in_pool")


def _candidates(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return the replicas that could still have become the leader when the incident began."""
    if not recording.roles:
        return Value(None)
    at_ns = incident.began_ns
    replicas = {r.subject for r in recording.roles if r.what == "replica" and r.from_ns <= at_ns < r.to_ns}
    left = sorted(replicas - set(incident.targets))
    return tuple(code(member) for member in left) or say("effects.no_candidate")


def _caught_up(incident: IncidentResults) -> Cell:
    """Return by when the primary saw the members 0 bytes behind, else by when they had replayed all they received."""
    samples = [rejoin.level or rejoin.replayed for rejoin in incident.rejoins]
    known = [sample.duration_ns for sample in samples if sample is not None]
    if not samples:
        return None
    return Value(seconds(max(known)) if len(known) == len(samples) else None, "tenths")


def _brownout(incident: IncidentResults) -> Cell:
    if not incident.brownout_ns:
        return None
    lasted = seconds(incident.brownout_ns)
    if incident.brownout_bound_s is None:
        return Value(lasted, "s")
    high = incident.brownout_bound_s[1]
    window = incident.supporting.brownout
    certain_ns = incident.brownout_ns if window is None else window.after_ns
    outside = certain_ns > high * SECOND_NS
    return say("effects.brownout_outside" if outside else "effects.brownout", seconds=lasted, high=high)


def _limit(incident: IncidentResults, recording: RecordingResults) -> Cell:
    began, ended = incident.began_ns, incident.ended_ns
    full = [period for period in recording.connection_limits if period.from_ns < ended and period.to_ns > began]
    if not full:
        return None
    lasted = sum(min(p.to_ns, ended) - max(p.from_ns, began) for p in full)
    return say("effects.limit", seconds=seconds(lasted), sessions=full[0].sessions, limit=full[0].limit)
