"""When the daemon analyzes and reads writes back, and which names it has for addresses."""

from __future__ import annotations

import pytest

from observer.live.state import initial_state
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Window
from observer.recording.activity import ActivityMonitor

S = SECOND_NS


def write(at_s: float, n: int, outcome: Outcome = Outcome.OK) -> Operation:
    at = round(at_s * S)
    return Operation("write", "kept", f"cafe0123-{n:010d}", at, at, at, outcome, "done")


def event(kind: str, at_s: float, **detail: object) -> Event:
    return Event("etcd", kind, "a", Window.at(round(at_s * S)), detail)


class Daemon:
    """A projection and its activity monitor, fed as the daemon feeds them."""

    def __init__(self, rate_per_s: float = 20) -> None:
        self.state = initial_state({})
        self.activity = ActivityMonitor(self.state, rate_per_s)

    def record(self, record: Event | Operation) -> None:
        self.state.apply(record)
        self.activity.apply(record)


class TestTheActivityMonitor:
    @pytest.fixture
    def daemon(self) -> Daemon:
        return Daemon()

    def test_a_healthy_recording_is_not_analyzed_while_it_runs(self, daemon: Daemon) -> None:
        daemon.record(event("route.up", 0, initial=True))
        daemon.record(event("leader.seen", 0, initial=True))
        for n in range(100):
            daemon.record(write(n, n))
        assert not daemon.activity.became_quiet(1000 * S)

    def test_an_incident_is_analyzed_once_five_seconds_after_its_last_sign(self, daemon: Daemon) -> None:
        daemon.record(event("leader.lost", 10))
        daemon.record(write(12, 5, Outcome.FAIL))
        assert not daemon.activity.became_quiet(16 * S)
        assert daemon.activity.became_quiet(17 * S)
        assert not daemon.activity.became_quiet(18 * S)

    def test_a_later_incident_is_analyzed_again(self, daemon: Daemon) -> None:
        daemon.record(event("leader.lost", 10))
        assert daemon.activity.became_quiet(17 * S)
        daemon.record(event("leader.elected", 20))
        assert not daemon.activity.became_quiet(22 * S)
        assert daemon.activity.became_quiet(25 * S)

    def test_writes_are_read_back_when_they_have_succeeded_again_for_a_while(self, daemon: Daemon) -> None:
        for n in range(1, 2001):
            daemon.record(write(n / 20, n))
        daemon.record(write(100, 2001, Outcome.UNKNOWN))
        daemon.record(write(130, 2002, Outcome.FAIL))
        assert daemon.activity.to_audit(131 * S) is None
        daemon.record(write(132, 2003))
        assert daemon.activity.to_audit(133 * S) is None
        daemon.record(write(133.5, 2004))
        # A minute before the first failure, at 20 a second.
        assert daemon.activity.to_audit(134 * S) == (801, 2004)
        assert daemon.activity.to_audit(140 * S) is None

    def test_a_failure_among_the_first_acknowledgements_restarts_the_wait(self, daemon: Daemon) -> None:
        daemon.record(write(1, 1, Outcome.FAIL))
        daemon.record(write(2, 2))
        daemon.record(write(3, 3, Outcome.FAIL))
        assert daemon.activity.to_audit(10 * S) is None
        daemon.record(write(11, 4))
        assert daemon.activity.to_audit(13 * S) == (1, 4)

    def test_the_first_write_that_an_incident_may_have_cost_is_returned_once(self) -> None:
        daemon = Daemon(rate_per_s=0.01)
        assert daemon.activity.endangered() is None
        daemon.record(write(10, 7, Outcome.FAIL))
        daemon.record(write(11, 8))
        assert daemon.activity.to_audit(13 * S) == (6, 8)
        daemon.record(write(14, 9, Outcome.UNKNOWN))
        assert daemon.activity.endangered() == 6
        assert daemon.activity.endangered() is None
