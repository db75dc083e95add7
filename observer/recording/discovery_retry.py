"""Retries of the discovery, for a recording that began while etcd did not answer."""

from collections.abc import Callable
from dataclasses import dataclass, field

from observer.model.errors import CannotWrite, NothingAnswers, ObserverError
from observer.model.recording import Window
from observer.sources.discovery import Discovery
from observer.sources.polling import Now, PollFailed, Reachability, Record

SUBJECT = "cluster"


@dataclass(slots=True)
class DiscoveryRetry:
    """Searches for the cluster with `discover`, then passes it to `found` and stores it with `store`.

    An error that waiting does not fix (no such scope, several scopes, refused credentials) goes to `say` and into the
    recording, once for each message. While etcd does not answer, the polls of its endpoints record that.
    """

    discover: Callable[[], Discovery | None]
    found: Callable[[Discovery], None]
    store: Callable[[Discovery], None]
    say: Callable[[str], None]
    record: Record
    now_ns: Now
    _error: str = ""  # the last one, if it was recorded
    _since_ns: int = 0
    _reachability: Reachability = field(init=False)

    def __post_init__(self) -> None:
        self._reachability = Reachability("daemon", SUBJECT, self.record)

    def attempt(self) -> bool:
        """Search for the cluster once; return whether nothing is left to do."""
        began_ns = self.now_ns()
        try:
            cluster = self.discover()
        except NothingAnswers:
            return False
        except ObserverError as error:
            self._record_failure(str(error), began_ns)
            return False
        self._reachability.back(Window(began_ns, self.now_ns()))
        self._error = ""
        if cluster is None:
            return True
        self.found(cluster)
        try:
            self.store(cluster)
        except CannotWrite:
            return False  # the recorder reports this; the next attempt finds and stores the cluster again
        return True

    def _record_failure(self, error: str, began_ns: int) -> None:
        if error == self._error:
            return
        self._since_ns = self._since_ns if self._error else began_ns
        self._error = error
        self._reachability.lost(PollFailed("error", error), self._since_ns, Window(began_ns, self.now_ns()))
        self.say(f"{error[:1].upper()}{error[1:]} Observer keeps trying.")
