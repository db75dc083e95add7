"""A connection that is kept between questions and waits for each answer, by a deadline."""

from __future__ import annotations

import selectors
import threading
from collections.abc import Sequence
from typing import Any

from observer.model.recording import MS_NS, SECOND_NS
from observer.postgres.resolver import Resolver
from observer.postgres.session import READY, RESOLVING, NoAnswer, Now, Session, parameters

_Selector: type[selectors.BaseSelector] = getattr(selectors, "PollSelector", selectors.SelectSelector)


class Kept:
    """A connection that is kept between questions and made anew when it broke. For one thread at a time.

    `parting`: how the kept connection ended that the last question found broken; None where it found none.
    """

    def __init__(self, dsn: str, deadline_ms: int, now_ns: Now, resolver: Resolver | None = None) -> None:
        self._parameters = parameters(dsn)
        self._deadline_ns = deadline_ms * MS_NS
        self._now_ns = now_ns
        self._woken = threading.Event()
        self._resolver = resolver or Resolver(now_ns, self._woken.set)
        self._session: Session | None = None
        self.parting: NoAnswer | None = None

    @property
    def connected(self) -> bool:
        """Whether the next question goes to a connection that answered before."""
        return self._session is not None

    def ask(
        self, sql: str, values: Sequence[object] | None = None, until_ns: int | None = None
    ) -> list[tuple[Any, ...]]:
        """The rows of the answer. Raises NoAnswer, by the deadline (or `until_ns`, where it is told) at the latest.

        A kept connection that turns out to be broken is replaced within the same deadline: how the *server* is, not how
        the old connection ended, is the answer. So ask nothing here that may not be asked twice.
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
        """Ends the connection."""
        if self._session is not None:
            self._session.leave()
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
                session.abandon()
                self._session = None
            raise

    def _until_ready(self, session: Session, until_ns: int) -> None:
        while (wants := session.step()) != READY:
            left_s = (until_ns - self._now_ns()) / SECOND_NS
            if left_s <= 0:
                raise session.overdue()
            if wants == RESOLVING:
                self._woken.wait(min(left_s, 0.05))
                self._woken.clear()
                continue
            with _Selector() as selector:
                selector.register(session.fileno(), wants)
                if not selector.select(left_s):
                    raise session.overdue()


def ask(
    dsn: str, sql: str, deadline_ms: int, now_ns: Now, values: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """One question on a connection of its own. Raises NoAnswer by the deadline at the latest, DsnError."""
    kept = Kept(dsn, deadline_ms, now_ns)
    try:
        return kept.ask(sql, values)
    finally:
        kept.close()
