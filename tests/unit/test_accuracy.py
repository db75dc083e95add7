"""The score of outages against the probe: how far off each end is, and whether any witness had to see it."""

from __future__ import annotations

from benchmarks.accuracy.scoring import End, Pair

MS_NS = 1_000_000


def test_an_end_is_off_by_what_lies_between_ours_and_the_probes() -> None:
    pair = Pair((1000 * MS_NS, 9000 * MS_NS), (1010 * MS_NS, 8900 * MS_NS), (960 * MS_NS, 8950 * MS_NS), (True, False))
    assert pair.ends == (End(-0.01, True, 0.05), End(0.1, False, 0.05))


def test_an_end_is_held_within_a_beat_and_twenty_milliseconds_however_blurred_it_is() -> None:
    assert [End(late_s, False, 0.5).held for late_s in (0.07, -0.07, 0.071)] == [True, True, False]


def test_an_outage_that_one_alone_saw_has_no_ends_to_compare() -> None:
    assert Pair(None, (0, MS_NS)).ends == Pair((0, MS_NS), None).ends == ()


def test_without_the_probes_attempts_nobody_says_how_sharp_an_end_was() -> None:
    assert [end.text for end in Pair((0, MS_NS), (0, 2 * MS_NS)).ends] == ["+0.000, unknown", "-0.001, unknown"]
