"""Inferred quorum loss, and members that are cut off from etcd or from the proxy."""

from __future__ import annotations

import pytest

from observer.model.findings import Findings
from observer.model.recording import Event, Outcome
from reports.analysis.analyze import analyze
from tests.unit.recordings import ETCD, SETTINGS, blind, event, healthy, recording_of, route, sees, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL
NAMED = {**SETTINGS, "etcd": {"endpoints": list(ETCD)}}
DEMOTED = event(25, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=1, started="b")


def etcd_away(how: str, members: int, until_s: float | None = None) -> list[Event]:
    away = [blind(10, "etcd", endpoint, how) for endpoint in ETCD[:members]]
    return away + [sees(until_s, "etcd", endpoint, how) for endpoint in ETCD[:members] if until_s is not None]


def analyzed(*events: Event, down: tuple[float, float] | None = (17, 60)) -> Findings:
    periods = [(1, 100, OK)] if down is None else [(1, down[0], OK), (*down, FAIL), (down[1], 100, OK)]
    return analyze(recording_of([*healthy(), *events], traffic(*periods), settings=NAMED))


def test_all_of_etcd_gone_and_a_primary_that_demotes_itself_is_a_quorum_lost_though_no_member_reports_it() -> None:
    (incident,) = analyzed(*etcd_away("refused", 3, 55), DEMOTED).incidents
    assert (incident.cause, incident.confidence) == ("etcd.quorum_lost", "high")
    assert incident.targets == ETCD


def test_the_loss_holds_the_incident_open_while_nothing_happens_in_it() -> None:
    assert len(analyzed(*etcd_away("refused", 3, 55), down=(30, 60)).incidents) == 1


def test_two_of_three_are_the_majority_and_one_is_not() -> None:
    assert analyzed(*etcd_away("refused", 2, 55), DEMOTED).incidents[0].cause == "etcd.quorum_lost"
    assert analyzed(*etcd_away("refused", 1, 55), down=None).incidents[0].cause == "etcd.member_down"


@pytest.mark.parametrize(("how", "confidence"), [("refused", "medium"), ("connect_timeout", "low")])
def test_without_a_demotion_it_may_be_the_observer_who_is_cut_off(how: str, confidence: str) -> None:
    (incident,) = analyzed(*etcd_away(how, 3, 55), down=None).incidents
    assert (incident.cause, incident.confidence) == ("etcd.quorum_lost", confidence)


def test_a_replica_whose_key_ran_out_while_it_answers_is_cut_off_from_etcd() -> None:
    (incident,) = analyzed(event(30, "etcd", "member.lost", "patroni3", revision=40), down=None).incidents
    assert (incident.cause, incident.target) == ("replica.cut_off", "patroni3")


def test_a_proxy_that_does_not_reach_a_leader_that_all_others_reach_is_cut_off() -> None:
    down = route(24, "primary", "patroni1", up=False, check_status="L4TOUT")
    back = route(60, "primary", "patroni1", up=True, check_status="L7OK")
    (incident,) = analyzed(down, back).incidents
    assert (incident.cause, incident.target, incident.confidence) == ("proxy.cut_off", "patroni1", "high")
    assert [phase.name for phase in incident.phases] == ["absence", "recovery", "settling"]


def test_a_proxy_that_does_not_reach_a_leader_that_no_source_reaches_is_not_cut_off() -> None:
    polls = [blind(17.2, source, "patroni1", "connect_timeout") for source in ("patroni", "postgres")]
    down = route(24, "primary", "patroni1", up=False, check_status="L4TOUT")
    (incident,) = analyzed(*polls, down).incidents
    assert incident.cause == "leader.unreachable"


def test_a_fault_of_another_layer_at_the_same_time_is_added_to_the_evidence() -> None:
    polls = [blind(17.2, source, "patroni1", "refused") for source in ("patroni", "postgres")]
    (incident,) = analyzed(*polls, blind(17.3, "etcd", ETCD[2], "refused")).incidents
    assert incident.cause == "leader.killed"
    assert "evidence.etcd_failed" in {evidence.says for evidence in incident.evidence}


def test_an_inferred_quorum_loss_is_shown_by_the_polls_that_failed_and_the_election_that_followed() -> None:
    before = {"leader": ETCD[0], "term": 2}
    elected = event(54.9, "etcd", "raft.elected", "etcd", leader=ETCD[1], term=3, before=before)
    shown = {e.says: e for e in analyzed(*etcd_away("refused", 3, 55), DEMOTED, elected).incidents[0].evidence}
    assert {"evidence.quorum_lost", "evidence.quorum_regained"}.isdisjoint(shown)
    assert shown["evidence.quorum_gone"].facts == {"at_s": 10.0}
    assert shown["evidence.quorum_elected"].facts == {"endpoint": ETCD[1], "before": 2, "term": 3, "at_s": 55.0}


def test_without_an_election_the_quorum_is_back_by_the_answers_of_most_members() -> None:
    shown = {e.says for e in analyzed(*etcd_away("refused", 3, 55), DEMOTED).incidents[0].evidence}
    assert "evidence.quorum_answers" in shown
