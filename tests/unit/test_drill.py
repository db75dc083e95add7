"""What a drill does of itself, without a cluster."""

from __future__ import annotations

import signal

import pytest

from observer.commands.drill import ENDINGS, mending


@pytest.mark.parametrize("ending", ENDINGS)
def test_mending_is_cut_short_by_none_of_the_signals_that_end_a_drill(ending: signal.Signals) -> None:
    before = signal.signal(ending, signal.default_int_handler)
    try:
        with mending():
            signal.raise_signal(ending)
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(ending)
    finally:
        signal.signal(ending, before)
