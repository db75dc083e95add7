"""What etcd without a quorum did to the leader, to writes and to reads, and how long the way back took."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.recording import SECOND_NS
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results
from reports.document.blocks import Block, Cell, Rows, Value, say, seconds, table
from reports.document.phases import outage_phases


def quorum_blocks(incidents: Sequence[IncidentResults], results: Results) -> tuple[Block, ...]:
    """Return one row for each incident: demotion with its proof, refused writes, reads meanwhile, the way back."""
    rows = [
        (Value(i.id), _demoted(i), _refused(i), _reads(i), _back(i), Value(i.supporting.failsafe_mode))
        for i in incidents
    ]
    return table("quorum_fault.columns", rows)


def has_read_only_window(incidents: Sequence[IncidentResults]) -> bool:
    """Return whether replicas served reads while writes were down."""
    return any(i.supporting.reads_served.replicas and i.write.outage_ns for i in incidents)


def _demoted(incident: IncidentResults) -> Cell:
    """Return the window from the loss of the quorum to the demotion, by Patroni's log, else by the first other row."""
    gone = incident.supporting.majority_gone
    line = next((line for line in incident.supporting.lines if line.says == "demoted"), None)
    row = next((e for e in incident.evidence if e.says == "evidence.demoted"), None)
    if line is None and row is None:
        return say("quorum_fault.not_demoted")
    if gone is None:
        return Value(None)
    if line is not None:
        at_s = line.at_ns / SECOND_NS
        rows: tuple[int, ...] = () if line.event_id is None else (line.event_id,)
    else:
        assert row is not None
        at_s, rows = float(row.facts["at_s"]), row.ids
    low, high = (at_s - moment / SECOND_NS for moment in (gone.by_ns, gone.after_ns))
    key = "quorum_fault.demoted_by_log" if line is not None else "quorum_fault.demoted"
    return say(key, low=low, high=high, rows=Rows("events", rows))


def _refused(incident: IncidentResults) -> Cell:
    refused = incident.supporting.read_only
    return Value(refused.count if refused is not None else 0) if incident.write.outage_ns else None


def _reads(incident: IncidentResults) -> Cell:
    if not incident.write.outage_ns:
        return None
    served = incident.supporting.reads_served
    failed = incident.read.failed + incident.read.unknown
    leaders = sum(leader.n for leader in served.leaders)
    return say("quorum_fault.reads", replicas=served.replicas, leaders=leaders, failed=failed)


def _back(incident: IncidentResults) -> Cell:
    """Return the time from the return of the quorum to the first write."""
    phases = outage_phases(incident)
    names = [phase.name for phase in phases]
    if "quorumless" not in names or incident.write.open:
        return None
    after = phases[names.index("quorumless") + 1 :]
    return Value(seconds(sum(phase.duration_ns for phase in after)), "hundredths")
