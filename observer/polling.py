"""A poll: who is looked at, how often, and by what. (Poller: looks -> events with windows.)"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from observer.timeline import Event

Record = Callable[[Event], None]
Now = Callable[[], int]


@dataclass(frozen=True, slots=True)
class Job:
    """One look at one target, to be run every `every_ms` by the scheduler; `run` neither raises nor hangs.

    `name` is unique in the daemon: "patroni patroni1". `run` returns within a second or so whatever the target does.
    """

    name: str
    every_ms: int
    run: Callable[[], None]
