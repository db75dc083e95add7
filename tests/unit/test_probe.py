"""The independent witness: which gaps it sees, and what a witness of a fifth of its rate could have seen."""

from __future__ import annotations

from tests.cluster.probe import Attempt, Gap, gaps, span

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
