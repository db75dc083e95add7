"""One member of etcd that did not answer: whether it led etcd, and the count of operations that went on without it."""

from __future__ import annotations

from collections.abc import Sequence

from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results
from reports.document.blocks import Block, Cell, Value, say, seconds, table
from reports.document.kinds import recording_of


def etcd_member_blocks(incidents: Sequence[IncidentResults], results: Results) -> tuple[Block, ...]:
    """Return one row for each member that was down: for how long, the operations meanwhile, and the new leader."""
    rows: list[tuple[Cell, ...]] = []
    for incident in incidents:
        for outage in incident.supporting.etcd_outages:
            open_end = outage.to_ns is None
            until = recording_of(incident, results).duration_ns if outage.to_ns is None else outage.to_ns
            down = seconds(until - outage.from_ns)
            rows.append(
                (
                    Value(incident.id),
                    say("etcd_fault.at_least", seconds=down) if open_end else Value(down, "tenths"),
                    Value(outage.writes),
                    Value(outage.reads),
                    Value(outage.failed),
                    _elected(incident),
                )
            )
    return table("etcd_fault.columns", rows)


def _elected(incident: IncidentResults) -> Cell:
    """Return what is known of etcd's leader: whether the member that failed was it, and the member elected instead."""
    election = next((e for e in incident.supporting.elections if e.leader is not None), None)
    if incident.was_etcd_leader is None and election is None:
        return Value(None)
    if election is None or not incident.was_etcd_leader:
        return Value(bool(incident.was_etcd_leader))
    key = "etcd_fault.elected" if election.term is not None and election.term_before is not None else "etcd_fault.new"
    return say(key, leader=election.leader, before=election.term_before, after=election.term)
