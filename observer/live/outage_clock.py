"""How the operations of one action fare at the moment: the last minute by second, failures, and the running outage."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from observer.model.outages import OutageDetector
from observer.model.recording import SECOND_NS, Operation, Outcome

KEPT_S = 60
RATE_OVER_S = 3
STEADY_NS = 1 * SECOND_NS
"""A series of failures is over once an operation is acknowledged this long after the last failure."""


@dataclass(slots=True)
class Second:
    """How many operations that finished in one second were acknowledged, and how many were not."""

    ok: int = 0
    bad: int = 0


@dataclass(slots=True)
class ActionState:
    """The present state of one action, fed by `apply`.

    `outage_ns` and `outage_count` cover the outages that ended. `failing_since_ns` is when the first operation of the
    present series of failures was due. `recovered_ns` is the first acknowledgement since the last failure.
    """

    outages: OutageDetector
    seconds: dict[int, Second] = field(default_factory=dict)
    ok: int = 0
    failed: int = 0
    unknown: int = 0
    outage_count: int = 0
    outage_ns: int = 0
    failing_since_ns: int | None = None
    last_failure_ns: int | None = None
    recovered_ns: int | None = None
    reason: str = ""  # of the last failure
    missing_tables: str | None = None

    def apply(self, operation: Operation) -> None:
        """Count an operation that finished."""
        at_s = operation.finished_ns // SECOND_NS
        second = self.seconds.setdefault(at_s, Second())
        if len(self.seconds) > 2 * KEPT_S:
            self.seconds = {s: counted for s, counted in self.seconds.items() if s > at_s - KEPT_S}
        outage = self.outages.add(operation)
        if outage is not None:
            self.outage_count += 1
            self.outage_ns += outage.duration_ns
        if operation.outcome is Outcome.OK:
            second.ok += 1
            self.ok += 1
            if self.ends_failures(operation):
                self.failing_since_ns = None
            if self.recovered_ns is None and self.last_failure_ns is not None:
                self.recovered_ns = operation.finished_ns
            return
        second.bad += 1
        self.failed += operation.outcome is Outcome.FAIL
        self.unknown += operation.outcome is Outcome.UNKNOWN
        self.reason = reason_of(operation)
        self.failing_since_ns = operation.due_ns if self.failing_since_ns is None else self.failing_since_ns
        self.last_failure_ns, self.recovered_ns = operation.finished_ns, None

    def ends_failures(self, operation: Operation) -> bool:
        """Return whether this operation, not applied yet, shows that the present series of failures is over."""
        if self.failing_since_ns is None or self.last_failure_ns is None or operation.outcome is not Outcome.OK:
            return False
        return operation.finished_ns - self.last_failure_ns > STEADY_NS

    def running_ns(self, now_ns: int) -> int:
        """Return how long the outage that runs now has lasted; 0 if none runs."""
        outage = self.outages.running(now_ns)
        return 0 if outage is None else outage.duration_ns

    def per_s(self, now_ns: int) -> float:
        """Return the acknowledged operations per second, over the last whole seconds."""
        now_s = now_ns // SECOND_NS
        return sum(self.seconds.get(now_s - n, Second()).ok for n in range(1, RATE_OVER_S + 1)) / RATE_OVER_S

    def last_minute(self, now_ns: int) -> list[Second | None]:
        """Return the last minute second by second, the newest last; None for a second in which nothing finished."""
        now_s = now_ns // SECOND_NS
        return [self.seconds.get(second) for second in range(now_s - KEPT_S, now_s)]

    def copy(self) -> ActionState:
        """Return a copy that `apply` no longer changes."""
        seconds = {second: replace(count) for second, count in self.seconds.items()}
        return replace(self, outages=replace(self.outages), seconds=seconds)


def reason_of(operation: Operation) -> str:
    """Return why an operation failed: the error's first line, else its SQLSTATE, else the stage it reached."""
    return operation.message or operation.sqlstate or operation.stage
