"""Reads that a leader served: how soon after a role change on new connections, and on which persistent ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Recording
from reports.analysis.index import Index
from reports.analysis.results.reads import LastStaleRead
from reports.analysis.results.recording import Period
from reports.analysis.state_history import AWAY

# A proxy that has not noticed a new role by then has another reason.
STALE_NS = 60 * SECOND_NS
SLICE_NS = 60 * SECOND_NS


def last_stale_read(index: Index, roles: Iterable[Period]) -> LastStaleRead | None:
    """Return how long after a role change a leader last served a read on a new connection.

    None: there was no such read, or one that follows no role change. A role change lies between two polls, so a read
    between them is not late.
    """
    recording = index.recording
    own = [s for s in recording.served if s.action == "read" and s.probe == "fresh" and s.in_recovery is False]
    changes = _role_changes(index, roles)
    nearest: dict[int, tuple[int, Event, Operation]] = {}
    for change in changes:
        for o in recording.between(change.window.after_ns, change.by_ns + STALE_NS):
            if (o.action, o.probe, o.outcome, o.in_recovery) == ("read", "fresh", Outcome.OK, False):
                late_ns, key = max(o.finished_ns - change.by_ns, 0), (o.id or 0)
                if key not in nearest or late_ns < nearest[key][0]:
                    nearest[key] = (late_ns, change, o)
    if not nearest or len(nearest) != sum(s.operations for s in own):
        return None
    late_ns, change, last = max(nearest.values(), key=lambda found: found[0])
    return LastStaleRead(late_ns, change.id, last.id, tuple(e.id for e in changes if e.id is not None))


def _role_changes(index: Index, roles: Iterable[Period]) -> list[Event]:
    """Return the events that show a replica become a primary, and the restarts of a proxy."""
    rows = {event.id: event for event in index.of_kinds("member.changed", "source.sees")}
    last: dict[str, str] = {}
    found = index.of_kinds("proxy.restarted")
    for role in roles:
        if role.what == "primary" and last.get(role.subject) == "replica":
            found.append(rows[role.event_id])
        if role.what != AWAY:
            last[role.subject] = role.what
    return sorted(found, key=lambda event: event.by_ns)


def persistent_on_leader(recording: Recording) -> tuple[tuple[int, ...], ...] | None:
    """Return the rows of each leader's first persistent read and of the read before it.

    None: there was none, or one did not follow a read from the same member as a replica, so that nothing shows that
    its connection outlived a promotion.
    """
    if not any(s.action == "read" and s.probe == "kept" and s.in_recovery is False for s in recording.served):
        return None
    found: list[tuple[int, ...]] = []
    last: Operation | None = None
    own: dict[str, Operation] = {}
    for o in _persistent_reads(recording):
        before = own.get(o.server or "")
        if o.in_recovery is False and not (before is not None and _same_leadership(before, o)):
            if last is None or o.server is None or (last.server, last.in_recovery) != (o.server, True):
                return None
            found.append((last.id or 0, o.id or 0))
        own[o.server or ""] = last = o
    return tuple(found) or None


def _same_leadership(before: Operation, now: Operation) -> bool:
    return before.in_recovery is False and (None in (before.timeline, now.timeline) or before.timeline == now.timeline)


def _persistent_reads(recording: Recording) -> Iterator[Operation]:
    """Yield all acknowledged reads on persistent connections in order, slice by slice: there may be millions."""
    until_ns = recording.header.until_ns + SECOND_NS
    for after_ns in range(-1, until_ns, SLICE_NS):
        for o in recording.between(after_ns, min(after_ns + SLICE_NS, until_ns)):
            if (o.action, o.probe, o.outcome) == ("read", "kept", Outcome.OK):
                yield o
