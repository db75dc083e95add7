"""The connections of one action: those in use, those kept for the next operation, and how many there may be."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from observer.model.recording import MS_NS, Action, Probe
from observer.postgres.session import Session

# A connection costs 5 ms of CPU here (SCRAM) and a process there. A hiccup at 1,000 operations a second would open
# hundreds, each making the hiccup longer; so kept operations beyond these wait for a line that becomes free. While
# answers come, waiting is better than one more connection; where none come, only new connections find the way out, and
# at the default rate each operation opens one.
_MOST_CONNECTING = 32
_PACE_NS = 10 * MS_NS
_CALM_PACE_NS = 100 * MS_NS


@dataclass(eq=False, slots=True)
class Running:
    """An operation on its way. `trying`: the tables were absent, and this one sees whether they still are.

    `line` is the connection that carries it, None while it waits for one.
    """

    action: Action
    probe: Probe
    token: str
    due_ns: int
    started_ns: int
    trying: bool
    line: Line | None = None
    ended: bool = False


@dataclass(eq=False, slots=True)
class Line:
    """A connection, and the operation that it carries now.

    `descriptor` and `events` are what the selector knows of it. `address` is what the server last said of itself.
    """

    action: Action
    session: Session
    running: Running | None = None
    descriptor: int = -1
    events: int = 0
    idle_since_ns: int = 0
    address: str | None = None


@dataclass(eq=False, slots=True)
class Lines:
    """All lines of one action. The idle one that was used last is taken first, so that spare ones grow old and go."""

    limit: int
    all: set[Line] = field(default_factory=set)
    connecting: set[Line] = field(default_factory=set)
    idle: deque[Line] = field(default_factory=deque)
    waiting: deque[Running] = field(default_factory=deque)
    opened_ns: int = -_CALM_PACE_NS
    freed_ns: int = -_CALM_PACE_NS

    @property
    def full(self) -> bool:
        """Whether one operation more would be one too many."""
        return len(self.all) - len(self.idle) + len(self.waiting) >= self.limit

    def spare(self, older_than_ns: int) -> Line | None:
        """An idle line that nobody has used since, or, at the limit, the oldest one."""
        if self.idle and (self.idle[0].idle_since_ns < older_than_ns or len(self.all) >= self.limit):
            return self.idle[0]
        return None

    def serves(self, running: Running, now_ns: int) -> bool:
        """Whether an operation can have a line now, an idle one or a new one."""
        if running.probe == "fresh" or self.idle:
            return True
        return len(self.connecting) < _MOST_CONNECTING and now_ns >= self._opens_ns(now_ns)

    def look_ns(self, now_ns: int) -> int | None:
        """When to look again for what waits, if nothing is freed before; None where nothing waits."""
        return self._opens_ns(now_ns) if self.waiting and len(self.connecting) < _MOST_CONNECTING else None

    def _opens_ns(self, now_ns: int) -> int:
        """When a kept operation may open the next line, as things stand."""
        calm = now_ns < self.freed_ns + _CALM_PACE_NS
        return self.opened_ns + (_CALM_PACE_NS if calm else _PACE_NS)

    def next_waiting(self, now_ns: int) -> Running | None:
        """The next operation that waits for a line, if it can have one now."""
        while self.waiting and self.waiting[0].ended:
            self.waiting.popleft()
        return self.waiting.popleft() if self.waiting and self.serves(self.waiting[0], now_ns) else None

    def opened(self, line: Line, now_ns: int) -> None:
        """A new line is on its way."""
        self.all.add(line)
        self.connecting.add(line)
        self.opened_ns = now_ns

    def freed(self, line: Line, now_ns: int) -> None:
        """A line was answered and waits for the next operation."""
        line.running = None
        line.idle_since_ns = self.freed_ns = now_ns
        self.idle.append(line)

    def forget(self, line: Line) -> None:
        """The line is closed."""
        self.all.discard(line)
        self.connecting.discard(line)
        if line in self.idle:
            self.idle.remove(line)
