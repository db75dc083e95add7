"""A connection that stays open between queries and waits for each answer until a deadline."""

import selectors
import threading
from collections.abc import Sequence
from typing import Any

from observer.model.recording import MS_NS, SECOND_NS
from observer.postgres.resolver import Resolver
from observer.postgres.session import READY, RESOLVING, NoAnswer, Now, Session, parameters

_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class PersistentConnection:
    """A connection that is opened again if it broke. For one thread at a time.

    `parting`: the error with which the server ended the connection before the last query; None if it was usable.
    """

    def __init__(self, dsn: str, deadline_ms: int, now_ns: Now, resolver: Resolver | None = None) -> None:
        self._parameters = parameters(dsn)
        self._deadline_ns = deadline_ms * MS_NS
        self._now_ns = now_ns
        self._woken = threading.Event()
        self._resolver = resolver or Resolver(now_ns, self._woken.set)
        self._session: Session | None = None
        self.parting: NoAnswer | None = None

    def ask(
        self, sql: str, values: Sequence[object] | None = None, until_ns: int | None = None
    ) -> list[tuple[Any, ...]]:
        """Return the rows of the answer. Raise NoAnswer by the deadline, or by `until_ns` if given.

        A broken connection is replaced within the same deadline: the state of the *server* counts, not the end of the
        old connection. So send only statements that may run twice.
        """
        if until_ns is None:
            until_ns = self._now_ns() + self._deadline_ns
        self.parting = None
        if self._session is not None:
            try:
                return self._answer(self._session, sql, values, until_ns)
            except NoAnswer as failure:
                if not failure.lost or failure.how not in ("closed", "error"):
                    raise
                self.parting = failure
        self._session = Session(self._parameters, self._resolver)
        return self._answer(self._session, sql, values, until_ns)

    def close(self) -> None:
        """Close the connection."""
        if self._session is not None:
            self._session.close()
            self._session = None

    def _answer(
        self, session: Session, sql: str, values: Sequence[object] | None, until_ns: int
    ) -> list[tuple[Any, ...]]:
        try:
            if session.stage not in ("send", "done"):
                self._until_ready(session, until_ns)
            session.send(sql, values)
            self._until_ready(session, until_ns)
            return session.rows()
        except NoAnswer as failure:
            if failure.lost:
                session.reset()
                self._session = None
            raise

    def _until_ready(self, session: Session, until_ns: int) -> None:
        while (wants := session.step()) != READY:
            left_s = (until_ns - self._now_ns()) / SECOND_NS
            if left_s <= 0:
                raise session.deadline_error()
            if wants == RESOLVING:
                self._woken.wait(min(left_s, 0.05))
                self._woken.clear()
                continue
            with _Selector() as selector:
                selector.register(session.fileno(), wants)
                if not selector.select(left_s):
                    raise session.deadline_error()


def ask(
    dsn: str, sql: str, deadline_ms: int, now_ns: Now, values: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Send one query on a connection of its own and return its rows. Raise NoAnswer by the deadline, or DsnError."""
    connection = PersistentConnection(dsn, deadline_ms, now_ns)
    try:
        return connection.ask(sql, values)
    finally:
        connection.close()
