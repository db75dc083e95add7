"""The cluster of a recording that began while etcd was silent: looked for until it is found."""

from __future__ import annotations

from collections.abc import Callable

from observer.model.errors import CannotWrite, NothingAnswers, ObserverError
from observer.model.recording import Event, Window
from observer.sources.discovery import Discovery
from observer.sources.polling import Now, Record

SUBJECT = "cluster"


class Seeker:
    """Asks `look` for the cluster, hands it to `found`, and has it learned by `learn`.

    What waiting alone does not mend (no such scope, several of them, refused credentials) is said and recorded, once
    for each sentence; while nothing answers, the looks at etcd's endpoints say so.
    """

    def __init__(
        self,
        look: Callable[[], Discovery | None],
        found: Callable[[Discovery], None],
        learn: Callable[[Discovery], None],
        say: Callable[[str], None],
        record: Record,
        now_ns: Now,
    ) -> None:
        self._look = look
        self._found = found
        self._learn = learn
        self._say = say
        self._record = record
        self._now_ns = now_ns
        self._blind: Event | None = None

    def look(self) -> bool:
        """One look; True when nothing is left to be done."""
        began_ns = self._now_ns()
        try:
            cluster = self._look()
        except NothingAnswers:
            return False
        except ObserverError as error:
            self._cannot_see(str(error), began_ns)
            return False
        if self._blind is not None:
            detail = {"how": self._blind.detail["how"]}
            self._record(Event("daemon", "source.sees", SUBJECT, Window(began_ns, self._now_ns()), detail))
            self._blind = None
        if cluster is None:
            return True
        self._found(cluster)
        try:
            self._learn(cluster)
        except CannotWrite:
            return False  # the recorder says so; what it was to learn is found again
        return True

    def _cannot_see(self, why: str, began_ns: int) -> None:
        if self._blind is not None and self._blind.detail["error"] == why:
            return
        since_ns = began_ns if self._blind is None else self._blind.detail["since_ns"]
        detail = {"how": "error", "error": why, "since_ns": since_ns}
        self._blind = Event("daemon", "source.blind", SUBJECT, Window(began_ns, self._now_ns()), detail)
        self._record(self._blind)
        self._say(f"{why[:1].upper()}{why[1:]} It is looked for again and again.")
