"""What an outage is, in a recording and while it is recorded."""

from __future__ import annotations

from dataclasses import replace

from observer.model.outages import OutageDetector, limit_ns
from observer.model.recording import SECOND_NS, Action, Operation, Outcome, Recording, Second
from reports.analysis.analyze import analyze
from reports.analysis.outages import acknowledged, cost, failures, outages, stable
from tests.unit.recordings import event, fail, ns, ok, recording_of, traffic, unknown

OK, FAIL = Outcome.OK, Outcome.FAIL


def spans_of(given: Recording, action: Action = "write") -> list[tuple[float, float]]:
    return [(o.began_ns / SECOND_NS, o.ended_ns / SECOND_NS) for o in outages(given, action)]


def test_an_outage_runs_from_the_last_acknowledgement_to_the_next() -> None:
    assert spans_of(recording_of([], [ok(1), fail(1.2), fail(1.9), ok(3)])) == [(1, 3)]


def test_a_gap_without_a_failure_is_no_outage() -> None:
    assert spans_of(recording_of([], [ok(1), ok(3)])) == []


def test_a_failure_in_a_gap_of_150_ms_or_less_is_no_outage() -> None:
    assert spans_of(recording_of([], [ok(1), fail(1.05), ok(1.15)])) == []
    assert spans_of(recording_of([], [ok(1), fail(1.05), ok(1.151)])) == [(1, 1.151)]


def test_at_a_low_rate_three_times_the_pause_between_operations_must_pass() -> None:
    slow = {"traffic": {"rate_per_s": 2}}
    assert spans_of(recording_of([], [ok(1), fail(1.5), ok(2.4)], settings=slow)) == []
    assert spans_of(recording_of([], [ok(1), fail(1.5), ok(2.6)], settings=slow)) == [(1, 2.6)]


def test_persistent_and_new_connections_count_together() -> None:
    given = [ok(1), fail(1.2), ok(1.4, probe="fresh"), fail(1.6), ok(3)]
    assert spans_of(recording_of([], given)) == [(1, 1.4), (1.4, 3)]


def test_reads_and_writes_have_outages_of_their_own() -> None:
    given = recording_of([], [ok(1), ok(1, "read"), fail(2), unknown(2.5, "read"), ok(3), ok(4, "read")])
    assert (spans_of(given), spans_of(given, "read")) == ([(1, 3)], [(1, 4)])


def test_without_another_acknowledgement_an_outage_is_open_to_the_end_of_the_recording() -> None:
    (outage,) = outages(recording_of([], [ok(1), fail(2), fail(9)], until_s=10), "write")
    assert (outage.ended_ns, outage.open, outage.after_id) == (ns(10), True, None)


def test_before_the_first_acknowledgement_an_outage_begins_when_the_first_failure_was_due() -> None:
    (outage,) = outages(recording_of([], [unknown(3), ok(5)]), "write")
    assert (outage.began_ns, outage.before_id) == (ns(2), None)


def test_an_outage_names_the_rows_of_its_ends_and_counts_what_failed_in_it() -> None:
    (outage,) = outages(recording_of([], [ok(1), fail(1.2), unknown(2.5), ok(3)]), "write")
    assert (outage.before_id, outage.after_id, outage.failed, outage.unknown) == (1, 4, 1, 1)
    assert outage.first_failure_ns == ns(1.195)


def test_acknowledgements_that_the_recording_left_out_are_fetched() -> None:
    """The store loads what finished within 10 s of a failure; at a low rate the neighbours are further away."""
    everything = [ok(1), ok(20), fail(50), ok(90), ok(119)]
    given = replace(recording_of([], everything), operations=recording_of([], [fail(50)]).operations)

    def fetch(after_ns: int, by_ns: int) -> list[Operation]:
        return [o for o in recording_of([], everything).operations if after_ns < o.finished_ns <= by_ns]

    (outage,) = outages(replace(given, fetch=fetch), "write")
    assert (outage.began_ns, outage.ended_ns) == (ns(20), ns(90))


