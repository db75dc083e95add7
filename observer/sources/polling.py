"""A poll: who is looked at, how often, and by what; and the Poller, which turns looks into events with windows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from observer.model.recording import Event, Window

Record = Callable[[Event], None]
Now = Callable[[], int]
Told = tuple[str, str, Mapping[str, Any]]  # kind, subject, detail

State = TypeVar("State")

# Of a host that is gone, attempts to connect fail now by the one, now by the other: that is one way of failing.
_NOBODY_THERE = ("connect_timeout", "unreachable")


@dataclass(frozen=True, slots=True)
class Job:
    """One look at one target, to be run every `every_ms` by the scheduler; `run` neither raises nor hangs.

    `name` is unique in the daemon: "patroni patroni1". `run` returns within a second or so whatever the target does.
    """

    name: str
    every_ms: int
    run: Callable[[], None]


class LookFailed(Exception):
    """A look that saw nothing. `how`: refused, unreachable, connect_timeout, silent, closed, error or unresolved."""

    def __init__(self, how: str, error: str, detail: Mapping[str, Any] | None = None) -> None:
        super().__init__(error)
        self.how = how
        self.error = error
        self.detail: Mapping[str, Any] = detail or {}


class Poller(Generic[State]):
    """Looks again and again at one subject and records what changed between two looks.

    `look` gives the state or raises LookFailed; `tell(before, after)` gives what is worth an event, `before` being None
    at the first look. A change lies in (the last look that saw the old state began, this look ended]; what the first
    look finds lies within that look. A spell without sight is told once for each way of failing (source.blind), then
    once when it is over (source.sees); the states at its two ends are compared, so that the window covers it.

    In source.blind, `since_ns` is when the first look of the spell that failed began.
    """

    def __init__(
        self,
        source: str,
        subject: str,
        look: Callable[[], State],
        tell: Callable[[State | None, State], Iterable[Told]],
        record: Record,
        now_ns: Now,
    ) -> None:
        self.state: State | None = None
        self._source = source
        self._subject = subject
        self._look = look
        self._tell = tell
        self._record = record
        self._now_ns = now_ns
        self._saw_ns: int | None = None  # when the last look that saw began
        self._failed_ns: int | None = None  # when the last look that failed in the present way began
        self._since_ns = 0
        self._how: str | None = None

    def run(self) -> None:
        """One look. Never raises: a source that stumbles over an answer is blind, not dead."""
        began_ns = self._now_ns()
        try:
            after = self._look()
            told = list(self._tell(self.state, after))
        except LookFailed as failure:
            self._blind(failure, began_ns)
            return
        except Exception as error:
            self._blind(LookFailed("error", f"{type(error).__name__}: {error}"), began_ns)
            return
        by_ns = self._now_ns()
        if self._how is not None:
            failed_ns = began_ns if self._failed_ns is None else self._failed_ns
            self._emit("source.sees", self._subject, {"how": self._how}, Window(failed_ns, by_ns))
            self._how = None
        window = Window(began_ns if self._saw_ns is None else self._saw_ns, by_ns)
        self.state, self._saw_ns = after, began_ns
        for kind, subject, detail in told:
            self._emit(kind, subject, detail, window)

    def _blind(self, failure: LookFailed, began_ns: int) -> None:
        alike = failure.how in _NOBODY_THERE and self._how in _NOBODY_THERE
        if failure.how != self._how and not alike:
            if self._how is None:
                self._since_ns = began_ns
                after_ns = began_ns if self._saw_ns is None else self._saw_ns
            else:
                after_ns = began_ns if self._failed_ns is None else self._failed_ns
            self._how = failure.how
            detail = {**failure.detail, "how": failure.how, "error": failure.error, "since_ns": self._since_ns}
            self._emit("source.blind", self._subject, detail, Window(after_ns, self._now_ns()))
        self._failed_ns = began_ns

    def _emit(self, kind: str, subject: str, detail: Mapping[str, Any], window: Window) -> None:
        self._record(Event(self._source, kind, subject, window, detail))
