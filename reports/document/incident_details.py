"""What a reader may want once about a cause: the evidence with its rows, lost tokens, excluded causes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from observer.model.recording import SECOND_NS
from reports.analysis.results.whole import IncidentResults
from reports.document.blocks import Blocks, Inline, Row, Rows, Sentence, Value
from reports.document.build import code, rows_of, say, table
from reports.document.phases import SIDE_BY_SIDE

LOST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _Fact:
    """One row of the table of evidence; `sort` tells the kind of fact, so that repeats show only what differs."""

    sort: str
    at_s: float | None
    text: Inline
    rows: Rows | None


def evidence_blocks(incidents: Sequence[IncidentResults]) -> Blocks:
    """Return the evidence of the first incident and what is of another kind in the repeats; lost writes."""
    known: set[str] = set()
    rows: list[Row] = []
    for incident in incidents:
        facts = [fact for fact in _once(_facts(incident, len(incidents) <= SIDE_BY_SIDE)) if fact.sort not in known]
        known |= {fact.sort for fact in facts}
        began_s = incident.began_ns / SECOND_NS
        for fact in sorted(facts, key=lambda fact: float("inf") if fact.at_s is None else fact.at_s):
            at = None if fact.at_s is None else Value(fact.at_s - began_s, "hundredths")
            rows.append((Value(incident.id, "id"), at, fact.text, fact.rows))
    excluded = [
        (Value(i.id, "id"), say(f"cause.{rejected.cause}.name"), Sentence(rejected.reason, rejected.facts))
        for i in incidents
        if i.cause == "unknown"
        for rejected in i.rejected
    ]
    return (
        *table("incident_evidence.columns", rows),
        *_lost(incidents),
        *table("incident_evidence.excluded_columns", excluded),
    )


def _facts(incident: IncidentResults, few: bool) -> Iterator[_Fact]:
    """Yield the evidence of the cause, of the phase boundaries, and what logs and the container engine confirm.

    `few`: a repeat has the first evidence of its cause and of each boundary; otherwise only evidence of another kind.
    """
    boundaries = [e for phase in incident.phases for e in (phase.began_by, phase.ended_by) if e is not None and e.ids]
    for e in (*boundaries, *incident.evidence):
        own = incident.id if few and e in (*boundaries, *incident.evidence[:1]) else ""
        sort = f"{e.says} {e.facts.get('action', '')} {own}"
        yield _Fact(sort, e.facts.get("at_s"), Sentence(e.says, e.facts), rows_of(e.table, *e.ids))
    support = incident.supporting
    for line in support.lines:
        text = say("incident_evidence.log", member=line.member, text=line.text)
        yield _Fact(f"log {line.says}", line.at_ns / SECOND_NS, text, rows_of("events", line.event_id))
    for end in support.ended:
        text = say("incident_evidence.exit", name=end.name, code=end.code)
        yield _Fact(f"exit {end.code}", end.at_ns / SECOND_NS, text, rows_of("events", end.event_id))
    for rejoin in incident.rejoins:
        if rejoin.diverged is not None:
            text = say("incident_evidence.log", member=rejoin.member, text=rejoin.diverged.text)
            yield _Fact("diverged", None, text, rows_of("events", rejoin.diverged.event_id))
        if rejoin.streaming_ns is not None:
            text = say(f"incident_evidence.rejoined_{rejoin.how or 'unknown'}", member=rejoin.member)
            at_s = (incident.began_ns + rejoin.streaming_ns) / SECOND_NS
            yield _Fact(f"rejoin {rejoin.how}", at_s, text, rows_of("events", *rejoin.event_ids))
    reads, refused, brownout = support.failed_reads, support.read_only, support.brownout
    if reads is not None and reads.message is not None:
        text = say("incident_evidence.failed_reads", n=reads.new + reads.persistent, message=reads.message)
        yield _Fact("reads", reads.from_ns / SECOND_NS, text, rows_of("operations", reads.first_id, reads.last_id))
    if refused is not None:
        rows = rows_of("operations", refused.first_id, refused.last_id)
        yield _Fact("refused", refused.from_ns / SECOND_NS, say("incident_evidence.refused", n=refused.count), rows)
    if brownout is not None:
        yield _Fact("brownout", None, say("incident_evidence.brownout"), rows_of("events", *brownout.event_ids))
    for outage in support.etcd_outages:
        if outage.to_ns is not None:
            text = say("incident_evidence.etcd_back", endpoint=outage.endpoint)
            rows = rows_of("events", outage.sees_id)
            yield _Fact(f"etcd {outage.endpoint} {incident.id}", outage.to_ns / SECOND_NS, text, rows)


def _once(facts: Iterator[_Fact]) -> list[_Fact]:
    """Return the facts without repeats: a phase begins by the evidence that ends the one before it."""
    found: list[_Fact] = []
    for fact in facts:
        if not any(fact.text == other.text and fact.rows == other.rows for other in found):
            found.append(fact)
    return found


def _lost(incidents: Sequence[IncidentResults]) -> Blocks:
    lost = [(incident, write) for incident in incidents for write in incident.lost or ()]
    rows: list[Row] = []
    for incident, write in lost[:LOST_SHOWN]:
        shown = (rows_of("operations", write.operation_id), rows_of("audits", write.audit_id))
        rows.append(
            (
                Value(incident.id, "id"),
                code(write.token),
                Value((write.acknowledged_ns - incident.began_ns) / SECOND_NS, "hundredths"),
                None if write.server is None else code(write.server),
                Value(write.timeline),
                tuple(one for one in shown if one is not None),
            )
        )
    return table("incident_evidence.lost_columns", rows)
