"""HAProxy's stats page: which servers its pools send clients to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from observer.polling import Job, Now, Record
from observer.sources.web import Access


@dataclass(frozen=True, slots=True)
class Server:
    """One server of one pool, as the stats page describes it; what it leaves empty is None."""

    pool: str
    server: str
    address: str | None
    status: str
    check_status: str | None
    check_code: int | None
    check_duration_ms: int | None
    last_change_s: int | None

    @property
    def up(self) -> bool:
        """Whether the pool sends clients to it: "UP", "UP 1/3", "no check"."""
        return self.status.startswith(("UP", "no check"))


@dataclass(frozen=True, slots=True)
class Pools:
    """The pool that leads to the primary and the one that leads to replicas; None where that is not clear."""

    primary: str | None
    replicas: str | None


def job(url: str, every_ms: int, record: Record, now_ns: Now, access: Access = Access()) -> Job:  # noqa: B008
    """A look at one stats page every `every_ms`; ";csv" is appended to the URL once."""
    raise NotImplementedError


def capture(url: str, record: Record, now_ns: Now, access: Access = Access()) -> bool:  # noqa: B008
    """Records pools.captured (every row of the stats page) and versions.captured {haproxy}. True if it answered."""
    raise NotImplementedError


def roles_of_pools(servers: Iterable[Server], leader: str | None, addresses: Mapping[str, str]) -> Pools:
    """Which pool leads where, from the servers that are UP and who leads.

    `addresses` are "host:port" of each member's PostgreSQL; a server is matched by name, then by address.
    """
    raise NotImplementedError
