"""The lease of the leader key: how much of it is left, and whether it is renewed in time. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.recording import SECOND_NS

FRESH_NS = 3 * SECOND_NS  # it is read once a second
SLACK_S = 2  # a renewal may be this late before it is called overdue


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as it was read at a moment of the recording: whole seconds that remain (-1: it is gone), of how many."""

    remaining_s: int
    ttl_s: int
    at_ns: int
    id: int

    def is_overdue(self, loop_wait_s: int) -> bool:
        """Whether the leader, which renews it every `loop_wait_s`, has missed a renewal."""
        return self.remaining_s < self.ttl_s - loop_wait_s - SLACK_S


def standing(latest: Lease | None, held: int, now_ns: int) -> Lease | None:
    """The latest reading while it tells how things stand: of the lease `held` by the leader key (0: there is none), and
    of late.
    """
    if latest is None or latest.id != held or latest.remaining_s < 0 or now_ns - latest.at_ns > FRESH_NS:
        return None
    return latest
