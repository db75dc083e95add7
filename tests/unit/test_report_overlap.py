"""One fault while another still keeps writes down: whose outage it is, and what the other is said to have cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.accuracy import recorded_run
from reports.analysis.analyze import analyze
from reports.render.language import language
from reports.report import render
from reports.text.answering import cost
from reports.text.comparison import comparison
from reports.text.incident_tables import effect
from reports.text.narrative import cost_sentences, others_within
from reports.text.old_facts import Facts, facts_of

RUNS = Path(__file__).parents[1] / "corpus" / "runs"
EN = language("en")


@pytest.fixture(scope="module")
def facts() -> Facts:
    """A real run: HAProxy was killed while writes waited for the lease of a leader that had been killed before."""
    return judged("proxy-during-failover")


def judged(name: str) -> Facts:
    timeline = recorded_run.read(RUNS / f"{name}.json.xz").recording
    return facts_of([(timeline, analyze(timeline))], "0.1.0")


def test_an_outage_belongs_to_the_incident_that_it_began_in_and_the_later_one_says_so(facts: Facts) -> None:
    first, second = facts["incidents"]
    assert (first["cause"], second["cause"]) == ("leader.killed", "proxy.down")
    assert (first["write"]["within"], second["write"]["within"], second["read"]["within"]) == (None, 1, None)
    assert cost_sentences(second, EN).startswith("Writes were down already: their outage began earlier and is counted")
    assert cost(second, EN).startswith("writes were down since incident 1, reads ")


def test_no_number_is_told_of_writes_that_were_down_already(facts: Facts) -> None:
    _, second = facts["incidents"]
    [writes] = [line for line in effect(second, EN).splitlines() if line.startswith("| write")]
    assert writes.startswith("| write | see No. 1 | see No. 1 | see No. 1 | — |")
    [row] = [line for line in comparison(facts, EN).splitlines() if line.startswith("| HAProxy down")]
    assert row.split("|")[3:7] == [" — "] * 4, "neither least nor longest"


def test_phases_that_hold_the_share_of_another_fault_say_so(facts: Facts) -> None:
    first, second = facts["incidents"]
    assert others_within(second, facts, EN) == []
    [said] = others_within(first, facts, EN)
    assert said.startswith("While writes were down, [incident 2](#incident-2) began too")
    assert said in render(facts, "en")


def test_where_neither_kind_of_operation_got_through_before_that_is_one_sentence() -> None:
    _, second = judged("leader-while-proxy-down")["incidents"]
    said = "Neither writes nor reads got through by then: their outage began earlier and is counted in incident 1."
    assert cost_sentences(second, EN) == said
