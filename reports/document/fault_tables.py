"""The table that only the incidents of one sort of cause have: a quorum that was lost, an etcd member, HAProxy."""

from collections.abc import Sequence

from observer.model.recording import SECOND_NS
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Row, Value
from reports.document.build import events, say, seconds, shown_by, table
from reports.document.kinds import recording_of, repairs_before_write
from reports.document.phases import outage_phases

DIRECT_WRITES = 3


def quorum_table(incidents: Sequence[IncidentResults], results: Results) -> Blocks:
    """Return one row for each incident: demotion with its proof, refused writes, reads meanwhile, the way back."""
    return table("quorum_fault.columns", (_quorum(incident) for incident in incidents))


def _quorum(incident: IncidentResults) -> Row:
    refused = incident.supporting.read_only
    served = incident.supporting.reads_served
    down = bool(incident.write.outage_ns)
    reads = say(
        "quorum_fault.reads",
        replicas=served.replicas,
        leaders=sum(leader.n for leader in served.leaders),
        failed=incident.read.failed + incident.read.unknown,
    )
    return (
        Value(incident.id, "id"),
        _demoted(incident),
        Value(0 if refused is None else refused.count) if down else None,
        reads if down else None,
        _quorum_to_write(incident),
        Value(incident.supporting.failsafe_mode),
    )


def _demoted(incident: IncidentResults) -> Cell:
    """Return the window from the loss of the quorum to the demotion, by Patroni's log, else by the first other row."""
    gone = incident.supporting.majority_gone
    line = next((line for line in incident.supporting.lines if line.says == "demoted"), None)
    row = next((e for e in incident.evidence if e.says == "evidence.demoted"), None)
    if line is None and row is None:
        return say("quorum_fault.not_demoted")
    if gone is None:
        return Value(None)
    at_s = line.at_ns / SECOND_NS if line is not None else float(row.facts["at_s"]) if row is not None else 0.0
    low, high = (at_s - moment / SECOND_NS for moment in (gone.by_ns, gone.after_ns))
    if line is not None:
        return say("quorum_fault.demoted_by_log", low=low, high=high, rows=events(line.event_id))
    return say("quorum_fault.demoted", low=low, high=high, rows=events(*(row.ids if row is not None else ())))


def _quorum_to_write(incident: IncidentResults) -> Cell:
    phases = outage_phases(incident)
    names = [phase.name for phase in phases]
    if "quorumless" not in names or incident.write.open:
        return None
    after = phases[names.index("quorumless") + 1 :]
    return Value(seconds(sum(phase.duration_ns for phase in after)), "hundredths")


def etcd_member_table(incidents: Sequence[IncidentResults], results: Results) -> Blocks:
    """Return one row for each member that was down: for how long, the operations meanwhile, and the new leader."""
    rows: list[Row] = []
    for incident in incidents:
        for outage in incident.supporting.etcd_outages:
            until = recording_of(incident, results).duration_ns if outage.to_ns is None else outage.to_ns
            down = seconds(until - outage.from_ns)
            lasted = say("etcd_fault.at_least", seconds=down) if outage.to_ns is None else Value(down, "tenths")
            counts = (Value(n) for n in (outage.writes, outage.reads, outage.failed))
            rows.append((Value(incident.id, "id"), lasted, *counts, _elected(incident)))
    return table("etcd_fault.columns", rows)


def _elected(incident: IncidentResults) -> Cell:
    """Return what is known of etcd's leader: whether the member that failed was it, and the member elected instead."""
    election = next((e for e in incident.supporting.elections if e.leader is not None), None)
    if incident.was_etcd_leader is None and election is None:
        return Value(None)
    if election is None or not incident.was_etcd_leader:
        return Value(bool(incident.was_etcd_leader))
    key = "etcd_fault.new" if None in (election.term, election.term_before) else "etcd_fault.elected"
    rows = shown_by(events(election.event_id))
    return say(key, leader=election.leader, before=election.term_before, after=election.term, rows=rows)


def proxy_table(incidents: Sequence[IncidentResults], results: Results) -> Blocks:
    """Return one row for each incident: HAProxy's absence, from its start to the first write, direct writes past it."""
    rows: list[Row] = [
        (Value(i.id, "id"), _away(i), _from_start(i, results), _direct(i, recording_of(i, results))) for i in incidents
    ]
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
    written = [write for write in recording.direct_writes if write.what == "written"]
    own = [w for w in written if any(begin <= w.from_ns and w.to_ns <= end for begin, end in spans)][:DIRECT_WRITES]
    if not spans:
        return None
    if not own:
        return say("proxy_fault.no_direct")
    began_ns = incident.began_ns
    cells = [say("proxy_fault.direct", member=w.subject, at=seconds(w.to_ns - began_ns)) for w in own]
    rows = events(*(w.event_id for w in own))
    return tuple(cells) if rows is None else (*cells, rows)
