"""The one definition of an outage, applied to the operations of one action as they finish.

An outage is the time between two consecutive acknowledged operations that is longer than max(3/rate, 150 ms) and holds
at least one FAIL or UNKNOWN. A gap without a failure is a stall.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.model.findings import Outage
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome

SHORTEST_NS = 150 * MS_NS


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
