"""Objectives: a measured outage misses one, and a time without observation leaves it unknown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from observer.commands.objectives import exit_code, results
from observer.commands.reporting import facts
from observer.config.settings import Objectives
from observer.model.recording import Event, Recording, Second
from observer.store import Writer
from reports.analysis.analyze import analyze
from reports.analysis.coverage import unobserved
from reports.facts.document import facts_of
from reports.facts.shape import Facts
from tests.unit import timelines
from tests.unit.facts_fixture import crash, healthy
from tests.unit.timelines import audit, event, ns, ok


def timeline(*events: Event, busy: range = range(3600), until_s: float = 3600, ended: str | None = "stop") -> Recording:
    """An hour in which writes end in each of the busy seconds."""
    made = timelines.timeline(events, until_s=until_s)
    recording = made.header if ended else replace(made.header, ended_ns=None, ended=None)
    return replace(made, header=recording, seconds=[Second(at_s, "write", 20, 0, 0, 1) for at_s in busy])


def stretches_s(timeline: Recording) -> list[tuple[float, float]]:
    return [(from_ns / ns(1), until_ns / ns(1)) for from_ns, until_ns in unobserved(timeline, "write")]


class TestTimesWithoutObservation:
    def test_a_recording_with_writes_in_each_second_was_observed(self) -> None:
        assert stretches_s(timeline()) == []

    def test_nothing_is_observed_after_the_generator_died(self) -> None:
        died = event(10, "traffic", "source.blind", "generator", how="error", error="ZeroDivisionError")
        assert stretches_s(timeline(died, busy=range(10))) == [(10, 3600)]

    def test_nothing_is_observed_while_the_observer_is_suspended(self) -> None:
        slept = event(710, "daemon", "observer.slept", "daemon", after_s=100, for_ms=610_000)
        also = event(710.2, "traffic", "observer.slept", "generator", after_s=100.3, for_ms=609_900)
        assert stretches_s(timeline(slept, also)) == [(100, 710.2)]

    def test_writes_are_not_observed_until_their_tables_exist(self) -> None:
        gone, back = event(9, "traffic", "workload.absent", "write"), event(30, "traffic", "workload.present", "write")
        again = event(1800, "traffic", "workload.absent", "write")
        assert stretches_s(timeline(gone, back, again)) == [(9, 30), (1800, 3600)]

    def test_missing_tables_for_reads_do_not_affect_writes(self) -> None:
        assert stretches_s(timeline(event(9, "traffic", "workload.absent", "read"))) == []

    def test_nothing_is_observed_while_records_cannot_be_stored(self) -> None:
        blind = event(50, "daemon", "source.blind", "recorder", how="unwritten", since_ns=ns(50), dropped=9)
        sees = event(70, "daemon", "source.sees", "recorder", how="unwritten")
        assert stretches_s(timeline(blind, sees)) == [(50, 70)]

    def test_seconds_without_an_operation_are_not_observed_whatever_the_reason(self) -> None:
        assert stretches_s(timeline(busy=[*range(100), *range(160, 3600)])) == [(100, 160)]

    def test_a_clean_stop_takes_time_and_a_crash_does_not(self) -> None:
        assert stretches_s(timeline(busy=range(3500))) == []
        assert stretches_s(timeline(busy=range(3300))) == [(3300, 3480)]
        assert stretches_s(timeline(busy=range(3500), ended=None)) == [(3500, 3600)]

    def test_seconds_in_which_all_operations_wait_for_an_answer_are_observed(self) -> None:
        patient = timeline(busy=[*range(100), *range(130, 3600)])
        recording = replace(patient.header, settings={"traffic": {"rate_per_s": 20, "deadline_ms": 30_000}})
        assert stretches_s(replace(patient, header=recording)) == []

    def test_seconds_that_the_rate_leaves_empty_are_observed(self) -> None:
        slow = timeline(busy=range(0, 3600, 5))
        recording = replace(slow.header, settings={"traffic": {"rate_per_s": 0.2}})
        assert stretches_s(replace(slow, header=recording)) == []


def unobserved_for(facts: Facts, action: str, from_s: float, to_s: float) -> Facts:
    facts["recordings"][0]["unobserved"].append({"action": action, "from_s": from_s, "to_s": to_s})
    return facts


def verdict(facts: Facts, **objective: Any) -> str:
    (result,) = results(facts, Objectives(**objective))
    return result.verdict


class TestAnObjective:
    def test_holds_if_everything_was_observed(self) -> None:
        assert verdict(healthy(), write_outage_s=30) == "HOLDS"

    def test_is_unknown_if_a_longer_outage_may_have_been_missed(self) -> None:
        facts = unobserved_for(healthy(), "write", 10, 127)
        (result,) = results(facts, Objectives(write_outage_s=30))
        assert result.sentence == (
            "write_outage_s: UNKNOWN, writes were not observed from 10.0 to 127.0 s of recording 1 (the limit is 30 s)."
        )
        assert exit_code([result]) == 2

    def test_holds_if_only_a_shorter_outage_may_have_been_missed(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 40), write_outage_s=30) == "HOLDS"

    def test_for_reads_does_not_depend_on_writes(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 127), read_outage_s=30) == "HOLDS"

    def test_that_was_missed_stays_missed_whatever_was_not_observed(self) -> None:
        assert verdict(unobserved_for(crash(), "write", 60, 127), write_outage_s=30) == "BROKEN"

    def test_for_lost_writes_is_unknown_after_a_long_time_without_writes(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 50), lost_writes=0) == "HOLDS"
        assert verdict(unobserved_for(healthy(), "write", 10, 100), lost_writes=0) == "UNKNOWN"

    def test_for_lost_writes_is_missed_by_a_known_loss_whatever_was_not_read_back(self) -> None:
        """One recording lost a write, the other was never audited."""
        writes = [ok(n, n=n) for n in range(1, 10)]
        gone = timelines.timeline([], writes, [audit(20, 1, 8, present=True), audit(20, 9, 9, present=False)])
        unaudited = timelines.timeline([], writes)
        both = facts_of([(one, analyze(one)) for one in (gone, unaudited)], "0")
        assert (both["durability"]["lost"], both["durability"]["unaudited"]) == (1, 9)
        assert verdict(both, lost_writes=0) == "BROKEN"
        assert verdict(facts_of([(unaudited, analyze(unaudited))], "0"), lost_writes=0) == "UNKNOWN"

    def test_has_no_measured_value_if_it_is_unknown(self, tmp_path: Path) -> None:
        path = tmp_path / "observer.db"
        writer = Writer(path)
        one = writer.begin(timeline().header)
        writer.append(one, [ok(at_s, n=at_s) for at_s in range(1, 10)])
        writer.append(one, [event(10, "traffic", "source.blind", "generator", how="error")])
        writer.append(one, [audit(3599, 1, 9, present=True)])
        writer.end(one, ns(3600), "stop")
        writer.close()
        found = facts(path, None, Objectives(write_outage_s=30, lost_writes=0))
        assert [(one["name"], one["verdict"], one["measured"]) for one in found["objectives"]] == [
            ("write_outage_s", "UNKNOWN", None),
            ("lost_writes", "UNKNOWN", 0),
        ]
