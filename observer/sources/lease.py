"""The lease of the leader key, and what else the polls of etcd find beyond the records. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from observer.model.recording import SECOND_NS

RECENT_NS = 3 * SECOND_NS  # the lease is read once a second
SLACK_S = 2  # a renewal may be this late before it counts as overdue


@dataclass(frozen=True, slots=True)
class Lease:
    """A lease as read at a moment of the recording: remaining seconds (-1: it is gone) of `ttl_s`."""

    remaining_s: int
    ttl_s: int
    at_ns: int
    id: int = 0

    def is_overdue(self, loop_wait_s: int) -> bool:
        """Return whether the leader, which renews the lease every `loop_wait_s`, has missed a renewal."""
        return self.remaining_s < self.ttl_s - loop_wait_s - SLACK_S


def standing(latest: Lease | None, held: int, now_ns: int) -> Lease | None:
    """Return the latest reading if it is recent and of the lease `held` by the leader key (0: no key), else None."""
    if latest is None or latest.id != held or latest.remaining_s < 0 or now_ns - latest.at_ns > RECENT_NS:
        return None
    return latest


@dataclass(frozen=True, slots=True)
class EtcdSnapshot:
    """What the last polls of etcd found: the leader's lease, each endpoint, and the endpoint that leads etcd.

    `lease` is None if there is no leader key or the reading is old. The value of an endpoint is "leader" if it knows a
    leader, "no leader", or "blind" if it did not answer.
    """

    lease: Lease | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    leader: str | None = None
