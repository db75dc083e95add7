"""Containers that were started or that exited, as their engine reported. No cause and no phase is inferred from it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from observer.model.recording import Event, Recording
from reports.analysis.quorum import endpoints
from reports.analysis.results.evidence import ContainerExit, ContainerStart

ENGINE = "docker"


def container_starts(events: Sequence[Event]) -> tuple[ContainerStart, ...]:
    """Return the containers that the engine started, resumed or reconnected."""
    return tuple(_start(event) for event in events if _is_start(event))


def container_exits(events: Sequence[Event]) -> tuple[ContainerExit, ...]:
    """Return the containers that exited."""
    codes = ((event, event.detail.get("exit_code")) for event in events if event.kind == "container.ended")
    return tuple(
        ContainerExit(event.subject, code if isinstance(code, int) else None, event.by_ns, event.id)
        for event, code in codes
    )


def enabling_start(recording: Recording, events: Sequence[Event], elected: Event) -> ContainerStart | None:
    """Return the container start before which etcd could not have elected this leader.

    Before it too few members ran, or the leader did not. None: the engine reports no such start.
    """
    members = len(endpoints(recording))
    addresses = {e.subject: str(e.detail.get("address")) for e in events if _is_start(e)}
    leader = str(elected.detail.get("leader"))
    down: set[str] = set()
    for event in (e for e in events if e.by_ns <= elected.window.after_ns):
        _follow(event, down)
    if not members or _could_elect(members, down, addresses, leader):
        return None
    for event in (e for e in events if elected.window.after_ns < e.by_ns <= elected.by_ns):
        _follow(event, down)
        if _could_elect(members, down, addresses, leader):
            return _start(event)
    return None


def _follow(event: Event, down: set[str]) -> None:
    if event.kind == "container.ended" and event.detail.get("component") == "etcd":
        down.add(event.subject)
    elif _is_start(event):
        down.discard(event.subject)


def _could_elect(members: int, down: set[str], addresses: Mapping[str, str], leader: str) -> bool:
    return members - len(down) > members // 2 and leader not in {addresses.get(name) for name in down}


def _is_start(event: Event) -> bool:
    return event.kind == "repair.told" and event.source == ENGINE


def _start(event: Event) -> ContainerStart:
    address = event.detail.get("address")
    return ContainerStart(event.subject, None if address is None else str(address), event.by_ns, event.id)
