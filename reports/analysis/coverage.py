"""Stretches of a recording in which nobody saw what the application would have met: of them nothing is known. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from observer.model.recording import MS_NS, SECOND_NS, Action, Recording
from reports.analysis.blindness import spells
from reports.analysis.outages import slept, threshold_ns

BLIND = (("traffic", "generator"), ("daemon", "recorder"))
# Before the first operation the sources are started; after the last one the recording is ended, audits included.
BEGINNING_NS = 3 * SECOND_NS
ENDING_NS = 120 * SECOND_NS
DEADLINE_MS = 1000  # of an operation, where the recording does not say

Stretch = tuple[int, int]  # from, until


def unobserved(recording: Recording, action: Action) -> tuple[Stretch, ...]:
    """Where the generator had died, the observer slept or its records were lost, the tables were absent, or no
    operation of the action ended for longer than it may take; in order, merged.
    """
    return tuple(
        _merged([*_blind(recording), *slept(recording), *_absent(recording, action), *_idle(recording, action)])
    )


def _blind(recording: Recording) -> Iterator[Stretch]:
    for spell in spells(recording):
        if (spell.source, spell.subject) in BLIND:
            yield spell.began_ns, spell.until_ns(recording.header.until_ns)


def _absent(recording: Recording, action: Action) -> Iterator[Stretch]:
    since_ns: int | None = None
    for event in recording.events:
        if event.subject != action:
            continue
        if event.kind == "workload.absent" and since_ns is None:
            since_ns = event.by_ns
        elif event.kind == "workload.present" and since_ns is not None:
            yield since_ns, event.by_ns
            since_ns = None
    if since_ns is not None:
        yield since_ns, recording.header.until_ns


def _idle(recording: Recording, action: Action) -> Iterator[Stretch]:
    """Whole seconds in which no operation ended, where neither the pace nor the deadline of the traffic explains it."""
    header = recording.header
    deadline_ms = header.settings.get("traffic", {}).get("deadline_ms", DEADLINE_MS)
    shortest_ns = max(threshold_ns(recording), deadline_ms * MS_NS)  # so long all of them may wait for an answer
    end_ns = header.until_ns - (0 if header.ended_ns is None else ENDING_NS)
    busy_ns = [second.at_s * SECOND_NS for second in recording.seconds if second.action == action]
    at_ns = BEGINNING_NS
    for from_ns, next_ns in [*((busy, busy + SECOND_NS) for busy in sorted(busy_ns)), (end_ns, end_ns)]:
        if from_ns - at_ns > shortest_ns:
            yield at_ns, from_ns
        at_ns = max(at_ns, next_ns)


def _merged(stretches: Iterable[Stretch]) -> Iterator[Stretch]:
    last: Stretch | None = None
    for from_ns, until_ns in sorted(stretches):
        if last is not None and from_ns <= last[1]:
            last = last[0], max(last[1], until_ns)
            continue
        if last is not None:
            yield last
        last = from_ns, until_ns
    if last is not None:
        yield last
