"""Analyze a recording: a recording in, findings out."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import zip_longest

from observer.model.findings import Cost, Findings, Incident, Leadership, Lost, Outage
from observer.model.recording import Action, Event, Probe, Recording
from reports.analysis.durability import covered
from reports.analysis.incident_context import IncidentContext, incident_context
from reports.analysis.incidents import Span, outages_of, spans
from reports.analysis.index import Index, build_index
from reports.analysis.injected import injected_in, reported
from reports.analysis.leadership import led_at, timeline_of
from reports.analysis.outages import cost, outages_by_probe, with_probes
from reports.analysis.phases import phases
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
    by_probe = outages_by_probe(index.recording)
    return Findings(
        incidents=tuple(
            replace(
                incident,
                lost=lost,
                write=_with_probes(index, incidents, incident, incident.write, by_probe),
                read=_with_probes(index, incidents, incident, incident.read, by_probe),
            )
            for incident, lost in zip(incidents, _losses(index, incidents), strict=True)
        ),
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
    before, timeline_before = context.leader_before, None
    if before is not None:
        timeline_before = timeline_of(index.recording, index.reports_of(before), before, 0, span.began_ns)
    after, timeline_after = _leader_after(context)
    return Incident(
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
        leader_before=before,
        leader_after=after,
        timeline_before=timeline_before,
        timeline_after=timeline_before if timeline_after is None and after == before else timeline_after,
        phases=(*phases(context, result), *protection(context, back)),
        brownout=brownout(context),
        lost=None,
        redundancy_back_ns=back_ns,
        fault_to_write_ns=_fault_to_write(context, injected),
        injected=tuple(reported(index.recording.header, event) for event in injected),
    )


def _cost(index: Index, span: Span, following: Span | None, action: Action) -> Cost:
    own = outages_of(span, index.outages[action], following)
    return cost(index.recording, action, index.failures[action], own, span.began_ns, span.ended_ns)


def _with_probes(
    index: Index,
    incidents: Sequence[Incident],
    incident: Incident,
    cost: Cost,
    by_probe: Mapping[tuple[Action, Probe], Sequence[Outage] | None],
) -> Cost:
    """Return a cost with the outages on each kind of connection, and with the incident that the outage belongs to."""
    within = None
    for other in incidents[: incident.number - 1]:
        own = other.write if cost.action == "write" else other.read
        if any(outage.began_ns < incident.began_ns < outage.ended_ns for outage in own.outages):
            within = other.number
    before_ns = max((i.ended_ns for i in incidents if i.ended_ns < incident.ended_ns), default=-1)
    return replace(with_probes(index.recording, cost, by_probe, before_ns, incident.ended_ns), within=within)


def _leader_after(context: IncidentContext) -> tuple[str | None, int | None]:
    """Return the leader at the incident's end and its timeline.

    An incident that a new fault cut short ends with its own election, if that came later.
    """
    index, elected = context.index, context.leader_elected
    at_ns = context.span.ended_ns if elected is None else max(context.span.ended_ns, elected.by_ns)
    led = led_at(index.leaderships, at_ns)
    if led is None:
        return None, None
    end_ns = max(context.span.reach_ns, at_ns)
    until_ns = end_ns if led.until_ns is None else min(end_ns, led.until_ns)
    return led.member, timeline_of(index.recording, index.reports_of(led.member), led.member, led.from_ns, until_ns)


def _fault_to_write(context: IncidentContext, injected: Sequence[Event]) -> int | None:
    """Return the time from the reported fault to the first acknowledged write after the longest outage."""
    faults = [event.by_ns for event in injected if event.kind == "fault.told"]
    closed = [outage for outage in context.write.outages if not outage.open]
    if not faults or not closed:
        return None
    main = max(closed, key=lambda outage: outage.duration_ns)
    return max(0, main.ended_ns - faults[0]) if main.ended_ns > faults[0] else None


def _losses(index: Index, incidents: Sequence[Incident]) -> list[tuple[Lost, ...] | None]:
    """Return the lost writes of each incident; None: no loss is known, and not all that it may have lost was read back.

    Only an incident that takes the key, or promotes a primary, discards acknowledged writes. So a loss belongs to the
    first incident of that kind that ended after the acknowledgement; without one, to the first that did, else to the
    last. An incident cannot discard what the new leader acknowledged once the key was taken and writes were back.
    """
    led = index.leaderships
    moved = [_moved(incident, led) for incident in incidents]
    until_ns = [_settled_ns(i, led) if is_moved else i.ended_ns for i, is_moved in zip(incidents, moved, strict=True)]
    own: list[list[Lost]] = [[] for _ in incidents]
    for write in index.durability.lost or () if incidents else ():
        later = [n for n, ended_ns in enumerate(until_ns) if ended_ns >= write.acknowledged_ns]
        first = next((n for n in later if moved[n]), later[0] if later else len(incidents) - 1)
        own[first].append(write)
    found: list[tuple[Lost, ...] | None] = []
    for n, incident in enumerate(incidents):
        before = [i.ended_ns for i, is_moved in zip(incidents[:n], moved, strict=False) if is_moved or not moved[n]]
        since_ns = max(before, default=-1)
        known = own[n] or covered(index.recording, _over_ns(incident), since_ns, incident.ended_ns)
        found.append(tuple(own[n]) if known else None)
    return found


def _moved(incident: Incident, led: Sequence[Leadership]) -> bool:
    """Return whether the leader key was taken in an incident, or its holder was promoted again."""
    if any(incident.began_ns < one.from_ns <= incident.ended_ns for one in led):
        return True
    before, after = incident.timeline_before, incident.timeline_after
    return incident.leader_before != incident.leader_after or before != after


def _settled_ns(incident: Incident, led: Sequence[Leadership]) -> int:
    """Return when its new leader held the key, and its last outage of writes was over."""
    taken_ns = [one.from_ns for one in led if incident.began_ns < one.from_ns <= incident.ended_ns]
    return max([_over_ns(incident) - 1, *taken_ns])  # the write that ended the outage is the new leader's


def _over_ns(incident: Incident) -> int:
    return max([incident.began_ns, *(outage.ended_ns for outage in incident.write.outages)])
