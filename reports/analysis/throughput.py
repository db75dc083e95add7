"""Operations per second, and how they ended: over a whole recording and around an incident."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from observer.model.findings import Incident
from observer.model.recording import MS_NS, SECOND_NS, Operation, Outcome, Recording
from reports.analysis.results.recording import Throughput

# The most columns that a picture can show.
COLUMNS = 240
MARGIN_S = 5
# No operation ends later than this after it was due.
LATE_NS = 60 * SECOND_NS
# A repair that was reported so soon after an incident is shown with it.
REPAIRED_NS = 15 * SECOND_NS


@dataclass(slots=True)
class _Column:
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    max_ms: float = 0.0
    ok_ms: float | None = None

    def add(self, ok: int, failed: int, unknown: int, slowest_ms: float) -> None:
        self.ok += ok
        self.failed += failed
        self.unknown += unknown
        self.max_ms = max(self.max_ms, slowest_ms)


def whole_throughput(recording: Recording) -> tuple[Throughput, ...]:
    """Return the throughput of the whole recording in at most COLUMNS columns."""
    whole_s = max(1, -(-recording.header.until_ns // SECOND_NS))
    return _by_seconds(recording, 0, whole_s)


def throughput_around(recording: Recording, incident: Incident) -> tuple[Throughput, ...]:
    """Return the throughput of an incident, its phases and a margin, per second since the incident began.

    An operation counts in the second in which it was due: operations that wait for an answer all end at once. A long
    incident has at most COLUMNS columns, counted by when the operations finished.
    """
    zero_ns = incident.began_ns
    ended_ns = max([incident.ended_ns, *(phase.ended.by_ns for phase in incident.phases)])
    ended_ns = max([ended_ns, *(one.at_ns for one in incident.injected if one.at_ns < ended_ns + REPAIRED_NS)])
    left_s = (recording.header.until_ns - zero_ns) // SECOND_NS
    first = -min(MARGIN_S, zero_ns // SECOND_NS)
    last = max(1, min((ended_ns - zero_ns) // SECOND_NS + MARGIN_S, left_s))
    if last - first > COLUMNS:
        return _by_seconds(recording, zero_ns // SECOND_NS + first, zero_ns // SECOND_NS + last)
    columns: dict[tuple[int, str], _Column] = {}
    from_ns, until_ns = zero_ns + first * SECOND_NS, zero_ns + last * SECOND_NS
    for o in recording.between(from_ns - 1, until_ns + LATE_NS):
        if from_ns <= o.due_ns < until_ns:
            second = (o.due_ns - zero_ns) // SECOND_NS
            column = columns.setdefault((zero_ns + second * SECOND_NS, o.action), _Column(ok_ms=0.0))
            column.add(*_counts(o), _latency_ms(o))
            if o.outcome is Outcome.OK:
                column.ok_ms = max(column.ok_ms or 0.0, _latency_ms(o))
    return _throughput(columns, SECOND_NS)


def _by_seconds(recording: Recording, first_s: int, last_s: int) -> tuple[Throughput, ...]:
    width_s = max(1, -(-(last_s - first_s) // COLUMNS))
    columns: dict[tuple[int, str], _Column] = {}

    def add(action: str, second: int, ok: int, failed: int, unknown: int, slowest_ms: float) -> None:
        if first_s <= second < last_s:
            at_s = first_s + (second - first_s) // width_s * width_s
            columns.setdefault((at_s * SECOND_NS, action), _Column()).add(ok, failed, unknown, slowest_ms)

    if recording.seconds:
        first, last = (bisect_left(recording.seconds, at_s, key=lambda s: s.at_s) for at_s in (first_s, last_s))
        for s in recording.seconds[first:last]:
            add(s.action, s.at_s, s.ok, s.failed, s.unknown, s.max_ns / MS_NS)
    else:
        for o in recording.operations:
            add(o.action, o.finished_ns // SECOND_NS, *_counts(o), _latency_ms(o))
    return _throughput(columns, width_s * SECOND_NS)


def _counts(operation: Operation) -> tuple[int, int, int]:
    outcome = operation.outcome
    return int(outcome is Outcome.OK), int(outcome is Outcome.FAIL), int(outcome is Outcome.UNKNOWN)


def _latency_ms(operation: Operation) -> float:
    return (operation.finished_ns - operation.due_ns) / MS_NS


def _throughput(columns: dict[tuple[int, str], _Column], width_ns: int) -> tuple[Throughput, ...]:
    return tuple(
        Throughput(action, at_ns, width_ns, own.ok, own.failed, own.unknown, own.max_ms, own.ok_ms)
        for (at_ns, action), own in sorted(columns.items(), key=lambda item: item[0])
    )
