"""What a reader may want once about a kind of fault: the evidence with its rows, lost tokens, a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.model.recording import SECOND_NS
from reports.analysis.results.incident import IncidentResults
from reports.document.blocks import Block, Cell, Code, Inline, Rows, Sentence, Value, say, table

LOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Fact:
    """One row of the table of evidence; `sort` tells the kind of fact, so that repeats show only what differs."""

    sort: str
    at_s: float | None
    text: Inline
    rows: Rows | None


def evidence_blocks(incidents: Sequence[IncidentResults]) -> tuple[Block, ...]:
    """Return the evidence of the first incident and what is of another kind in the repeats; lost writes; a command."""
    known: set[str] = set()
    rows: list[tuple[Cell, ...]] = []
    for incident in incidents:
        facts = [fact for fact in _facts(incident) if fact.sort not in known]
        known |= {fact.sort for fact in facts}
        began_s = incident.began_ns / SECOND_NS
        for fact in sorted(facts, key=lambda fact: float("inf") if fact.at_s is None else fact.at_s):
            at = None if fact.at_s is None else Value(fact.at_s - began_s, "hundredths")
            rows.append((Value(incident.id), at, fact.text, fact.rows))
    return (
        *table("incident_evidence.columns", rows),
        *_lost(incidents),
        *_excluded(incidents),
        *_command(incidents),
    )


def _facts(incident: IncidentResults) -> list[_Fact]:
    """Return the evidence of the cause, of the phase boundaries, and what logs and the container engine confirm."""
    boundaries = [e for phase in incident.phases for e in (phase.began_by, phase.ended_by) if e is not None and e.ids]
    facts = [
        _Fact(
            f"{e.says} {e.facts.get('action', '')}",
            e.facts.get("at_s"),
            Sentence(e.says, e.facts),
            _rows(e.table, e.ids),
        )
        for e in (*incident.evidence, *boundaries)
    ]
    support = incident.supporting
    facts += [
        _Fact(
            f"log {line.says}",
            line.at_ns / SECOND_NS,
            say("incident_evidence.log", member=line.member, text=line.text),
            _rows("events", (line.event_id,)),
        )
        for line in support.lines
    ]
    facts += [
        _Fact(
            f"exit {end.code}",
            end.at_ns / SECOND_NS,
            say("incident_evidence.exit", name=end.name, code=end.code),
            _rows("events", (end.event_id,)),
        )
        for end in support.ended
    ]
    facts += [
        _Fact(
            "diverged",
            None,
            say("incident_evidence.log", member=r.member, text=r.diverged.text),
            _rows("events", (r.diverged.event_id,)),
        )
        for r in incident.rejoins
        if r.diverged is not None
    ]
    facts += [
        _Fact(
            f"rejoin {rejoin.how}",
            (incident.began_ns + rejoin.streaming_ns) / SECOND_NS,
            say(f"incident_evidence.rejoined_{rejoin.how or 'unknown'}", member=rejoin.member),
            _rows("events", rejoin.event_ids),
        )
        for rejoin in incident.rejoins
        if rejoin.streaming_ns is not None
    ]
    return _once(facts + _operations(incident) + _etcd_returns(incident))


def _operations(incident: IncidentResults) -> list[_Fact]:
    """Return the failed new reads, the refused writes and the brownout with their rows."""
    support, facts = incident.supporting, []
    reads, refused, brownout = support.failed_reads, support.read_only, support.brownout
    if reads is not None and reads.message is not None:
        text = say("incident_evidence.failed_reads", n=reads.new + reads.persistent, message=reads.message)
        facts.append(
            _Fact("failed reads", reads.from_ns / SECOND_NS, text, _rows("operations", (reads.first_id, reads.last_id)))
        )
    if refused is not None:
        text = say("incident_evidence.refused", n=refused.count)
        facts.append(
            _Fact(
                "refused", refused.from_ns / SECOND_NS, text, _rows("operations", (refused.first_id, refused.last_id))
            )
        )
    if brownout is not None:
        facts.append(_Fact("brownout", None, say("incident_evidence.brownout"), _rows("events", brownout.event_ids)))
    return facts


def _etcd_returns(incident: IncidentResults) -> list[_Fact]:
    """Return when each member of etcd answered again; the window's start is the last poll without an answer."""
    return [
        _Fact(
            f"etcd {outage.endpoint}",
            outage.to_ns / SECOND_NS,
            say("incident_evidence.etcd_back", endpoint=outage.endpoint),
            _rows("events", (outage.sees_id,)),
        )
        for outage in incident.supporting.etcd_outages
        if outage.to_ns is not None
    ]


def _once(facts: Sequence[_Fact]) -> list[_Fact]:
    """Return the facts without repeats: a phase begins by the evidence that ends the one before it."""
    found: list[_Fact] = []
    for fact in facts:
        if not any(fact.text == other.text and fact.rows == other.rows for other in found):
            found.append(fact)
    return found


def _rows(name: str, ids: Sequence[int | None]) -> Rows | None:
    known = tuple(id for id in ids if id is not None)
    return Rows(name, known) if known else None  # type: ignore[arg-type]


def _lost(incidents: Sequence[IncidentResults]) -> tuple[Block, ...]:
    lost = [(incident, write) for incident in incidents for write in incident.lost or ()]
    rows = [
        (
            Value(incident.id),
            Value(write.token, "code"),
            Value((write.acknowledged_ns - incident.began_ns) / SECOND_NS, "hundredths"),
            None if write.server is None else Value(write.server, "code"),
            Value(write.timeline),
            tuple(
                rows
                for rows in (_rows("operations", (write.operation_id,)), _rows("audits", (write.audit_id,)))
                if rows is not None
            ),
        )
        for incident, write in lost[:LOST_SHOWN]
    ]
    return table("incident_evidence.lost_columns", rows)


def _excluded(incidents: Sequence[IncidentResults]) -> tuple[Block, ...]:
    """Return which causes are excluded, for incidents of an unknown cause."""
    rows = [
        (Value(i.id), say(f"cause.{rejected.cause}.name"), Sentence(rejected.reason, rejected.facts))
        for i in incidents
        if i.cause == "unknown"
        for rejected in i.rejected
    ]
    return table("incident_evidence.excluded_columns", rows)


def _command(incidents: Sequence[IncidentResults]) -> tuple[Block, ...]:
    """Return the command that prints the phases of the incidents."""
    if not any(incident.phases for incident in incidents):
        return ()
    ids = sorted({incident.recording for incident in incidents})
    where = f"recording_id = {ids[0]}" if len(ids) == 1 else f"recording_id in ({', '.join(map(str, ids))})"
    return (Code(f'observer query "select * from phases where {where}"', "sh"),)
