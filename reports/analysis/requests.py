"""Requests for a switchover or failover: how long each stood in etcd, and when it was due."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from observer.model.recording import SECOND_NS, Event, Recording


@dataclass(frozen=True, slots=True)
class Request:
    """A request that stood in etcd until a moment. `due_ns`: its scheduled time, at once if that was past.

    `cleared`: the event with which it was gone; None: another request took its place, or it stands to the end.
    """

    event: Event
    due_ns: int
    until_ns: int
    cleared: Event | None = None


def requests(recording: Recording) -> tuple[Request, ...]:
    """Return all requests of a recording, in order."""
    found: list[Request] = []
    for event in recording.events:
        if event.kind not in ("failover.asked", "failover.cleared"):
            continue
        if found and found[-1].until_ns > event.by_ns:
            cleared = event if event.kind == "failover.cleared" else None
            found[-1] = replace(found[-1], until_ns=event.by_ns, cleared=cleared)
        if event.kind == "failover.asked":
            found.append(Request(event, _due_ns(recording, event), recording.header.until_ns + 1))
    return tuple(found)


def _due_ns(recording: Recording, request: Event) -> int:
    try:
        scheduled = datetime.fromisoformat(str(request.detail.get("scheduled_at")))
    except ValueError:
        return request.by_ns
    since = (scheduled if scheduled.tzinfo else scheduled.replace(tzinfo=UTC)) - recording.header.began_utc
    return max(request.by_ns, round(since.total_seconds() * SECOND_NS))
