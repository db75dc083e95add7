"""How many operations there were, second by second, and how they ended: of a recording and of an incident.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from bisect import bisect_left
from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Outcome, Recording

# As many columns as a picture of the whole run can show.
BUCKETS = 240
PACE_MARGIN_S = 5
# No operation is answered, or given up, so long after it was due.
LATE_NS = 60 * SECOND_NS
# A repair that was told so soon after an incident is shown with it.
REPAIRED_NS = 15 * SECOND_NS


class PaceFact(TypedDict):
    """Operations of one action in [at_s, at_s + width_s), and the slowest of them.

    `ok_ms`: the slowest of those that succeeded, 0 where none did; None where they are not told apart.
    Of a whole recording: those that finished then. Of an incident: those that were due then.
    """

    action: str
    at_s: float
    width_s: float
    ok: int
    failed: int
    unknown: int
    max_ms: float
    ok_ms: float | None


def pace_of(recording: Recording) -> list[PaceFact]:
    """The whole recording in at most so many columns as a picture can show."""
    whole_s = max(1, -(-recording.header.until_ns // SECOND_NS))
    return _pace(recording, 0, whole_s, max(1, -(-whole_s // BUCKETS)))


def pace_around(recording: Recording, incident: Incident) -> list[PaceFact]:
    """An incident with its phases and a few seconds beside it, by whole seconds before and after its beginning.

    Counted when they were due, so that a rate that was held is drawn as held: answers that are waited for all end at
    once. A long incident in as many columns as a picture can show, from the counts of seconds.
    """
    zero_ns = incident.began_ns
    ended_ns = max([incident.ended_ns, *(phase.ended.by_ns for phase in incident.phases)])
    ended_ns = max([ended_ns, *(told.by_ns for told in incident.injected if told.by_ns < ended_ns + REPAIRED_NS)])
    left_s = (recording.header.until_ns - zero_ns) // SECOND_NS
    first = -min(PACE_MARGIN_S, zero_ns // SECOND_NS)
    last = max(1, min((ended_ns - zero_ns) // SECOND_NS + PACE_MARGIN_S, left_s))
    if last - first > BUCKETS:
        from_s = zero_ns // SECOND_NS
        return _pace(recording, from_s + first, from_s + last, -(-(last - first) // BUCKETS))
    found: dict[tuple[int, str], PaceFact] = {}
    from_ns, until_ns = zero_ns + first * SECOND_NS, zero_ns + last * SECOND_NS
    for o in recording.between(from_ns - 1, until_ns + LATE_NS):
        if from_ns <= o.due_ns < until_ns:
            second = (o.due_ns - zero_ns) // SECOND_NS
            at_s = round(zero_ns / SECOND_NS + second, 6)
            pace = found.setdefault((second, o.action), {**_no_pace(o.action, at_s, 1), "ok_ms": 0.0})
            pace["ok"] += o.outcome is Outcome.OK
            pace["failed"] += o.outcome is Outcome.FAIL
            pace["unknown"] += o.outcome is Outcome.UNKNOWN
            took_ms = (o.finished_ns - o.due_ns) / 1e6
            pace["max_ms"] = max(pace["max_ms"], took_ms)
            if o.outcome is Outcome.OK:
                pace["ok_ms"] = max(pace["ok_ms"] or 0.0, took_ms)
    return [found[key] for key in sorted(found)]


def _no_pace(action: str, at_s: float, width_s: int) -> PaceFact:
    return {
        "action": action,
        "at_s": at_s,
        "width_s": width_s,
        "ok": 0,
        "failed": 0,
        "unknown": 0,
        "max_ms": 0.0,
        "ok_ms": None,
    }


def _pace(recording: Recording, first_s: int, last_s: int, width_s: int) -> list[PaceFact]:
    found: dict[tuple[str, int], PaceFact] = {}

    def add(action: str, second: int, ok: int, failed: int, unknown: int, max_ns: int) -> None:
        if not first_s <= second < last_s:
            return
        at_s = first_s + (second - first_s) // width_s * width_s
        pace = found.setdefault((action, at_s), _no_pace(action, at_s, width_s))
        pace["ok"] += ok
        pace["failed"] += failed
        pace["unknown"] += unknown
        pace["max_ms"] = max(pace["max_ms"], max_ns / 1e6)

    if recording.seconds:
        first, last = (bisect_left(recording.seconds, at_s, key=lambda s: s.at_s) for at_s in (first_s, last_s))
        for s in recording.seconds[first:last]:
            add(s.action, s.at_s, s.ok, s.failed, s.unknown, s.max_ns)
    else:
        for o in recording.operations:
            ok, failed, unknown = (int(o.outcome is outcome) for outcome in (Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN))
            add(o.action, o.finished_ns // SECOND_NS, ok, failed, unknown, o.finished_ns - o.due_ns)
    return [found[key] for key in sorted(found, key=lambda key: (key[1], key[0]))]
