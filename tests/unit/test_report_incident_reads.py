"""Whence the persistent reads came when a member failed, and which reads failed where reads had no outage."""

from __future__ import annotations

from reports.render.language import language
from reports.report import render
from reports.text.aftermath import persistent
from reports.text.old_facts import IncidentFact
from tests.unit.facts_fixture import crash
from tests.unit.test_report_testimony import recorded

EN = language("en")


def only(name: str) -> IncidentFact:
    return recorded(name)["incidents"][0]


def test_a_persistent_reader_on_the_node_that_fails_moves_and_its_rows_are_named() -> None:
    facts = crash()
    one = facts["incidents"][0]
    moved = {"server": "patroni3", "seconds": 0.09, "before_id": 1716, "after_id": 1719, "failed": 0}
    reads = {"servers": ["patroni1"], "hit": True, "primary": True, "moved": moved}
    one["testimony"]["kept_reads"] = reads  # type: ignore[typeddict-item]  # literal enough
    [said] = persistent(one, facts["recordings"][0], EN)
    assert "new ones were opened in their place, to `patroni3`." in said
    assert "it took 0.09\u00a0s (`operations` 1716 → 1719); reads that failed in between: 0." in said
    assert said in render(facts, "en")


def test_a_reader_on_the_leader_says_nothing_of_a_replica_that_stops() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one["cause"] = "replica.stopped"
    one["testimony"]["kept_reads"] = {"servers": ["patroni3"], "hit": False, "primary": True, "moved": None}
    [said] = persistent(one, facts["recordings"][0], EN)
    assert said.startswith(
        "Before the fault the persistent reads came from `patroni3`, the leader at that time. Not tested: a persistent "
        "reader on the replica that failed. To test it, ask which node serves that reader now, `observer query"
    )
    assert said.endswith(("stop NODE` (NODE is its name).", "stop demo-NODE` (NODE is its name)."))


def test_nothing_is_said_of_readers_where_no_member_failed_or_none_are_known() -> None:
    assert only("etcd-one")["testimony"]["kept_reads"] is None
    assert persistent(crash()["incidents"][0], crash()["recordings"][0], EN) == []
