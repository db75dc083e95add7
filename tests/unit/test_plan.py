"""Which operations are due, by the clock alone."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from observer.model.recording import MS_NS, SECOND_NS
from observer.traffic.plan import MOST_SLOTS, Schedule, Stream, slots, streams


def test_the_nth_operation_is_due_n_periods_after_the_first() -> None:
    stream = Stream("write", "kept", 100, 20)
    assert [stream.due_ns(n) - 100 for n in (0, 1, 20)] == [0, 50 * MS_NS, SECOND_NS]


def test_a_day_at_an_uneven_rate_does_not_drift() -> None:
    assert Stream("write", "kept", 0, 3).due_ns(3 * 86_400) == 86_400 * SECOND_NS


def test_writes_and_reads_on_persistent_and_new_connections_are_staggered() -> None:
    assert [(s.action, s.probe, s.first_ns // MS_NS) for s in streams(0, 20, 2)] == [
        ("write", "kept", 0),
        ("read", "kept", 25),
        ("write", "fresh", 12),
        ("read", "fresh", 37),
    ]


def test_without_new_connections_there_are_two_streams() -> None:
    assert {stream.probe for stream in streams(0, 20, 0)} == {"kept"}


def test_a_second_holds_as_many_operations_as_the_rates_say() -> None:
    schedule = Schedule(streams(0, 20, 2))
    due = schedule.take(SECOND_NS - 1)
    assert Counter((one.stream.action, one.stream.probe) for one in due) == {
        ("write", "kept"): 20,
        ("read", "kept"): 20,
        ("write", "fresh"): 2,
        ("read", "fresh"): 2,
    }


def test_what_is_late_is_issued_late_and_keeps_the_time_at_which_it_was_due() -> None:
    schedule = Schedule(streams(0, 20, 0))
    schedule.take(0)
    late = schedule.take(130 * MS_NS)
    assert [one.due_ns // MS_NS for one in late] == [25, 50, 75, 100, 125]
    assert schedule.next_ns == 150 * MS_NS


def test_nothing_is_due_twice_and_nothing_before_its_time() -> None:
    schedule = Schedule(streams(0, 20, 0))
    assert len(schedule.take(25 * MS_NS)) == 2
    assert schedule.take(25 * MS_NS) == schedule.take(49 * MS_NS) == []


def test_after_a_pause_what_was_due_is_skipped_and_counted() -> None:
    schedule = Schedule(streams(0, 20, 2))
    schedule.take(0)
    assert schedule.skip(10 * SECOND_NS) == 440
    assert schedule.take(10 * SECOND_NS) == []
    assert schedule.next_ns == 10 * SECOND_NS + 12_500_000


@given(st.floats(0.01, 5000), st.integers(0, 10**15))
def test_the_first_operation_after_a_moment_is_the_first_that_is_due_later(rate: float, at_ns: int) -> None:
    stream = Stream("read", "kept", 7, rate)
    n = stream.after(at_ns)
    assert stream.due_ns(n) > at_ns
    assert n == 0 or stream.due_ns(n - 1) <= at_ns


def test_an_action_may_have_twice_rate_times_deadline_connections_within_what_a_process_can_hold() -> None:
    assert slots(20, 2, 1000) == 44
    assert slots(0.1, 0, 1000) == 2
    assert slots(1000, 0, 1000) == MOST_SLOTS
