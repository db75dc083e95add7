"""HAProxy's health checks, from literal rows of its statistics page."""

from __future__ import annotations

from typing import Any

from observer.model.recording import Event, Recording
from reports.analysis.index import Index, build_index
from reports.analysis.proxy_checks import check_pauses, check_timeouts, proxy_settings
from reports.analysis.results.recording import StaleUp
from tests.unit.analyzed import recording_results
from tests.unit.recordings import event, ns, recording_of


def index(*events: Event) -> Index:
    return build_index(recording_of(events))


def check(at_s: float, status: str, check_status: str, ms: int | None, subject: str = "primary/a") -> Event:
    kind = "route.down" if status == "DOWN" else "route.changed"
    detail: dict[str, Any] = {"status": status, "check_status": check_status, "check_duration_ms": ms, "page": "p"}
    return event(at_s, "haproxy", kind, subject, **detail)


# The checks of a frozen server: the first connects and gets no answer, the others do not connect.
FROZEN = (
    check(20, "UP 2/3", "L7TOUT", 5001),
    check(26, "UP 1/3", "L4TOUT", 3001),
    check(32.1, "DOWN", "L4TOUT", 3000),
)


def test_the_settings_of_the_checks_are_those_of_the_statistics() -> None:
    rows = [{"pool": "primary", "server": "a", "check_rise": 2, "check_fall": 3}]
    found = proxy_settings(index(event(1, "haproxy", "pools.captured", "url", pools=rows)))
    assert (found.rise, found.fall, found.inter_ms, found.inter_from_settings, found.event_ids) == (
        2,
        3,
        None,
        False,
        (1,),
    )


def test_the_longest_check_of_each_kind_of_timeout_has_its_row() -> None:
    found = check_timeouts(index(*FROZEN, check(40, "DOWN", "L4CON", 0)))
    assert {status: (one.ms, one.event_ids) for status, one in found.items()} == {
        "L7TOUT": (5001, (1,)),
        "L4TOUT": (3001, (2,)),
    }


def test_a_pause_is_the_time_between_two_consecutive_checks_without_the_second_check() -> None:
    found = check_pauses(index(*FROZEN))
    assert found is not None and found.count == 2
    assert (found.shortest.ms, found.shortest.event_ids) == (2999, (1, 2))
    assert (found.longest.ms, found.longest.event_ids) == (3100, (2, 3))


def test_checks_that_may_not_be_consecutive_show_no_pause() -> None:
    first, second, _ = FROZEN
    started = check(20, "UP 1/3", "INI", None)
    assert check_pauses(index(started, check(20.5, "DOWN", "L7STS", 2))) is None  # there was no check before
    assert check_pauses(index(first, event(23, "haproxy", "source.blind", "p", how="refused"), second)) is None
    assert check_pauses(index(first, check(26, "UP", "L7OK", 2))) is None


def stale_up(*more: Event) -> tuple[StaleUp, ...]:
    silent = event(14.5, "postgres", "source.blind", "a", how="silent", since_ns=ns(13.5))
    up = event(1, "haproxy", "route.up", "primary/a", status="UP", page="p")
    answered = event(1, "postgres", "member.changed", "a", in_recovery=False)
    made: Recording = recording_of([answered, up, silent, *more, *FROZEN])
    return recording_results(made).checks.stale_up


def test_a_backend_is_stale_from_the_start_of_the_first_failed_poll_until_it_is_down() -> None:
    [found] = stale_up()
    assert (found.subject, found.duration_ns) == ("primary/a", ns(32.1) - ns(13.5))


def test_a_backend_is_not_called_stale_if_the_statistics_page_was_unreachable() -> None:
    assert stale_up(event(30, "haproxy", "source.blind", "p", how="refused")) == ()
