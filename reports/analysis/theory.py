"""How long each phase may take, as the cluster's own settings imply it.

Sources of the numbers. Patroni renews the leader's lease once a loop, each `loop_wait`, so when the leader dies its
lease still has between `ttl - loop_wait` and `ttl` to run. etcd looks for expired leases twice a second, hence one
second more (etcd's lessor). Replicas watch the leader key and otherwise poll it once a loop. HAProxy checks each server
every `inter` and needs `rise` good checks before it routes. Without a DCS Patroni demotes after its loop found it gone
and `retry_timeout` has passed. Settings that were not observed imply nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from observer.model.recording import Event, Recording

ETCD_EXPIRY_S = 1.0
PRIMARY_START_S = 300.0
# The minimum of each setting in Patroni, and the release since which Patroni corrects an impossible triple.
LEAST_S = {"ttl": 20.0, "loop_wait": 1.0, "retry_timeout": 3.0}
CORRECTS_SINCE = (3, 2)

Bound = tuple[float, float]
# A sum: how many times each setting counts; `SECOND` stands for seconds themselves.
Form = Mapping[str, float]
SECOND = "s"
# The shortest and the longest time of a phase. The report prints these sums beside their values.
FORMS: Mapping[str, tuple[Form, Form]] = {
    "detection": ({"ttl": 1, "loop_wait": -1}, {"ttl": 1, SECOND: ETCD_EXPIRY_S}),  # if a lease had to expire
    "election": ({}, {"loop_wait": 1}),
    "demotion": ({}, {"loop_wait": 1, "retry_timeout": 1, SECOND: ETCD_EXPIRY_S}),
    "routing": ({"(rise − 1) × inter": 1}, {"rise × inter": 1}),
}


@dataclass(frozen=True, slots=True)
class LiveSettings:
    """The cluster's dynamic configuration, and the event that reports it."""

    values: Mapping[str, Any]
    event: Event


def settings_history(events: Sequence[Event]) -> tuple[LiveSettings, ...]:
    """Return each dynamic configuration in order of time, from etcd; without any, from captures of the cluster."""
    changed = [
        LiveSettings(config, e) for e in events if e.kind == "config.changed" and (config := _config(e)) is not None
    ]
    captured = [LiveSettings(config, e) for e in events if e.kind == "cluster.captured" and (config := _config(e))]
    return tuple(changed or captured)


def _config(event: Event) -> Mapping[str, Any] | None:
    config = event.detail.get("config")
    return config if isinstance(config, dict) else None


def live_settings(history: Sequence[LiveSettings], at_ns: int | None = None) -> LiveSettings | None:
    """Return the dynamic configuration of a moment, or of the end; None: never observed.

    Before the first report it is the one of that report: the source had not answered yet.
    """
    known = [one for one in history if at_ns is None or one.event.by_ns <= at_ns]
    return next(iter(known[-1:] or history[:1]), None)


def effective(live: Mapping[str, Any] | None, version: str | None) -> Mapping[str, Any] | None:
    """Return the settings that take effect: since 3.2 Patroni corrects an impossible triple, `/config` does not.

    Patroni's config.py: ttl is at least 20, loop_wait 1, retry_timeout 3; if loop_wait + 2 x retry_timeout is more than
    ttl, loop_wait is lowered, and retry_timeout only if that does not suffice. None: the triple is impossible, and
    the version is unknown.
    """
    given = {key: _number(live, key) for key in LEAST_S}
    if live is None or any(value is None for value in given.values()):
        return live
    ttl, loop, retry = (max(given[key] or 0.0, least) for key, least in LEAST_S.items())
    if LEAST_S["loop_wait"] + 2 * retry > ttl:
        loop, retry = LEAST_S["loop_wait"], (ttl - LEAST_S["loop_wait"]) // 2
    loop = min(loop, ttl - 2 * retry)
    corrected = {"ttl": ttl, "loop_wait": loop, "retry_timeout": retry}
    if corrected == given:
        return live
    release = _release(version)
    return None if release is None else {**live, **corrected} if release >= CORRECTS_SINCE else live


def patroni_version(recording: Recording) -> str | None:
    """Return the version of Patroni that a member reported first; None: no member did."""
    reported = (e.detail.get("patroni_version") for e in recording.events if e.kind == "member.changed")
    return next((str(version) for version in reported if version), None)


