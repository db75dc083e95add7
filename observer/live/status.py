"""The state of a recording at this moment, from its file alone: leader, what is down, the traffic, the last events."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from observer.live.assessment import pools_of
from observer.live.state import ACTIONS, ClusterState, initial_state
from observer.live.words import QUIET_KINDS, cause_of_failure, line, sentence
from observer.model.clock import boot_id, same_boot
from observer.model.recording import SECOND_NS, Action, Event, Operation, Outcome, RecordingHeader
from observer.store import Reader, is_being_recorded

LATELY_NS = 3 * SECOND_NS
POLL_EVERY_S = 0.3
EVENTS = 8
OPERATIONS, MOST_OPERATIONS = 400, 100_000


def lines(reader: Reader, alive: bool) -> list[str]:
    """Return the status as text, one item per line; `alive`: the daemon is recording into the file now."""
    recording, now_ns, state, latest, events = _present(reader, alive)
    leader = state.best_known_leader()
    return [
        f"recording {recording.id} of {recording.scope or 'an unknown cluster'} in {reader.path}: "
        f"{_run_of(recording, alive, now_ns)}",
        f"leader:  {leader or ('none' if state.leader_is_known else 'unknown')}",
        f"down:    {', '.join(down(state)) or 'nothing'}",
        *(f"{action}s: {' ' * (5 - len(action))} {_traffic_line(state, latest, action, now_ns)}" for action in ACTIONS),
        "last events:",
        *(f"  {line(event)}" for event in events),
    ]


def as_json(reader: Reader, alive: bool) -> dict[str, Any]:
    """Return the status as plain values; None means unknown. Times are seconds since the recording began.

    `leader` is null without a leader, and `leader_known` tells whether that is certain.
    """
    recording, now_ns, state, latest, events = _present(reader, alive)
    return {
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
        "leader": state.best_known_leader(),
        "leader_known": state.leader_is_known or state.best_known_leader() is not None,
        "quorum": None if state.etcd_is_unreachable else state.quorum,
        "unreachable": [
            {"source": source, "subject": subject, "how": how} for (source, subject), how in state.unreachable.items()
        ],
        "pools_without_server": pools_without_server(state),
        "traffic": {action: _traffic_json(state, latest, action, now_ns) for action in ACTIONS},
        "events": [
            {
                "at_s": event.by_ns / SECOND_NS,
                "source": event.source,
                "kind": event.kind,
                "subject": event.subject,
                "text": sentence(event),
            }
            for event in events
        ],
    }


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


def _present(reader: Reader, alive: bool) -> tuple[RecordingHeader, int, ClusterState, list[Operation], list[Event]]:
    """Return the newest recording, its present moment and state, its latest operations and its latest events."""
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
    return recording, now_ns, state, latest, [event for event in events if event.kind not in QUIET_KINDS][-EVENTS:]


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


def _lately(latest: list[Operation], action: Action, now_ns: int) -> tuple[int, int]:
    """Return how many operations of an action were acknowledged in the last seconds, and how many were not."""
    outcomes = [o.outcome for o in latest if o.action == action and now_ns - o.finished_ns <= LATELY_NS]
    ok = outcomes.count(Outcome.OK)
    return ok, len(outcomes) - ok


def _traffic_line(state: ClusterState, latest: list[Operation], action: Action, now_ns: int) -> str:
    (ok, bad), outage_ns = _lately(latest, action, now_ns), state.traffic[action].running_ns(now_ns)
    span = f"in the last {LATELY_NS // SECOND_NS} s"
    text = f"none {span}" if not ok + bad else f"{bad} of {ok + bad} failed {span}" if bad else f"ok, {ok} {span}"
    return f"{text}; outage for {outage_ns / SECOND_NS:.1f} s" if outage_ns else text


def _traffic_json(state: ClusterState, latest: list[Operation], action: Action, now_ns: int) -> dict[str, Any]:
    (ok, bad), outage_ns = _lately(latest, action, now_ns), state.traffic[action].running_ns(now_ns)
    return {
        "acknowledged": ok,
        "failed": bad,
        "over_s": LATELY_NS / SECOND_NS,
        "outage_s": outage_ns / SECOND_NS if outage_ns else None,
    }


def _run_of(recording: RecordingHeader, alive: bool, now_ns: int) -> str:
    if alive and recording.ended is None:
        return f"running for {now_ns / SECOND_NS:.0f} s (pid {recording.pid})"
    if recording.ended is None:
        return f"cut off after {now_ns / SECOND_NS:.0f} s"
    return f"ended ({recording.ended}) after {now_ns / SECOND_NS:.0f} s"
