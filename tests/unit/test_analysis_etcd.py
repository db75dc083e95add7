"""One member of etcd that is away costs nothing: an outage that came with it has another cause."""

from __future__ import annotations

import pytest

from observer.timeline import Incident, Outcome
from reports.analysis.judge import judge
from tests.unit.timelines import ETCD, blind, healthy, sees, timeline, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL


def one_member_down(outage_s: float) -> Incident:
    away = [blind(20, "etcd", ETCD[2], "refused"), sees(60, "etcd", ETCD[2])]
    writes = traffic((1, 20, OK), (20, 20 + outage_s, FAIL), (20 + outage_s, 100, OK))
    return judge(timeline([*healthy(), *away], writes)).incidents[0]


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
