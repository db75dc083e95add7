"""Causes of the proxy: if traffic passes it is neither down nor frozen, and its connection limit has a name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.model.findings import Incident
from observer.model.recording import Event, Operation, Outcome
from reports.analysis.analyze import analyze
from reports.analysis.incident_context import shows_failed
from tests.unit.recordings import STATS, blind, event, fail, healthy, ok, recording_of, route, sees, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL
FULL = event(20, "haproxy", "proxy.full", STATS, sessions=100, limit=100)
ROOM = event(40, "haproxy", "proxy.room", STATS, sessions=3, limit=100)


def only(events: list[Event], operations: list[Operation]) -> Incident:
    (incident,) = analyze(recording_of([*healthy(), *events], operations)).incidents
    return incident


def reasons(incident: Incident) -> dict[str, str]:
    return {one.cause: one.reason for one in incident.rejected}


def kept_on() -> list[Operation]:
    """Kept connections go on throughout, new ones find no way in from 21 to 40 s."""
    fresh = [fail(21 + n, took_s=1, probe="fresh", message="timeout expired") for n in range(19)]
    return [*traffic((1, 100, OK)), *traffic((1, 100, OK), action="read"), *fresh]


def test_a_stats_page_that_is_silent_while_kept_connections_go_on_is_no_frozen_proxy() -> None:
    incident = only([blind(21, "haproxy", STATS, "silent"), sees(40, "haproxy", STATS, "silent")], kept_on())
    assert (incident.cause, reasons(incident)["proxy.frozen"]) == ("unknown", "reason.traffic_passed")


def test_a_stats_page_that_refuses_while_every_operation_goes_through_is_no_proxy_that_is_down() -> None:
    period = [blind(20, "haproxy", STATS, "refused"), sees(80, "haproxy", STATS, "refused")]
    incident = only(period, [*traffic((1, 100, OK)), *traffic((1, 100, OK), action="read")])
    assert (incident.cause, reasons(incident)["proxy.down"]) == ("unknown", "reason.traffic_passed")


def test_a_proxy_that_was_asked_to_stop_is_down_though_it_serves_open_connections_for_a_while() -> None:
    period = [blind(20, "haproxy", STATS, "refused"), sees(60, "haproxy", STATS, "refused")]
    fresh = [fail(20.2 + n / 2, probe="fresh", message="Connection refused") for n in range(79)]
    kept = traffic((1, 30, OK), (30, 60, FAIL), (60, 100, OK))
    incident = only(period, [*kept, *fresh, *(ok(61 + n, probe="fresh") for n in range(30))])
    assert (incident.cause, incident.confidence) == ("proxy.down", "high")


@pytest.mark.parametrize(("how", "cause"), [("refused", "proxy.down"), ("silent", "proxy.frozen")])
def test_without_any_load_it_is_not_sure_that_the_proxy_was_away(how: str, cause: str) -> None:
    incident = only([blind(20, "haproxy", STATS, how), sees(60, "haproxy", STATS, how)], [])
    assert (incident.cause, incident.confidence) == (cause, "medium")


def test_a_proxy_at_its_limit_is_the_cause_if_the_cluster_is_healthy() -> None:
    incident = only([FULL, ROOM], kept_on())
    assert (incident.cause, incident.target, incident.confidence) == ("proxy.full", STATS, "high")
    says = [e.says for e in incident.evidence]
    assert says == ["evidence.proxy_full", "evidence.proxy_room", "evidence.operations_failed"]


def test_a_proxy_that_was_full_while_another_fault_went_on_stands_beside_its_cause() -> None:
    """PostgreSQL that hangs fills the proxy with those who wait for it."""
    frozen = [blind(19, "postgres", "patroni1", "silent"), sees(40, "postgres", "patroni1", "silent")]
    incident = only([*frozen, FULL, ROOM], traffic((1, 18, OK), (18, 40, FAIL), (40, 100, OK)))
    assert incident.cause == "postgres.frozen"
    assert "evidence.proxy_full" in [e.says for e in incident.evidence]


def test_a_proxy_that_was_full_before_anything_failed_is_no_evidence() -> None:
    early = [event(5, "haproxy", "proxy.full", STATS), event(8, "haproxy", "proxy.room", STATS)]
    assert only(early, kept_on()).cause == "unknown"


def test_a_replica_that_has_been_dead_for_long_is_not_cut_off_by_a_proxy_that_was_reloaded() -> None:
    gone = [blind(10, "patroni", "patroni2", "refused"), blind(10, "postgres", "patroni2", "refused")]
    again = [
        event(80, "haproxy", "proxy.restarted", STATS),
        route(80, "replicas", "patroni2", up=True),
        route(86, "replicas", "patroni2", up=False, check_status="L4CON"),
    ]
    given = recording_of(
        [*healthy(), *gone, route(14, "replicas", "patroni2", up=False), *again], traffic((1, 110, OK))
    )
    assert [i.cause for i in analyze(given).incidents] == ["replica.killed", "proxy.reloaded"]


@pytest.mark.parametrize(("sources", "cause"), [((), "unknown"), (("postgres",), "proxy.cut_off")])
def test_only_a_member_that_another_source_reaches_is_cut_off_from_the_proxy(
    sources: tuple[str, ...], cause: str
) -> None:
    shown = [e for e in healthy() if e.source in ("etcd", "haproxy", *sources)]
    down = route(30, "replicas", "patroni2", up=False, check_status="L4CON")
    (incident,) = analyze(recording_of([*shown, down], traffic((1, 100, OK)))).incidents
    assert incident.cause == cause
    assert "evidence.rest_answers" not in [e.says for e in incident.evidence]


@pytest.mark.parametrize(("back_s", "cause"), [(25, "proxy.reloaded"), (46, "unknown")])
def test_a_reload_explains_no_outage_that_is_longer_than_a_few_checks(back_s: float, cause: str) -> None:
    writes = traffic((1, 20, OK), (20, back_s, FAIL), (back_s, 100, OK))
    incident = only([event(20, "haproxy", "proxy.restarted", STATS)], writes)
    assert incident.cause == cause
    assert "evidence.proxy_restarted" in [e.says for e in incident.evidence]


def test_operations_that_failed_are_counted_by_action_and_of_many_the_first_and_last_row_are_given() -> None:
    writes = [replace(fail(n, "write"), id=2 * n) for n in range(1, 102)]
    reads = [replace(fail(n, "read"), id=2 * n + 1) for n in range(1, 4)]
    shown = [(e.says, e.facts["action"], e.facts["count"], e.ids) for e in shows_failed([*writes, *reads])]
    assert shown == [
        ("evidence.many_failed", "write", 101, (2, 202)),
        ("evidence.operations_failed", "read", 3, (3, 5, 7)),
    ]


def test_a_proxy_that_a_lost_leader_filled_is_a_consequence_and_no_denial() -> None:
    lost = event(30, "etcd", "leader.lost", "patroni1", lease_expired=True, member_key=False)
    incident = only([FULL, ROOM, lost], kept_on())
    assert reasons(incident)["proxy.full"] == "reason.full_since_key"


def test_the_first_answer_through_a_proxy_shows_its_return_before_its_stats_page_does() -> None:
    period = [
        blind(20, "haproxy", STATS, "refused"),
        event(63, "haproxy", "source.sees", STATS, after_s=60, how="refused"),
    ]
    kept = [*traffic((1, 20, OK), (20, 60, FAIL)), *traffic((62, 100, OK))]
    refused = replace(fail(61, message="read-only", stage="answer"), sqlstate="25006")
    incident = only(period, [*kept, refused])
    absence, recovery = (p for p in incident.phases if p.name in ("absence", "recovery"))
    assert absence.ended_by is not None and absence.ended_by.says == "evidence.proxy_answered"
    assert absence.ended.by_ns == refused.finished_ns
    assert recovery.duration_ns > 0
