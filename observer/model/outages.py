"""The one definition of an outage, applied to the operations of one action as they finish, and their present state.

An outage is the time between two consecutive acknowledged operations that is longer than max(3/rate, 150 ms) and holds
at least one FAIL or UNKNOWN. A gap without a failure is a stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from observer.model.findings import Outage
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome

SHORTEST_NS = 150 * MS_NS
KEPT_S = 60
RATE_OVER_S = 3
STEADY_NS = 1 * SECOND_NS
"""A series of failures is over once an operation is acknowledged this long after the last failure."""


def limit_ns(rate_per_s: float) -> int:
    """Return the longest gap between two acknowledgements that is no outage, for operations due at this rate."""
    return max(int(3 * SECOND_NS / rate_per_s), SHORTEST_NS)


@dataclass(frozen=True, slots=True)
class Failures:
    """The failures since the last acknowledgement: when the first was due, when the first and the last finished."""

    first_due_ns: int
    first_ns: int
    last_ns: int
    failed: int = 0
    unknown: int = 0

    def with_one_more(self, operation: Operation) -> Failures:
        """Return these failures and one that finished later."""
        return Failures(
            first_due_ns=min(self.first_due_ns, operation.due_ns),
            first_ns=self.first_ns,
            last_ns=operation.finished_ns,
            failed=self.failed + (operation.outcome is Outcome.FAIL),
            unknown=self.unknown + (operation.outcome is Outcome.UNKNOWN),
        )


@dataclass(slots=True)
class OutageDetector:
    """Finds the outages of one action. Feed `add` with its operations in order of finishing.

    `asleep` lists when the observer itself did not run, as (from, until) in ns. Sleep before the first failure of an
    outage, or after its last one, does not count as outage.
    """

    action: Action
    limit_ns: int = SHORTEST_NS
    asleep: Sequence[tuple[int, int]] = ()
    acknowledged: Operation | None = None  # the last one
    failures: Failures | None = None  # since then

    def add(self, operation: Operation) -> Outage | None:
        """Take the next operation and return the outage that it ended, or None."""
        last = self.acknowledged
        if last is not None and operation.finished_ns < last.finished_ns:
            return None  # recorded late by another thread: the gap in which it finished is closed
        if operation.outcome is Outcome.OK:
            outage = self._outage(operation.finished_ns, after=operation)
            self.acknowledged, self.failures = operation, None
            return outage
        known = self.failures or Failures(operation.due_ns, operation.finished_ns, operation.finished_ns)
        self.failures = known.with_one_more(operation)
        return None

    def running(self, now_ns: int) -> Outage | None:
        """Return the outage that is still open at a moment of the recording, or None."""
        return self._outage(now_ns, after=None)

    def _outage(self, now_ns: int, after: Operation | None) -> Outage | None:
        failures, before = self.failures, self.acknowledged
        if failures is None:
            return None
        first_ns, last_ns = failures.first_ns, failures.last_ns
        # Before the first acknowledgement, an outage begins when the first failed operation was due.
        gap_began_ns = min(failures.first_due_ns, first_ns) if before is None else before.finished_ns
        gap_ended_ns = max(now_ns, last_ns)
        began_ns, ended_ns = gap_began_ns, gap_ended_ns
        for from_ns, until_ns in self.asleep:
            if began_ns <= from_ns < first_ns:
                began_ns = min(until_ns, first_ns)
            if last_ns <= from_ns and until_ns <= ended_ns:
                ended_ns = from_ns
        if ended_ns - began_ns <= self.limit_ns:
            return None
        return Outage(
            action=self.action,
            began_ns=began_ns,
            ended_ns=ended_ns,
            open=after is None,
            before_id=None if before is None or began_ns > gap_began_ns else before.id,
            after_id=None if after is None or ended_ns < gap_ended_ns else after.id,
            first_failure_ns=failures.first_due_ns,
            failed=failures.failed,
            unknown=failures.unknown,
        )


@dataclass(slots=True)
class Counts:
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
    seconds: dict[int, Counts] = field(default_factory=dict)
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
        second = self.seconds.setdefault(at_s, Counts())
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
        return sum(self.seconds.get(now_s - n, Counts()).ok for n in range(1, RATE_OVER_S + 1)) / RATE_OVER_S

    def last_minute(self, now_ns: int) -> list[Counts | None]:
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
