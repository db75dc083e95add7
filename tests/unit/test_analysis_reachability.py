"""A cause is sure only if each source observed the member: what was not polled may have stopped too."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from observer.model.findings import Incident
from observer.model.recording import Event, Outcome
from reports.analysis.analyze import analyze
from tests.unit.recordings import blind, event, healthy, recording_of, sees, takeover, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL
FAILOVER = [
    event(33.5, "etcd", "leader.lost", "patroni1", revision=30),
    event(33.5, "etcd", "member.lost", "patroni1", revision=30),
    *takeover(33.6, "patroni2", 2, previous="patroni1", up_s=39.5),
]


def last(events: Iterable[Event]) -> Incident:
    writes = traffic((1, 7.65, OK), (7.7, 39.5, FAIL), (39.5, 110, OK))
    return analyze(recording_of(events, writes)).incidents[-1]


def without_sql() -> list[Event]:
    return [e for e in [*healthy(), *FAILOVER] if e.source != "postgres"]


def test_a_replica_whose_sql_was_not_seen_for_a_minute_did_not_outlive_its_patroni_for_sure() -> None:
    events = [
        *healthy(),
        blind(20, "postgres", "patroni3", "error"),
        blind(80, "patroni", "patroni3", "refused"),
        event(108, "etcd", "member.lost", "patroni3", revision=40),
    ]
    incident = analyze(recording_of(events, traffic((1, 118, OK)))).incidents[-1]
    assert (incident.cause, incident.target, incident.confidence) == ("replica.killed", "patroni3", "medium")


def test_a_frozen_leader_is_sure_only_where_direct_sql_fell_silent_too() -> None:
    away = [blind(8.5, "patroni", "patroni1", "silent"), blind(12, "patroni", "patroni1", "connect_timeout")]
    incident = last([*without_sql(), *away])
    assert (incident.cause, incident.confidence) == ("leader.frozen", "medium")


def test_an_unreachable_leader_is_sure_only_where_direct_sql_did_not_reach_it_either() -> None:
    incident = last([*without_sql(), blind(8.5, "patroni", "patroni1", "connect_timeout")])
    assert (incident.cause, incident.confidence) == ("leader.unreachable", "medium")


def test_a_leader_whose_rest_is_not_reached_while_direct_sql_answers_as_a_primary_is_cut_off() -> None:
    incident = last([*healthy(), blind(8.5, "patroni", "patroni1", "connect_timeout"), *FAILOVER])
    assert (incident.cause, incident.target, incident.confidence) == ("leader.cut_off", "patroni1", "medium")
    assert "evidence.sql_primary" in {e.says for e in incident.evidence}
    assert ("leader.unreachable", "reason.sql_primary") in {(r.cause, r.reason) for r in incident.rejected}


@pytest.mark.parametrize("member", ["patroni1", "patroni3"])
@pytest.mark.parametrize(("paused", "confidence"), [(True, "medium"), (False, "high")])
def test_in_pause_mode_a_patroni_that_was_away_for_a_moment_may_have_been_restarted(
    member: str, paused: bool, confidence: str
) -> None:
    role = "primary" if member == "patroni1" else "replica"
    shown = event(5, "patroni", "member.changed", member, role=role, state="running", timeline=1, pause=paused)
    away = [blind(20, "patroni", member, "refused"), sees(26, "patroni", member)]
    (incident,) = analyze(recording_of([*healthy(), shown, *away], traffic((1, 110, OK)))).incidents
    assert (incident.cause, incident.target, incident.confidence) == ("patroni.killed", member, confidence)
    assert ("evidence.paused" in {e.says for e in incident.evidence}) == paused
