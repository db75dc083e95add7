"""A fault during another incident: each incident has only its own events."""

from __future__ import annotations

from collections.abc import Iterable

from observer.model.findings import Incident
from observer.model.recording import Event, Operation, Outcome
from reports.analysis.analyze import analyze
from tests.unit.recordings import STATS, blind, event, healthy, ns, recording_of, route, sees, takeover, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL


def found(events: Iterable[Event], operations: Iterable[Operation]) -> tuple[Incident, ...]:
    return analyze(recording_of([*healthy(), *events], operations)).incidents


def expired(at_s: float, up_s: float) -> list[Event]:
    """The lease of patroni1 runs out, and patroni2 takes over."""
    return [
        event(at_s, "etcd", "leader.lost", "patroni1", revision=30),
        event(at_s, "etcd", "member.lost", "patroni1", revision=30),
        *takeover(at_s + 0.2, "patroni2", 2, previous="patroni1", up_s=up_s),
    ]


def test_a_leader_killed_while_a_replica_s_route_still_went_down_leaves_the_replica_its_own_incident() -> None:
    replica, leader = found(
        [
            blind(20.1, "patroni", "patroni3", "refused"),
            blind(20.1, "postgres", "patroni3", "refused"),
            route(22, "replicas", "patroni3", up=False),
            blind(26.5, "patroni", "patroni1", "refused"),
            blind(26.6, "postgres", "patroni1", "refused"),
            *expired(50, 54),
        ],
        traffic((1, 26.4, OK), (26.4, 54, FAIL), (54, 110, OK)),
    )
    assert (replica.cause, replica.target) == ("replica.killed", "patroni3")
    assert (leader.cause, leader.target, leader.confidence) == ("leader.killed", "patroni1", "high")


def test_a_leader_killed_while_the_proxy_is_away_leaves_the_proxy_its_own_incident() -> None:
    proxy, leader = found(
        [
            blind(20.1, "haproxy", STATS, "refused"),
            blind(30.1, "postgres", "patroni1", "refused"),
            blind(30.3, "patroni", "patroni1", "refused"),
            *expired(55, 70),
            sees(60, "haproxy", STATS),
        ],
        traffic((1, 20, OK), (20, 70, FAIL), (70, 110, OK)),
    )
    assert (proxy.cause, proxy.target) == ("proxy.down", STATS)
    assert (leader.cause, leader.target, leader.confidence) == ("leader.killed", "patroni1", "high")
    assert leader.began_ns == ns(30.1)


def test_a_switchover_while_a_replica_is_frozen_has_the_key_and_the_outage() -> None:
    frozen, asked = found(
        [
            blind(20.5, "patroni", "patroni3", "silent"),
            blind(20.5, "postgres", "patroni3", "silent"),
            blind(26, "patroni", "patroni3", "connect_timeout"),
            event(32, "etcd", "failover.asked", "demo", leader="patroni1", candidate="patroni2", revision=20),
            blind(33.1, "postgres", "patroni1", "refused"),
            event(34, "etcd", "leader.lost", "patroni1", revision=30),
            event(34.1, "etcd", "failover.cleared", "demo", revision=31),
            *takeover(34.3, "patroni2", 2, previous="patroni1", up_s=39),
            sees(37, "postgres", "patroni1"),
            event(37, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=2, started="later"),
        ],
        [
            *traffic((1, 33, OK), (33, 39.45, FAIL), (39.45, 110, OK)),
            *traffic((1, 20, OK), (20, 40, FAIL), (40, 110, OK), action="read"),
        ],
    )
    assert (frozen.cause, frozen.target) == ("replica.frozen", "patroni3")
    assert (asked.cause, asked.target, asked.confidence) == ("switchover", "patroni1", "high")
    assert [p.name for p in asked.phases][:3] == ["request", "handover", "election"]
    assert (asked.leader_before, asked.leader_after) == ("patroni1", "patroni2")


def test_a_proxy_that_dies_while_no_member_leads_holds_the_change_of_leader_too() -> None:
    killed, proxy = found(
        [
            blind(10.1, "patroni", "patroni1", "refused"),
            blind(10.1, "postgres", "patroni1", "refused"),
            blind(20.1, "haproxy", STATS, "refused"),
            *expired(35, 41),
            sees(40, "haproxy", STATS),
        ],
        traffic((1, 10, OK), (10, 41, FAIL), (41, 110, OK)),
    )
    assert (killed.cause, proxy.cause) == ("leader.killed", "proxy.down")
    for incident in (killed, proxy):
        assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni2")
        assert (incident.timeline_before, incident.timeline_after) == (1, 2)


def test_a_leader_that_took_its_key_back_leads_after() -> None:
    (incident,) = found(
        [
            blind(11, "patroni", "patroni1", "silent"),
            blind(11, "postgres", "patroni1", "silent"),
            *expired(35, 39),
            sees(44, "patroni", "patroni1", "silent"),
            sees(44, "postgres", "patroni1", "silent"),
            event(44.2, "etcd", "leader.elected", "patroni1", revision=60, lease=3, previous="patroni2"),
            event(44.6, "postgres", "member.changed", "patroni2", in_recovery=True, timeline=2, started="later"),
        ],
        traffic((1, 10, OK), (10, 39, FAIL), (39, 110, OK)),
    )
    assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni1")
    assert (incident.timeline_before, incident.timeline_after) == (1, 1)


def test_who_was_first_to_lose_the_key_led_before() -> None:
    (incident,) = found(expired(35, 39), [])
    assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni2")


def test_a_postgres_that_crashed_before_its_node_was_killed_crashed() -> None:
    crashed, killed = found(
        [
            event(20.05, "patroni", "member.changed", "patroni1", role="primary", state="crashed"),
            blind(20.1, "postgres", "patroni1", "refused"),
            blind(30.3, "patroni", "patroni1", "refused"),
            *expired(55, 60),
        ],
        traffic((1, 20, OK), (20, 60, FAIL), (60, 110, OK)),
    )
    assert (crashed.cause, killed.cause, killed.confidence) == ("postgres.crashed", "leader.killed", "medium")
