"""How a recording is at this moment, from its file alone: who leads, what is down, is the application writing."""

from __future__ import annotations

import time
from collections.abc import Iterator

from observer.clock import boot_id
from observer.store import Reader, is_being_recorded
from observer.timeline import SECOND_NS, Event, Operation, Outcome, Recording
from observer.words import QUIET_KINDS, line

LATELY_NS = 3 * SECOND_NS
LOOK_EVERY_S = 0.3


def lines(reader: Reader, alive: bool) -> list[str]:
    """The status as a person reads it."""
    recording = reader.recording()
    events = reader.events(recording.id)
    now_ns = time.monotonic_ns() - recording.anchor_ns if alive and recording.boot == boot_id() else recording.until_ns
    told = [event for event in events if event.kind not in QUIET_KINDS]
    leader = leader_of(events)
    down = down_of(events)
    text = [
        _state(recording, alive, now_ns, str(reader.path)),
        f"leader:  {leader or 'unknown'}",
        f"down:    {', '.join(down) or 'nothing'}",
    ]
    latest = reader.operations(recording.id, 400)
    text += [
        f"{action}s: {' ' * (5 - len(action))} {traffic_of(latest, action, now_ns)}" for action in ("write", "read")
    ]
    return [*text, "last events:", *(f"  {line(event)}" for event in told[-8:])]


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
    """Who holds the leader key by the last word of etcd; None: nobody, or not known."""
    for event in reversed(events):
        if event.kind in ("leader.seen", "leader.elected"):
            return event.subject
        if event.kind == "leader.lost":
            return None
    return None


def down_of(events: list[Event]) -> list[str]:
    """What the last word was bad of: subjects that cannot be seen, and routes that are down."""
    last: dict[tuple[str, str], Event] = {}
    for event in events:
        if event.kind in ("source.blind", "source.sees"):
            last[event.source, event.subject] = event
        elif event.kind in ("quorum.lost", "quorum.regained"):
            last["quorum", event.subject] = event
    found = [
        f"{event.subject} ({event.source}: {event.detail.get('how', '?')})"
        for event in last.values()
        if event.kind == "source.blind"
    ]
    return found + ["etcd has no quorum" for event in last.values() if event.kind == "quorum.lost"]


def traffic_of(latest: list[Operation], action: str, now_ns: int) -> str:
    """Whether operations of an action succeed of late."""
    lately = [o for o in latest if o.action == action and now_ns - o.finished_ns <= LATELY_NS]
    good = sum(o.outcome is Outcome.OK for o in lately)
    if not lately:
        return "none of late"
    if good == len(lately):
        return f"well, {good} acknowledged in the last {LATELY_NS // SECOND_NS} s"
    return f"{len(lately) - good} of {len(lately)} failed in the last {LATELY_NS // SECOND_NS} s"


def _state(recording: Recording, alive: bool, now_ns: int, path: str) -> str:
    which = f"recording {recording.id} of {recording.scope or 'an unknown cluster'} in {path}"
    if alive and recording.ended is None:
        return f"{which}: running for {now_ns / SECOND_NS:.0f} s (pid {recording.pid})"
    if recording.ended is None:
        return f"{which}: was cut off after {now_ns / SECOND_NS:.0f} s"
    return f"{which}: ended ({recording.ended}) after {now_ns / SECOND_NS:.0f} s"
