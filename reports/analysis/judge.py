"""The judge: a timeline in, findings out."""

from __future__ import annotations

from dataclasses import replace
from itertools import zip_longest

from observer.findings import Findings, Incident
from observer.timeline import Event, Timeline
from reports.analysis.blindness import blindness
from reports.analysis.booking import losses
from reports.analysis.case import Case, case
from reports.analysis.causes import cause_of
from reports.analysis.durability import durability
from reports.analysis.incidents import Span, outages_of, spans
from reports.analysis.leadership import led_at, timeline_of
from reports.analysis.outages import cost
from reports.analysis.phases import phases
from reports.analysis.probes import alone
from reports.analysis.redundancy import brownout_ns, protection, redundancy_back
from reports.analysis.scene import Scene, scene
from reports.analysis.told import told_in


def judge(timeline: Timeline) -> Findings:
    """All that can be found in one recording. Never raises for what a timeline holds or lacks."""
    seen = scene(timeline)
    timeline = seen.timeline
    stretches = spans(seen)
    told = told_in(stretches, timeline.events)
    kept = durability(timeline)
    incidents = [
        _incident(seen, number, span, following, told.get(number - 1, ()))
        for number, (span, following) in enumerate(zip_longest(stretches, stretches[1:]), 1)
    ]
    lost = losses(timeline, incidents, seen.leaderships, kept.lost or ())
    by_probe = alone(timeline, incidents)
    return Findings(
        incidents=tuple(
            replace(incident, lost=own, alone=apart)
            for incident, own, apart in zip(incidents, lost, by_probe, strict=True)
        ),
        leaderships=seen.leaderships,
        blindness=blindness(timeline),
        lost=kept.lost,
        unaudited=kept.unaudited,
    )


def _incident(seen: Scene, number: int, span: Span, following: Span | None, told: tuple[Event, ...]) -> Incident:
    """One incident, but for what it lost, and what it cost on each kind of connection."""
    write, read = (
        cost(
            seen.timeline,
            action,
            seen.failures[action],
            outages_of(span, seen.outages[action], following),
            span.began_ns,
            span.ended_ns,
        )
        for action in ("write", "read")
    )
    one = case(seen, span, write, read)
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


def _leaders(one: Case) -> tuple[str | None, str | None, int | None, int | None]:
    """The leader and its timeline before the incident and at its end; the same where it is the same again.

    An incident that a new fault cut short ends with its own election, if that came later.
    """
    before, elected = one.leader_before, one.leader_elected
    was = None if before is None else _timeline_of(one.scene, before, 0, one.span.began_ns)
    at_ns = one.span.ended_ns if elected is None else max(one.span.ended_ns, elected.by_ns)
    led = led_at(one.scene.leaderships, at_ns)
    if led is None:
        return before, None, was, None
    until_ns = max(one.until_ns, at_ns) if led.until_ns is None else min(max(one.until_ns, at_ns), led.until_ns)
    became = _timeline_of(one.scene, led.member, led.from_ns, until_ns)
    return before, led.member, was, was if became is None and led.member == before else became


def _timeline_of(seen: Scene, member: str, from_ns: int, until_ns: int) -> int | None:
    return timeline_of(seen.timeline, seen.said.get(("member.changed", member), ()), member, from_ns, until_ns)


def _fault_to_write(one: Case, told: tuple[Event, ...]) -> int | None:
    """From the moment the fault was told to have been done to the first acknowledged write after the outage."""
    faults = [event.by_ns for event in told if event.kind == "fault.told"]
    closed = [outage for outage in one.write.outages if not outage.open]
    if not faults or not closed:
        return None
    main = max(closed, key=lambda outage: outage.duration_ns)
    return max(0, main.ended_ns - faults[0]) if main.ended_ns > faults[0] else None
