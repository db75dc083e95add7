"""What sees a recording while it runs, and the plainest of them: one line an event, without colours."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread
from typing import Protocol

from observer.live.board import Look
from observer.live.words import QUIET_KINDS, line, outcome, stamp
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, RecordingHeader

STEADY_NS = 1 * SECOND_NS


class View(Protocol):
    """What the daemon tells of. Nothing here may hold up the caller: `see` is called by those who record."""

    def start(self) -> None:
        """Begins to show."""

    def stop(self) -> None:
        """Shows what is left, for a second or so, and ends."""

    def begin(self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], look: Look) -> None:
        """The recording begins; `look` gives what the sources know beyond their records."""

    def say(self, text: str) -> None:
        """A sentence of the daemon's own."""

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""

    def judged(self, findings: Findings) -> None:
        """The judge spoke."""


class Plain:
    """Prints through a thread of its own, so that a terminal that is held up holds up nothing else."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._queue: SimpleQueue[str | None] = SimpleQueue()
        self._failing: dict[str, tuple[int, int]] = {}  # by action: when the failures began, when the last one ended
        self._overdue = False
        self._judged: list[str] = []
        self._thread = Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Begins to print."""
        self._thread.start()

    def stop(self) -> None:
        """Prints what is queued, for a second at most."""
        self._queue.put(None)
        self._thread.join(1.0)

    def begin(self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], look: Look) -> None:
        """Needs nothing of it."""

    def say(self, text: str) -> None:
        """A sentence of the daemon's own."""
        self._queue.put(text)

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""
        if isinstance(entry, Event):
            if entry.kind not in QUIET_KINDS and not self._said_before(entry):
                self._queue.put(line(entry))
        elif entry.outcome is not Outcome.OK:
            if entry.action not in self._failing:
                why = entry.message or entry.sqlstate or entry.stage
                self.say(f"{stamp(entry.finished_ns)}  traffic   {entry.action}s fail: {why}")
            began_ns = self._failing.get(entry.action, (entry.due_ns, 0))[0]
            self._failing[entry.action] = (began_ns, entry.finished_ns)
        elif entry.action in self._failing:
            began_ns, failed_ns = self._failing[entry.action]
            if entry.finished_ns - failed_ns > STEADY_NS:
                del self._failing[entry.action]
                spell_s = (failed_ns - began_ns) / SECOND_NS
                at = stamp(entry.finished_ns)
                self.say(f"{at}  traffic   {entry.action}s succeed again; failures came for {spell_s:.1f} s")

    def _said_before(self, event: Event) -> bool:
        """Whether the event only goes on: a lease is overdue anew each second."""
        overdue, was = event.kind == "lease.overdue", self._overdue
        if event.kind.startswith(("lease.", "leader.")):
            self._overdue = overdue
        return overdue and was

    def judged(self, findings: Findings) -> None:
        """The judge spoke: what is new since it did last is shown, word for word what it finds now."""
        said, self._judged = self._judged, outcome(findings)
        for sentence in self._judged:
            if sentence in said:
                continue
            self.say(sentence)

    def _run(self) -> None:
        while (text := self._queue.get()) is not None:
            self._say(text)
