"""What the daemon itself needs to know of the records that pass: is something going on, and is it over. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.recording import SECOND_NS, Event, Operation, Outcome

QUIET_NS = 5 * SECOND_NS
BACK_NS = 3 * SECOND_NS // 2
BEFORE_S = 60
"""Writes acknowledged so long before an outage may still be lost in it: no standby lags more and is promoted."""

SIGNS = frozenset(
    (
        "leader.elected",
        "leader.lost",
        "member.lost",
        "quorum.lost",
        "quorum.regained",
        "route.up",
        "route.down",
        "failover.asked",
        "proxy.restarted",
        "proxy.full",
        "proxy.room",
        "source.blind",
        "fault.told",
    )
)


@dataclass(slots=True)
class Pulse:
    """Fed with every record, asked now and then. `rate_per_s` is that of all writes."""

    rate_per_s: float
    last_n: int = 0
    _sign_ns: int | None = None
    _failed_n: int | None = None
    _back_ns: int | None = None
    _endangered_n: int | None = None

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""
        if isinstance(entry, Event):
            if entry.kind in SIGNS and not entry.detail.get("initial"):
                self._sign_ns = entry.by_ns
            return
        if entry.outcome is not Outcome.OK:
            self._sign_ns = entry.finished_ns
        if entry.action == "write":
            self._see_write(entry, number_of(entry.token))

    def became_quiet(self, now_ns: int) -> bool:
        """Whether something went on and has been over for a while; true once for each time."""
        if self._sign_ns is None or now_ns - self._sign_ns < QUIET_NS:
            return False
        self._sign_ns = None
        return True

    def to_audit(self, now_ns: int) -> tuple[int, int] | None:
        """The numbers, first and last, of the tokens that a write outage may have cost; once, when writes are back."""
        if self._failed_n is None or self._back_ns is None or now_ns - self._back_ns < BACK_NS:
            return None
        first = self._first_endangered(self._failed_n)
        self._failed_n = self._back_ns = None
        return first, self.last_n

    def endangered(self) -> int | None:
        """The number of the first token that all that went on may have cost; once, None where no write failed.

        Asked when it is quiet: what was read back when writes came back says nothing of what went on after that.
        """
        first, self._endangered_n = self._endangered_n, None
        return None if first is None else self._first_endangered(first)

    def _first_endangered(self, failed_n: int) -> int:
        return max(1, failed_n - round(BEFORE_S * self.rate_per_s))

    def _see_write(self, write: Operation, number: int) -> None:
        self.last_n = max(self.last_n, number)
        if write.outcome is not Outcome.OK:
            self._failed_n = number if self._failed_n is None else min(number, self._failed_n)
            self._endangered_n = number if self._endangered_n is None else min(number, self._endangered_n)
            self._back_ns = None
        elif self._failed_n is not None and self._back_ns is None:
            self._back_ns = write.finished_ns


def number_of(token: str) -> int:
    """The number in a token "tag-0000000042"; 0 where there is none."""
    digits = token.rpartition("-")[2]
    return int(digits) if digits.isdigit() else 0
