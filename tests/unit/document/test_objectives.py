"""Objectives: met, missed or unknown, with the reason and the incidents that miss them."""

from __future__ import annotations

from dataclasses import replace

from reports.analysis.objectives import objectives
from reports.analysis.results.reads import DurabilityTotals
from reports.analysis.results.recording import NotObserved, Totals
from reports.analysis.results.whole import Results
from reports.document import objectives as section
from tests.unit.document.builders import cost, incident, ns, recording, results, shown

KILLED = incident(1, "leader.killed", write=cost((10, 40)))


def verdicts(given: Results, **limits: float) -> dict[str, str]:
    return {one.name: one.verdict for one in objectives(given, limits)}


def test_an_outage_within_the_limit_meets_the_objective() -> None:
    assert verdicts(results(KILLED), write_outage_s=30) == {"write_outage_s": "HOLDS"}


def test_a_longer_outage_misses_it() -> None:
    assert verdicts(results(KILLED), write_outage_s=29.9) == {"write_outage_s": "BROKEN"}


def test_a_limit_that_is_not_set_has_no_verdict() -> None:
    assert verdicts(results(KILLED)) == {}


def test_an_outage_that_had_not_ended_within_the_limit_is_unknown() -> None:
    still = incident(1, "leader.killed", write=cost((10, 20), still_open=True))
    assert verdicts(results(still), write_outage_s=30) == {"write_outage_s": "UNKNOWN"}


def test_without_an_acknowledged_operation_nothing_is_known() -> None:
    silent = results(recordings=(recording(totals=(Totals("write", 5, 0, 5, 0),)),))
    assert verdicts(silent, write_outage_s=30) == {"write_outage_s": "UNKNOWN"}


def test_a_stretch_longer_than_the_limit_that_was_not_observed_is_unknown() -> None:
    gap = results(recordings=(recording(not_observed=(NotObserved("write", ns(10), ns(45)),)),))
    (found,) = objectives(gap, {"write_outage_s": 30})
    assert (found.verdict, found.measured, found.reason) == ("UNKNOWN", None, "unmeasured.stretch")
    assert verdicts(gap, write_outage_s=40) == {"write_outage_s": "HOLDS"}


def test_lost_writes_are_unknown_until_all_were_read_back() -> None:
    partly = results(durability=DurabilityTotals(900, 880, 20, 0, (), 0, 0, 0, ()))
    assert verdicts(partly, lost_writes=0) == {"lost_writes": "UNKNOWN"}
    lost = results(durability=DurabilityTotals(900, 880, 20, 1, (), 0, 0, 0, ()))
    assert verdicts(lost, lost_writes=0) == {"lost_writes": "BROKEN"}
    assert verdicts(results(), lost_writes=0) == {"lost_writes": "HOLDS"}


def test_a_missed_objective_names_the_incidents_that_miss_it() -> None:
    given = results(KILLED, incident(2, "proxy.down", write=cost((60, 64))))
    text = shown(section.objectives(replace(given, objectives=objectives(given, {"write_outage_s": 10})), "drill"))
    assert "| longest outage of writes, s | 30 | 10 | **missed** | [1](#incident-1) |" in text


def test_an_unknown_objective_says_why() -> None:
    silent = results(recordings=(recording(totals=()),))
    given = replace(silent, objectives=objectives(silent, {"read_outage_s": 5}))
    assert "unknown: recording 1 has no acknowledged read" in shown(section.objectives(given, "drill"))
