"""Builders of small literal recordings: seconds in, a Recording out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from observer.model.recording import (
    MS_NS,
    SECOND_NS,
    Action,
    Audit,
    Event,
    Operation,
    Outcome,
    Probe,
    Recording,
    RecordingHeader,
    Second,
    Window,
)

SETTINGS: Mapping[str, Any] = {"traffic": {"rate_per_s": 20, "workload": "probe"}, "haproxy": {"primary": ""}}
ETCD = ("127.0.0.1:23791", "127.0.0.1:23792", "127.0.0.1:23793")
STATS = "http://127.0.0.1:7001/"


def ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)


def event(at_s: float, source: str, kind: str, subject: str, *, after_s: float | None = None, **detail: Any) -> Event:
    after_ns = ns(at_s) if after_s is None else ns(after_s)
    return Event(source, kind, subject, Window(after_ns, ns(at_s)), detail)


def ok(at_s: float, action: Action = "write", n: int | None = None, took_s: float = 0.005, **more: Any) -> Operation:
    return _operation(at_s, action, Outcome.OK, n, took_s, stage="done", **more)


def fail(at_s: float, action: Action = "write", n: int | None = None, took_s: float = 0.005, **more: Any) -> Operation:
    return _operation(at_s, action, Outcome.FAIL, n, took_s, **{"stage": "connect", **more})


def unknown(at_s: float, action: Action = "write", n: int | None = None, took_s: float = 1, **more: Any) -> Operation:
    return _operation(at_s, action, Outcome.UNKNOWN, n, took_s, **{"stage": "answer", **more})


def _operation(
    at_s: float,
    action: Action,
    outcome: Outcome,
    n: int | None,
    took_s: float,
    *,
    stage: str,
    probe: Probe = "kept",
    **more: Any,
) -> Operation:
    began_ns = ns(at_s) - ns(took_s)
    text = "" if action == "read" or n is None else token(n)
    return Operation(action, probe, text, began_ns, began_ns, ns(at_s), outcome, stage, **more)


def token(n: int) -> str:
    return f"0a0b0c0d-{n:010d}"


def audit(at_s: float, first: int, last: int, *, present: bool) -> Audit:
    return Audit(ns(at_s), token(first), token(last), present)


def traffic(
    *periods: tuple[float, float, Outcome], action: Action = "write", every_s: float = 0.05, n: int = 1
) -> list[Operation]:
    """Return operations every `every_s`, with the outcome of the period in which they finish."""
    made: list[Operation] = []
    for from_s, to_s, outcome in periods:
        for step in range(round((to_s - from_s) / every_s)):
            at_s = from_s + step * every_s
            made.append(_operation(at_s, action, outcome, n, 0.005, stage="done" if outcome == "ok" else "connect"))
            n += 1
    return made


def recording_of(
    events: Iterable[Event] = (),
    operations: Iterable[Operation] = (),
    audits: Iterable[Audit] = (),
    *,
    until_s: float = 120,
    settings: Mapping[str, Any] = SETTINGS,
) -> Recording:
    """Return a recording as the store returns it: in order, with ids."""
    in_order = sorted(events, key=lambda e: e.window.by_ns)
    finished = sorted(operations, key=lambda o: o.finished_ns)
    recording = RecordingHeader(
        id=1,
        began_utc=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        boot="boot",
        anchor_ns=0,
        pid=1,
        scope="demo",
        cluster_id="7",
        settings=settings,
        ended_ns=ns(until_s),
        ended="stop",
        last_ns=ns(until_s),
    )
    return Recording(
        header=recording,
        events=[replace(e, id=number) for number, e in enumerate(in_order, 1)],
        operations=[replace(o, id=number) for number, o in enumerate(finished, 1)],
        seconds=seconds_of(finished),
        audits=[replace(a, id=number) for number, a in enumerate(audits, 1)],
    )


def seconds_of(operations: Iterable[Operation]) -> list[Second]:
    """Return the counts of each second and action, as the store counts them."""
    found: dict[tuple[int, Action], list[Operation]] = {}
    for o in operations:
        found.setdefault((o.finished_ns // SECOND_NS, o.action), []).append(o)
    return [
        Second(
            at_s,
            action,
            sum(o.outcome is Outcome.OK for o in own),
            sum(o.outcome is Outcome.FAIL for o in own),
            sum(o.outcome is Outcome.UNKNOWN for o in own),
            max(o.finished_ns - o.due_ns for o in own),
        )
        for (at_s, action), own in sorted(found.items())
    ]


def healthy(leader: str = "patroni1", members: Iterable[str] = ("patroni1", "patroni2", "patroni3")) -> list[Event]:
    """Return the first report of every source on a healthy cluster: `leader` on timeline 1, two replicas."""
    shown = [
        event(0.1, "etcd", "leader.seen", leader, revision=10, lease=1, initial=True),
        event(0.1, "etcd", "config.changed", "demo", config={"ttl": 30, "loop_wait": 10, "retry_timeout": 10}),
    ]
    names = list(members)
    rows = [{"application_name": name, "state": "streaming"} for name in names if name != leader]
    for name in names:
        leads = name == leader
        role, server = ("primary", "UP") if leads else ("replica", "DOWN")
        shown += [
            event(0.1, "etcd", "member.changed", name, role=role, state="running", timeline=1, initial=True),
            event(
                0.3,
                "patroni",
                "member.changed",
                name,
                role=role,
                state="running",
                timeline=1,
                postmaster_start_time="then",
                replication=rows if leads else [],
            ),
            event(0.2, "postgres", "member.changed", name, in_recovery=not leads, timeline=1, started="then"),
            route(0.4, "primary", name, up=leads, status=server, initial=True),
            route(0.4, "replicas", name, up=not leads, initial=True),
        ]
    return shown


def route(at_s: float, pool: str, server: str, *, up: bool, **detail: Any) -> Event:
    kind = "route.up" if up else "route.down"
    facts = {"pool": pool, "server": server, "status": "UP" if up else "DOWN", **detail}
    return event(at_s, "haproxy", kind, f"{pool}/{server}", after_s=at_s - 0.1, **facts)


def blind(at_s: float, source: str, subject: str, how: str, **detail: Any) -> Event:
    since_ns = ns(at_s) - 50 * MS_NS
    return event(
        at_s, source, "source.blind", subject, after_s=at_s - 0.3, how=how, error=how, since_ns=since_ns, **detail
    )


def sees(at_s: float, source: str, subject: str, how: str = "refused") -> Event:
    return event(at_s, source, "source.sees", subject, after_s=at_s - 0.3, how=how)


def takeover(at_s: float, member: str, number: int, *, previous: str, up_s: float) -> list[Event]:
    """Return a replica that takes the key, is a primary 0.1 s later, and is routed to at `up_s`."""
    rows = [{"application_name": "x", "state": "streaming"}]
    return [
        event(at_s, "etcd", "leader.elected", member, revision=31, lease=2, previous=previous),
        event(
            at_s + 0.1, "postgres", "member.changed", member, after_s=at_s - 0.1, in_recovery=False, timeline=number,
            started="then",
        ),
        event(
            at_s + 0.2, "patroni", "member.changed", member, after_s=at_s - 0.05, role="primary", state="running",
            timeline=number, postmaster_start_time="then", replication=rows,
        ),
        route(up_s, "primary", member, up=True),
        route(up_s + 1, "replicas", member, up=False),
    ]  # fmt: skip


def measured_crash() -> Recording:
    """Return a leader killed with stock settings that came back a minute later."""
    return recording_of(
        [
            *healthy(),
            blind(7.75, "postgres", "patroni1", "closed"),
            blind(7.9, "patroni", "patroni1", "refused"),
            blind(7.95, "postgres", "patroni1", "refused"),
            route(13.5, "primary", "patroni1", up=False),
            event(33.54, "etcd", "leader.lost", "patroni1", revision=30, lease=1),
            event(33.54, "etcd", "member.lost", "patroni1", revision=30),
            *takeover(33.67, "patroni2", 2, previous="patroni1", up_s=39.56),
            *came_back(70),
        ],
        traffic((1, 7.65, Outcome.OK), (7.7, 39.5, Outcome.FAIL), (39.53, 110, Outcome.OK)),
        until_s=110,
    )


def came_back(at_s: float, member: str = "patroni1", leader: str = "patroni2", number: int = 2) -> list[Event]:
    """Return a member that comes back as a replica, and the leader's report that it streams."""
    state: dict[str, Any] = {"timeline": number, "postmaster_start_time": "later"}
    rows = [{"application_name": name, "state": "streaming"} for name in ("x", member)]
    return [
        sees(at_s, "patroni", member),
        event(at_s, "etcd", "member.changed", member, role="replica", state="starting", timeline=number),
        event(at_s + 0.1, "patroni", "member.changed", member, role="replica", state="starting"),
        sees(at_s + 2, "postgres", member),
        event(at_s + 2, "postgres", "member.changed", member, in_recovery=True, timeline=number, started="later"),
        event(at_s + 3, "patroni", "member.changed", member, role="replica", state="running", **state),
        event(
            at_s + 4, "patroni", "member.changed", leader, role="primary", state="running", timeline=number,
            postmaster_start_time="then", replication=rows,
        ),
        route(at_s + 6, "replicas", member, up=True),
    ]  # fmt: skip
