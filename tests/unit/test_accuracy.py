"""The score of outages compared with the probe: how far off each end is, and whether it is sharp."""

from __future__ import annotations

from benchmarks.accuracy.scoring import End, Pair

MS_NS = 1_000_000


def test_an_end_is_off_by_the_time_between_the_report_and_the_probe() -> None:
    pair = Pair((1000 * MS_NS, 9000 * MS_NS), (1010 * MS_NS, 8900 * MS_NS), (960 * MS_NS, 8950 * MS_NS), (True, False))
    assert pair.ends == (End(-0.01, True, 0.05), End(0.1, False, 0.05))


def test_the_bar_of_an_end_is_one_period_and_twenty_milliseconds() -> None:
    assert [End(late_s, False, 0.5).within_bar for late_s in (0.07, -0.07, 0.071)] == [True, True, False]


def test_an_outage_in_the_report_or_the_probe_only_has_no_ends_to_compare() -> None:
    assert Pair(None, (0, MS_NS)).ends == Pair((0, MS_NS), None).ends == ()


def test_without_the_probes_attempts_it_is_unknown_whether_an_end_is_sharp() -> None:
    assert [end.text for end in Pair((0, MS_NS), (0, 2 * MS_NS)).ends] == ["+0.000, unknown", "-0.001, unknown"]
