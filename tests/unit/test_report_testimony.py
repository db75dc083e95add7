"""What others tell of an incident, and how it is said: logs, refusals, absences of etcd, bounds, the leader key."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from benchmarks.accuracy import recorded_run
from reports.analysis.analyze import analyze
from reports.analysis.theory import FORMS, SECOND, bound
from reports.render.language import language
from reports.text.aftermath import etcd_member
from reports.text.comeback import returned
from reports.text.narrative import leader_changes
from reports.text.old_facts import Facts, facts_of
from reports.text.quorumless import demotion, returned_members
from reports.text.reasons import confidence, confirmed, formulas, outside_bounds
from tests.unit.facts_fixture import crash, incident, row, span

EN = language("en")
RUNS = Path(__file__).parents[1] / "corpus" / "runs"


def recorded(name: str) -> Facts:
    timeline = recorded_run.read(RUNS / f"{name}.json.xz").recording
    return facts_of([(timeline, analyze(timeline))], "0.1.0")


def away(endpoint: str, after_s: float, to_s: float) -> Any:
    counts = {"writes": 286, "reads": 286, "failed": 0}
    return {
        "endpoint": endpoint,
        "from_s": 3.0,
        "after_s": after_s,
        "to_s": to_s,
        "blind_id": 4,
        "sees_id": 9,
        **counts,
    }


def test_a_demotion_counts_from_when_most_of_etcd_still_answered() -> None:
    facts = recorded("etcd-three")
    [one] = facts["incidents"]
    gone = one["testimony"]["majority_gone"]
    second = next(t["at_s"] for t in one["told"] if t["detail"]["target"] == "etcd2")
    assert gone is not None and gone["after_s"] <= second <= gone["by_s"]
    phase = next(p for p in one["phases"] if p["name"] == "demotion")
    assert phase["began_s"] == gone["by_s"]
    assert "8.5–9.0 s after quorum was lost" in demotion(one, EN)[0]


def test_the_demotion_is_quoted_from_the_log_and_ends_with_its_last_line() -> None:
    one = incident()
    one["evidence"] = [row("evidence.demoted", [60], member="patroni1", at_s=30.0)]
    words = [("demoting self", 28.9, 58), ("demoted self", 29.5, 59)]
    one["testimony"]["lines"] = [
        {"member": "patroni1", "says": "demoted", "text": text, "at_s": at_s, "event_id": event_id}
        for text, at_s, event_id in words
    ]
    one["testimony"]["majority_gone"] = {"after_s": 9.0, "by_s": 9.5, "event_ids": [33]}
    said = " ".join(demotion(one, EN)).replace("\u00a0", " ")
    assert "20.0–20.5 s after quorum was lost" in said
    assert "“demoting self” at 28.90 s (`events` 58), “demoted self” at 29.50 s (`events` 59)" in said
    assert "“demoted self” (`events` 59)" in confirmed(one, EN)[1]


def test_members_of_etcd_came_back_in_an_order_only_where_their_windows_do_not_overlap() -> None:
    [said] = returned_members([away("a", 10.0, 10.5), away("b", 10.4, 10.9), away("c", 11.0, 11.5)], EN)
    assert "`a`, `b` between 10.0\u00a0s and 10.9\u00a0s, which of them first was not seen" in said
    assert said.endswith("`c` between 11.0\u00a0s and 11.5\u00a0s (`events` 9).")


def test_a_member_of_etcd_is_followed_over_all_of_its_absence() -> None:
    one = incident()
    one["testimony"]["etcd_away"] = [away("etcd1", 15.5, 16.0)]
    [said] = etcd_member(one, EN)
    assert "`etcd1` was silent for 13.0\u00a0s, until 16.0\u00a0s (`events` 4, 9); in that time 286 writes and" in said


def test_confidence_names_the_signs_that_decide() -> None:
    said = confidence(incident(), EN)
    assert said.startswith("Confidence is high, because the leader key and the key of member `patroni1` disappeared")
    assert "Patroni REST of `patroni1` stopped answering: connection refused" in said
    assert confidence({**incident(), "evidence": []}, EN) == "Confidence is high."


@pytest.mark.parametrize("phase", sorted(FORMS))
def test_the_sums_that_are_printed_are_those_that_are_computed(phase: str) -> None:
    live, proxy = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}, {"inter_ms": 3000, "rise": 2}
    known = {**live, "(rise − 1) × inter": 3.0, "rise × inter": 6.0, SECOND: 1.0}
    low, high = (sum(known[name] * times for name, times in form.items()) for form in FORMS[phase])
    assert bound(phase, True, live, proxy) == (low, high)


def test_where_bounds_come_from_is_said_of_those_that_the_document_has() -> None:
    said = " ".join(formulas([incident()], EN)).replace("\u00a0", " ")
    assert "detection: from ttl − loop_wait to ttl + 1 s; routing: from (rise − 1) × inter to rise × inter." in said
    assert "writes without quorum" not in said
    assert "Why some have a dash:" in said and "promotion:" in said


def test_a_measurement_outside_of_its_bound_gets_a_remark_though_its_window_reaches_in() -> None:
    one = incident()
    one["phases"] = [{**one["phases"][3], "bound_s": [5.8, 9.0], "seconds": 5.73, "longest_s": 5.83}]
    [said] = outside_bounds(one, EN)
    assert "lies outside" in said and "not contradicted" in said


def test_a_node_comes_back_in_order_of_time_and_from_the_command_that_started_it() -> None:
    facts = crash()
    one, only = facts["incidents"][0], facts["recordings"][0]
    told: Any = {"component": "patroni", "action": "start", "target": "patroni1"}
    one["told"].append({**one["told"][0], "kind": "repair.told", "at_s": 55.0, "detail": told, "event_id": 80})
    one["returns"][0] |= {"streaming_s": 49.0, "answered_s": 50.4}
    only["routes"] = [{**span("replicas/patroni1", "up", 62.0, 127.4, 95)}]
    [said] = returned(one, only, EN)
    assert said.index("was streaming again within 49.0") < said.index("answered SQL by 50.4")
    assert "it took 1.7\u00a0s (`events` 80, 88)" in said
    assert "(pool `replicas`) 7.0\u00a0s after the command that brought it back (`events` 95)" in said


def test_the_holder_of_the_key_is_told_apart_from_who_could_write() -> None:
    only = crash()["recordings"][0]
    only["leaderships"][1] |= {"timelines": [2, 3], "demoted": [span("patroni2", "replica", 50.0, 60.0, 70)]}
    said = leader_changes(only, EN)
    assert "passed to another node once. The timeline rose from 1 to 3, so there were 2 promotions." in said
    assert "Once a holder of the key was demoted and promoted again" in said


def test_who_led_etcd_is_told_by_a_source_or_else_by_whoever_broke_it() -> None:
    [one] = recorded("etcd-one")["incidents"]
    assert one["led_etcd"] is None
    assert "By the injected fault's own line (`events` 37) this member did not lead etcd" in etcd_member(one, EN)[0]
    one["told"] = []
    assert etcd_member(one, EN)[0].startswith("Whether this member led etcd is unknown.")
    one["led_etcd"], one["testimony"]["etcd_led"] = False, {"endpoint": "etcd2", "event_id": 21}
    assert etcd_member(one, EN)[0].startswith("It did not lead etcd: `etcd2` did (`events` 21).")


def test_a_member_of_etcd_that_outlasts_its_incident_is_said_to_and_its_operations_can_be_counted() -> None:
    one = incident()
    one["testimony"]["etcd_away"] = [away("etcd1", one["ended_s"] + 2, one["ended_s"] + 3)]
    [said] = etcd_member(one, EN)
    assert "The incident's span ends earlier, at 45.1\u00a0s: the member stayed down past it." in said
    assert "finished_ns > (select by_ns from events where id = 4) and finished_ns <= (select by_ns" in said
