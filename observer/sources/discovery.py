"""Discovery: the cluster as etcd describes it before a recording begins. Scope, identity, members, addresses."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from observer.model.errors import ConfigError, CredentialsRefused, NothingAnswers
from observer.sources.etcd import AccessRefused, Endpoint
from observer.sources.keys import Key, Snapshot, json_of, member_of, root_of, text_of
from observer.sources.polling import ANONYMOUS, Access, PollFailed

PATRONI_KEYS = ("initialize", "config", "leader", "members")  # keys that identify a scope


class ScopeAbsent(ConfigError):
    """etcd lacks the scope, or holds several and none was chosen."""


@dataclass(frozen=True, slots=True)
class FoundMember:
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
    members: Mapping[str, FoundMember]
    config: Mapping[str, Any]
    stale: bool


def discover(
    endpoints: Sequence[str],
    namespace: str,
    scope: str | None,
    access: Access = ANONYMOUS,
    timeout_s: float = 5.0,
) -> Discovery:
    """Find the scope in etcd: try every endpoint until one answers or the time is over.

    Raise NothingAnswers, CredentialsRefused, ConfigError (a file that cannot be read, ScopeAbsent).
    """
    try:
        clients = [Endpoint(address, access) for address in endpoints]
    except OSError as error:
        raise ConfigError(f"{error.filename or 'a certificate'} of [etcd] cannot be read: {error.strerror}.") from None
    root = root_of(namespace)
    try:
        held, stale = _read(clients, root, timeout_s)
    finally:
        for client in clients:
            client.close()
    scopes = scopes_of(held, root)
    if scope is None and len(scopes) == 1:
        scope = scopes[0]
    listed = ", ".join(scopes) or "none"
    if scope is None and scopes:
        raise ScopeAbsent(f"etcd holds several scopes ({listed}): choose one as scope in [cluster].")
    if scope not in scopes or scope is None:
        what = f'no scope "{scope}"' if scope else "no scope of Patroni"
        raise ScopeAbsent(
            f"etcd at {', '.join(endpoints)} holds {what} under {root} (found: {listed}): "
            "check scope and namespace in [cluster]."
        )
    return _described(scope, {key.name.removeprefix(f"{root}{scope}/"): key for key in held.keys}, stale)


def scopes_of(held: Snapshot, root: str) -> tuple[str, ...]:
    """Return the scopes under a namespace: names under which Patroni has a key."""
    paths = (key.name.removeprefix(root).split("/") for key in held.keys)
    return tuple(sorted({path[0] for path in paths if len(path) > 1 and path[1] in PATRONI_KEYS}))


def _read(clients: Sequence[Endpoint], root: str, timeout_s: float) -> tuple[Snapshot, bool]:
    """Return all keys of the namespace, and whether the member that answered has no leader, so that they may be old."""
    until = time.monotonic() + timeout_s
    failures: dict[str, str] = {}
    while True:
        for stale in (False, True):
            for client in clients:
                try:
                    return client.read(root, stale=stale), stale
                except AccessRefused as refused:
                    raise CredentialsRefused(
                        f"etcd at {client.address} refuses the credentials ({refused.error}): "
                        "check user and password in [etcd]."
                    ) from None
                except PollFailed as failure:
                    failures[client.address] = failure.how
        if time.monotonic() > until:
            listed = ", ".join(f"{address} ({how.replace('_', ' ')})" for address, how in failures.items())
            remedy = "ca in [etcd], if it wants TLS" if "closed" in failures.values() else "that it runs"
            raise NothingAnswers(f"no etcd answers at {listed}: check endpoints in [etcd], and {remedy}.")
        time.sleep(0.2)


def _described(scope: str, keys: Mapping[str, Key], stale: bool) -> Discovery:
    members: dict[str, FoundMember] = {}
    for name, key in sorted(keys.items()):
        if name.startswith("members/"):
            found = member_of(key)
            own = FoundMember(found["api_url"], found["conn_url"], found["role"], found["state"])
            members[name.removeprefix("members/")] = own
    config = json_of(keys.get("config"))
    cluster_id, leader = text_of(keys.get("initialize")), text_of(keys.get("leader"))
    return Discovery(scope, cluster_id, leader, members, config if isinstance(config, dict) else {}, stale)
