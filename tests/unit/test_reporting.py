"""Objectives: an outage that was measured breaks one, and time that nobody observed holds none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from observer.commands.reporting import exit_code, facts, verdicts
from observer.config.settings import Objectives
from observer.model.recording import Event, Recording, Second
from observer.store import Writer
from reports.analysis.analyze import analyze
from reports.analysis.coverage import unobserved
from reports.analysis.reachability import unreachable
from reports.text.old_facts import Facts, facts_of
from tests.unit import recordings
from tests.unit.facts_fixture import crash, healthy
from tests.unit.recordings import audit, event, ns, ok


def hour(*events: Event, busy: range = range(3600), until_s: float = 3600, ended: str | None = "stop") -> Recording:
    """An hour in which writes end in each of the busy seconds."""
    made = recordings.recording_of(events, until_s=until_s)
    recording = made.header if ended else replace(made.header, ended_ns=None, ended=None)
    return replace(made, header=recording, seconds=[Second(at_s, "write", 20, 0, 0, 1) for at_s in busy])


def intervals_s(given: Recording) -> list[tuple[float, float]]:
    found = unobserved(given, unreachable(given), "write")
    return [(from_ns / ns(1), until_ns / ns(1)) for from_ns, until_ns in found]


class TestWhatNobodyObserved:
    def test_a_recording_with_writes_in_each_second_was_observed(self) -> None:
        assert intervals_s(hour()) == []

    def test_a_generator_that_died_is_blind_to_the_end(self) -> None:
        died = event(10, "traffic", "source.blind", "generator", how="error", error="ZeroDivisionError")
        assert intervals_s(hour(died, busy=range(10))) == [(10, 3600)]

    def test_an_observer_that_slept_saw_nothing_meanwhile(self) -> None:
        slept = event(710, "daemon", "observer.slept", "daemon", after_s=100, for_ms=610_000)
        also = event(710.2, "traffic", "observer.slept", "generator", after_s=100.3, for_ms=609_900)
        assert intervals_s(hour(slept, also)) == [(100, 710.2)]

    def test_without_tables_nothing_is_written_until_they_are_there(self) -> None:
        gone, back = event(9, "traffic", "workload.absent", "write"), event(30, "traffic", "workload.present", "write")
        again = event(1800, "traffic", "workload.absent", "write")
        assert intervals_s(hour(gone, back, again)) == [(9, 30), (1800, 3600)]

    def test_that_the_tables_for_reads_are_absent_says_nothing_of_writes(self) -> None:
        assert intervals_s(hour(event(9, "traffic", "workload.absent", "read"))) == []

    def test_records_that_could_not_be_written_are_missing(self) -> None:
        blind = event(50, "daemon", "source.blind", "recorder", how="unwritten", since_ns=ns(50), dropped=9)
        sees = event(70, "daemon", "source.sees", "recorder", how="unwritten")
        assert intervals_s(hour(blind, sees)) == [(50, 70)]

    def test_seconds_without_an_operation_are_a_stretch_whatever_the_reason(self) -> None:
        assert intervals_s(hour(busy=[*range(100), *range(160, 3600)])) == [(100, 160)]

    def test_what_ends_a_recording_in_order_takes_its_time_and_what_cuts_it_off_none(self) -> None:
        assert intervals_s(hour(busy=range(3500))) == []
        assert intervals_s(hour(busy=range(3300))) == [(3300, 3480)]
        assert intervals_s(hour(busy=range(3500), ended=None)) == [(3500, 3600)]

    def test_while_all_operations_wait_for_an_answer_none_of_them_ends(self) -> None:
        patient = hour(busy=[*range(100), *range(130, 3600)])
        recording = replace(patient.header, settings={"traffic": {"rate_per_s": 20, "deadline_ms": 30_000}})
        assert intervals_s(replace(patient, header=recording)) == []

    def test_seconds_that_the_pace_leaves_empty_are_no_stretch(self) -> None:
        slow = hour(busy=range(0, 3600, 5))
        recording = replace(slow.header, settings={"traffic": {"rate_per_s": 0.2}})
        assert intervals_s(replace(slow, header=recording)) == []


def unobserved_for(facts: Facts, action: str, from_s: float, to_s: float) -> Facts:
    facts["recordings"][0]["unobserved"].append({"action": action, "from_s": from_s, "to_s": to_s})
    return facts


def verdict(facts: Facts, **objective: Any) -> str:
    (held,) = verdicts(facts, Objectives(**objective))
    return held.verdict


class TestAnObjective:
    def test_holds_where_all_was_observed(self) -> None:
        assert verdict(healthy(), write_outage_s=30) == "HOLDS"

    def test_is_unknown_where_a_longer_outage_may_have_gone_unseen(self) -> None:
        facts = unobserved_for(healthy(), "write", 10, 127)
        (held,) = verdicts(facts, Objectives(write_outage_s=30))
        assert held.sentence == (
            "write_outage_s: UNKNOWN, nobody observed writes from 10.0 to 127.0 s of recording 1 "
            "(at most 30 s is asked for)."
        )
        assert exit_code([held]) == 2

    def test_holds_where_only_a_shorter_one_may_have(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 40), write_outage_s=30) == "HOLDS"

    def test_of_reads_asks_nothing_of_writes(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 127), read_outage_s=30) == "HOLDS"

    def test_that_was_measured_as_broken_stays_so(self) -> None:
        assert verdict(unobserved_for(crash(), "write", 60, 127), write_outage_s=30) == "BROKEN"

    def test_of_lost_writes_is_unknown_where_none_were_written_for_long(self) -> None:
        assert verdict(unobserved_for(healthy(), "write", 10, 50), lost_writes=0) == "HOLDS"
        assert verdict(unobserved_for(healthy(), "write", 10, 100), lost_writes=0) == "UNKNOWN"

    def test_of_lost_writes_is_broken_by_a_known_loss_whatever_was_not_read_back(self) -> None:
        """One recording lost a write, the other was never audited."""
        writes = [ok(n, n=n) for n in range(1, 10)]
        gone = recordings.recording_of([], writes, [audit(20, 1, 8, present=True), audit(20, 9, 9, present=False)])
        unaudited = recordings.recording_of([], writes)
        both = facts_of([(one, analyze(one)) for one in (gone, unaudited)], "0")
        assert (both["durability"]["lost"], both["durability"]["unaudited"]) == (1, 9)
        assert verdict(both, lost_writes=0) == "BROKEN"
        assert verdict(facts_of([(unaudited, analyze(unaudited))], "0"), lost_writes=0) == "UNKNOWN"

    def test_has_no_measure_where_it_is_unknown(self, tmp_path: Path) -> None:
        path = tmp_path / "observer.db"
        writer = Writer(path)
        one = writer.begin(hour().header)
        writer.append(one, [ok(at_s, n=at_s) for at_s in range(1, 10)])
        writer.append(one, [event(10, "traffic", "source.blind", "generator", how="error")])
        writer.append(one, [audit(3599, 1, 9, present=True)])
        writer.end(one, ns(3600), "stop")
        writer.close()
        found = facts(path, None, Objectives(write_outage_s=30, lost_writes=0))
        assert [(held["name"], held["verdict"], held["measured"]) for held in found["objectives"]] == [
            ("write_outage_s", "UNKNOWN", None),
            ("lost_writes", "UNKNOWN", 0),
        ]
