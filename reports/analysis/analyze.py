"""The judge: a timeline in, findings out."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from observer.model.findings import Findings, Incident
from observer.model.recording import Event, Recording
from reports.analysis.blindness import blindness
from reports.analysis.durability import durability
from reports.analysis.incident_context import IncidentContext, incident_context
from reports.analysis.incidents import Span, outages_of, spans
from reports.analysis.index import Index, build_index
from reports.analysis.injected import injected_in
from reports.analysis.leadership import led_at, timeline_of
from reports.analysis.loss_attribution import losses
from reports.analysis.outages import cost
from reports.analysis.phases import phases
from reports.analysis.probes import alone
from reports.analysis.redundancy import brownout_ns, protection, redundancy_back
from reports.analysis.rules.ordered import cause_of


def analyze(recording: Recording) -> Findings:
    """All that can be found in one recording. Never raises for what a timeline holds or lacks."""
    seen = build_index(recording)
    recording = seen.recording
    stretches = spans(seen)
    told = injected_in(stretches, recording.events)
    kept = durability(recording)
    incidents = [
        _incident(seen, number, span, following, told.get(number - 1, ()))
        for number, (span, following) in enumerate(zip_longest(stretches, stretches[1:]), 1)
    ]
    lost = losses(recording, incidents, seen.leaderships, kept.lost or ())
    by_probe = alone(recording, incidents)
    return Findings(
        incidents=tuple(
            replace(incident, lost=own, alone=apart)
            for incident, own, apart in zip(incidents, lost, by_probe, strict=True)
        ),
        leaderships=seen.leaderships,
        blindness=blindness(recording),
        lost=kept.lost,
        unaudited=kept.unaudited,
    )


def _incident(seen: Index, number: int, span: Span, following: Span | None, told: tuple[Event, ...]) -> Incident:
    """One incident, but for what it lost, and what it cost on each kind of connection."""
    write, read = (
        cost(
            seen.recording,
            action,
            seen.failures[action],
            outages_of(span, seen.outages[action], following),
            span.began_ns,
            span.ended_ns,
        )
        for action in ("write", "read")
    )
    one = incident_context(seen, span, write, read)
    cause = cause_of(one)
    back_ns, shown = redundancy_back(one)
    before, after, was, became = _leaders(one)
    return Incident(
        number=number,
        cause=cause.cause,
        target=cause.target,
        targets=cause.targets,
        confidence=cause.confidence,
        evidence=cause.evidence,
        rejected=cause.rejected,
        began_ns=span.began_ns,
        ended_ns=span.ended_ns,
        write=write,
        read=read,
        leader_before=before,
        leader_after=after,
        timeline_before=was,
        timeline_after=became,
        phases=(*phases(one, cause), *protection(one, back_ns, shown)),
        brownout_ns=brownout_ns(one),
        lost=None,
        redundancy_back_ns=back_ns,
        fault_to_write_ns=_fault_to_write(one, told),
        told=told,
    )


def _leaders(one: IncidentContext) -> tuple[str | None, str | None, int | None, int | None]:
    """The leader and its timeline before the incident and at its end; the same where it is the same again.

    An incident that a new fault cut short ends with its own election, if that came later.
    """
    before, elected = one.leader_before, one.leader_elected
    was = None if before is None else _timeline_of(one.index, before, 0, one.span.began_ns)
    at_ns = one.span.ended_ns if elected is None else max(one.span.ended_ns, elected.by_ns)
    led = led_at(one.index.leaderships, at_ns)
    if led is None:
        return before, None, was, None
    until_ns = max(one.until_ns, at_ns) if led.until_ns is None else min(max(one.until_ns, at_ns), led.until_ns)
    became = _timeline_of(one.index, led.member, led.from_ns, until_ns)
    return before, led.member, was, was if became is None and led.member == before else became


def _timeline_of(seen: Index, member: str, from_ns: int, until_ns: int) -> int | None:
    return timeline_of(seen.recording, seen.said.get(("member.changed", member), ()), member, from_ns, until_ns)


def _fault_to_write(one: IncidentContext, told: tuple[Event, ...]) -> int | None:
    """From the moment the fault was told to have been done to the first acknowledged write after the outage."""
    faults = [event.by_ns for event in told if event.kind == "fault.told"]
    closed = [outage for outage in one.write.outages if not outage.open]
    if not faults or not closed:
        return None
    main = max(closed, key=lambda outage: outage.duration_ns)
    return max(0, main.ended_ns - faults[0]) if main.ended_ns > faults[0] else None
