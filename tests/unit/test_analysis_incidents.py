"""Where an incident begins and ends, what is none, and what opens another."""

from __future__ import annotations

from collections.abc import Iterable

from observer.model.findings import Brownout
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Window
from reports.analysis.analyze import analyze
from tests.unit.recordings import (
    ETCD,
    STATS,
    blind,
    came_back,
    event,
    fail,
    healthy,
    measured_crash,
    ns,
    ok,
    recording_of,
    route,
    sees,
    takeover,
    traffic,
)

OK, FAIL = Outcome.OK, Outcome.FAIL
WELL = traffic((1, 118, OK))


def causes(events: Iterable[Event], operations: Iterable[Operation] = WELL) -> list[str]:
    return [i.cause for i in analyze(recording_of(events, operations)).incidents]


def test_what_is_found_at_the_start_is_no_incident() -> None:
    found_so = [
        event(0.2, "patroni", "source.blind", "patroni3", after_s=0.1, how="refused", since_ns=ns(0.1)),
        event(2.2, "postgres", "source.blind", "patroni3", after_s=1.2, how="silent", since_ns=ns(1.2)),
        route(0.4, "replicas", "patroni3", up=False, initial=True),
        event(0.5, "etcd", "raft.elected", "etcd", leader=ETCD[0], term=3, before=None),
    ]
    assert causes([*healthy(members=("patroni1", "patroni2")), *found_so]) == []


def test_a_node_that_was_away_from_the_start_and_comes_is_no_incident() -> None:
    away = event(0.2, "patroni", "source.blind", "patroni3", after_s=0.1, how="refused", since_ns=ns(0.1))
    assert causes([*healthy(members=("patroni1", "patroni2")), away, *came_back(40, "patroni3", "patroni1", 1)]) == []


def test_checks_lag_and_a_poll_that_hung_once_are_healthy_noise() -> None:
    noise = [
        event(20, "haproxy", "route.changed", "primary/patroni1", pool="primary", server="patroni1", status="UP 2/3"),
        blind(30, "patroni", "patroni2", "silent"),
        sees(30.6, "patroni", "patroni2", "silent"),
        event(40, "daemon", "tick.skipped", "patroni patroni2", skipped=2),
        event(50, "etcd", "history.changed", "demo", revision=50, history=[]),
        event(60, "etcd", "config.changed", "demo", revision=51, config={"ttl": 20}),
        event(70, "patroni", "replication.sampled", "patroni1", xlog=1),
        event(80, "patroni", "member.changed", "patroni2", role="replica", state="running", timeline=1, pause=True),
    ]
    assert causes([*healthy(), *noise]) == []


def test_it_closes_after_five_seconds_of_calm() -> None:
    (incident,) = analyze(recording_of(healthy(), [*WELL, fail(50), fail(54)])).incidents
    assert (incident.began_ns, incident.ended_ns) == (ns(49.995), ns(59))


def test_a_failure_later_than_that_opens_another() -> None:
    assert causes(healthy(), [*WELL, fail(50), fail(55.1)]) == ["unknown", "unknown"]


def test_a_missing_node_does_not_hold_it_open_and_its_checks_and_lease_open_no_other() -> None:
    events = [
        *healthy(),
        blind(10.1, "patroni", "patroni3", "refused"),
        route(19, "replicas", "patroni3", up=False),
        event(38, "etcd", "member.lost", "patroni3", revision=40),
    ]
    (incident,) = analyze(recording_of(events, WELL)).incidents
    assert incident.ended_ns == ns(15.1)


def test_the_return_of_a_node_is_no_incident() -> None:
    assert causes(measured_crash().events, measured_crash().operations) == ["leader.killed"]


def test_reads_that_fail_since_the_last_replica_became_leader_belong_to_what_made_it_leader() -> None:
    crash = measured_crash()
    late = [e for e in crash.events if e.subject != "replicas/patroni2" or e.by_ns < ns(1)]
    late.append(route(47, "replicas", "patroni2", up=False))
    reads = [*traffic((1, 47, OK), action="read"), *traffic((47.05, 76, FAIL), action="read")]
    assert causes(late, [*crash.operations, *reads]) == ["leader.killed", "unknown"], "patroni3 serves them"
    alone = [e for e in late if "patroni3" not in e.subject]
    assert causes(alone, [*crash.operations, *reads]) == ["leader.killed"]


def test_a_leader_that_may_stay_in_the_pool_for_reads_holds_nothing_open_when_it_leaves_it_later() -> None:
    crash = measured_crash()
    alone = [e for e in crash.events if "patroni3" not in e.subject and "replicas/" not in e.subject]
    stays = [route(0.4, "replicas", "patroni2", up=True, initial=True), route(100, "replicas", "patroni2", up=False)]
    failed = [*crash.operations, fail(100.1, action="read")]
    assert len(causes([*alone, *stays], failed)) == 2


def test_a_node_that_is_slow_to_answer_while_it_starts_is_still_returning() -> None:
    crash = measured_crash()
    slow = [
        sees(72.5, "patroni", "patroni1"),
        blind(73.5, "patroni", "patroni1", "silent"),
        sees(79, "patroni", "patroni1"),
    ]
    assert causes([*crash.events, *slow], crash.operations) == ["leader.killed"]


def test_a_leader_that_is_away_holds_it_open_until_its_key_is_gone_though_no_client_writes() -> None:
    assert causes(measured_crash().events, []) == ["leader.killed"]


