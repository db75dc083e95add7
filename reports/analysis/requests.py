"""Requests for a switchover or failover: from when on each stood in etcd, and when it was to be carried out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from observer.model.recording import SECOND_NS, Event, Recording


@dataclass(frozen=True, slots=True)
class Request:
    """A request that stood until a moment. `due_ns`: its hour, where it names one that is still to come, else at once.

    `cleared`: the event that it was gone with; None: another took its place, or it stands to the end.
    """

    asked: Event
    due_ns: int
    until_ns: int
    cleared: Event | None = None


def requests(recording: Recording) -> tuple[Request, ...]:
    """All requests of a recording, in order."""
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


def _due_ns(recording: Recording, asked: Event) -> int:
    try:
        hour = datetime.fromisoformat(str(asked.detail.get("scheduled_at")))
    except ValueError:
        return asked.by_ns
    since = (hour if hour.tzinfo else hour.replace(tzinfo=UTC)) - recording.header.began_utc
    return max(asked.by_ns, round(since.total_seconds() * SECOND_NS))
