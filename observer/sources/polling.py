"""Polling: a Job for the scheduler, and the Poller, which turns polls of one subject into events with windows."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from observer.model.recording import Event, Window

Record = Callable[[Event], None]
Now = Callable[[], int]
Observation = tuple[str, str, Mapping[str, Any]]  # kind, subject, detail

State = TypeVar("State")

# Connection attempts to a host that is down fail in both ways by turns, so they count as one way.
_HOST_DOWN = ("connect_timeout", "unreachable")


@dataclass(frozen=True, slots=True)
class Job:
    """One poll of one target, which the scheduler runs every `every_ms`; `run` neither raises nor hangs.

    `name` is unique in the daemon: "patroni patroni1". `run` returns within about a second, whatever the target does.
    """

    name: str
    every_ms: int
    run: Callable[[], None]


class PollFailed(Exception):
    """A poll without an answer. `how`: refused, unreachable, connect_timeout, silent, closed, error or unresolved."""

    def __init__(self, how: str, error: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.how = how
        self.error = error
        self.detail: Mapping[str, Any] = detail or {}


@dataclass(frozen=True, slots=True)
class Access:
    """Credentials, and the files of a CA (which turns TLS of etcd on), of a client certificate and of its key."""

    user: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


ANONYMOUS = Access()


@dataclass(slots=True)
class Reachability:
    """Records that a source does not reach its subject (source.blind), and that it does again (source.sees).

    `how` is how the last poll failed; None while the subject answers.
    """

    source: str
    subject: str
    record: Record
    how: str | None = None

    def lost(self, failure: PollFailed, since_ns: int, window: Window) -> None:
        """Record how polls fail; `since_ns` is the start of the first poll that failed."""
        self.how = failure.how
        detail = {**failure.detail, "how": failure.how, "error": failure.error, "since_ns": since_ns}
        self.record(Event(self.source, "source.blind", self.subject, window, detail))

    def back(self, window: Window) -> bool:
        """Record that the subject answers, if it did not before; return whether that is so."""
        how, self.how = self.how, None
        if how is not None:
            self.record(Event(self.source, "source.sees", self.subject, window, {"how": how}))
        return how is not None


class Poller(Generic[State]):
    """Poll one subject again and again, and record what changed between two polls.

    `poll` returns the state or raises PollFailed. `compare(before, after)` returns what is worth an event; `before` is
    None at the first poll. A change lies in (the start of the last poll with the old state, the end of this poll]; what
    the first poll finds lies within that poll. While the subject is unreachable, each way of failing is recorded once
    (source.blind), and the end of the period once (source.sees). The states before and after the period are compared,
    so the window of a change covers the period.
    """

    def __init__(
        self,
        source: str,
        subject: str,
        poll: Callable[[], State],
        compare: Callable[[State | None, State], Iterable[Observation]],
        record: Record,
        now_ns: Now,
    ) -> None:
        self.state: State | None = None
        self._poll, self._compare, self._now_ns = poll, compare, now_ns
        self._reachability = Reachability(source, subject, record)
        self._answered_ns: int | None = None  # start of the last poll with an answer
        self._failed_ns = 0  # start of the last poll that failed in the present way
        self._since_ns = 0

    def run(self) -> None:
        """Poll once. Never raise: an answer that cannot be parsed makes the subject unreachable."""
        began_ns = self._now_ns()
        try:
            after = self._poll()
            changes = list(self._compare(self.state, after))
        except PollFailed as failure:
            self._unreachable(failure, began_ns)
            return
        except Exception as error:  # noqa: BLE001 (the other sources go on)
            self._unreachable(PollFailed("error", f"{type(error).__name__}: {error}"), began_ns)
            return
        by_ns, reachability = self._now_ns(), self._reachability
        reachability.back(Window(self._failed_ns, by_ns))
        window = Window(began_ns if self._answered_ns is None else self._answered_ns, by_ns)
        self.state, self._answered_ns = after, began_ns
        for kind, subject, detail in changes:
            reachability.record(Event(reachability.source, kind, subject, window, detail))

    def _unreachable(self, failure: PollFailed, began_ns: int) -> None:
        how = self._reachability.how
        if failure.how != how and not (failure.how in _HOST_DOWN and how in _HOST_DOWN):
            after_ns = self._failed_ns
            if how is None:
                self._since_ns = began_ns
                after_ns = began_ns if self._answered_ns is None else self._answered_ns
            self._reachability.lost(failure, self._since_ns, Window(after_ns, self._now_ns()))
        self._failed_ns = began_ns
