"""Operations per second, and how they ended: over a whole recording and around an incident."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Mapping, Sequence

from observer.model.findings import Incident
from observer.model.recording import MS_NS, SECOND_NS, Outcome, Recording
from reports.analysis.results.recording import Throughput

# The most columns that a picture can show.
COLUMNS = 240
MARGIN_S = 5
# No operation ends later than this after it was due.
LATE_NS = 60 * SECOND_NS
# A repair that was reported so soon after an incident is shown with it.
REPAIRED_NS = 15 * SECOND_NS

# Counts of each outcome, the latency of the slowest, and of the slowest that succeeded (None: unknown), milliseconds.
_Counts = tuple[int, int, int, float, float | None]


def whole_throughput(recording: Recording) -> tuple[Throughput, ...]:
    """Return the throughput of the whole recording in at most COLUMNS columns."""
    return _by_seconds(recording, 0, max(1, -(-recording.header.until_ns // SECOND_NS)))


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
    columns: dict[tuple[int, str], list[_Counts]] = defaultdict(list)
    from_ns, until_ns = zero_ns + first * SECOND_NS, zero_ns + last * SECOND_NS
    for o in recording.between(from_ns - 1, until_ns + LATE_NS):
        if from_ns <= o.due_ns < until_ns:
            ok, failed, unknown = (int(o.outcome is outcome) for outcome in (Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN))
            ms = (o.finished_ns - o.due_ns) / MS_NS
            at_ns = o.due_ns - (o.due_ns - zero_ns) % SECOND_NS
            columns[at_ns, o.action].append((ok, failed, unknown, ms, ms if ok else 0.0))
    return _throughput(columns, SECOND_NS)


def _by_seconds(recording: Recording, first_s: int, last_s: int) -> tuple[Throughput, ...]:
    width_s = max(1, -(-(last_s - first_s) // COLUMNS))
    columns: dict[tuple[int, str], list[_Counts]] = defaultdict(list)
    first, last = (bisect_left(recording.seconds, at_s, key=lambda s: s.at_s) for at_s in (first_s, last_s))
    for s in recording.seconds[first:last]:
        at_s = first_s + (s.at_s - first_s) // width_s * width_s
        columns[at_s * SECOND_NS, s.action].append((s.ok, s.failed, s.unknown, s.max_ns / MS_NS, None))
    return _throughput(columns, width_s * SECOND_NS)


def _throughput(columns: Mapping[tuple[int, str], Sequence[_Counts]], width_ns: int) -> tuple[Throughput, ...]:
    found = []
    for (at_ns, action), own in sorted(columns.items()):
        ok, failed, unknown, slowest_ms, ok_ms = zip(*own, strict=True)
        known_ms = max((ms for ms in ok_ms if ms is not None), default=None)
        found.append(Throughput(action, at_ns, width_ns, sum(ok), sum(failed), sum(unknown), max(slowest_ms), known_ms))
    return tuple(found)
