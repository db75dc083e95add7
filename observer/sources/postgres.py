"""PostgreSQL, each member asked directly: recovery, timeline, start, positions."""

from __future__ import annotations

from collections.abc import Callable

from observer.polling import Job
from observer.timeline import Event


def direct_dsn(member_dsn: str, credentials_dsn: str) -> str:
    """A connection string straight to a member: its place from `member_dsn`, user, password and so on from the other.

    `member_dsn` is a libpq string, whose every keyword counts, or Patroni's conn_url, of which only the place does.
    Raises DsnError.
    """
    raise NotImplementedError


def job(member: str, dsn: str, every_ms: int, record: Callable[[Event], None], now_ns: Callable[[], int]) -> Job:
    """Looks at one member every `every_ms`, on a kept connection, each look under a deadline of 1 s."""
    raise NotImplementedError
