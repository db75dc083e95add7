"""How the operations of one action go at the moment: by second, and the outage that runs."""

from __future__ import annotations

from dataclasses import dataclass, field

from observer.model.recording import MS_NS, SECOND_NS, Operation, Outcome

KEPT_S = 60
LATELY_S = 3


@dataclass(slots=True)
class Second:
    """How the operations that finished in one second ended."""

    ok: int = 0
    bad: int = 0


@dataclass(slots=True)
class Flow:
    """One action. An outage is, as in the report, a gap between acknowledgements above the limit that holds a failure.

    `due_ns` is when the first operation that failed since the last acknowledgement was due.
    """

    limit_ns: int = 150 * MS_NS
    seconds: dict[int, Second] = field(default_factory=dict)
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    outages: int = 0
    outage_ns: int = 0
    ok_ns: int | None = None
    due_ns: int | None = None
    why: str = ""
    absent: str | None = None

    def see(self, operation: Operation) -> None:
        """An operation ended."""
        at_s = operation.finished_ns // SECOND_NS
        second = self.seconds.setdefault(at_s, Second())
        if len(self.seconds) > 2 * KEPT_S:
            self.seconds = {s: counted for s, counted in self.seconds.items() if s > at_s - KEPT_S}
        if operation.outcome is not Outcome.OK:
            second.bad += 1
            self.failed += operation.outcome is Outcome.FAIL
            self.unknown += operation.outcome is Outcome.UNKNOWN
            self.why = operation.message or operation.sqlstate or operation.stage
            self.due_ns = operation.due_ns if self.due_ns is None else self.due_ns
            return
        second.ok += 1
        self.ok += 1
        running_ns = self.running_ns(operation.finished_ns)
        if running_ns:
            self.outages += 1
            self.outage_ns += running_ns
        self.ok_ns, self.due_ns = max(operation.finished_ns, self.ok_ns or 0), None

    def running_ns(self, now_ns: int) -> int:
        """How long the outage has lasted that runs now; 0: none runs."""
        if self.due_ns is None:
            return 0
        lasted_ns = now_ns - (self.due_ns if self.ok_ns is None else self.ok_ns)
        return lasted_ns if lasted_ns > self.limit_ns else 0

    def per_s(self, now_ns: int) -> float:
        """Acknowledged operations a second, over the last whole seconds."""
        now_s = now_ns // SECOND_NS
        return sum(self.seconds.get(now_s - n, Second()).ok for n in range(1, LATELY_S + 1)) / LATELY_S

    def lately(self, now_ns: int) -> list[Second | None]:
        """The last minute, second by second, the newest last; None where nothing ended."""
        now_s = now_ns // SECOND_NS
        return [self.seconds.get(second) for second in range(now_s - KEPT_S, now_s)]
