"""What a terminal sees of a recording: one line an event, and one when reads or writes begin to fail or succeed."""

from __future__ import annotations

from collections.abc import Callable
from queue import SimpleQueue
from threading import Thread

from observer.timeline import SECOND_NS, Event, Findings, Operation, Outcome
from observer.words import QUIET_KINDS, line, outcome

STEADY_NS = 1 * SECOND_NS


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
                self.say(f"{entry.finished_ns / SECOND_NS:9.3f} s  traffic   {entry.action}s fail: {why}")
            began_ns = self._failing.get(entry.action, (entry.due_ns, 0))[0]
            self._failing[entry.action] = (began_ns, entry.finished_ns)
        elif entry.action in self._failing:
            began_ns, failed_ns = self._failing[entry.action]
            if entry.finished_ns - failed_ns > STEADY_NS:
                del self._failing[entry.action]
                spell_s = (failed_ns - began_ns) / SECOND_NS
                at_s = entry.finished_ns / SECOND_NS
                self.say(f"{at_s:9.3f} s  traffic   {entry.action}s succeed again; failures came for {spell_s:.1f} s")

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
