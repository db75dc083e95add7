"""What the container engine tells of parts that were started again. Timeline in, plain facts out. Pure.

It serves the narration alone: no cause and no phase follows from what was told.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypedDict

from observer.model.recording import Event, Recording
from reports.facts.moments import seconds

ENGINE = "docker"


class StartedFact(TypedDict):
    """A container that was started, thawed or connected again, as its engine told; `address` where it has one."""

    name: str
    address: str | None
    at_s: float
    event_id: int | None


def started(events: Sequence[Event]) -> list[StartedFact]:
    """Every start that the engine told of."""
    return [_started(event) for event in events if _is_start(event)]


def able(recording: Recording, events: Sequence[Event], elected: Event) -> StartedFact | None:
    """The start before which etcd could not have elected whom it did: too few of its members ran, or that one did not.

    None: they may have run all the while, by what the engine told.
    """
    etcd = recording.header.settings.get("etcd")
    members = len(set(etcd.get("endpoints") or ())) if isinstance(etcd, dict) else 0
    addresses = {e.subject: str(e.detail.get("address")) for e in events if _is_start(e)}
    leader = str(elected.detail.get("leader"))
    down: set[str] = set()
    for event in (e for e in events if e.by_ns <= elected.window.after_ns):
        _follow(event, down)
    if not members or _could(members, down, addresses, leader):
        return None
    for event in (e for e in events if elected.window.after_ns < e.by_ns <= elected.by_ns):
        _follow(event, down)
        if _could(members, down, addresses, leader):
            return _started(event)
    return None


def _follow(event: Event, down: set[str]) -> None:
    if event.kind == "container.ended" and event.detail.get("component") == "etcd":
        down.add(event.subject)
    elif _is_start(event):
        down.discard(event.subject)


def _could(members: int, down: set[str], addresses: dict[str, str], leader: str) -> bool:
    gone = {addresses.get(name) for name in down}
    return members - len(down) > members // 2 and leader not in gone


def _is_start(event: Event) -> bool:
    return event.kind == "repair.told" and event.source == ENGINE


def _started(event: Event) -> StartedFact:
    address = event.detail.get("address")
    return {
        "name": event.subject,
        "address": None if address is None else str(address),
        "at_s": seconds(event.by_ns),
        "event_id": event.id,
    }
