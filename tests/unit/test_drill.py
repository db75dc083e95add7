"""What a drill does by itself, without a cluster."""

from __future__ import annotations

import signal

import pytest

from stack.scenario_run import STOP_SIGNALS, uninterrupted


@pytest.mark.parametrize("number", STOP_SIGNALS)
def test_no_signal_that_stops_a_drill_interrupts_the_repair(number: signal.Signals) -> None:
    before = signal.signal(number, signal.default_int_handler)
    try:
        with uninterrupted():
            signal.raise_signal(number)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(number)
    finally:
        signal.signal(number, before)
