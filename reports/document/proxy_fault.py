"""HAProxy as the part that failed: how long it was away, how soon writes came back, and the cluster behind it."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.recording import SECOND_NS
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Block, Cell, Inline, Rows, Value, say, seconds, table
from reports.document.kinds import recording_of
from reports.document.phases import outage_phases
from reports.document.repairs import repairs_before_write

DIRECT_WRITES = 3


def proxy_blocks(incidents: Sequence[IncidentResults], results: Results) -> tuple[Block, ...]:
    """Return one row for each incident: HAProxy's absence, from its start to the first write, direct writes past it."""
    rows = [(Value(i.id), _away(i), _from_start(i, results), _direct(i, recording_of(i, results))) for i in incidents]
    return table("proxy_fault.columns", [row for row in rows if any(cell is not None for cell in row[1:])])


def _away(incident: IncidentResults) -> Cell:
    absent = next((phase for phase in outage_phases(incident) if phase.name == "absence"), None)
    if absent is not None:
        return Value(seconds(absent.duration_ns), "tenths")
    failed = [e.facts["at_s"] for e in incident.evidence if e.says == "evidence.proxy_failed"]
    back = [e.facts["at_s"] for e in incident.evidence if e.says in ("evidence.proxy_back", "evidence.proxy_answered")]
    return Value(min(back) - min(failed), "tenths") if failed and back else None


def _from_start(incident: IncidentResults, results: Results) -> Cell:
    """Return the time from the start of HAProxy, by its container or else by the action, to the first write."""
    outages = [outage for outage in incident.write.outages if not outage.open]
    if not outages:
        return None
    written_ns = outages[-1].ended_ns
    started = [s for s in incident.supporting.started if s.address in incident.targets and s.at_ns <= written_ns]
    if started:
        return say("proxy_fault.from_container", seconds=seconds(written_ns - started[-1].at_ns))
    actions = [a for a in repairs_before_write(incident, results) if a.detail.get("component") == "haproxy"]
    return say("proxy_fault.from_action", seconds=seconds(written_ns - actions[-1].at_ns)) if actions else None


def _direct(incident: IncidentResults, recording: RecordingResults) -> Cell:
    """Return the direct writes that succeeded while HAProxy was away."""
    spans = [(o.began_ns, o.ended_ns) for o in (*incident.write.outages, *incident.read.outages)]
    own = [
        write
        for write in recording.direct_writes
        if write.what == "written" and any(begin <= write.from_ns and write.to_ns <= end for begin, end in spans)
    ]
    if not spans:
        return None
    if not own:
        return say("proxy_fault.no_direct")
    cells: list[Inline] = [
        say("proxy_fault.direct", member=write.subject, at=(write.to_ns - incident.began_ns) / SECOND_NS)
        for write in own[:DIRECT_WRITES]
    ]
    ids = tuple(write.event_id for write in own[:DIRECT_WRITES] if write.event_id is not None)
    return (*cells, Rows("events", ids)) if ids else tuple(cells)
