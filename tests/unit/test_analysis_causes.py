"""Causes that the rules infer, one small recording each."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.findings import Findings, Incident
from observer.model.recording import Event, Outcome
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
    recording_of,
    route,
    sees,
    takeover,
    traffic,
)

OK, FAIL = Outcome.OK, Outcome.FAIL


def only(findings: Findings) -> Incident:
    assert [i.cause for i in findings.incidents][1:] == []
    return findings.incidents[0]


def test_a_healthy_cluster_has_no_incident() -> None:
    assert analyze(recording_of(healthy(), traffic((1, 100, OK)))).incidents == ()


def test_a_lease_that_ran_out_with_rest_and_sql_refused_is_a_killed_leader() -> None:
    incident = only(analyze(measured_crash()))
    assert (incident.cause, incident.target, incident.confidence) == ("leader.killed", "patroni1", "high")
    assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni2")
    assert (incident.timeline_before, incident.timeline_after) == (1, 2)
    assert "leader.stopped" in {r.cause for r in incident.rejected}


def test_a_leader_key_deleted_alone_by_a_member_that_says_stopped_is_a_clean_stop() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    event(10.1, "etcd", "member.changed", "patroni1", role="primary", state="stopping"),
                    blind(10.2, "postgres", "patroni1", "refused"),
                    event(11, "etcd", "leader.lost", "patroni1", revision=30),
                    event(11.1, "etcd", "member.changed", "patroni1", role="replica", state="stopped"),
                    *takeover(11.2, "patroni2", 2, previous="patroni1", up_s=14),
                    blind(12, "patroni", "patroni1", "refused"),
                    event(41, "etcd", "member.lost", "patroni1", revision=55),
                    *came_back(60),
                ],
                traffic((1, 10, OK), (10, 14, FAIL), (14, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("leader.stopped", "patroni1", "high")
    assert ("leader.killed", "reason.lease_not_expired") in {(r.cause, r.reason) for r in incident.rejected} or (
        "leader.killed",
        "reason.said_stopped",
    ) in {(r.cause, r.reason) for r in incident.rejected}


@pytest.mark.parametrize(("leader", "cause"), [("patroni1", "switchover"), (None, "failover.manual")])
def test_a_failover_key_written_first_is_a_request(leader: str | None, cause: str) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    event(10, "etcd", "failover.asked", "demo", leader=leader, candidate="patroni2", revision=20),
                    event(10.5, "postgres", "source.blind", "patroni1", how="refused"),
                    event(11, "etcd", "leader.lost", "patroni1", revision=30),
                    event(11.1, "etcd", "failover.cleared", "demo", revision=31),
                    *takeover(11.2, "patroni2", 2, previous="patroni1", up_s=14),
                    event(13, "postgres", "source.sees", "patroni1", how="refused"),
                    event(13, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=2, started="later"),
                ],
                traffic((1, 10.2, OK), (10.2, 14, FAIL), (14, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, "patroni1")
    assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni2")


def test_a_request_that_the_leader_sees_in_its_next_round_is_one_incident_with_what_it_does_then() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    event(10, "etcd", "failover.asked", "demo", leader=None, candidate="patroni2", revision=20),
                    event(17.5, "etcd", "leader.lost", "patroni1", revision=30),
                    event(18, "etcd", "failover.cleared", "demo", revision=31),
                    *takeover(17.7, "patroni2", 2, previous="patroni1", up_s=20),
                ],
                traffic((1, 17, OK), (17, 20, FAIL), (20, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("failover.manual", "patroni1", "high")


def test_a_request_that_is_never_carried_out_holds_no_incident_open() -> None:
    asked = event(10, "etcd", "failover.asked", "demo", leader="patroni1", candidate="patroni2", revision=20)
    cleared = event(90, "etcd", "failover.cleared", "demo", revision=31)
    incident = only(analyze(recording_of([*healthy(), asked, cleared], traffic((1, 100, OK)))))
    assert incident.ended_ns < ns(20)


# The recordings of these tests began at 03:04:05 UTC.
SCHEDULED = event(
    10,
    "etcd",
    "failover.asked",
    "demo",
    leader="patroni1",
    candidate="patroni2",
    scheduled_at="2026-01-02T04:05:15+01:00",
)
WITHDRAWN = event(40, "etcd", "failover.cleared", "demo", revision=31)


def test_a_request_for_a_later_hour_is_no_incident() -> None:
    assert analyze(recording_of([*healthy(), SCHEDULED, WITHDRAWN], traffic((1, 100, OK)))).incidents == ()


def test_a_switchover_at_its_hour_was_asked_for_though_that_was_a_minute_ago() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    SCHEDULED,
                    event(71, "etcd", "member.changed", "patroni1", role="primary", state="stopping"),
                    blind(71.2, "postgres", "patroni1", "refused"),
                    event(72, "etcd", "leader.lost", "patroni1", revision=30),
                    event(72.1, "etcd", "failover.cleared", "demo", revision=31),
                    *takeover(72.3, "patroni2", 2, previous="patroni1", up_s=75),
                    sees(74, "postgres", "patroni1"),
                    event(74, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=2, started="later"),
                ],
                traffic((1, 71, OK), (71, 75, FAIL), (75, 110, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("switchover", "patroni1", "high")
    assert incident.began_ns == ns(70)


def test_a_leader_killed_before_the_hour_of_a_switchover_was_killed() -> None:
    crash = measured_crash()
    later = event(5, "etcd", "failover.asked", "demo", leader="patroni1", scheduled_at="2026-01-02T09:00:00Z")
    incident = only(analyze(recording_of([*crash.events, later], crash.operations, until_s=110)))
    assert (incident.cause, incident.target, incident.confidence) == ("leader.killed", "patroni1", "high")


@pytest.mark.parametrize(
    ("rest", "sql", "cause"),
    [
        ("refused", None, "patroni.killed"),
        ("silent", "silent", "leader.frozen"),
        ("connect_timeout", "connect_timeout", "leader.unreachable"),
        ("unreachable", "unreachable", "leader.unreachable"),
        ("connect_timeout", "refused", "leader.killed"),  # a container's address goes a moment after its processes
        ("refused", "connect_timeout", "leader.killed"),  # the same, polled in the other order
        ("refused", "silent", "patroni.killed"),  # a PostgreSQL that lets one in is not dead
        (None, None, "leader.cut_off"),
    ],
)
def test_the_first_polls_show_why_a_lease_ran_out(rest: str | None, sql: str | None, cause: str) -> None:
    polls = []
    if rest is not None:
        polls += [blind(8.5, "patroni", "patroni1", rest), blind(12, "patroni", "patroni1", "connect_timeout")]
    if sql is not None:
        polls.append(blind(8.5, "postgres", "patroni1", sql))
    lost = [
        event(33.5, "etcd", "leader.lost", "patroni1", revision=30),
        event(33.5, "etcd", "member.lost", "patroni1", revision=30),
        *takeover(33.6, "patroni2", 2, previous="patroni1", up_s=39.5),
    ]
    incident = analyze(
        recording_of([*healthy(), *polls, *lost], traffic((1, 7.65, OK), (7.7, 39.5, FAIL), (39.5, 100, OK)))
    ).incidents[0]
    assert (incident.cause, incident.target) == (cause, "patroni1")


def test_a_leader_back_with_a_new_start_time_before_its_lease_ended_was_killed() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "patroni", "patroni1", "refused"),
                    blind(10.1, "postgres", "patroni1", "refused"),
                    sees(14, "patroni", "patroni1"),
                    sees(15, "postgres", "patroni1"),
                    event(15, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=1, started="later"),
                ],
                traffic((1, 10, OK), (10, 16, FAIL), (16, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.leader_after) == ("leader.killed", "patroni1", "patroni1")


@pytest.mark.parametrize(("sql", "cause"), [("connect_timeout", "replica.killed"), ("silent", "patroni.killed")])
def test_a_replica_whose_patroni_is_gone_is_surely_dead_only_where_its_postgresql_refuses_too(
    sql: str, cause: str
) -> None:
    polls = [blind(10.1, "patroni", "patroni3", "refused"), blind(10.1, "postgres", "patroni3", sql)]
    gone = event(38, "etcd", "member.lost", "patroni3", revision=40)
    back = came_back(60, "patroni3", "patroni1", 1)
    incident = only(analyze(recording_of([*healthy(), *polls, gone, *back], traffic((1, 100, OK)))))
    assert (incident.cause, incident.target, incident.confidence) == (cause, "patroni3", "medium")


@pytest.mark.parametrize(
    ("how", "cause"),
    [("refused", "replica.killed"), ("silent", "replica.frozen"), ("connect_timeout", "replica.unreachable")],
)
def test_a_replica_that_goes_away_costs_no_write_and_is_named_once(how: str, cause: str) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "patroni", "patroni3", how),
                    blind(15.1, "patroni", "patroni3", "connect_timeout" if how == "silent" else how),
                    blind(10.1, "postgres", "patroni3", how),
                    route(19, "replicas", "patroni3", up=False),
                    event(38, "etcd", "member.lost", "patroni3", revision=40),
                    *came_back(60, "patroni3", "patroni1", 1),
                ],
                traffic((1, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.write.outage_ns) == (cause, "patroni3", 0)
    assert incident.leader_after == "patroni1"


def test_a_replica_that_was_refused_and_is_back_without_a_restart_was_never_killed() -> None:
    # As with a container out of its network: its published ports are gone, and it runs on.
    refused = [blind(10.1, source, "patroni3", "refused") for source in ("patroni", "postgres")]
    back = [sees(40.1, source, "patroni3") for source in ("patroni", "postgres")]
    incident = only(analyze(recording_of([*healthy(), *refused, *back], traffic((1, 100, OK)))))
    assert (incident.cause, incident.target, incident.confidence) == ("replica.unreachable", "patroni3", "high")
    assert "evidence.ran_on" in {e.says for e in incident.evidence}


@pytest.mark.parametrize(
    ("at_s", "kind", "detail", "cause"),
    [
        (10.1, "container.ended", {"exit_code": 137}, "leader.killed"),  # the failure of its ports is its death
        (60.0, "container.ended", {"exit_code": 137}, "leader.unreachable"),  # it was rebooted later
        (20.0, "log.told", {"says": "demoted"}, "leader.unreachable"),
        (60.0, "log.told", {"says": "recovering"}, "leader.killed"),  # logged by a member that starts
    ],
)
def test_a_leader_that_was_refused_and_lived_on_was_unreachable(
    at_s: float, kind: str, detail: dict[str, Any], cause: str
) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "patroni", "patroni1", "refused"),
                    blind(10.1, "postgres", "patroni1", "refused"),
                    event(at_s, "docker", kind, "patroni1", **detail),
                    event(33.5, "etcd", "leader.lost", "patroni1", revision=30),
                    event(33.5, "etcd", "member.lost", "patroni1", revision=30),
                    *takeover(33.6, "patroni2", 2, previous="patroni1", up_s=39.5),
                    *came_back(70),
                ],
                traffic((1, 10, OK), (10, 39.5, FAIL), (39.5, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == (cause, "patroni1", "high")


def test_one_etcd_member_of_three_is_a_member_down_and_costs_nothing() -> None:
    incident = only(analyze(recording_of([*healthy(), blind(10, "etcd", ETCD[0], "refused")], traffic((1, 100, OK)))))
    assert (incident.cause, incident.target) == ("etcd.member_down", ETCD[0])
    assert "evidence.no_failure" in {e.says for e in incident.evidence}


def test_two_etcd_members_of_three_is_quorum_lost_until_it_is_back() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10, "etcd", ETCD[0], "refused"),
                    blind(10.2, "etcd", ETCD[1], "refused"),
                    event(11, "etcd", "quorum.lost", "etcd", endpoints={}),
                    event(25, "patroni", "member.changed", "patroni1", role="replica", state="running", timeline=1),
                    event(25, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=1, started="b"),
                    route(30, "primary", "patroni1", up=False),
                    event(60, "etcd", "quorum.regained", "etcd", endpoints={}),
                    event(64, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=2, started="b"),
                    route(68, "primary", "patroni1", up=True),
                ],
                traffic((1, 24.5, OK), (24.5, 68, FAIL), (68, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == ("etcd.quorum_lost", None)
    assert incident.targets == (ETCD[0], ETCD[1])
    assert [p.name for p in incident.phases] == [
        "demotion",
        "quorumless",
        "promotion",
        "routing",
        "recovery",
        "settling",
    ]
    assert (incident.timeline_before, incident.timeline_after) == (1, 2)


@pytest.mark.parametrize(("how", "cause"), [("refused", "proxy.down"), ("silent", "proxy.frozen")])
def test_a_proxy_that_is_away_while_everything_behind_it_is_healthy(how: str, cause: str) -> None:
    incident = only(
        analyze(
            recording_of(
                [*healthy(), blind(10, "haproxy", STATS, how), sees(30, "haproxy", STATS, how)],
                traffic((1, 10, OK), (10, 30, FAIL), (30, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, STATS)
    assert [p.name for p in incident.phases] == ["absence", "recovery", "settling"]


def test_a_postgres_that_accepts_and_hangs_behind_a_running_patroni_is_frozen() -> None:
    incident = only(
        analyze(
            recording_of(
                [*healthy(), blind(11, "postgres", "patroni1", "silent"), sees(30, "postgres", "patroni1", "silent")],
                traffic((1, 10, OK), (10, 30, FAIL), (30, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == ("postgres.frozen", "patroni1")


@pytest.mark.parametrize(("state", "cause"), [("restarting", "postgres.restarted"), ("starting", "postgres.crashed")])
def test_a_postgres_that_started_again_under_a_running_patroni(state: str, cause: str) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "postgres", "patroni1", "refused"),
                    event(10.5, "patroni", "member.changed", "patroni1", role="primary", state=state),
                    sees(13, "postgres", "patroni1"),
                    event(13, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=1, started="later"),
                ],
                traffic((1, 10, OK), (10, 14, FAIL), (14, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, "patroni1")


@pytest.mark.parametrize(("state", "cause"), [("restarting", "postgres.restarted"), ("starting", "postgres.crashed")])
def test_a_restart_in_place_shows_in_rest_alone_though_it_tells_no_start_time_meanwhile(state: str, cause: str) -> None:
    """Without direct SQL the new start time is all that shows it, and between the two the answer has none."""
    after: dict[str, Any] = {"role": "primary", "timeline": 1, "postmaster_start_time": "later"}
    incident = only(
        analyze(
            recording_of(
                [
                    *(e for e in healthy() if e.source != "postgres"),
                    event(10.5, "patroni", "member.changed", "patroni1", role="primary", state=state),
                    event(13, "patroni", "member.changed", "patroni1", state="running", **after),
                ],
                traffic((1, 10, OK), (10, 14, FAIL), (14, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, "patroni1")
    assert incident.phases[0].name == "absence"


@pytest.mark.parametrize(
    ("parting", "cause", "confidence"), [("57P01", "postgres.restarted", "high"), ("57P02", "postgres.crashed", "high")]
)
def test_a_restart_that_no_poll_met_shows_in_the_last_message_to_the_session_of_the_polls(
    parting: str, cause: str, confidence: str
) -> None:
    writes = traffic((1, 10, OK), (10, 10.5, FAIL), (10.5, 60, OK))
    restarted = event(
        10.6, "postgres", "member.changed", "patroni1", in_recovery=False, started="later", parting=parting
    )
    (incident,) = analyze(recording_of([*healthy(), restarted], writes)).incidents
    assert (incident.cause, incident.target, incident.confidence) == (cause, "patroni1", confidence)


def test_a_postgres_that_said_it_was_shutting_down_was_restarted_whatever_patroni_says_after() -> None:
    words: dict[str, Any] = {"sqlstate": "57P03", "message": "FATAL:  the database system is shutting down"}
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "postgres", "patroni1", "refused"),
                    event(12, "etcd", "member.changed", "patroni1", role="primary", state="starting"),
                    sees(12.1, "postgres", "patroni1"),
                    event(12.1, "postgres", "member.changed", "patroni1", in_recovery=False, started="later"),
                ],
                [*traffic((1, 10, OK), (10, 12.2, FAIL), (12.2, 100, OK)), fail(10.01, **words)],
            )
        )
    )
    assert (incident.cause, incident.target) == ("postgres.restarted", "patroni1")


def test_the_rules_never_read_injected_faults() -> None:
    fault = event(9, "operator", "fault.told", "haproxy", component="haproxy", action="kill", target="haproxy")
    crash = measured_crash()
    lied = recording_of([*crash.events, fault], crash.operations, until_s=110)
    assert only(analyze(lied)).cause == "leader.killed"


def test_a_failure_that_nothing_explains_is_unknown_with_what_was_seen() -> None:
    incident = only(analyze(recording_of(healthy(), [*traffic((1, 100, OK)), fail(50.01, message="disk full")])))
    assert incident.cause == "unknown"
    assert [e.says for e in incident.evidence] == ["evidence.nothing_else", "evidence.operations_failed"]


@pytest.mark.parametrize(
    "seen",
    [
        event(50, "etcd", "config.changed", "demo", config={"ttl": 20}),
        blind(30, "patroni", "patroni3", "silent"),  # and still so when it failed
    ],
)
def test_that_nothing_else_changed_is_stated_only_if_everything_was_observed_and_stayed(seen: Event) -> None:
    judged = analyze(recording_of([*healthy(), seen], [*traffic((1, 100, OK)), fail(50.01, message="disk full")]))
    assert "evidence.nothing_else" not in {e.says for i in judged.incidents for e in i.evidence}


def test_an_election_of_etcd_that_cost_no_operation_is_harmless() -> None:
    elected = event(30, "etcd", "raft.elected", "etcd", leader=ETCD[1], term=4, before=ETCD[0])
    incident = only(analyze(recording_of([*healthy(), elected], traffic((1, 100, OK)))))
    assert (incident.cause, incident.write.outage_ns) == ("etcd.election", 0)


def test_a_postgres_that_crashed_mutes_the_rest_of_a_patroni_that_runs() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "postgres", "patroni1", "refused"),
                    blind(11.2, "patroni", "patroni1", "silent"),
                    event(14.3, "etcd", "member.changed", "patroni1", role="primary", state="crashed"),
                    sees(15.2, "postgres", "patroni1"),
                    event(15.2, "postgres", "member.changed", "patroni1", in_recovery=True, started="later"),
                    sees(15.3, "patroni", "patroni1", "silent"),
                    event(
                        16.5, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=2, started="later"
                    ),
                ],
                traffic((1, 10, OK), (10, 16.6, FAIL), (16.6, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("postgres.crashed", "patroni1", "high")
    assert (incident.timeline_before, incident.timeline_after) == (1, 2)


@pytest.mark.parametrize(("later", "cause"), [("silent", "postgres.frozen"), ("connect_timeout", "leader.frozen")])
def test_a_patroni_that_goes_on_accepting_runs_and_waits_for_a_frozen_postgres(later: str, cause: str) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(11, "postgres", "patroni1", "silent"),
                    blind(11.2, "patroni", "patroni1", "silent"),
                    *([blind(16, "patroni", "patroni1", later)] if later != "silent" else []),
                    sees(18.5, "patroni", "patroni1", later),
                    sees(18.6, "postgres", "patroni1", "silent"),
                ],
                traffic((1, 10, OK), (10, 18.7, FAIL), (18.7, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, "patroni1")


@pytest.mark.parametrize(("check", "cause"), [("L7TOUT", "postgres.frozen"), ("L4TOUT", "leader.frozen")])
def test_if_a_published_port_accepts_the_observer_a_check_of_the_proxy_shows_that_patroni_did_not(
    check: str, cause: str
) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(11, "postgres", "patroni1", "silent"),
                    blind(11.2, "patroni", "patroni1", "silent"),
                    route(20, "primary", "patroni1", up=False, check_status=check),
                    sees(24, "patroni", "patroni1", "silent"),
                    sees(24, "postgres", "patroni1", "silent"),
                    route(27, "primary", "patroni1", up=True),
                ],
                traffic((1, 10, OK), (10, 27, FAIL), (27, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == (cause, "patroni1", "medium")


def test_a_postgres_shut_down_by_its_patroni_come_back_was_alive_when_patroni_was_killed() -> None:
    crash = [
        blind(8.6, "patroni", "patroni1", "refused"),
        event(26.7, "etcd", "leader.lost", "patroni1", revision=30),
        event(26.7, "etcd", "member.lost", "patroni1", revision=30),
        *takeover(26.9, "patroni2", 2, previous="patroni1", up_s=32),
        sees(36, "patroni", "patroni1"),
        blind(36.3, "postgres", "patroni1", "refused"),
        sees(38, "postgres", "patroni1"),
        event(38, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=2, started="later"),
    ]
    incident = only(analyze(recording_of([*healthy(), *crash], traffic((1, 17, OK), (17, 32, FAIL), (32, 100, OK)))))
    assert (incident.cause, incident.target) == ("patroni.killed", "patroni1")
    assert "evidence.two_primaries" in {e.says for e in incident.evidence}


def test_a_replica_that_takes_its_time_to_stop_was_stopped() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "postgres", "patroni3", "refused"),
                    blind(10.9, "patroni", "patroni3", "silent"),
                    event(12, "etcd", "member.changed", "patroni3", role="replica", state="stopped"),
                    blind(12.3, "patroni", "patroni3", "refused"),
                    *came_back(40, "patroni3", "patroni1", 1),
                ],
                traffic((1, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("replica.stopped", "patroni3", "high")


def test_a_killed_replica_that_calls_itself_stopped_when_it_comes_back_was_killed() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "patroni", "patroni3", "refused"),
                    blind(10.1, "postgres", "patroni3", "refused"),
                    event(27, "etcd", "member.lost", "patroni3", revision=40),
                    event(39.5, "etcd", "member.changed", "patroni3", role="replica", state="stopped"),
                    *came_back(40, "patroni3", "patroni1", 1),
                ],
                traffic((1, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target, incident.confidence) == ("replica.killed", "patroni3", "high")


def test_a_replica_that_patroni_rebuilds_did_not_crash() -> None:
    copying: dict[str, Any] = {"role": "uninitialized", "state": "creating replica"}
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    blind(10.1, "postgres", "patroni3", "refused"),
                    event(11, "patroni", "member.changed", "patroni3", **copying),
                    sees(14, "postgres", "patroni3"),
                    event(14, "postgres", "member.changed", "patroni3", in_recovery=True, timeline=1, started="later"),
                ],
                traffic((1, 100, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == ("replica.rebuilt", "patroni3")


def test_a_poll_that_was_under_way_while_the_observer_slept_is_no_incident() -> None:
    slept = event(20, "daemon", "observer.slept", "daemon", after_s=13.8, for_ms=6177)
    late = event(20.01, "etcd", "source.blind", ETCD[0], after_s=13.5, how="silent", error="late", since_ns=0)
    back = event(20.03, "etcd", "source.sees", ETCD[0], after_s=13.9, how="silent")
    assert analyze(recording_of([*healthy(), slept, late, back], traffic((1, 14, OK), (20, 100, OK)))).incidents == ()


def test_a_replica_promoted_by_hand_makes_two_primaries_whatever_patroni_does_next() -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    event(10, "postgres", "member.changed", "patroni3", in_recovery=False, timeline=2, started="then"),
                    blind(10.6, "postgres", "patroni3", "refused"),
                    sees(13, "postgres", "patroni3"),
                    event(13, "postgres", "member.changed", "patroni3", in_recovery=True, timeline=2, started="later"),
                ],
                traffic((1, 100, OK)),
            )
        )
    )
    assert (incident.cause, set(incident.targets)) == ("two_primaries", {"patroni1", "patroni3"})


@pytest.mark.parametrize(("own", "cause"), [(1, "leader.taken_back"), (3, "unknown")])
def test_a_key_written_over_one_that_is_held_is_a_former_leaders_where_it_goes_on_with_an_older_timeline(
    own: int, cause: str
) -> None:
    incident = only(
        analyze(
            recording_of(
                [
                    *healthy(),
                    event(5, "etcd", "member.changed", "patroni1", role="primary", state="running", timeline=2),
                    event(10, "etcd", "leader.elected", "patroni2", revision=30),
                    event(10.1, "etcd", "member.changed", "patroni2", role="primary", state="running", timeline=own),
                ],
                traffic((1, 10, OK), (10, 12, FAIL), (12, 60, OK)),
            )
        )
    )
    assert (incident.cause, incident.target) == (cause, "patroni2" if cause != "unknown" else None)