def proxy_settings(recording: Recording) -> Mapping[str, Any]:
    """Return the settings of the proxy's checks: those of its own statistics, else those of the recording."""
    haproxy = recording.header.settings.get("haproxy")
    known = dict(haproxy) if isinstance(haproxy, Mapping) else {}
    captured = (e.detail.get("pools") or () for e in recording.events if e.kind == "pools.captured")
    rows = (row for pools in captured for row in pools if isinstance(row, Mapping) and row.get("check_rise"))
    row = next(rows, None)
    return known if row is None else {**known, "rise": row["check_rise"]}


def bound(phase: str, expires: bool, live: Mapping[str, Any] | None, proxy: Mapping[str, Any] | None) -> Bound | None:
    """Return the shortest and longest time of a phase, seconds. `expires`: the leader's lease had to run out.

    `live` is Patroni's dynamic configuration, `proxy` holds inter_ms and rise if they are known. A phase of two names
    joined by a plus has the sum of their bounds. None: the settings imply nothing.
    """
    if "+" in phase:
        parts = [bound(part, expires, live, proxy) for part in phase.split("+")]
        known_parts = [part for part in parts if part is not None]
        complete = len(known_parts) == len(parts)
        return (sum(p[0] for p in known_parts), sum(p[1] for p in known_parts)) if complete else None
    if phase not in FORMS or (phase == "detection" and not expires):
        return None
    known = {key: _number(live, key) for key in LEAST_S} | {SECOND: 1.0}
    inter_ms, rise = _number(proxy, "inter_ms"), _number(proxy, "rise")
    if inter_ms is not None and rise is not None:
        inter_s = inter_ms / 1000
        known |= {"(rise − 1) × inter": (rise - 1) * inter_s, "rise × inter": rise * inter_s}
    shortest, longest = (_sum(form, known) for form in FORMS[phase])
    return None if shortest is None or longest is None else (max(0.0, shortest), longest)


def _sum(form: Form, known: Mapping[str, float | None]) -> float | None:
    values = [None if (value := known.get(name)) is None else value * times for name, times in form.items()]
    found = [value for value in values if value is not None]
    return sum(found) if len(found) == len(values) else None


def in_place(live: Mapping[str, Any] | None) -> Bound | None:
    """Return how many seconds a leader's PostgreSQL may be away after a crash and still come back in its place.

    Patroni's documentation of primary_start_timeout (300 s by default; master_start_timeout before Patroni 3): the
    leader notices within loop_wait, starts PostgreSQL, and gives the lead up in the first loop in which it has been
    starting for longer than that: loop_wait + primary_start_timeout + loop_wait. None: with 0 it fails over at once.
    It says nothing of a requested restart, whose shutdown has no limit.
    """
    loop = _number(live, "loop_wait")
    given = [_number(live, key) for key in ("primary_start_timeout", "master_start_timeout")]
    start = next((value for value in given if value is not None), PRIMARY_START_S)
    return None if loop is None or start <= 0 else (0.0, loop + start + loop)


def brownout(fall: int | None, inter_ms: int | None) -> Bound | None:
    """Return how many seconds a proxy may go on routing to a server that no longer passes its checks.

    HAProxy's configuration manual, fall and inter: a check each `inter`, and the server is DOWN after `fall` failures
    in a row; `fastinter` can only shorten it. A check that hangs until its timeout comes on top: the statistics do not
    show `timeout check`, so it is left out.
    """
    return None if fall is None or inter_ms is None else (0.0, fall * inter_ms / 1000)


def expected_back(live: Mapping[str, Any], proxy: Mapping[str, Any] | None) -> Bound | None:
    """Return how many seconds after the end of a dead leader's lease writes are back, as the settings imply.

    Without the settings of the proxy's checks, when a new leader has the key. A promotion, mostly well below a second,
    is left out.
    """
    election, routing = bound("election", True, live, proxy), bound("routing", True, live, proxy) or (0.0, 0.0)
    return None if election is None else (election[0] + routing[0], ETCD_EXPIRY_S + election[1] + routing[1])


def _release(version: str | None) -> tuple[int, ...] | None:
    parts = (version or "").split(".")[:2]
    return tuple(map(int, parts)) if len(parts) == 2 and all(part.isdigit() for part in parts) else None


def _number(settings: Mapping[str, Any] | None, key: str) -> float | None:
    value = None if settings is None else settings.get(key)
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None
