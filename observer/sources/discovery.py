"""The cluster as etcd describes it before a recording begins: scope, identity, members and their addresses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from observer.sources.etcd import Access


class DiscoveryFailed(Exception):
    """The cluster cannot be found; the message is one sentence for a person."""


class NothingAnswers(DiscoveryFailed):
    """No endpoint of etcd answered in time (exit code 69)."""


class CredentialsRefused(DiscoveryFailed):
    """etcd refused the user, the password or the lack of them (exit code 77)."""


class ScopeAbsent(DiscoveryFailed):
    """etcd answers but does not hold the scope (exit code 78); `scopes` are those it holds."""

    def __init__(self, message: str, scopes: tuple[str, ...]) -> None:
        super().__init__(message)
        self.scopes = scopes


class ScopeUnclear(ScopeAbsent):
    """No scope was chosen and etcd holds several (exit code 78)."""


@dataclass(frozen=True, slots=True)
class Found:
    """A member as its key describes it."""

    api_url: str | None
    conn_url: str | None
    role: str | None
    state: str | None


@dataclass(frozen=True, slots=True)
class Discovery:
    """The cluster under one scope. `stale`: etcd had no leader, so this is what one of its members last knew."""

    scope: str
    cluster_id: str | None
    leader: str | None
    members: Mapping[str, Found]
    config: Mapping[str, Any]
    stale: bool


def discover(
    endpoints: Sequence[str],
    namespace: str,
    scope: str | None,
    access: Access = Access(),  # noqa: B008
    timeout_s: float = 5.0,
) -> Discovery:
    """Looks for the scope in etcd, asking every endpoint until one answers or the time is over.

    Raises NothingAnswers, CredentialsRefused, ScopeAbsent or ScopeUnclear.
    """
    raise NotImplementedError
