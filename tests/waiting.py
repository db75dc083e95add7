"""Waiting for a condition, so that no test sleeps for a time; and what the machine took from this process meanwhile."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

T = TypeVar("T")

TICK_S = 0.01
LATE_S = 0.05  # a thread that wakes later than this was held up


def eventually(condition: Callable[[], T], limit_s: float, what: str, saw: Callable[[], object] | None = None) -> T:
    """The condition's first true value; fails with `what`, and with what was seen last, if none comes within the limit.

    `saw` tells more of that than the condition's value does. It looks once more after the limit: a machine that stood
    still until then has not yet shown that the condition does not come.
    """
    deadline = time.monotonic() + limit_s
    while True:
        over = time.monotonic() > deadline
        seen = condition()
        if seen:
            return seen
        if over:
            last = seen if saw is None else saw()
            raise AssertionError(f"after {limit_s:g} s it is still not so that {what}; seen last: {last}")
        time.sleep(0.05)


@contextmanager
def held_up_s() -> Iterator[Callable[[], float]]:
    """Gives how long this process was held up so far, in seconds: what no time measured in it can be blamed for."""
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
