"""What the daemon learns from the records that pass: when to judge, what to read back."""

from __future__ import annotations

import pytest

from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Window
from observer.recording.activity import Pulse

S = SECOND_NS


def write(at_s: float, n: int, outcome: Outcome = Outcome.OK) -> Operation:
    at = round(at_s * S)
    return Operation("write", "kept", f"cafe0123-{n:010d}", at, at, at, outcome, "done")


def event(kind: str, at_s: float, **detail: object) -> Event:
    return Event("etcd", kind, "a", Window.at(round(at_s * S)), detail)


class TestThePulse:
    @pytest.fixture
    def pulse(self) -> Pulse:
        return Pulse(rate_per_s=20)

    def test_a_healthy_recording_is_never_judged_meanwhile(self, pulse: Pulse) -> None:
        pulse.see(event("route.up", 0, initial=True))
        pulse.see(event("leader.seen", 0, initial=True))
        for n in range(100):
            pulse.see(write(n, n))
        assert not pulse.became_quiet(1000 * S)

    def test_it_is_judged_once_five_seconds_after_the_last_sign(self, pulse: Pulse) -> None:
        pulse.see(event("leader.lost", 10))
        pulse.see(write(12, 5, Outcome.FAIL))
        assert not pulse.became_quiet(16 * S)
        assert pulse.became_quiet(17 * S)
        assert not pulse.became_quiet(18 * S)

    def test_writes_are_read_back_when_they_have_been_acknowledged_again_for_a_while(self, pulse: Pulse) -> None:
        for n in range(1, 2001):
            pulse.see(write(n / 20, n))
        pulse.see(write(100, 2001, Outcome.UNKNOWN))
        pulse.see(write(130, 2002, Outcome.FAIL))
        assert pulse.to_audit(131 * S) is None
        pulse.see(write(132, 2003))
        assert pulse.to_audit(133 * S) is None
        pulse.see(write(133.5, 2004))
        # A minute before the first failure, at 20 a second.
        assert pulse.to_audit(134 * S) == (801, 2004)
        assert pulse.to_audit(140 * S) is None

    def test_a_failure_among_the_first_acknowledgements_starts_the_wait_anew(self, pulse: Pulse) -> None:
        pulse.see(write(1, 1, Outcome.FAIL))
        pulse.see(write(2, 2))
        pulse.see(write(3, 3, Outcome.FAIL))
        assert pulse.to_audit(10 * S) is None
        pulse.see(write(11, 4))
        assert pulse.to_audit(13 * S) == (1, 4)

    def test_what_all_that_went_on_may_have_cost_is_asked_once_from_the_first_failure_on(self) -> None:
        pulse = Pulse(rate_per_s=0.01)
        assert pulse.endangered() is None
        pulse.see(write(10, 7, Outcome.FAIL))
        pulse.see(write(11, 8))
        assert pulse.to_audit(13 * S) == (6, 8)
        pulse.see(write(14, 9, Outcome.UNKNOWN))
        assert pulse.endangered() == 6
        assert pulse.endangered() is None
