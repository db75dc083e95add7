"""Times without observation, and the verdicts on [objectives] that follow from a recording file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from observer.commands.objectives import exit_code, junit, sentence
from observer.commands.reporting import results
from observer.config.settings import Objectives
from observer.model.recording import Event, Recording, Second
from observer.store import Writer
from reports.analysis.outages import unobserved
from reports.analysis.reachability import unreachable
from reports.analysis.results.whole import Objective
from tests.unit import recordings
from tests.unit.recordings import audit, event, ns, ok


def hour(
    *events: Event, busy: Iterable[int] = range(3600), until_s: float = 3600, ended: str | None = "stop"
) -> Recording:
    """An hour in which writes end in each of the busy seconds."""
    made = recordings.recording_of(events, until_s=until_s)
    header = made.header if ended else replace(made.header, ended_ns=None, ended=None)
    return replace(made, header=header, seconds=[Second(at_s, "write", 20, 0, 0, 1) for at_s in busy])


def stretches_s(given: Recording) -> list[tuple[float, float]]:
    found = unobserved(given, unreachable(given), "write")
    return [(from_ns / ns(1), until_ns / ns(1)) for from_ns, until_ns in found]


class TestTimesWithoutObservation:
    def test_a_recording_with_writes_in_each_second_was_observed(self) -> None:
        assert stretches_s(hour()) == []

    def test_nothing_is_observed_after_the_generator_died(self) -> None:
        died = event(10, "traffic", "source.blind", "generator", how="error", error="ZeroDivisionError")
        assert stretches_s(hour(died, busy=range(10))) == [(10, 3600)]

    def test_nothing_is_observed_while_the_observer_is_suspended(self) -> None:
        slept = event(710, "daemon", "observer.slept", "daemon", after_s=100, for_ms=610_000)
        also = event(710.2, "traffic", "observer.slept", "generator", after_s=100.3, for_ms=609_900)
        assert stretches_s(hour(slept, also)) == [(100, 710.2)]

    def test_writes_are_not_observed_until_their_tables_exist(self) -> None:
        gone, back = event(9, "traffic", "workload.absent", "write"), event(30, "traffic", "workload.present", "write")
        again = event(1800, "traffic", "workload.absent", "write")
        assert stretches_s(hour(gone, back, again)) == [(9, 30), (1800, 3600)]

    def test_missing_tables_for_reads_do_not_affect_writes(self) -> None:
        assert stretches_s(hour(event(9, "traffic", "workload.absent", "read"))) == []

    def test_nothing_is_observed_while_records_cannot_be_stored(self) -> None:
        blind = event(50, "daemon", "source.blind", "recorder", how="unwritten", since_ns=ns(50), dropped=9)
        sees = event(70, "daemon", "source.sees", "recorder", how="unwritten")
        assert stretches_s(hour(blind, sees)) == [(50, 70)]

    def test_seconds_without_an_operation_are_not_observed_whatever_the_reason(self) -> None:
        assert stretches_s(hour(busy=[*range(100), *range(160, 3600)])) == [(100, 160)]

    def test_a_clean_stop_takes_time_and_a_crash_does_not(self) -> None:
        assert stretches_s(hour(busy=range(3500))) == []
        assert stretches_s(hour(busy=range(3300))) == [(3300, 3480)]
        assert stretches_s(hour(busy=range(3500), ended=None)) == [(3500, 3600)]

    def test_seconds_in_which_all_operations_wait_for_an_answer_are_observed(self) -> None:
        patient = hour(busy=[*range(100), *range(130, 3600)])
        recording = replace(patient.header, settings={"traffic": {"rate_per_s": 20, "deadline_ms": 30_000}})
        assert stretches_s(replace(patient, header=recording)) == []

    def test_seconds_that_the_rate_leaves_empty_are_observed(self) -> None:
        slow = hour(busy=range(0, 3600, 5))
        recording = replace(slow.header, settings={"traffic": {"rate_per_s": 0.2}})
        assert stretches_s(replace(slow, header=recording)) == []


MISSED = Objective("write_outage_s", 30.0, 31.5, "BROKEN")
MET = Objective("lost_writes", 0.0, 0, "HOLDS")
UNSEEN = Objective(
    "write_outage_s", 30.0, None, "UNKNOWN", "unmeasured.stretch",
    {"recording": 1, "action": "write", "from_s": 10.0, "to_s": 127.0},
)  # fmt: skip


def test_a_verdict_is_one_sentence() -> None:
    assert sentence(MISSED) == "write_outage_s: BROKEN, 31.5 is more than 30."
    assert sentence(MET) == "lost_writes: HOLDS, 0 is at most 0."
    said = sentence(UNSEEN).replace("\u00a0", " ")
    assert said == (
        "write_outage_s: UNKNOWN, nothing is known of write operations from 10.0 s to 127.0 s of recording 1 "
        "(the limit is 30)."
    )


def test_a_missed_objective_outweighs_an_unknown_one() -> None:
    assert [exit_code(given) for given in ([MET], [MET, UNSEEN], [UNSEEN, MISSED])] == [0, 2, 1]


def test_junit_calls_a_missed_objective_a_failure_and_an_unknown_one_an_error() -> None:
    text = junit([MISSED, MET, UNSEEN])
    assert 'tests="3" failures="1" errors="1"' in text
    assert text.count("<failure") == text.count("<error") == text.count("<system-out") == 1


def test_an_objective_has_no_measured_value_if_it_is_unknown(tmp_path: Path) -> None:
    path = tmp_path / "observer.db"
    writer = Writer(path)
    one = writer.begin(hour().header)
    writer.append(one, [ok(at_s, n=at_s) for at_s in range(1, 10)])
    writer.append(one, [event(10, "traffic", "source.blind", "generator", how="error")])
    writer.append(one, [audit(3599, 1, 9, present=True)])
    writer.end(one, ns(3600), "stop")
    writer.close()
    found = results(path, None, Objectives(write_outage_s=30, lost_writes=0))
    assert [(one.name, one.verdict, one.measured) for one in found.objectives] == [
        ("write_outage_s", "UNKNOWN", None),
        ("lost_writes", "UNKNOWN", 0),
    ]
