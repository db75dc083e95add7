"""The connection pool of one action: connections in use, idle ones, operations that wait, and the limits."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from observer.model.recording import MS_NS, Action, Probe
from observer.postgres.session import Session

# Opening a connection costs 5 ms of CPU here (SCRAM) and a process at the server. After a hiccup at 1,000 operations a
# second the pool would open hundreds, each of which prolongs the hiccup. So beyond these limits an operation on a
# persistent connection waits for one that becomes free. While answers arrive, waiting is better than another
# connection. While none arrive, only a new one can get through, and at the default rate each operation opens one.
_MOST_CONNECTING = 32
_PACE_NS = 10 * MS_NS
_CALM_PACE_NS = 100 * MS_NS


@dataclass(eq=False, slots=True)
class Running:
    """An operation that has not ended. `trying`: the tables were absent, and this operation checks for them again.

    `connection` is None while the operation waits for one.
    """

    action: Action
    probe: Probe
    token: str
    due_ns: int
    started_ns: int
    trying: bool
    connection: Connection | None = None
    ended: bool = False


@dataclass(eq=False, slots=True)
class Connection:
    """A connection, and the operation that uses it now.

    `descriptor` and `events` are what is registered with the selector. `address` is what the server last reported.
    """

    action: Action
    session: Session
    running: Running | None = None
    descriptor: int = -1
    events: int = 0
    idle_since_ns: int = 0
    address: str | None = None


@dataclass(eq=False, slots=True)
class ConnectionPool:
    """All connections of one action. It hands out the idle one used last, so that spare ones reach their age limit."""

    limit: int
    all: set[Connection] = field(default_factory=set)
    connecting: set[Connection] = field(default_factory=set)
    idle: deque[Connection] = field(default_factory=deque)
    waiting: deque[Running] = field(default_factory=deque)
    opened_ns: int = -_CALM_PACE_NS
    freed_ns: int = -_CALM_PACE_NS

    @property
    def full(self) -> bool:
        """Return whether the pool cannot take another operation."""
        return len(self.all) - len(self.idle) + len(self.waiting) >= self.limit

    def spare(self, older_than_ns: int) -> Connection | None:
        """Return an idle connection that was not used since `older_than_ns`, or, at the limit, the oldest one."""
        if self.idle and (self.idle[0].idle_since_ns < older_than_ns or len(self.all) >= self.limit):
            return self.idle[0]
        return None

    def serves(self, running: Running, now_ns: int) -> bool:
        """Return whether an operation can have a connection now, an idle one or a new one."""
        if running.probe == "fresh" or self.idle:
            return True
        return len(self.connecting) < _MOST_CONNECTING and now_ns >= self._opens_ns(now_ns)

    def retry_ns(self, now_ns: int) -> int | None:
        """Return when to retry operations that wait if no connection is freed before; None if none wait."""
        return self._opens_ns(now_ns) if self.waiting and len(self.connecting) < _MOST_CONNECTING else None

    def _opens_ns(self, now_ns: int) -> int:
        """Return when an operation on a persistent connection may open the next one."""
        calm = now_ns < self.freed_ns + _CALM_PACE_NS
        return self.opened_ns + (_CALM_PACE_NS if calm else _PACE_NS)

    def next_waiting(self, now_ns: int) -> Running | None:
        """Remove and return the next operation that waits, if it can have a connection now."""
        while self.waiting and self.waiting[0].ended:
            self.waiting.popleft()
        return self.waiting.popleft() if self.waiting and self.serves(self.waiting[0], now_ns) else None

    def opened(self, connection: Connection, now_ns: int) -> None:
        """Add a new connection, which is still being established."""
        self.all.add(connection)
        self.connecting.add(connection)
        self.opened_ns = now_ns

    def freed(self, connection: Connection, now_ns: int) -> None:
        """Mark a connection as idle after its answer."""
        connection.running = None
        connection.idle_since_ns = self.freed_ns = now_ns
        self.idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Remove a closed connection."""
        self.all.discard(connection)
        self.connecting.discard(connection)
        if connection in self.idle:
            self.idle.remove(connection)
