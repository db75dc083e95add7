"""Analyze a recording: a recording in, findings out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import zip_longest

from observer.model.findings import Cost, Findings, Incident
from observer.model.recording import Action, Event, Recording
from reports.analysis.incident_context import IncidentContext, incident_context
from reports.analysis.incidents import Span, outages_of, spans
from reports.analysis.index import Index, build_index
from reports.analysis.injected import injected_in
from reports.analysis.leadership import led_at, timeline_of
from reports.analysis.loss_attribution import losses
from reports.analysis.outages import cost
from reports.analysis.phases import phases
from reports.analysis.probes import per_probe
from reports.analysis.redundancy import brownout, protection, redundancy_back
from reports.analysis.rules.ordered import cause_of


def analyze(recording: Recording) -> Findings:
    """Return the findings of one recording. Raise no error, whatever the recording holds or lacks."""
    return analyze_index(build_index(recording))


def analyze_index(index: Index) -> Findings:
    """Return the findings of a recording that was read into an index."""
    own = spans(index)
    injected = injected_in(own, index.recording.events)
    incidents = [
        _incident(index, number, span, following, injected.get(number - 1, ()))
        for number, (span, following) in enumerate(zip_longest(own, own[1:]), 1)
    ]
    each = zip(incidents, losses(index, incidents), per_probe(index.recording, incidents), strict=True)
    return Findings(
        incidents=tuple(replace(incident, lost=lost, per_probe=apart) for incident, lost, apart in each),
        leaderships=index.leaderships,
        unreachable=index.unreachable,
        lost=index.durability.lost,
        unaudited=index.durability.unaudited,
    )


def _incident(index: Index, number: int, span: Span, following: Span | None, injected: Sequence[Event]) -> Incident:
    """Return an incident without its lost writes and its cost on each kind of connection."""
    write, read = _cost(index, span, following, "write"), _cost(index, span, following, "read")
    context = incident_context(index, span, write, read)
    result = cause_of(context)
    back_ns, back = redundancy_back(context)
    incident = Incident(
        number=number,
        cause=result.cause,
        target=result.target,
        targets=result.targets,
        confidence=result.confidence,
        evidence=result.evidence,
        rejected=result.rejected,
        began_ns=span.began_ns,
        ended_ns=span.ended_ns,
        write=write,
        read=read,
        leader_before=context.leader_before,
        leader_after=None,
        timeline_before=None,
        timeline_after=None,
        phases=(*phases(context, result), *protection(context, back)),
        brownout=brownout(context),
        lost=None,
        redundancy_back_ns=back_ns,
        fault_to_write_ns=_fault_to_write(context, injected),
        injected=tuple(injected),
        redundancy_back_id=None if back is None else back.id,
    )
    return _with_leader_after(context, _with_leader_before(context, incident))


def _cost(index: Index, span: Span, following: Span | None, action: Action) -> Cost:
    own = outages_of(span, index.outages[action], following)
    return cost(index.recording, action, index.failures[action], own, span.began_ns, span.ended_ns)


def _with_leader_before(context: IncidentContext, incident: Incident) -> Incident:
    """Return the incident with the timeline of the leader before it, and the rows of both."""
    if context.leader_before is None:
        return incident
    held = led_at(context.index.leaderships, context.span.began_ns - 1)
    timeline, row = _timeline_of(context.index, context.leader_before, 0, context.span.began_ns)
    return replace(
        incident,
        timeline_before=timeline,
        timeline_before_id=row,
        leader_before_id=None if held is None else held.from_id,
    )


def _with_leader_after(context: IncidentContext, incident: Incident) -> Incident:
    """Return the incident with the leader at its end and its timeline, the known one if the leader is the same.

    An incident that a new fault cut short ends with its own election, if that came later.
    """
    elected = context.leader_elected
    at_ns = context.span.ended_ns if elected is None else max(context.span.ended_ns, elected.by_ns)
    led = led_at(context.index.leaderships, at_ns)
    if led is None:
        return incident
    end_ns = max(context.until_ns, at_ns)
    until_ns = end_ns if led.until_ns is None else min(end_ns, led.until_ns)
    timeline, row = _timeline_of(context.index, led.member, led.from_ns, until_ns)
    if timeline is None and led.member == incident.leader_before:
        timeline, row = incident.timeline_before, incident.timeline_before_id
    return replace(
        incident,
        leader_after=led.member,
        leader_after_id=led.from_id,
        timeline_after=timeline,
        timeline_after_id=row,
    )


def _timeline_of(index: Index, member: str, from_ns: int, until_ns: int) -> tuple[int | None, int | None]:
    return timeline_of(index.recording, index.events_of("member.changed", member), member, from_ns, until_ns)


def _fault_to_write(context: IncidentContext, injected: Sequence[Event]) -> int | None:
    """Return the time from the reported fault to the first acknowledged write after the longest outage."""
    faults = [event.by_ns for event in injected if event.kind == "fault.told"]
    closed = [outage for outage in context.write.outages if not outage.open]
    if not faults or not closed:
        return None
    main = max(closed, key=lambda outage: outage.duration_ns)
    return max(0, main.ended_ns - faults[0]) if main.ended_ns > faults[0] else None
