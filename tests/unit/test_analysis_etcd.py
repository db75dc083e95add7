"""One member of etcd that is away costs nothing: an outage that came with it has another cause."""

from __future__ import annotations

import pytest

from observer.model.findings import Incident
from observer.model.recording import Event, Outcome
from reports.analysis.analyze import analyze
from tests.unit.recordings import ETCD, blind, event, healthy, recording_of, sees, takeover, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL


def one_member_down(outage_s: float) -> Incident:
    away = [blind(20, "etcd", ETCD[2], "refused"), sees(60, "etcd", ETCD[2])]
    writes = traffic((1, 20, OK), (20, 20 + outage_s, FAIL), (20 + outage_s, 100, OK))
    return analyze(recording_of([*healthy(), *away], writes)).incidents[0]


@pytest.mark.parametrize(("outage_s", "confidence"), [(0, "high"), (0.5, "low")])
def test_a_hiccup_makes_it_less_sure_and_no_outage_leaves_it_sure(outage_s: float, confidence: str) -> None:
    incident = one_member_down(outage_s)
    assert (incident.cause, incident.confidence) == ("etcd.member_down", confidence)


def test_a_long_outage_is_not_laid_on_a_member_that_is_not_needed() -> None:
    incident = one_member_down(19)
    assert (incident.cause, incident.confidence) == ("unknown", "low")
    assert [(r.cause, r.reason) for r in incident.rejected if r.cause == "etcd.member_down"] == [
        ("etcd.member_down", "reason.outage_unexplained")
    ]
    assert "evidence.etcd_failed" in [e.says for e in incident.evidence]


def leader_and_etcd(back_s: float, *then: Event, up_s: float) -> Incident:
    """A host with the leader and a member of etcd dies, and quorum is away until the other two have a leader."""
    events = [
        blind(20.1, "etcd", ETCD[0], "refused"),
        blind(20.1, "patroni", "patroni1", "refused"),
        blind(20.1, "postgres", "patroni1", "refused"),
        event(20.5, "etcd", "quorum.lost", "etcd", endpoints={}),
        event(back_s, "etcd", "quorum.regained", "etcd", endpoints={}),
    ]
    writes = traffic((1, 20, OK), (20, up_s, FAIL), (up_s, 100, OK))
    (incident,) = analyze(recording_of([*healthy(), *events, *then], writes)).incidents
    return incident


def test_a_flicker_of_quorum_does_not_hide_a_leader_whose_lease_ran_out_after_it() -> None:
    expired = [event(50, "etcd", kind, "patroni1", revision=30) for kind in ("leader.lost", "member.lost")]
    incident = leader_and_etcd(21.1, *expired, *takeover(50.2, "patroni2", 2, previous="patroni1", up_s=56), up_s=56)
    assert (incident.cause, incident.target, incident.confidence) == ("leader.killed", "patroni1", "high")
    said = [e.says for e in incident.evidence]
    assert {"evidence.etcd_failed", "evidence.quorum_lost", "evidence.quorum_regained"} <= set(said)


def test_nor_one_that_came_back_before_its_lease_ran_out() -> None:
    back = [
        sees(26, "patroni", "patroni1"),
        sees(27, "postgres", "patroni1"),
        event(27, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=1, started="later"),
    ]
    incident = leader_and_etcd(21.1, *back, up_s=28)
    assert (incident.cause, incident.target, incident.confidence) == ("leader.killed", "patroni1", "high")


def test_a_loss_of_quorum_that_the_primary_demoted_itself_for_is_the_cause() -> None:
    demoted = [
        event(36, "patroni", "member.changed", "patroni1", role="replica", state="running", timeline=1),
        sees(60, "patroni", "patroni1"),
    ]
    incident = leader_and_etcd(50, *demoted, up_s=65)
    assert incident.cause == "etcd.quorum_lost"
