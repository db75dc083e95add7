"""Intervals of a recording in which the application's traffic was not observed: nothing is known of them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from observer.model.findings import Unreachable
from observer.model.recording import MS_NS, SECOND_NS, Action, Recording
from reports.analysis.outages import slept, threshold_ns

UNREACHABLE = (("traffic", "generator"), ("daemon", "recorder"))
# The sources start before the first operation; after the last one the recording ends, with its audits.
BEGINNING_NS = 3 * SECOND_NS
ENDING_NS = 120 * SECOND_NS
DEADLINE_MS = 1000  # of an operation, if the recording does not hold it

Interval = tuple[int, int]  # from, until


def unobserved(recording: Recording, periods: Sequence[Unreachable], action: Action) -> tuple[Interval, ...]:
    """Return the intervals, in order and merged, in which an action was not observed.

    The generator was dead, the observer slept or its records were lost, the tables were absent, or no operation of the
    action ended for longer than one may take.
    """
    stopped = [
        (one.began_ns, one.ended_ns(recording.header.until_ns))
        for one in periods
        if (one.source, one.subject) in UNREACHABLE
    ]
    found = [*stopped, *slept(recording), *_absent(recording, action), *_idle(recording, action)]
    return tuple(merged(found))


def _absent(recording: Recording, action: Action) -> Iterator[Interval]:
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


def _idle(recording: Recording, action: Action) -> Iterator[Interval]:
    """Yield whole seconds without an operation that neither the rate nor the deadline of the traffic explains."""
    header = recording.header
    deadline_ms = header.settings.get("traffic", {}).get("deadline_ms", DEADLINE_MS)
    shortest_ns = max(threshold_ns(recording), deadline_ms * MS_NS)  # all operations may wait this long for an answer
    end_ns = header.until_ns - (0 if header.ended_ns is None else ENDING_NS)
    busy_ns = [second.at_s * SECOND_NS for second in recording.seconds if second.action == action]
    at_ns = BEGINNING_NS
    for from_ns, next_ns in [*((busy, busy + SECOND_NS) for busy in sorted(busy_ns)), (end_ns, end_ns)]:
        if from_ns - at_ns > shortest_ns:
            yield at_ns, from_ns
        at_ns = max(at_ns, next_ns)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals in order, with those that touch or overlap made one."""
    found: list[Interval] = []
    for from_ns, until_ns in sorted(intervals):
        if found and from_ns <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until_ns)
        else:
            found.append((from_ns, until_ns))
    return found
