"""The cluster's dynamic configuration of a moment, and the row that reports it."""

from __future__ import annotations

from observer.model.recording import Event
from reports.analysis.theory import live_settings, settings_history
from tests.unit.recordings import event, ns, recording_of


def changed(at_s: float, ttl: int) -> Event:
    return event(at_s, "etcd", "config.changed", "demo", config={"ttl": ttl})


def captured(at_s: float, ttl: int) -> Event:
    return event(at_s, "patroni", "cluster.captured", "demo", config={"ttl": ttl})


def in_force(events: list[Event], at_s: float | None = None) -> tuple[int, int | None] | None:
    """Return the ttl of a moment and the row that reports it."""
    history = settings_history(recording_of(events).events)
    live = live_settings(history, None if at_s is None else ns(at_s))
    return None if live is None else (live.values["ttl"], live.event.id)


def test_the_last_report_before_a_moment_counts_and_the_first_one_before_any() -> None:
    given = [changed(10, 30), changed(50, 60)]
    assert [in_force(given, at_s) for at_s in (5, 20, 50, 90)] == [(30, 1), (30, 1), (60, 2), (60, 2)]
    assert in_force(given) == (60, 2)


def test_without_a_report_of_etcd_the_capture_of_the_moment_counts_with_its_own_row() -> None:
    given = [captured(10, 30), captured(50, 60)]
    assert [in_force(given, at_s) for at_s in (20, 90)] == [(30, 1), (60, 2)]


def test_a_report_of_etcd_counts_more_than_any_capture() -> None:
    assert in_force([captured(10, 30), changed(50, 60), captured(70, 90)], 20) == (60, 2)


def test_settings_that_go_back_to_earlier_values_cite_the_row_that_set_them_back() -> None:
    assert in_force([changed(10, 30), changed(50, 60), changed(80, 30)]) == (30, 3)


def test_settings_that_were_never_observed_are_none() -> None:
    assert in_force([event(10, "patroni", "cluster.captured", "demo", config={})]) is None
