"""The schedule of operations, by the clock alone: an operation that hangs delays none after it."""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

from observer.model.recording import MS_NS, SECOND_NS, Action, Probe

# Each needs a descriptor: select() on Windows takes 512 in all, and a process on Linux usually has 1,024.
MOST_SLOTS = 200 if sys.platform == "win32" else 400


@dataclass(frozen=True, slots=True)
class Stream:
    """The operations of one action and probe: the n-th, from 0, is due at first_ns + n / rate_per_s."""

    action: Action
    probe: Probe
    first_ns: int
    rate_per_s: float

    def due_ns(self, n: int) -> int:
        """Return when the n-th operation is due."""
        return self.first_ns + round(n * SECOND_NS / self.rate_per_s)

    def after(self, at_ns: int) -> int:
        """Return the number of the first operation that is due later than at_ns."""
        n = max(0, math.floor((at_ns - self.first_ns) * self.rate_per_s / SECOND_NS))
        while self.due_ns(n) <= at_ns:
            n += 1
        return n


@dataclass(frozen=True, slots=True)
class Due:
    """One operation of a stream, and when it is due."""

    stream: Stream
    due_ns: int


def streams(start_ns: int, rate_per_s: float, fresh_per_s: float) -> tuple[Stream, ...]:
    """Return the four streams, staggered: reads half a period after writes, new connections a quarter later."""
    period_ns = SECOND_NS / rate_per_s

    def stream(action: Action, probe: Probe, rate: float, quarters: int) -> Stream:
        return Stream(action, probe, start_ns + round(quarters * period_ns / 4), rate)

    persistent = (stream("write", "kept", rate_per_s, 0), stream("read", "kept", rate_per_s, 2))
    if fresh_per_s == 0:
        return persistent
    return (*persistent, stream("write", "fresh", fresh_per_s, 1), stream("read", "fresh", fresh_per_s, 3))


def slots(rate_per_s: float, fresh_per_s: float, deadline_ms: int) -> int:
    """Return how many connections one action may have at once: 2 x rate x deadline, at least 2."""
    return min(MOST_SLOTS, max(2, math.ceil(2 * (rate_per_s + fresh_per_s) * deadline_ms * MS_NS / SECOND_NS)))


class Schedule:
    """The progress of each stream."""

    def __init__(self, streams: Sequence[Stream]) -> None:
        self._next = dict.fromkeys(streams, 0)
        self.next_ns = min(stream.first_ns for stream in streams)

    def take(self, now_ns: int) -> list[Due]:
        """Return the operations that are due and were not taken yet, in order; a late one keeps its due time."""
        due: list[Due] = []
        if now_ns < self.next_ns:
            return due
        for stream, n in self._next.items():
            at_ns = stream.due_ns(n)
            while at_ns <= now_ns:
                due.append(Due(stream, at_ns))
                n += 1  # noqa: PLW2901 (the next operation of the stream)
                at_ns = stream.due_ns(n)
            self._next[stream] = n
        self._look_ahead()
        return sorted(due, key=lambda one: one.due_ns)

    def skip(self, now_ns: int) -> int:
        """Drop the operations that are due, and return how many."""
        skipped = 0
        for stream, n in self._next.items():
            after = max(n, stream.after(now_ns))
            skipped += after - n
            self._next[stream] = after
        self._look_ahead()
        return skipped

    def _look_ahead(self) -> None:
        self.next_ns = min(stream.due_ns(n) for stream, n in self._next.items())
