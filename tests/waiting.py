"""Waiting for a condition, so that no test sleeps for a time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(condition: Callable[[], T], limit_s: float, what: str) -> T:
    """The condition's first true value; fails with `what` if none comes within the limit."""
    deadline = time.monotonic() + limit_s
    while not (seen := condition()):
        assert time.monotonic() < deadline, f"after {limit_s:g} s it is still not so that {what}"
        time.sleep(0.05)
    return seen
