"""The independent probe: its gaps, whether their ends are sharp, and the longest gap of one of its clients."""

from __future__ import annotations

from benchmarks.accuracy.probe import Attempt, Gap, gaps, near, sharp, span

MS_NS = 1_000_000


def attempts(*acknowledged: bool) -> list[Attempt]:
    """Return one attempt every 10 ms, each answered 1 ms later."""
    return [Attempt(n, n * 10 * MS_NS, (n * 10 + 1) * MS_NS, ok) for n, ok in enumerate(acknowledged)]


def test_a_gap_runs_from_the_last_acknowledgement_to_the_first_one_after_it() -> None:
    assert gaps(attempts(*[True] * 10, *[False] * 20, *[True] * 10)) == [Gap(91 * MS_NS, 301 * MS_NS)]


def test_a_time_without_a_failure_and_a_short_failure_are_no_gaps() -> None:
    assert gaps(attempts(*[True] * 10, *[False] * 10, *[True] * 10)) == []
    assert gaps([Attempt(0, 0, 0, True), Attempt(1, 0, 500 * MS_NS, True)]) == []


def test_every_client_measures_a_sharp_end_within_fifty_milliseconds() -> None:
    made = attempts(*[True] * 10, *[False] * 20, *[True] * 10)
    assert span(made, Gap(91 * MS_NS, 301 * MS_NS)) == Gap(51 * MS_NS, 341 * MS_NS)


def test_a_client_may_measure_the_end_much_later_if_attempts_still_fail() -> None:
    made = attempts(*[True] * 10, *[False] * 20, True, *[False] * 29, *[True] * 10)
    assert span(made, Gap(91 * MS_NS, 301 * MS_NS)) == Gap(51 * MS_NS, 641 * MS_NS)


def test_an_end_is_sharp_if_every_attempt_after_it_is_acknowledged_within_a_period() -> None:
    made = attempts(*[True] * 40, *[False] * 20, *[True] * 40)
    assert sharp(made, Gap(391 * MS_NS, 601 * MS_NS)) == (True, True)


def test_an_end_is_blurred_if_some_attempts_after_it_fail() -> None:
    made = attempts(*[True] * 40, *[False] * 20, True, True, False, *[True] * 40)
    assert sharp(made, Gap(391 * MS_NS, 601 * MS_NS)) == (True, False)


def test_an_end_is_blurred_if_an_attempt_after_it_waits_for_more_than_a_period() -> None:
    made = attempts(*[True] * 40, *[False] * 20, *[True] * 40)
    made[65] = Attempt(65, 650 * MS_NS, 720 * MS_NS, True)
    assert sharp(made, Gap(391 * MS_NS, 601 * MS_NS)) == (True, False)


def test_a_beginning_is_blurred_if_an_attempt_before_it_failed() -> None:
    made = attempts(*[True] * 38, False, True, *[False] * 20, *[True] * 40)
    assert sharp(made, Gap(391 * MS_NS, 601 * MS_NS)) == (False, True)


def test_the_stored_attempts_give_the_same_result_for_every_end() -> None:
    made = attempts(*[True] * 300, *[False] * 300, True, *[False] * 29, *[True] * 300)
    gap = Gap(2991 * MS_NS, 6001 * MS_NS)
    kept = near(made, [gap])
    assert len(kept) < len(made)
    assert (span(kept, gap), sharp(kept, gap)) == (span(made, gap), sharp(made, gap))
