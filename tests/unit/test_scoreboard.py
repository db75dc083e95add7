"""What a drill ends with."""

from __future__ import annotations

from observer.commands.scoreboard import Row, spreads, table

KILLED = Row("leader-killed", ("leader.killed",), ("leader.killed",), 19.064, 0.0, 0, True)
MISSED = Row("leader-killed", ("leader.killed",), (), 21.0, 0.0, None, False)


def test_a_row_says_what_was_told_what_was_found_and_what_it_cost() -> None:
    assert table([KILLED])[1].split() == [
        "leader-killed",
        "leader.killed",
        "leader.killed",
        "19.06",
        "0.00",
        "0",
        "right",
    ]


def test_what_was_not_found_or_not_observed_is_a_dash_and_a_wrong_verdict_stands_out() -> None:
    assert table([MISSED])[1].split() == ["leader-killed", "leader.killed", "-", "21.00", "0.00", "-", "WRONG"]


def test_columns_stand_below_their_heads() -> None:
    head, row = table([KILLED])
    assert head.index("verdict") == row.index("right")


def test_of_repeats_the_least_the_median_and_the_most_are_told_with_their_number() -> None:
    assert spreads([KILLED, MISSED]) == [
        "leader-killed: writes were out for 19.06, 20.03, 21.00 s (least, median, most; n = 2)"
    ]


def test_one_run_has_no_spread() -> None:
    assert spreads([KILLED]) == []
