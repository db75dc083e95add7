"""The state of a recording at this moment, from its file alone: leader, what is down, the traffic, the last events."""

import time
from collections.abc import Iterator
from typing import Any

from observer.live.assessment import pools_of
from observer.live.state import ACTIONS, ClusterState, initial_state
from observer.live.words import QUIET_KINDS, cause_of_failure, sentence
from observer.model.clock import boot_id, same_boot
from observer.model.recording import SECOND_NS, Action, Event, Operation, Outcome
from observer.store import Reader, is_being_recorded

LATELY_S = 3
POLL_EVERY_S = 0.3
EVENTS = 8
OPERATIONS, MOST_OPERATIONS = 400, 100_000


def lines(reader: Reader, alive: bool) -> list[str]:
    """Return the status as text, one item per line; `alive`: the daemon is recording into the file now."""
    found, state = _status(reader, alive)
    recording, leader = found["recording"], found["leader"]
    return [
        f"recording {recording['id']} of {recording['scope'] or 'an unknown cluster'} in {recording['path']}: "
        f"{_run_of(recording)}",
        f"leader:  {leader or ('none' if found['leader_known'] else 'unknown')}",
        f"down:    {', '.join(down(state)) or 'nothing'}",
        *(f"{action + 's:':<8} {_traffic_line(**found['traffic'][action])}" for action in ACTIONS),
        "last events:",
        *(f"  {event['at_s']:9.3f} s  {event['source']:<9} {event['text']}" for event in found["events"]),
    ]


def as_json(reader: Reader, alive: bool) -> dict[str, Any]:
    """Return the status as plain values; None means unknown. Times are seconds since the recording began.

    `leader` is null without a leader, and `leader_known` tells whether that is certain.
    """
    return _status(reader, alive)[0]


def follow(reader: Reader, recording_id: int) -> Iterator[Event]:
    """Yield the events as they come, until the recording has ended."""
    last_id = 0
    while True:
        alive = is_being_recorded(reader.path)
        for event in reader.events(recording_id, after_id=last_id):
            last_id = max(last_id, event.id or 0)
            yield event
        if not alive or reader.recording(recording_id).ended is not None:
            return
        time.sleep(POLL_EVERY_S)


def down(state: ClusterState) -> list[str]:
    """Return what is unreachable, which pools have no server that is UP, and whether etcd has no quorum."""
    found = [f"{subject} ({source}: {cause_of_failure(how)})" for (source, subject), how in state.unreachable.items()]
    found += [f"no server of pool {pool} is UP" for pool in pools_without_server(state)]
    return [*found, "etcd has no quorum"] if state.quorum is False else found


def pools_without_server(state: ClusterState) -> list[str]:
    """Return the pools without a server that is UP, leaving out proxies whose stats page cannot be read now."""
    unread = state.unreachable_by("haproxy")
    read = ClusterState(routes={key: route for key, route in state.routes.items() if key[0] not in unread})
    return [pool for pool, servers in pools_of(read).items() if not any(route.up for _, route in servers)]


def _status(reader: Reader, alive: bool) -> tuple[dict[str, Any], ClusterState]:
    """Return the status of the newest recording at its present moment, and the state that it describes."""
    recording = reader.recording()
    running = alive and same_boot(recording.boot, boot_id())
    now_ns = time.monotonic_ns() - recording.anchor_ns if running else recording.until_ns
    state, events, latest = (
        initial_state(recording.settings),
        reader.events(recording.id),
        _latest(reader, recording.id),
    )
    for event in events:
        state.apply(event)
    for operation in latest:
        state.apply(operation)
    leader = state.best_known_leader()
    found = {
        "recording": {
            "id": recording.id,
            "scope": recording.scope,
            "path": str(reader.path),
            "began_utc": recording.began_utc.isoformat(),
            "running": alive and recording.ended is None,
            "ended": recording.ended,
            "pid": recording.pid,
            "length_s": now_ns / SECOND_NS,
        },
        "leader": leader,
        "leader_known": state.leader_is_known or leader is not None,
        "quorum": None if state.etcd_is_unreachable else state.quorum,
        "unreachable": [
            {"source": source, "subject": subject, "how": how} for (source, subject), how in state.unreachable.items()
        ],
        "pools_without_server": pools_without_server(state),
        "traffic": {action: _traffic(state, latest, action, now_ns) for action in ACTIONS},
        "events": [
            {"at_s": e.by_ns / SECOND_NS, "source": e.source, "kind": e.kind, "subject": e.subject, "text": sentence(e)}
            for e in [event for event in events if event.kind not in QUIET_KINDS][-EVENTS:]
        ],
    }
    return found, state


def _latest(reader: Reader, recording_id: int) -> list[Operation]:
    """Return the latest operations, back to the acknowledgement with which an outage that runs now began."""
    count = OPERATIONS
    while True:
        latest = reader.operations(recording_id, count)
        acknowledged = {operation.action for operation in latest if operation.outcome is Outcome.OK}
        failed = {operation.action for operation in latest if operation.outcome is not Outcome.OK}
        if failed <= acknowledged or len(latest) < count or count >= MOST_OPERATIONS:
            return latest
        count *= 4


def _traffic(state: ClusterState, latest: list[Operation], action: Action, now_ns: int) -> dict[str, Any]:
    outcomes = [o.outcome for o in latest if o.action == action and now_ns - o.finished_ns <= LATELY_S * SECOND_NS]
    ok, outage_ns = outcomes.count(Outcome.OK), state.traffic[action].running_ns(now_ns)
    outage_s = outage_ns / SECOND_NS if outage_ns else None
    return {"acknowledged": ok, "failed": len(outcomes) - ok, "over_s": float(LATELY_S), "outage_s": outage_s}


def _traffic_line(acknowledged: int, failed: int, over_s: float, outage_s: float | None) -> str:
    span, count = f"in the last {over_s:.0f} s", acknowledged + failed
    text = f"{failed} of {count} failed {span}" if failed else f"ok, {count} {span}" if count else f"none {span}"
    return f"{text}; outage for {outage_s:.1f} s" if outage_s else text


def _run_of(recording: dict[str, Any]) -> str:
    if recording["running"]:
        return f"running for {recording['length_s']:.0f} s (pid {recording['pid']})"
    ended = "cut off" if recording["ended"] is None else f"ended ({recording['ended']})"
    return f"{ended} after {recording['length_s']:.0f} s"
