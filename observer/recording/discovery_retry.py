"""Retries of the discovery, for a recording that began while etcd did not answer."""

from __future__ import annotations

from collections.abc import Callable

from observer.model.errors import CannotWrite, NothingAnswers, ObserverError
from observer.model.recording import Event, Window
from observer.sources.discovery import Discovery
from observer.sources.polling import Now, Record

SUBJECT = "cluster"


class DiscoveryRetry:
    """Searches for the cluster with `discover`, then passes it to `found` and stores it with `store`.

    An error that waiting does not fix (no such scope, several scopes, refused credentials) goes to `say` and into the
    recording, once for each message. While etcd does not answer, the polls of its endpoints record that.
    """

    def __init__(
        self,
        discover: Callable[[], Discovery | None],
        found: Callable[[Discovery], None],
        store: Callable[[Discovery], None],
        say: Callable[[str], None],
        record: Record,
        now_ns: Now,
    ) -> None:
        self._discover = discover
        self._found = found
        self._store = store
        self._say = say
        self._record = record
        self._now_ns = now_ns
        self._failure: Event | None = None

    def attempt(self) -> bool:
        """Search for the cluster once; return whether nothing is left to do."""
        began_ns = self._now_ns()
        try:
            cluster = self._discover()
        except NothingAnswers:
            return False
        except ObserverError as error:
            self._record_failure(str(error), began_ns)
            return False
        if self._failure is not None:
            detail = {"how": self._failure.detail["how"]}
            self._record(Event("daemon", "source.sees", SUBJECT, Window(began_ns, self._now_ns()), detail))
            self._failure = None
        if cluster is None:
            return True
        self._found(cluster)
        try:
            self._store(cluster)
        except CannotWrite:
            return False  # the recorder reports this; the next attempt finds and stores the cluster again
        return True

    def _record_failure(self, error: str, began_ns: int) -> None:
        if self._failure is not None and self._failure.detail["error"] == error:
            return
        since_ns = began_ns if self._failure is None else self._failure.detail["since_ns"]
        detail = {"how": "error", "error": error, "since_ns": since_ns}
        self._failure = Event("daemon", "source.blind", SUBJECT, Window(began_ns, self._now_ns()), detail)
        self._record(self._failure)
        self._say(f"{error[:1].upper()}{error[1:]} Observer keeps trying.")
