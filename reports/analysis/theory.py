"""How long each phase may take, as the cluster's own settings imply it.

Where the numbers come from: Patroni renews the leader's lease once a loop, each `loop_wait`, so when the leader dies
its lease still has between `ttl - loop_wait` and `ttl` to run; etcd looks for expired leases twice a second, hence one
second more (etcd's lessor). Replicas watch the leader key and otherwise look once a loop. HAProxy asks each server
every `inter` and takes `rise` good answers before it routes. Without a DCS Patroni demotes after its loop found it gone
and `retry_timeout` was spent. Settings that were not observed imply nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observer.timeline import Timeline

ETCD_EXPIRY_S = 1.0
PRIMARY_START_S = 300.0

Bound = tuple[float, float]


def live_settings(timeline: Timeline, at_ns: int | None = None) -> Mapping[str, Any] | None:
    """The cluster's dynamic configuration at a moment, or at the end; None: never seen."""
    found: Mapping[str, Any] | None = None
    for event in timeline.events:
        if event.kind == "config.changed" and isinstance(event.detail.get("config"), dict):
            if found is not None and at_ns is not None and event.by_ns > at_ns:
                break
            found = event.detail["config"]
    if found is None:
        captured = [e for e in timeline.events if e.kind == "cluster.captured"]
        config = captured[-1].detail.get("config") if captured else None
        found = config if isinstance(config, dict) and config else None
    return found


def bound(phase: str, expired: bool, live: Mapping[str, Any] | None, proxy: Mapping[str, Any] | None) -> Bound | None:
    """The shortest and longest time of a phase, seconds. `expired`: the leader's lease had to run out.

    `live` is Patroni's dynamic configuration, `proxy` {inter_ms, rise} where the recording's settings tell them. A
    phase of two names joined by a plus has the sum of their bounds.
    """
    if "+" in phase:
        parts = [bound(part, expired, live, proxy) for part in phase.split("+")]
        known = [part for part in parts if part is not None]
        return (sum(p[0] for p in known), sum(p[1] for p in known)) if len(known) == len(parts) else None
    ttl, loop, retry = (_number(live, key) for key in ("ttl", "loop_wait", "retry_timeout"))
    if phase == "detection" and expired and ttl is not None and loop is not None:
        return max(0.0, ttl - loop), ttl + ETCD_EXPIRY_S
    if phase == "election" and loop is not None:
        return 0.0, loop
    if phase == "demotion" and loop is not None and retry is not None:
        return 0.0, loop + retry + ETCD_EXPIRY_S
    if phase == "routing":
        inter_ms, rise = _number(proxy, "inter_ms"), _number(proxy, "rise")
        if inter_ms is not None and rise is not None:
            return inter_ms / 1000 * (rise - 1), inter_ms / 1000 * rise
    return None


def in_place(live: Mapping[str, Any] | None) -> Bound | None:
    """How many seconds the PostgreSQL of a leader may be away after a crash and still come back in its place.

    Patroni's documentation of primary_start_timeout (300 s where it is not set; master_start_timeout before Patroni 3):
    the leader notices within loop_wait, starts PostgreSQL, and gives the lead up in the first round in which it has
    been starting for longer than that: loop_wait + primary_start_timeout + loop_wait. None: with 0 it fails over at
    once. It says nothing of a restart that was asked for, whose shutdown takes as long as it takes.
    """
    loop = _number(live, "loop_wait")
    told = [_number(live, key) for key in ("primary_start_timeout", "master_start_timeout")]
    start = next((value for value in told if value is not None), PRIMARY_START_S)
    return None if loop is None or start <= 0 else (0.0, loop + start + loop)


def brownout(fall: int | None, inter_ms: int | None) -> Bound | None:
    """How many seconds a proxy may go on sending clients to a server that no longer passes its checks.

    HAProxy's configuration manual, fall and inter: a check each `inter`, and the server is DOWN after `fall` in a row
    have failed; `fastinter` can only shorten it. One that hangs until its timeout comes on top: the stats tell no
    `timeout check`, so that is left out.
    """
    return None if fall is None or inter_ms is None else (0.0, fall * inter_ms / 1000)


def expected_back(live: Mapping[str, Any], proxy: Mapping[str, Any] | None) -> Bound | None:
    """How many seconds after the end of a dead leader's lease writes are back, as the settings imply.

    Where the proxy's checks are not known, when a new leader has the key. A promotion, mostly well below a second, is
    left out.
    """
    election, routing = bound("election", True, live, proxy), bound("routing", True, live, proxy) or (0.0, 0.0)
    return None if election is None else (election[0] + routing[0], ETCD_EXPIRY_S + election[1] + routing[1])


def _number(settings: Mapping[str, Any] | None, key: str) -> float | None:
    value = None if settings is None else settings.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
