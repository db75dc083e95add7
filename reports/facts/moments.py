"""Moments of a recording as the report writes them: seconds, UTC, and what was told. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from observer.model.recording import SECOND_NS, Event, Recording

if TYPE_CHECKING:  # who makes facts takes its seconds from here
    from reports.facts.incident_shape import ToldFact


def seconds(at_ns: int) -> float:
    """Nanoseconds as seconds, exact to the microsecond: what is printed is rounded later."""
    return round(at_ns / SECOND_NS, 6)


def or_none(at_ns: int | None) -> float | None:
    """The same of what may not be known."""
    return None if at_ns is None else seconds(at_ns)


def utc_of(recording: Recording, at_ns: int) -> str:
    """The wall clock at a moment of the recording, ISO 8601."""
    return recording.header.utc(at_ns).isoformat()


def told(recording: Recording, event: Event) -> ToldFact:
    """What somebody said they did."""
    return {
        "kind": event.kind,
        "at_s": seconds(event.by_ns),
        "utc": utc_of(recording, event.by_ns),
        "detail": dict(event.detail),
        "event_id": event.id,
    }
