"""Wait for a condition instead of a fixed time, and measure how long the machine held this process up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

TICK_S = 0.01
LATE_S = 0.05  # a thread that wakes later than this was held up


def eventually(
    condition: Callable[[], T | None], limit_s: float, what: str, last: Callable[[], object] | None = None
) -> T:
    """Return the condition's first true value; fail with `what` and the last value if there is none within the limit.

    `last` returns a better description than the condition's last value. The condition is evaluated once more after
    the limit, because the machine may have held this process up until then.
    """
    deadline = time.monotonic() + limit_s
    while True:
        over = time.monotonic() > deadline
        value = condition()
        if value:
            return value
        if over:
            raise AssertionError(f"waited {limit_s:g} s in vain until {what}; last: {last() if last else value}")
        time.sleep(0.05)


@contextmanager
def held_up_s() -> Iterator[Callable[[], float]]:
    """Give a function that returns how long the machine has held this process up in the block, in seconds."""
    late_s, over = [0.0], threading.Event()

    def tick() -> None:
        while not over.is_set():
            began = time.monotonic()
            over.wait(TICK_S)
            slept_s = time.monotonic() - began - TICK_S
            late_s[0] += slept_s if slept_s > LATE_S else 0

    ticking = threading.Thread(target=tick, daemon=True)
    ticking.start()
    try:
        yield lambda: late_s[0]
    finally:
        over.set()
        ticking.join()