def test_an_action_is_stable_five_seconds_after_the_last_failure() -> None:
    given = recording_of([], [ok(1), fail(2), ok(3), fail(6), ok(6.01), ok(30)])
    found = stable(given, failures(given, "write"), outages(given, "write")[:1])
    assert found[0] == ns(6 + 5 - 1)


def test_whether_an_action_is_stable_is_unknown_if_the_recording_ends_too_soon() -> None:
    given = recording_of([], [ok(1), fail(2), ok(3)], until_s=7)
    assert stable(given, failures(given, "write"), outages(given, "write")) == (None, None)


def test_an_action_that_was_not_run_is_not_observed_and_one_without_failures_costs_nothing() -> None:
    given = recording_of([], traffic((1, 10, OK)))
    assert cost(given, "write", (), (), 0, ns(10)).outage_ns == 0
    assert cost(given, "read", (), (), 0, ns(10)).outage_ns is None


def test_whole_seconds_are_counted_by_the_store_and_the_two_ends_by_operation() -> None:
    given = recording_of([], [ok(0.5), ok(1.5), ok(1.6), ok(2.5)])
    counted = replace(given, seconds=[Second(s, "write", n, 0, 0, 0) for s, n in ((0, 1), (1, 2), (2, 1))])
    for after_s, by_s, expected in ((0, 3, 4), (0.9, 2.2, 2), (0.5, 2.5, 3), (1.55, 1.7, 1)):
        assert acknowledged(counted, "write", ns(after_s), ns(by_s)) == expected
        assert acknowledged(given, "write", ns(after_s), ns(by_s)) == expected


def test_every_failure_belongs_to_an_incident() -> None:
    given = recording_of([], [*traffic((1, 100, OK)), fail(20), fail(27), fail(60, "read")])
    incidents = analyze(given).incidents
    assert sum(i.write.failed for i in incidents) == 2
    assert sum(i.read.failed for i in incidents) == 1
    assert len(incidents) == 3


def test_sleep_of_the_observer_before_the_first_or_after_the_last_failure_is_no_outage() -> None:
    slept = event(70, "daemon", "observer.slept", "daemon", after_s=10, for_ms=60_000)
    woke_up = traffic((1, 10, OK), (70.05, 75, FAIL), (75, 90, OK))
    fell_asleep = traffic((1, 5, OK), (5, 10, FAIL), (70, 90, OK))
    both = traffic((1, 5, OK), (5, 10, FAIL), (70.05, 75, FAIL), (75, 90, OK))
    assert spans_of(recording_of([slept], woke_up)) == [(70, 75)]
    assert spans_of(recording_of([slept], fell_asleep)) == [(4.95, 10)]
    assert spans_of(recording_of([slept], both)) == [(4.95, 75)]  # one outage: the time between the failures counts


class TestTheDetector:
    def test_an_outage_runs_from_the_last_acknowledgement_while_it_is_open(self) -> None:
        detector = OutageDetector("write", limit_ns(20))
        assert [detector.add(o) for o in (ok(1), ok(2), fail(2.05), unknown(3.1))] == [None] * 4
        running = detector.running(ns(7))
        assert running is not None
        assert (running.began_ns, running.duration_ns, running.open) == (ns(2), ns(5), True)

    def test_the_next_acknowledgement_closes_it(self) -> None:
        detector = OutageDetector("write", limit_ns(20))
        found = [detector.add(o) for o in (ok(1), fail(1.5), ok(2), ok(8))]
        assert [o.duration_ns for o in found if o is not None] == [ns(1)]
        assert detector.running(ns(20)) is None

    def test_the_limit_is_three_intervals_of_the_rate_and_at_least_150_ms(self) -> None:
        assert (limit_ns(2), limit_ns(20), limit_ns(1000)) == (ns(1.5), ns(0.15), ns(0.15))

    def test_an_operation_that_is_recorded_late_changes_nothing(self) -> None:
        detector = OutageDetector("write", limit_ns(20))
        assert [detector.add(o) for o in (ok(1), ok(3), fail(2), ok(2.5), ok(5))] == [None] * 5
