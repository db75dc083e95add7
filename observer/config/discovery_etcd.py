"""Finding a Patroni cluster through etcd: its scope and namespace, the members of etcd, the members of Patroni."""

import os
import re
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from pathlib import Path

from observer.config.access import access_to, check_files
from observer.config.loading import load
from observer.config.settings import etcd_address
from observer.config.template import Found
from observer.model.errors import ConfigError, CredentialsRefused, NothingAnswers, UsageError
from observer.sources import patroni, web
from observer.sources.discovery import PATRONI_KEYS, Discovery, discover
from observer.sources.etcd import AccessRefused, Endpoint
from observer.sources.polling import Access, PollFailed

DEADLINE_S = 2.0
SCOPE, NAMESPACE = "OBSERVER_CLUSTER_SCOPE", "OBSERVER_CLUSTER_NAMESPACE"
_KEY = re.compile(rf"^(?P<namespace>/.+)/(?P<scope>[^/]+)/(?:{'|'.join(PATRONI_KEYS)})(?:/|$)")


def cluster_in_etcd(address: str, say: Callable[[str], None], endpoints: Sequence[str] = ()) -> Found:
    """Return the only cluster in an etcd, or the one that the environment names.

    `endpoints` are the addresses of etcd to write; default: the address and those that etcd advertises and that answer.
    Raise NothingAnswers, CredentialsRefused, ConfigError, UsageError.
    """
    try:
        address = etcd_address(address)
    except ValueError:
        raise UsageError(f"--etcd {address}: not an address; write it as HOST:PORT, such as 10.0.0.5:2379.") from None
    settings = load(None)
    check_files(settings, "etcd")
    access = access_to(settings, "etcd")
    endpoint = Endpoint(address, access)
    try:
        names = [key.name for key in endpoint.read("/", keys_only=True, stale=True).keys]
        found = list(endpoints) or [address, *_other_endpoints(endpoint, access)]
    except AccessRefused as failure:
        raise CredentialsRefused(
            f"etcd at {address} refuses the credentials ({failure.error}); "
            "set OBSERVER_ETCD_USER and OBSERVER_ETCD_PASSWORD."
        ) from None
    except PollFailed as failure:
        raise NothingAnswers(
            f"etcd at {address} does not answer ({failure.how}: {failure.error}); check the address, and "
            "set OBSERVER_ETCD_CA if etcd requires TLS."
        ) from None
    finally:
        endpoint.close()
    namespace, scope = choose(address, scopes_of(names))
    cluster = discover(found, namespace, scope, access)
    members = ", ".join(cluster.members) or "no members"
    say(f"{scope} under {namespace}: {members}; {f'leader {cluster.leader}' if cluster.leader else 'no leader'}.")
    unreached = () if endpoints else _unreached(cluster)
    return Found(f"etcd at {address}", scope, namespace, found, cluster, _tls(access), unreached=unreached)


def scopes_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Return namespace and scope of every Patroni cluster: a scope has the key "initialize" or "config"."""
    found = {(m["namespace"], m["scope"]) for m in map(_KEY.match, names) if m is not None}
    return sorted(pair for pair in found if any(f"{'/'.join(pair)}/{key}" in names for key in ("initialize", "config")))


def choose(address: str, scopes: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """Return the only scope, or the one that the environment names. Raise ConfigError if that is not one."""
    namespace, scope = os.environ.get(NAMESPACE), os.environ.get(SCOPE)
    matching = [
        each for each in scopes if namespace in (None, each[0], each[0].strip("/")) and scope in (None, each[1])
    ]
    if len(matching) == 1:
        return matching[0]
    listed = ", ".join("/".join(each) for each in scopes) or "none"
    if matching:
        raise ConfigError(f"etcd at {address} holds several clusters ({listed}); choose one with {SCOPE}=NAME.")
    raise ConfigError(
        f"etcd at {address} holds no such cluster of Patroni (found: {listed}); "
        f"check the address, and {SCOPE} and {NAMESPACE} if they are set."
    )


def _tls(access: Access) -> dict[str, str]:
    """Return the options of [etcd] that were needed to read it, with absolute paths and without the password."""
    options = {"user": access.user, "ca": access.ca, "cert": access.cert, "key": access.key}
    return {name: value if name == "user" else str(Path(value).absolute()) for name, value in options.items() if value}


def _other_endpoints(endpoint: Endpoint, access: Access) -> list[str]:
    """Return the advertised addresses of the other members of an etcd, if they answer from this machine."""
    own = endpoint.status().member
    cluster = endpoint.read("/", keys_only=True, stale=True).cluster
    others: dict[int, str] = {}
    for advertised in endpoint.advertised():
        with closing(Endpoint(advertised, access)) as other, suppress(PollFailed):
            member = other.status().member
            if member != own and other.read("/", keys_only=True, stale=True).cluster == cluster:
                others.setdefault(member, advertised)
    return list(others.values())


def _unreached(cluster: Discovery) -> list[str]:
    """Return the members whose REST API does not answer from this machine."""
    found = []
    for name, member in cluster.members.items():
        with closing(web.Target(deadline_s=DEADLINE_S)) as target:
            try:
                if member.api_url:
                    target.get(f"{patroni.base(member.api_url)}/patroni")
            except PollFailed:
                found.append(name)
    return found
