"""Finding a Patroni cluster in Docker, through the ports that its containers publish on this machine."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from psycopg2.extensions import make_dsn

from observer.config import containers
from observer.config.containers import Published
from observer.config.discovery_etcd import DEADLINE_S, cluster_in_etcd
from observer.config.template import Found
from observer.model.errors import ConfigError
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer
from observer.sources import haproxy, web
from observer.sources.polling import PollFailed

PROJECT = "COMPOSE_PROJECT_NAME"


def cluster_in_docker(say: Callable[[str], None]) -> Found | None:
    """Return the cluster whose containers publish their ports, None if there is none. Raise ConfigError."""
    running = containers.inspect()
    published = choose_project(containers.projects(running)) if running else None
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
    target = web.Target(deadline_s=DEADLINE_S)
    try:
        code, body = target.get(haproxy.csv_url(url))
        return code == 200 and body.startswith(b"# pxname,svname,")
    except PollFailed:
        return False
    finally:
        target.close()


def _in_recovery(dsn: str) -> bool | None:
    """Return whether the server is a replica, None if it does not answer."""
    try:
        return bool(ask(dsn, "SELECT pg_is_in_recovery()", round(1000 * DEADLINE_S), time.monotonic_ns)[0][0])
    except NoAnswer:
        return None
