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

from observer.model.recording import Recording

ETCD_EXPIRY_S = 1.0
PRIMARY_START_S = 300.0
# The least that Patroni takes, and the release since which it sees to that.
LEAST_S = {"ttl": 20.0, "loop_wait": 1.0, "retry_timeout": 3.0}
MENDS = (3, 2)

Bound = tuple[float, float]
# A sum: how many times each setting counts; `SECOND` stands for seconds themselves.
Form = Mapping[str, float]
SECOND = "s"
# The shortest and the longest time of a phase. The report prints these very sums beside what they give.
FORMS: Mapping[str, tuple[Form, Form]] = {
    "detection": ({"ttl": 1, "loop_wait": -1}, {"ttl": 1, SECOND: ETCD_EXPIRY_S}),  # where a lease had to run out
    "election": ({}, {"loop_wait": 1}),
    "demotion": ({}, {"loop_wait": 1, "retry_timeout": 1, SECOND: ETCD_EXPIRY_S}),
    "routing": ({"(rise − 1) × inter": 1}, {"rise × inter": 1}),
}


def live_settings(recording: Recording, at_ns: int | None = None) -> Mapping[str, Any] | None:
    """The cluster's dynamic configuration at a moment, or at the end; None: never seen."""
    found: Mapping[str, Any] | None = None
    for event in recording.events:
        if event.kind == "config.changed" and isinstance(event.detail.get("config"), dict):
            if found is not None and at_ns is not None and event.by_ns > at_ns:
                break
            found = event.detail["config"]
    if found is None:
        captured = [e for e in recording.events if e.kind == "cluster.captured"]
        config = captured[-1].detail.get("config") if captured else None
        found = config if isinstance(config, dict) and config else None
    return found


def live_id(recording: Recording, at_ns: int) -> int | None:
    """The row that told the cluster's dynamic configuration of a moment; None: none did."""
    changed = [e for e in recording.events if e.kind == "config.changed" and isinstance(e.detail.get("config"), dict)]
    captured = [e for e in recording.events if e.kind == "cluster.captured" and e.detail.get("config")]
    told = changed or captured
    before = [e for e in told if e.by_ns <= at_ns]
    return None if not told else before[-1].id if before else told[0].id


def effective(live: Mapping[str, Any] | None, version: str | None) -> Mapping[str, Any] | None:
    """The settings that rule. Since 3.2 Patroni silently mends an impossible triple, and `/config` tells the old one.

    Its config.py: ttl is at least 20, loop_wait 1, retry_timeout 3; where loop_wait + 2 x retry_timeout is more than
    ttl, loop_wait is lowered, and retry_timeout only where that does not suffice. None: mended or not, nobody knows.
    """
    told = {key: _number(live, key) for key in LEAST_S}
    if live is None or any(value is None for value in told.values()):
        return live
    ttl, loop, retry = (max(told[key] or 0.0, least) for key, least in LEAST_S.items())
    if LEAST_S["loop_wait"] + 2 * retry > ttl:
        loop, retry = LEAST_S["loop_wait"], (ttl - LEAST_S["loop_wait"]) // 2
    loop = min(loop, ttl - 2 * retry)
    mended = {"ttl": ttl, "loop_wait": loop, "retry_timeout": retry}
    if mended == told:
        return live
    number = _release(version)
    return None if number is None else {**live, **mended} if number >= MENDS else live


def patroni_version(recording: Recording) -> str | None:
    """The version of Patroni, as a member told it; None: nobody did."""
    told = (e.detail.get("patroni_version") for e in recording.events if e.kind == "member.changed")
    return next((str(version) for version in told if version), None)


def proxy_settings(recording: Recording) -> Mapping[str, Any]:
    """What is known of the proxy's checks: what the settings say, and what its own stats say instead where they do."""
    haproxy = recording.header.settings.get("haproxy")
    known = dict(haproxy) if isinstance(haproxy, Mapping) else {}
    captured = (e.detail.get("pools") or () for e in recording.events if e.kind == "pools.captured")
    rows = (row for pools in captured for row in pools if isinstance(row, Mapping) and row.get("check_rise"))
    row = next(rows, None)
    return known if row is None else {**known, "rise": row["check_rise"]}


def bound(phase: str, expired: bool, live: Mapping[str, Any] | None, proxy: Mapping[str, Any] | None) -> Bound | None:
    """The shortest and longest time of a phase, seconds. `expired`: the leader's lease had to run out.

    `live` is Patroni's dynamic configuration, `proxy` {inter_ms, rise} where the recording's settings tell them. A
    phase of two names joined by a plus has the sum of their bounds.
    """
    if "+" in phase:
        parts = [bound(part, expired, live, proxy) for part in phase.split("+")]
        all_of = [part for part in parts if part is not None]
        return (sum(p[0] for p in all_of), sum(p[1] for p in all_of)) if len(all_of) == len(parts) else None
    if phase not in FORMS or (phase == "detection" and not expired):
        return None
    known = {key: _number(live, key) for key in LEAST_S} | {SECOND: 1.0}
    inter_ms, rise = _number(proxy, "inter_ms"), _number(proxy, "rise")
    if inter_ms is not None and rise is not None:
        inter_s = inter_ms / 1000
        known |= {"(rise − 1) × inter": (rise - 1) * inter_s, "rise × inter": rise * inter_s}
    shortest, longest = (_sum(form, known) for form in FORMS[phase])
    return None if shortest is None or longest is None else (max(0.0, shortest), longest)


def _sum(form: Form, known: Mapping[str, float | None]) -> float | None:
    """What a form comes to; None where a setting of it is not known."""
    values = [None if (value := known.get(name)) is None else value * times for name, times in form.items()]
    told = [value for value in values if value is not None]
    return sum(told) if len(told) == len(values) else None


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


def _release(version: str | None) -> tuple[int, ...] | None:
    parts = (version or "").split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdigit() for part in parts) else None


def _number(settings: Mapping[str, Any] | None, key: str) -> float | None:
    value = None if settings is None else settings.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
