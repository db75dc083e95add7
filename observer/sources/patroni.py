"""Patroni's REST API: each member by itself, and the cluster as one of them describes it."""

from __future__ import annotations

from collections.abc import Mapping

from observer.polling import Job, Now, Record
from observer.sources.web import Access


def job(
    member: str,
    url: str,
    every_ms: int,
    record: Record,
    now_ns: Now,
    access: Access = Access(),  # noqa: B008
) -> Job:
    """A look at GET /patroni of one member every `every_ms`; `url` is "http://host:port", any path is left out."""
    raise NotImplementedError


def capture(members: Mapping[str, str], record: Record, now_ns: Now, access: Access = Access()) -> bool:  # noqa: B008
    """Records cluster.captured from the first member (name: URL) that answers GET /cluster and GET /config.

    True if one did. Takes at most 2 s for each member that does not answer.
    """
    raise NotImplementedError
