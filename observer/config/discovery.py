"""observer.toml for the cluster that is found: containers, the local stack, or etcd at an address."""

from __future__ import annotations

import os
import re
import sys
import time
import tomllib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from psycopg2.extensions import make_dsn

from observer.config import containers
from observer.config.settings import load
from observer.config.template import Found
from observer.model.errors import CannotWrite, ConfigError, CredentialsRefused, NothingAnswers, UsageError
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer
from observer.recording.preflight import etcd_access, must_have_files
from observer.sources import haproxy, patroni, web
from observer.sources.discovery import PATRONI_KEYS, Discovery, discover
from observer.sources.etcd import Access, AccessRefused, Endpoint
from observer.sources.polling import PollFailed

Say = Callable[[str], None]

LOOK_MS = 2000
PROJECT = "COMPOSE_PROJECT_NAME"
SCOPE, NAMESPACE = "OBSERVER_CLUSTER_SCOPE", "OBSERVER_CLUSTER_NAMESPACE"
_KEY = re.compile(rf"^(?P<namespace>/.+)/(?P<scope>[^/]+)/(?:{'|'.join(PATRONI_KEYS)})(?:/|$)")


def find(address: str | None, say: Say) -> Found:
    """The cluster at an address of etcd, or the one that runs on this machine.

    Raises NothingAnswers, CredentialsRefused, ConfigError, UsageError.
    """
    if address is not None:
        return by_etcd(address, say)
    found = _by_stack() or _by_docker(say)
    if found is None:
        raise NothingAnswers(
            "No cluster was found on this machine, neither the local stack nor containers that publish etcd's port; "
            "name etcd by --etcd HOST:PORT, or bring a cluster up with `observer stack up`."
        )
    return found


