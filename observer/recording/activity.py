"""Tell the daemon when an incident is over: time to analyze, and which writes to read back. Pure."""

from dataclasses import dataclass

from observer.live.state import ClusterState
from observer.model.recording import SECOND_NS, Event, Operation, Outcome

QUIET_NS = 5 * SECOND_NS
BACK_NS = 3 * SECOND_NS // 2
BEFORE_S = 60
"""Writes acknowledged up to this long before an outage may be lost: no standby that lags more is promoted."""


@dataclass(slots=True)
class ActivityMonitor:
    """Reads the projection and numbers the writes. `rate_per_s` is the rate of all writes.

    The daemon applies each record to `state` first and then here.
    """

    state: ClusterState
    rate_per_s: float
    last_n: int = 0
    _handled_sign_ns: int | None = None
    _failed_n: int | None = None
    _endangered_n: int | None = None

    def apply(self, record: Event | Operation) -> None:
        """Take note of the number of a write, and of the first write that failed."""
        if isinstance(record, Event) or record.action != "write":
            return
        number = number_of(record.token)
        self.last_n = max(self.last_n, number)
        if record.outcome is not Outcome.OK:
            self._failed_n = number if self._failed_n is None else min(number, self._failed_n)
            self._endangered_n = number if self._endangered_n is None else min(number, self._endangered_n)

    def became_quiet(self, now_ns: int) -> bool:
        """Return whether the signs of an incident ended 5 s ago; True once per incident."""
        sign_ns = self.state.last_sign_ns
        if sign_ns is None or sign_ns == self._handled_sign_ns or now_ns - sign_ns < QUIET_NS:
            return False
        self._handled_sign_ns = sign_ns
        return True

    def to_audit(self, now_ns: int) -> tuple[int, int] | None:
        """Return the first and the last number of the tokens that a write outage may have cost.

        Return them once, when writes have succeeded again for 1.5 s; otherwise None.
        """
        recovered_ns = self.state.traffic["write"].recovered_ns
        if self._failed_n is None or recovered_ns is None or now_ns - recovered_ns < BACK_NS:
            return None
        first, self._failed_n = self._first_endangered(self._failed_n), None
        return first, self.last_n

    def endangered(self) -> int | None:
        """Return the number of the first token that the incident may have cost, once; None if no write failed.

        Call it when the incident is over: the audit right after the outage does not cover what happened since.
        """
        first, self._endangered_n = self._endangered_n, None
        return None if first is None else self._first_endangered(first)

    def _first_endangered(self, failed_n: int) -> int:
        return max(1, failed_n - round(BEFORE_S * self.rate_per_s))


def number_of(token: str) -> int:
    """Return the number in a token "tag-0000000042", or 0 if it has none."""
    digits = token.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
