"""The table at the end of a drill."""

from __future__ import annotations

from observer.commands.scoreboard import Row, spreads, table

KILLED = Row("leader-killed", ("leader.killed",), ("leader.killed",), 19.064, 0.0, 0, True)
MISSED = Row("leader-killed", ("leader.killed",), (), 21.0, 0.0, None, False)


def test_a_row_shows_the_injected_and_the_reported_cause_and_the_cost() -> None:
    assert table([KILLED])[1].split() == [
        "leader-killed",
        "leader.killed",
        "leader.killed",
        "19.06",
        "0.00",
        "0",
        "right",
    ]


def test_a_value_that_is_missing_is_a_dash_and_a_wrong_verdict_is_in_capitals() -> None:
    assert table([MISSED])[1].split() == ["leader-killed", "leader.killed", "-", "21.00", "0.00", "-", "WRONG"]


def test_columns_are_aligned() -> None:
    head, row = table([KILLED])
    assert head.index("verdict") == row.index("right")


def test_repeated_runs_have_a_minimum_a_median_and_a_maximum() -> None:
    assert spreads([KILLED, MISSED]) == [
        "leader-killed: write outage 19.06, 20.03, 21.00 s (minimum, median, maximum; n = 2)"
    ]


def test_a_single_run_has_no_spread() -> None:
    assert spreads([KILLED]) == []
