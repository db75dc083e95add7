"""What etcd knows of a cluster: every change under its scope, the health of etcd itself, and the leader's lease."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from observer.polling import Job, Now, Record
from observer.sources.etcd import Access


@dataclass(frozen=True, slots=True)
class Lease:
    """The leader's lease as it was read at a moment of the recording: whole seconds that remain, of how many."""

    remaining_s: int
    ttl_s: int
    at_ns: int


class EtcdSource:
    """Watches one scope through all endpoints of etcd; works, and says so, even while all of etcd is down.

    `start` begins the watch in a thread of its own; `jobs` are the looks at each endpoint and at the lease, for the
    scheduler; `stop` ends and joins the thread within two seconds.
    """

    def __init__(
        self,
        endpoints: Sequence[str],
        scope: str,
        namespace: str,
        record: Record,
        now_ns: Now,
        access: Access = Access(),  # noqa: B008
    ) -> None:
        raise NotImplementedError

    def start(self) -> None:
        """Begins to watch."""
        raise NotImplementedError

    def stop(self) -> None:
        """Stops watching and closes all connections."""
        raise NotImplementedError

    def jobs(self) -> list[Job]:
        """ "etcd host:port" for each endpoint, every 500 ms, and "etcd lease", every second."""
        raise NotImplementedError

    def lease(self) -> Lease | None:
        """The latest reading of the leader's lease, for the live view."""
        raise NotImplementedError
