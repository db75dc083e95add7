"""How a recording is at this moment, from its file alone: who leads, what is down, is the application writing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from observer.live.words import QUIET_KINDS, line
from observer.model.clock import boot_id, same_boot
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, RecordingHeader
from observer.store import Reader, is_being_recorded

LATELY_NS = 3 * SECOND_NS
LOOK_EVERY_S = 0.3


def lines(reader: Reader, alive: bool) -> list[str]:
    """The status as a person reads it."""
    recording = reader.recording()
    events = reader.events(recording.id)
    here = alive and same_boot(recording.boot, boot_id())
    now_ns = time.monotonic_ns() - recording.anchor_ns if here else recording.until_ns
    told = [event for event in events if event.kind not in QUIET_KINDS]
    leader = leader_of(events)
    down = down_of(events)
    text = [
        _state(recording, alive, now_ns, str(reader.path)),
        f"leader:  {'unknown' if leader is None else leader or 'nobody'}",
        f"down:    {', '.join(down) or 'nothing'}",
    ]
    latest = reader.operations(recording.id, 400)
    text += [
        f"{action}s: {' ' * (5 - len(action))} {traffic_of(latest, action, now_ns)}" for action in ("write", "read")
    ]
    return [*text, "last events:", *(f"  {line(event)}" for event in told[-8:])]


def as_json(reader: Reader, alive: bool) -> dict[str, Any]:
    """Return the status as JSON values; `leader` is null if it is unknown and "" if no member holds the key."""
    recording = reader.recording()
    events = reader.events(recording.id)
    latest = reader.operations(recording.id, 400)
    here = alive and same_boot(recording.boot, boot_id())
    now_ns = time.monotonic_ns() - recording.anchor_ns if here else recording.until_ns
    return {
        "file": str(reader.path),
        "recording": recording.id,
        "scope": recording.scope,
        "running": alive and recording.ended is None,
        "ended": recording.ended,
        "seconds": round(now_ns / SECOND_NS, 3),
        "leader": leader_of(events),
        "down": down_of(events),
        "writes": traffic_of(latest, "write", now_ns),
        "reads": traffic_of(latest, "read", now_ns),
    }


def follow(reader: Reader, recording_id: int) -> Iterator[Event]:
    """Events as they come, until the recording has ended."""
    seen = 0
    while True:
        alive = is_being_recorded(reader.path)
        for event in reader.events(recording_id, after_id=seen):
            seen = max(seen, event.id or 0)
            yield event
        if not alive or reader.recording(recording_id).ended is not None:
            return
        time.sleep(LOOK_EVERY_S)


def leader_of(events: list[Event]) -> str | None:
    """Who leads: the holder of the leader key by etcd's last word, "" where that is that it is empty; None: not known.

    While etcd cannot be watched, the one member whose Patroni calls it the primary.
    """
    held: str | None = None
    roles: dict[str, str | None] = {}
    for event in events:
        if event.kind in ("leader.seen", "leader.elected"):
            held = event.subject
        elif event.kind == "leader.lost":
            held = ""
        elif event.kind == "member.changed" and event.source == "patroni":
            roles[event.subject] = event.detail.get("role")
    blind = {(event.source, event.subject) for event in _blind(events)}
    if ("etcd", "watch") not in blind:
        return held
    primaries = [name for name, role in roles.items() if role == "primary" and ("patroni", name) not in blind]
    return primaries[0] if len(primaries) == 1 else None


def down_of(events: list[Event]) -> list[str]:
    """What the last word was bad of: subjects that cannot be seen, pools without a server that is up, etcd's quorum.

    What a stats page said last is not known to hold while it cannot be read.
    """
    blind = _blind(events)
    unread = {event.subject for event in blind if event.source == "haproxy"}
    routes: dict[tuple[str, str], bool] = {}  # by stats page and route: proxies may have equal pools
    quorum = True
    for event in events:
        route = (str(event.detail.get("page", "")), event.subject)
        if event.kind == "route.down" and event.detail.get("status") == "gone":
            routes.pop(route, None)
        elif event.kind in ("route.up", "route.down"):
            routes[route] = event.kind == "route.up"
        elif event.kind in ("quorum.lost", "quorum.regained"):
            quorum = event.kind == "quorum.regained"
    found = [f"{event.subject} ({event.source}: {event.detail.get('how', '?')})" for event in blind]
    pools: dict[tuple[str, str], bool] = {}  # whether any server of it is up
    for (page, name), up in routes.items():
        pool = (page, name.partition("/")[0])
        pools[pool] = up or pools.get(pool, False)
    found += [
        f"no server of the pool {pool} is up" for (page, pool), up in pools.items() if not up and page not in unread
    ]
    return found if quorum else [*found, "etcd has no quorum"]


def _blind(events: list[Event]) -> list[Event]:
    """The last word of each subject that cannot be seen."""
    last = {(event.source, event.subject): event for event in events if event.kind in ("source.blind", "source.sees")}
    return [event for event in last.values() if event.kind == "source.blind"]


def traffic_of(latest: list[Operation], action: str, now_ns: int) -> str:
    """Whether operations of an action succeed of late."""
    lately = [o for o in latest if o.action == action and now_ns - o.finished_ns <= LATELY_NS]
    good = sum(o.outcome is Outcome.OK for o in lately)
    if not lately:
        return "none of late"
    if good == len(lately):
        return f"well, {good} acknowledged in the last {LATELY_NS // SECOND_NS} s"
    return f"{len(lately) - good} of {len(lately)} failed in the last {LATELY_NS // SECOND_NS} s"


def _state(recording: RecordingHeader, alive: bool, now_ns: int, path: str) -> str:
    which = f"recording {recording.id} of {recording.scope or 'an unknown cluster'} in {path}"
    if alive and recording.ended is None:
        return f"{which}: running for {now_ns / SECOND_NS:.0f} s (pid {recording.pid})"
    if recording.ended is None:
        return f"{which}: was cut off after {now_ns / SECOND_NS:.0f} s"
    return f"{which}: ended ({recording.ended}) after {now_ns / SECOND_NS:.0f} s"