def write(path: Path, text: str) -> None:
    """Writes a new file; one that is there stays as it is. Raises CannotWrite."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise CannotWrite(f"{path}: is there already and is never overwritten; name another file with -o.") from None
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror}); check the folder.") from None


def by_etcd(address: str, say: Say, etcd: Sequence[str] = ()) -> Found:
    """The one cluster that an etcd holds, or the one that the environment chooses.

    `etcd`: addresses known to lead to its members; otherwise those that etcd tells of and that answer from here.
    Raises NothingAnswers, CredentialsRefused, ConfigError, UsageError.
    """
    address = address.partition("://")[2].rstrip("/") if "://" in address else address
    if not re.fullmatch(r".+:\d{1,5}", address) or "/" in address:
        raise UsageError(f"--etcd {address}: not an address; write it as HOST:PORT, such as 10.0.0.5:2379.")
    settings = load(None)
    must_have_files(settings, "etcd")
    access = etcd_access(settings)
    endpoint = Endpoint(address, access)
    try:
        names = [key.name for key in endpoint.read("/", keys_only=True, stale=True).keys]
        endpoints = list(etcd) or [address, *_others(address, endpoint, access)]
    except AccessRefused as failure:
        raise CredentialsRefused(
            f"etcd at {address} refuses the credentials ({failure.error}); "
            "set OBSERVER_ETCD_USER and OBSERVER_ETCD_PASSWORD."
        ) from None
    except PollFailed as failure:
        raise NothingAnswers(
            f"etcd at {address} does not answer ({failure.how}: {failure.error}); check the address, and "
            "OBSERVER_ETCD_CA if it wants TLS."
        ) from None
    finally:
        endpoint.close()
    namespace, scope = choose(address, scopes_of(names))
    cluster = discover(endpoints, namespace, scope, access)
    say(f"{scope} under {namespace}: {', '.join(cluster.members) or 'no members'}; {cluster.leader or 'nobody'} leads.")
    return Found(
        f"etcd at {address}", scope, namespace, endpoints, cluster, unreached=() if etcd else _unreached(cluster)
    )


def scopes_of(names: Sequence[str]) -> list[tuple[str, str]]:
    """Namespace and scope of every cluster of Patroni among the keys. A scope has the key "initialize" or "config"."""
    found = {(m["namespace"], m["scope"]) for m in map(_KEY.match, names) if m is not None}
    return sorted(
        (namespace, scope)
        for namespace, scope in found
        if any(name in names for name in (f"{namespace}/{scope}/initialize", f"{namespace}/{scope}/config"))
    )


def choose(address: str, scopes: Sequence[tuple[str, str]]) -> tuple[str, str]:
    """The only one, or the one that the environment names. Raises ConfigError."""
    told = os.environ.get(NAMESPACE), os.environ.get(SCOPE)
    fits = [
        (namespace, scope)
        for namespace, scope in scopes
        if told[0] in (None, namespace, namespace.strip("/")) and told[1] in (None, scope)
    ]
    if len(fits) == 1:
        return fits[0]
    listed = ", ".join(f"{namespace}/{scope}" for namespace, scope in scopes) or "none"
    if len(fits) > 1:
        raise ConfigError(f"etcd at {address} holds several clusters ({listed}); choose one by {SCOPE}=NAME.")
    raise ConfigError(
        f"etcd at {address} holds no such cluster of Patroni (found: {listed}); "
        f"check the address, and {SCOPE} and {NAMESPACE} where they are set."
    )


def _others(address: str, endpoint: Endpoint, access: Access) -> list[str]:
    """The other members of an etcd that answer from here under the address that they advertise."""
    own = endpoint.status().member
    cluster = endpoint.read("/", keys_only=True, stale=True).cluster
    others: dict[int, str] = {}
    for advertised in endpoint.advertised():
        other = Endpoint(advertised, access)
        try:
            member = other.status().member
            if member != own and other.read("/", keys_only=True, stale=True).cluster == cluster:
                others.setdefault(member, advertised)
        except PollFailed:
            continue
        finally:
            other.close()
    return list(others.values())


def _unreached(cluster: Discovery) -> list[str]:
    """The members whose REST API does not answer from here."""
    found = []
    for name, member in cluster.members.items():
        target = web.Target(deadline_s=LOOK_MS / 1000)
        try:
            if member.api_url:
                target.get(f"{patroni.base(member.api_url)}/patroni")
        except PollFailed:
            found.append(name)
        finally:
            target.close()
    return found


def _by_stack() -> Found | None:
    """The cluster of plain processes, where one is up."""
    if sys.platform != "linux":
        return None
    from stack import configs, local
    from stack.errors import StackError

    try:
        seen = local.status(local.default_directory())
    except StackError:
        return None
    if seen.settings is None or not any(seen.processes.values()):
        return None
    told = tomllib.loads(configs.observer_toml(seen.settings))
    return Found(
        "the local stack",
        told["cluster"]["scope"],
        told["cluster"]["namespace"],
        told["etcd"]["endpoints"],
        stats=told["haproxy"]["stats"][0],
        write=told["traffic"]["write"],
        read=told["traffic"]["read"],
        inter_ms=told["haproxy"].get("inter_ms"),
        rise=told["haproxy"].get("rise"),
        logs=told.get("log", {}).get("files", {}),
    )


def _by_docker(say: Say) -> Found | None:
    """The cluster in containers, where their ports are published."""
    running = containers.inspect()
    if not running:
        return None
    there = _of_one_project(containers.projects(running))
    if there is None:
        return None
    found = by_etcd(there.etcd[0], say, there.etcd)
    pages = {f"http://{at}/" for at in there.others.values() if _is_stats(f"http://{at}/")}
    ways: dict[bool, str] = {}
    candidates = []
    for _, at in sorted(there.others.items()):
        if f"http://{at}/" not in pages:
            host, _, port = at.rpartition(":")
            candidates.append(make_dsn(host=host, port=port, user=there.user, dbname="postgres"))
    for dsn in candidates:
        dsn = make_dsn(dsn, password=there.password) if there.password else dsn
        in_recovery = _in_recovery(dsn)
        if in_recovery is not None:
            ways.setdefault(in_recovery, dsn)
    return Found(
        "its containers",
        found.scope,
        found.namespace,
        there.etcd,
        found.members,
        {name: f"http://{at}" for name, at in there.rest.items()},
        {name: "host={} port={}".format(*at.rsplit(":", 1)) for name, at in there.postgres.items()},
        stats=next(iter(pages), ""),
        write=ways.get(False, ""),
        read=ways.get(True, ""),
        candidates=candidates,
    )


def _of_one_project(there: Mapping[str, containers.Published]) -> containers.Published | None:
    """Of the project with a cluster, or of the one that the environment names. Raises ConfigError."""
    told = os.environ.get(PROJECT)
    with_etcd = {name: one for name, one in there.items() if one.etcd and told in (None, name)}
    if len(with_etcd) > 1:
        raise ConfigError(
            f"Several Compose projects publish an etcd ({', '.join(with_etcd)}); choose one by {PROJECT}=NAME."
        )
    hidden = [name for name, one in there.items() if one.patronis and not one.etcd and told in (None, name)]
    if not with_etcd and hidden:
        raise ConfigError(
            f"The containers of {', '.join(hidden)} run Patroni and publish no port of etcd (2379): publish it, or run "
            "the observer in their network (docs/docker.md)."
        )
    return next(iter(with_etcd.values()), None)


def _is_stats(url: str) -> bool:
    target = web.Target(deadline_s=LOOK_MS / 1000)
    try:
        code, body = target.get(haproxy.csv_url(url))
        return code == 200 and body.startswith(b"# pxname,svname,")
    except PollFailed:
        return False
    finally:
        target.close()


def _in_recovery(dsn: str) -> bool | None:
    try:
        return bool(ask(dsn, "SELECT pg_is_in_recovery()", LOOK_MS, time.monotonic_ns)[0][0])
    except NoAnswer:
        return None
