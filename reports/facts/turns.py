"""Reads that a leader served: how soon after a change of role, on which connections. Timeline in, facts out. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypedDict

from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Recording
from reports.facts import course
from reports.facts.moments import seconds

# A proxy that has not learned of a new role by then has another reason.
TURNED_S = 60
PIECE_NS = 60 * SECOND_NS


class TurnedFact(TypedDict):
    """The last read on a new connection that a leader served so soon after a turn, seconds, with the rows of both.

    A turn is a replica that was seen to be a primary, or a proxy that was started: `turn_ids` are the rows of all.
    """

    seconds: float
    event_id: int | None
    operation_id: int | None
    turn_ids: list[int]


def turned_of(recording: Recording) -> TurnedFact | None:
    """How late after a turn a leader served a read on a new connection; None: there was none, or one without a turn.

    A turn happened somewhere between two looks, so a read between them is not late; one before the first of them has
    nothing to do with it.
    """
    own = [s for s in recording.served if s.action == "read" and s.probe == "fresh" and s.in_recovery is False]
    turns = _turns(recording)
    nearest: dict[int, tuple[int, Event, Operation]] = {}
    for turn in turns:
        for o in recording.between(turn.window.after_ns, turn.by_ns + TURNED_S * SECOND_NS):
            if (o.action, o.probe, o.outcome, o.in_recovery) == ("read", "fresh", Outcome.OK, False):
                late_ns, key = max(o.finished_ns - turn.by_ns, 0), (o.id or 0)
                if key not in nearest or late_ns < nearest[key][0]:
                    nearest[key] = (late_ns, turn, o)
    if not nearest or len(nearest) != sum(s.operations for s in own):
        return None
    late_ns, turn, last = max(nearest.values(), key=lambda found: found[0])
    return {
        "seconds": seconds(late_ns),
        "event_id": turn.id,
        "operation_id": last.id,
        "turn_ids": [e.id for e in turns if e.id is not None],
    }


def _turns(recording: Recording) -> list[Event]:
    """What made a node a primary that had been a replica, as far as it was seen, and a proxy's own starts."""
    rows = {event.id: event for event in recording.events}
    was: dict[str, str] = {}
    found = [event for event in recording.events if event.kind == "proxy.restarted"]
    for span in course.roles_of(recording):  # of each member in order
        if span["what"] == "primary" and was.get(span["subject"]) == "replica":
            found.append(rows[span["event_id"]])
        if span["what"] != "away":
            was[span["subject"]] = span["what"]
    return sorted(found, key=lambda event: event.by_ns)


def kept_of(recording: Recording) -> list[list[int]] | None:
    """Where a leader began to serve reads on persistent connections: the read before and its own first, by row.

    None where one of them did not begin right after a read of the same node as a replica, so that nothing speaks for
    a connection that outlived a promotion; and where there was none.
    """
    if not any(s.action == "read" and s.probe == "kept" and s.in_recovery is False for s in recording.served):
        return None
    found: list[list[int]] = []
    last: Operation | None = None
    own: dict[str, Operation] = {}
    for o in _kept_reads(recording):
        before = own.get(o.server or "")
        if o.in_recovery is False and not (before is not None and _same_reign(before, o)):
            if last is None or o.server is None or (last.server, last.in_recovery) != (o.server, True):
                return None
            found.append([last.id or 0, o.id or 0])
        own[o.server or ""] = last = o
    return found or None


def _same_reign(before: Operation, now: Operation) -> bool:
    return before.in_recovery is False and (None in (before.timeline, now.timeline) or before.timeline == now.timeline)


def _kept_reads(recording: Recording) -> Iterator[Operation]:
    """All acknowledged reads on persistent connections in order, a stretch at a time: there may be many."""
    until_ns = recording.header.until_ns + SECOND_NS
    for after_ns in range(-1, until_ns, PIECE_NS):
        for o in recording.between(after_ns, min(after_ns + PIECE_NS, until_ns)):
            if (o.action, o.probe, o.outcome) == ("read", "kept", Outcome.OK):
                yield o
