"""The independent witness: which gaps it sees, how sharp their ends are, what a witness of a fifth of its rate saw."""

from __future__ import annotations

from benchmarks.accuracy.probe import Attempt, Gap, gaps, near, sharp, span

MS_NS = 1_000_000


def attempts(*acknowledged: bool) -> list[Attempt]:
    """One attempt every 10 ms, each answered 1 ms later."""
    return [Attempt(n, n * 10 * MS_NS, (n * 10 + 1) * MS_NS, ok) for n, ok in enumerate(acknowledged)]


def test_a_gap_runs_from_the_last_acknowledgement_to_the_first_one_after_it() -> None:
    assert gaps(attempts(*[True] * 10, *[False] * 20, *[True] * 10)) == [Gap(91 * MS_NS, 301 * MS_NS)]


def test_a_gap_without_a_failure_or_of_a_moment_is_none() -> None:
    assert gaps(attempts(*[True] * 10, *[False] * 10, *[True] * 10)) == []
    assert gaps([Attempt(0, 0, 0, True), Attempt(1, 0, 500 * MS_NS, True)]) == []


def test_after_a_sharp_end_a_fifth_of_the_witness_sees_it_fifty_milliseconds_later_at_most() -> None:
    saw = attempts(*[True] * 10, *[False] * 20, *[True] * 10)
    assert span(saw, Gap(91 * MS_NS, 301 * MS_NS)) == Gap(51 * MS_NS, 341 * MS_NS)


def test_where_attempts_go_on_failing_a_fifth_of_the_witness_may_see_the_end_much_later() -> None:
    saw = attempts(*[True] * 10, *[False] * 20, True, *[False] * 29, *[True] * 10)
    assert span(saw, Gap(91 * MS_NS, 301 * MS_NS)) == Gap(51 * MS_NS, 641 * MS_NS)


def test_an_end_is_sharp_where_from_then_on_every_attempt_is_acknowledged_within_a_beat() -> None:
    saw = attempts(*[True] * 40, *[False] * 20, *[True] * 40)
    assert sharp(saw, Gap(391 * MS_NS, 601 * MS_NS)) == (True, True)


def test_an_end_is_blurred_where_a_proxy_goes_on_sending_some_attempts_to_a_server_that_refuses() -> None:
    saw = attempts(*[True] * 40, *[False] * 20, True, True, False, *[True] * 40)
    assert sharp(saw, Gap(391 * MS_NS, 601 * MS_NS)) == (True, False)


def test_an_end_is_blurred_where_attempts_wait_in_the_crowd_before_a_server_that_was_just_thawed() -> None:
    saw = attempts(*[True] * 40, *[False] * 20, *[True] * 40)
    saw[65] = Attempt(65, 650 * MS_NS, 720 * MS_NS, True)
    assert sharp(saw, Gap(391 * MS_NS, 601 * MS_NS)) == (True, False)


def test_a_beginning_is_blurred_where_some_attempts_failed_before_the_last_one_that_did_not() -> None:
    saw = attempts(*[True] * 38, False, True, *[False] * 20, *[True] * 40)
    assert sharp(saw, Gap(391 * MS_NS, 601 * MS_NS)) == (False, True)


def test_what_is_kept_of_the_attempts_says_the_same_of_every_end() -> None:
    saw = attempts(*[True] * 300, *[False] * 300, True, *[False] * 29, *[True] * 300)
    gap = Gap(2991 * MS_NS, 6001 * MS_NS)
    kept = near(saw, [gap])
    assert len(kept) < len(saw)
    assert (span(kept, gap), sharp(kept, gap)) == (span(saw, gap), sharp(saw, gap))