def test_a_proxy_that_comes_back_and_routes_again_is_still_the_same_incident() -> None:
    events = [
        *healthy(),
        blind(10, "haproxy", STATS, "refused"),
        sees(30, "haproxy", STATS),
        event(30, "haproxy", "proxy.restarted", STATS),
        route(30, "primary", "patroni2", up=True),
        route(31.5, "primary", "patroni2", up=False),
        route(44, "replicas", "patroni1", up=False),
    ]
    assert causes(events, traffic((1, 10, OK), (10, 30, FAIL), (30, 118, OK))) == ["proxy.down"]


def test_another_fault_while_one_is_open_is_an_incident_of_its_own() -> None:
    events = [
        *healthy(),
        blind(7.9, "patroni", "patroni1", "refused"),
        blind(7.9, "postgres", "patroni1", "refused"),
        blind(20, "etcd", ETCD[2], "refused"),
        event(33.54, "etcd", "leader.lost", "patroni1", revision=30),
        event(33.54, "etcd", "member.lost", "patroni1", revision=30),
        *takeover(33.67, "patroni2", 2, previous="patroni1", up_s=39.5),
    ]
    found = analyze(recording_of(events, traffic((1, 7.65, OK), (7.7, 39.5, FAIL), (39.53, 110, OK)))).incidents
    assert [(i.cause, i.target) for i in found] == [("leader.killed", "patroni1"), ("etcd.member_down", ETCD[2])]
    assert [len(i.write.outages) for i in found] == [1, 0]
    assert found[0].leader_after == "patroni2"
    assert sum(i.write.failed for i in found) == 636


def test_two_etcd_members_that_go_one_after_the_other_in_calm_are_two_incidents() -> None:
    events = [
        *healthy(),
        blind(10, "etcd", ETCD[0], "refused"),
        blind(30, "etcd", ETCD[1], "refused"),
        event(31, "etcd", "quorum.lost", "etcd", endpoints={}),
        event(60, "etcd", "quorum.regained", "etcd", endpoints={}),
    ]
    assert causes(events) == ["etcd.member_down", "etcd.quorum_lost"]


def test_injected_faults_are_attached_and_move_no_outage() -> None:
    crash = measured_crash()
    fault = event(7.62, "operator", "fault.told", "patroni1", component="patroni", action="kill", target="patroni1")
    repair = event(62, "operator", "repair.told", "patroni1", component="patroni", action="start", target="patroni1")
    (incident,) = analyze(recording_of([*crash.events, fault, repair], crash.operations, until_s=110)).incidents
    assert incident.write.outage_ns == ns(31.93)
    assert [e.kind for e in incident.injected] == ["fault.told", "repair.told"]
    assert incident.fault_to_write_ns == ns(39.53 - 7.62)


def test_a_brownout_is_the_old_route_beside_the_new_one_while_new_connections_fail() -> None:
    events = [
        *healthy(),
        event(10, "etcd", "leader.lost", "patroni1", revision=30),
        event(10, "etcd", "member.changed", "patroni1", role="replica", state="stopped"),
        *takeover(10.2, "patroni2", 2, previous="patroni1", up_s=13),
        route(25, "primary", "patroni1", up=False),
    ]
    operations = traffic((1, 9.8, OK), (9.8, 13.1, FAIL), (13.1, 110, OK))
    (calm,) = analyze(recording_of(events, [*operations, ok(17, probe="fresh")])).incidents
    (unseen,) = analyze(recording_of(events, operations)).incidents
    given = recording_of(events, [*operations, fail(17, probe="fresh", took_s=1)])
    (brown,) = analyze(given).incidents
    assert (calm.brownout, unseen.brownout) == (Brownout(0), None)  # without a new connection it is unknown
    assert brown.brownout is not None
    rows = tuple(
        e.id for e in given.events if e.id and (e.kind, e.by_ns) in (("route.up", ns(13)), ("route.down", ns(25)))
    )
    assert brown.brownout == Brownout(12 * SECOND_NS, Window(ns(11.9), ns(12.1)), rows)


def test_redundancy_is_back_when_as_many_replicas_stream_as_before() -> None:
    (incident,) = analyze(measured_crash()).incidents
    assert incident.redundancy_back_ns == ns(74) - incident.began_ns


def test_a_subject_that_failed_before_fails_again_if_an_outage_of_its_own_begins() -> None:
    frozen = [
        *healthy(),
        blind(11, "patroni", "patroni1", "silent"),
        blind(11, "postgres", "patroni1", "silent"),
        blind(16, "patroni", "patroni1", "connect_timeout"),
        sees(20, "patroni", "patroni1", "connect_timeout"),
        sees(20, "postgres", "patroni1", "silent"),
    ]
    again = [
        event(25.1, "patroni", "source.blind", "patroni1", after_s=23.9, how="silent", since_ns=ns(24.1)),
        event(25.1, "postgres", "source.blind", "patroni1", after_s=23.9, how="silent", since_ns=ns(24.1)),
        blind(29.5, "patroni", "patroni1", "connect_timeout"),
        sees(33, "patroni", "patroni1", "connect_timeout"),
        sees(33, "postgres", "patroni1", "silent"),
    ]
    operations = traffic((1, 10, OK), (10, 20, FAIL), (20, 24, OK), (24, 33, FAIL), (33, 118, OK))
    found = analyze(recording_of([*frozen, *again], operations)).incidents
    assert [(i.cause, i.target, len(i.write.outages)) for i in found] == [("leader.frozen", "patroni1", 1)] * 2
    assert found[1].began_ns == found[0].ended_ns == found[1].write.outages[0].began_ns
