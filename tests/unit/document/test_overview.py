"""The head of the document: a verdict in five lines, then a row for each kind of fault."""

from __future__ import annotations

import pytest

from observer.model.causes import CAUSES
from reports.analysis.results.reads import DurabilityTotals
from reports.analysis.results.whole import FailedCheck
from reports.document.actions import BY_PHASE, actions
from reports.document.overview import overview
from reports.render.language import language
from tests.unit.document.builders import cost, incident, phase, recording, reported, results, shown

KILLED = incident(
    1,
    "leader.killed",
    write=cost((10, 40), failed=50),
    phases=(phase("detection", 10, 35), phase("routing", 35, 40)),
    lost=(),
)


def test_the_first_line_says_how_long_writes_were_down_of_how_much() -> None:
    text = shown(overview(results(KILLED, incident(2, "proxy.down", write=cost((60, 64)))), "drill"))
    assert "**Writes** were down for 34.0 s of 1 min 40 s (34%), in 2 outages; the longest lasted 30.0 s." in text


def test_the_worst_fault_is_linked() -> None:
    assert "**Worst fault:** leader killed, writes down for 30.0 s ([incident 1](#incident-1))." in shown(
        overview(results(KILLED), "drill")
    )


def test_lost_writes_are_counted_of_those_that_were_read_back() -> None:
    durability = DurabilityTotals(900, 880, 20, 3, (), 0, 0, 0, ())
    text = shown(overview(results(KILLED, durability=durability), "drill"))
    assert "**Acknowledged writes lost: 3** of 880 (20 more were not audited)." in text


def test_losses_are_unknown_if_nothing_was_read_back() -> None:
    durability = DurabilityTotals(900, 0, 900, None, (), 0, None, None, ())
    text = shown(overview(results(KILLED, durability=durability), "drill"))
    assert "**Acknowledged writes lost:** unknown, none of 900 was audited." in text


def test_writes_that_came_back_alone_are_told_from_those_that_a_repair_preceded() -> None:
    helped = incident(2, "etcd.quorum_lost", write=cost((60, 80)), injected=(reported("repair.told", 75),))
    text = shown(overview(results(KILLED, helped), "drill"))
    assert "without an operator in 1 of 2 incidents" in text
    assert "after a repair in incident [2](#incident-2)" in text


def test_a_repair_after_writes_were_back_helped_nothing() -> None:
    later = incident(1, "leader.killed", write=cost((10, 40)), injected=(reported("repair.told", 50),))
    assert "writes came back without an operator each time (1 of 1)" in shown(overview(results(later), "drill"))


def test_the_restart_of_a_leader_whose_successor_took_over_is_no_repair_that_writes_needed() -> None:
    restart = reported("repair.told", 35, target="patroni1")
    led = {"target": "patroni1", "leader_before": "patroni1", "leader_after": "patroni2"}
    replaced = incident(1, "leader.stopped", write=cost((10, 40)), injected=(restart,), **led)
    assert "without an operator each time (1 of 1)" in shown(overview(results(replaced), "drill"))
    stayed = incident(
        1, "leader.stopped", write=cost((10, 40)), injected=(restart,), **led | {"leader_after": "patroni1"}
    )
    assert "after a repair in incident [1](#incident-1)" in shown(overview(results(stayed), "drill"))


def test_an_outage_that_had_not_ended_is_no_recovery() -> None:
    text = shown(overview(results(incident(1, "leader.killed", write=cost((10, 100), still_open=True))), "drill"))
    assert "writes were still down when the recording ended" in text
    assert "≥ 90.0 s" in text


def test_the_weakest_part_is_what_took_most_of_the_outages_with_what_to_change() -> None:
    text = shown(overview(results(KILLED), "drill"))
    assert "waiting for the dead leader's lease to expire, 83% of the time without writes" in text
    assert "Lower `ttl`" in text


def test_repeats_of_a_fault_are_one_row_with_minimum_median_and_maximum() -> None:
    again = (incident(2, "leader.killed", write=cost((50, 86))), incident(3, "leader.killed", write=cost((90, 122))))
    text = shown(overview(results(KILLED, *again), "drill"))
    assert "| leader killed | 3 | 30.0 / 32.0 / 36.0 s | 0 s |" in text


def test_a_fault_that_stopped_no_action_shows_what_failed_all_the_same() -> None:
    text = shown(overview(results(incident(1, "replica.stopped", write=cost(failed=8))), "drill"))
    assert "none stopped reads or writes; 8 single operations failed" in text
    assert "| replica shut down cleanly | 1 | 0 s | 0 s | 8 | 0 |" in text


def test_an_outage_that_was_not_observed_is_unknown_and_never_zero() -> None:
    unseen = incident(1, "leader.killed", write=cost(outage_ns=None))
    assert "| leader killed | 1 | unknown | 0 s |" in shown(overview(results(unseen), "drill"))


def test_without_operations_writes_are_not_measured() -> None:
    text = shown(overview(results(KILLED, recordings=(recording(totals=()),)), "drill"))
    assert "**Writes:** not measured. **Reads:** not measured." in text


def test_a_recording_without_incidents_says_so_in_one_line() -> None:
    text = shown(overview(results(), "drill"))
    assert "Nothing failed in 1 min 40 s. 900 writes and 900 reads were acknowledged, 0 failed." in text


def test_a_recording_that_saw_nothing_does_not_claim_that_nothing_failed() -> None:
    text = shown(overview(results(recordings=(recording(totals=(), leaderships=()),)), "drill"))
    assert "cannot show whether anything failed" in text


def test_a_self_check_that_failed_stands_first() -> None:
    failed = FailedCheck("check.leaders_order", {"recording": 1})
    text = shown(overview(results(warnings=(failed,)), "drill"))
    assert text.index("A self-check of this report failed") < text.index("Nothing failed")


@pytest.mark.parametrize("name", ["en", "ru"])
def test_every_remedy_of_the_causes_has_its_phrases(name: str) -> None:
    phrases = language(name).phrases
    for remedy in {cause.remedy for cause in CAUSES.values()} | set(BY_PHASE.values()):
        assert f"remedy.{remedy}.part" in phrases
        assert f"remedy.{remedy}.change" in phrases


def test_actions_give_the_gain_of_faster_settings_by_the_formulas_of_the_bounds() -> None:
    live = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
    text = shown(actions(results(KILLED, recordings=(recording(live=live),)), "drill"))
    assert "15.0–21.0 s instead of 20.0–31.0 s (`ttl` 20, `loop_wait` 5, `retry_timeout` 5)" in text
    assert "25.0 s (83%)" in text


def test_without_known_settings_no_gain_is_claimed() -> None:
    text = shown(actions(results(KILLED), "drill"))
    assert "25.0 s (83%)" in text and "Gains" not in text


def test_without_an_outage_of_writes_there_is_nothing_to_change() -> None:
    assert actions(results(incident(1, "replica.stopped")), "drill") is None


def test_a_fault_that_occurred_once_has_no_spread() -> None:
    assert "Each fault occurred once, so the spread is unknown." in shown(overview(results(KILLED), "drill"))


def test_an_outage_that_was_not_over_is_neither_a_minimum_nor_a_median() -> None:
    still = incident(2, "leader.killed", write=cost((50, 90), still_open=True))
    text = shown(overview(results(KILLED, still, incident(3, "leader.killed", write=cost((95, 99)))), "drill"))
    assert "| leader killed | 3 | ≥ 40.0 s |" in text
