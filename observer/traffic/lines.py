"""The connections of one action: those in use, those kept for the next operation, and how many there may be."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from observer.session import Session
from observer.timeline import Action, Probe

# Kept operations beyond these wait for a connection instead of opening one: a connection costs 5 ms of CPU (SCRAM), and
# a hiccup at 1,000 operations a second would otherwise open hundreds, each making the hiccup longer. At the default
# rate and deadline even a server that answers nothing does not reach it.
MOST_CONNECTING = 32


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

    @property
    def full(self) -> bool:
        """Whether one operation more would be one too many."""
        return len(self.all) - len(self.idle) + len(self.waiting) >= self.limit

    def spare(self, older_than_ns: int) -> Line | None:
        """An idle line that nobody has used since, or, at the limit, the oldest one."""
        if self.idle and (self.idle[0].idle_since_ns < older_than_ns or len(self.all) >= self.limit):
            return self.idle[0]
        return None

    def next_waiting(self) -> Running | None:
        """The next operation that waits for a line, if it can have one now."""
        while self.waiting and self.waiting[0].ended:
            self.waiting.popleft()
        if self.waiting and (self.idle or len(self.connecting) < MOST_CONNECTING):
            return self.waiting.popleft()
        return None

    def forget(self, line: Line) -> None:
        """The line is closed."""
        self.all.discard(line)
        self.connecting.discard(line)
        if line in self.idle:
            self.idle.remove(line)
