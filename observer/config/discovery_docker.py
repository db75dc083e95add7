"""Finding a Patroni cluster in Docker, through the ports that its containers publish on this machine."""

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from typing import Any

from psycopg2.extensions import make_dsn

from observer.config.discovery_etcd import DEADLINE_S, cluster_in_etcd
from observer.config.template import Found
from observer.model.errors import ConfigError
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer
from observer.sources import haproxy, web
from observer.sources.polling import PollFailed

PROJECT = "COMPOSE_PROJECT_NAME"
TIMEOUT_S = 10
ETCD_PORT, REST_PORT, POSTGRES_PORT = 2379, 8008, 5432


@dataclass(frozen=True, slots=True)
class Published:
    """Addresses "host:port" on this machine: `rest` and `postgres` by member, `others` of HAProxy by inner port.

    `patronis` is the number of containers that run Patroni, including those that publish no port.
    """

    etcd: tuple[str, ...] = ()
    rest: Mapping[str, str] = field(default_factory=dict)
    postgres: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[int, str] = field(default_factory=dict)
    user: str = "postgres"
    password: str = ""
    patronis: int = 0


def cluster_in_docker(say: Callable[[str], None]) -> Found | None:
    """Return the cluster whose containers publish their ports, None if there is none. Raise ConfigError."""
    running = inspect()
    published = choose_project(projects(running)) if running else None
    if published is None:
        return None
    found = cluster_in_etcd(published.etcd[0], say, published.etcd)
    addresses = [address for _, address in sorted(published.others.items())]
    pages = [address for address in addresses if _is_statistics_page(f"http://{address}/")]
    routes: dict[bool, str] = {}  # by whether the server is a replica
    candidates = []
    for host, _, port in (address.rpartition(":") for address in addresses if address not in pages):
        dsn = make_dsn(host=host, port=port, user=published.user, dbname="postgres")
        candidates.append(dsn)
        dsn = make_dsn(dsn, password=published.password) if published.password else dsn
        in_recovery = _in_recovery(dsn)
        if in_recovery is not None:
            routes.setdefault(in_recovery, dsn)
    return replace(
        found,
        where="its containers",
        rest={name: f"http://{address}" for name, address in published.rest.items()},
        postgres={name: "host={} port={}".format(*at.rsplit(":", 1)) for name, at in published.postgres.items()},
        stats=f"http://{pages[0]}/" if pages else "",
        write=routes.get(False, ""),
        read=routes.get(True, ""),
        candidates=candidates,
    )


def choose_project(projects: Mapping[str, Published]) -> Published | None:
    """Return what the only Compose project with an etcd publishes, or the one that the environment names.

    Raise ConfigError if there are several, or if a cluster publishes no port of etcd.
    """
    chosen = os.environ.get(PROJECT)
    considered = {name: project for name, project in projects.items() if chosen in (None, name)}
    with_etcd = {name: project for name, project in considered.items() if project.etcd}
    if len(with_etcd) > 1:
        raise ConfigError(
            f"Several Compose projects publish an etcd ({', '.join(with_etcd)}); choose one with {PROJECT}=NAME."
        )
    unpublished = [name for name, project in considered.items() if project.patronis and not project.etcd]
    if not with_etcd and unpublished:
        raise ConfigError(
            f"The containers of {', '.join(unpublished)} run Patroni and publish no port of etcd (2379): publish it, "
            "or run observer in their network (docs/how-to/docker.md)."
        )
    return next(iter(with_etcd.values()), None)


def _is_statistics_page(url: str) -> bool:
    with closing(web.Target(deadline_s=DEADLINE_S)) as target, suppress(PollFailed):
        code, body = target.get(haproxy.csv_url(url))
        return code == 200 and body.startswith(b"# pxname,svname,")
    return False


def _in_recovery(dsn: str) -> bool | None:
    """Return whether the server is a replica, None if it does not answer."""
    with suppress(NoAnswer):
        return bool(ask(dsn, "SELECT pg_is_in_recovery()", round(1000 * DEADLINE_S), time.monotonic_ns)[0][0])
    return None


def inspect() -> list[dict[str, Any]] | None:
    """Return the inspection of every running container, None if there is no Docker or it does not answer."""
    try:
        ids = _docker("ps", "--quiet").split()
        found = json.loads(_docker("inspect", *ids)) if ids else []
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return [container for container in found if isinstance(container, dict)]


def projects(containers: Iterable[Mapping[str, Any]]) -> dict[str, Published]:
    """Return what the containers of each Compose project publish; containers without a project are under ""."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for container in containers:
        labels = container.get("Config", {}).get("Labels") or {}
        groups.setdefault(labels.get("com.docker.compose.project", ""), []).append(container)
    return {project: published(group) for project, group in sorted(groups.items())}


def published(containers: Iterable[Mapping[str, Any]]) -> Published:
    """Return what these containers publish of a Patroni cluster."""
    etcd: list[str] = []
    rest: dict[str, str] = {}
    postgres: dict[str, str] = {}
    others: dict[int, str] = {}
    user, password, patronis = "postgres", "", 0
    for container in containers:
        ports, settings = _ports(container), _environment(container)
        patronis += "patroni" in _command(container)
        if ETCD_PORT in ports:
            etcd.append(ports[ETCD_PORT])
        if REST_PORT in ports:
            member = settings.get("PATRONI_NAME") or str(container.get("Config", {}).get("Hostname", ""))
            rest[member] = ports[REST_PORT]
            if POSTGRES_PORT in ports:
                postgres[member] = ports[POSTGRES_PORT]
            user = settings.get("PATRONI_SUPERUSER_USERNAME", user)
            password = settings.get("PATRONI_SUPERUSER_PASSWORD", password)
        if "haproxy" in _description(container):
            others.update(ports)
    return Published(tuple(sorted(etcd)), rest, postgres, others, user, password, patronis)


def _ports(container: Mapping[str, Any]) -> dict[int, str]:
    """Return the published address of each inner port."""
    found: dict[int, str] = {}
    for port, bindings in (container.get("NetworkSettings", {}).get("Ports") or {}).items():
        for binding in bindings or ():
            host = binding.get("HostIp") or "127.0.0.1"
            host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            found.setdefault(int(port.partition("/")[0]), f"{host}:{binding['HostPort']}")
    return found


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in container.get("Config", {}).get("Env") or ())
    return {name: value for name, _, value in pairs}


def _description(container: Mapping[str, Any]) -> str:
    """Return the name, image, service and command of a container, in lower case, to recognize HAProxy by."""
    config = container.get("Config", {})
    service = (config.get("Labels") or {}).get("com.docker.compose.service", "")
    return f"{container.get('Name')} {config.get('Image')} {service} {_command(container)}".lower()


def _command(container: Mapping[str, Any]) -> str:
    return " ".join(container.get("Config", {}).get("Cmd") or ())


def _docker(*arguments: str) -> str:
    command = ["docker", *arguments]
    return subprocess.run(command, capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=True).stdout
