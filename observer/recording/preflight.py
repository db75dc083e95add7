"""Checks before a recording begins. An error that waiting cannot fix ends the command with its exit code."""

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from observer.config.access import access_to, check_settings, dsn_of, has_traffic
from observer.config.settings import Settings
from observer.model.errors import ConfigError, CredentialsRefused, NothingAnswers
from observer.postgres.session import parameters
from observer.sources.discovery import Discovery, discover
from observer.traffic import preflight as traffic_preflight

LIMIT_S = 10.0
DISCOVERY_S = 5.0
TRAFFIC_MS = 3000

Say = Callable[[str], None]


def find_cluster(settings: Settings, say: Say) -> Discovery | None:
    """Return the cluster that etcd knows, None if etcd does not answer but another component does.

    Raise ConfigError (also for an unknown scope or database), CredentialsRefused, NothingAnswers.
    """
    check_settings(settings)
    deadline_s = time.monotonic() + LIMIT_S
    with ThreadPoolExecutor(3) as pool:
        writes, reads = (pool.submit(_check_traffic, settings, action, say) for action in ("write", "read"))
        found = pool.submit(discover_cluster, settings, DISCOVERY_S)
        cluster, failure = None, ""
        try:
            cluster = found.result()
        except NothingAnswers as error:
            failure = str(error)
        proxy_answers = [writes.result(), reads.result()]
    if cluster is not None and cluster.stale:
        say("etcd has no leader; observer uses the data that one of its members last had.")
    if not failure:
        return cluster
    while not any(proxy_answers) and not any(_accepts(host, port) for host, port in _addresses(settings)):
        if time.monotonic() > deadline_s:
            raise NothingAnswers(f"No component answers: {failure}")
        time.sleep(0.5)
    say(f"{failure[:1].upper()}{failure[1:]} Observer keeps trying.")
    return None


def discover_cluster(settings: Settings, timeout_s: float) -> Discovery | None:
    """Return the cluster that etcd knows, None if no etcd is configured.

    Raise ConfigError, CredentialsRefused, NothingAnswers.
    """
    if not settings.etcd.endpoints:
        return None
    chosen, access = settings.cluster, access_to(settings, "etcd")
    return discover(settings.etcd.endpoints, chosen.namespace, chosen.scope, access, timeout_s)


def _check_traffic(settings: Settings, action: str, say: Say) -> bool:
    """Return whether a server answers at the connection string of "write" or "read".

    Raise ConfigError or CredentialsRefused for what waiting cannot fix.
    """
    if not has_traffic(settings):
        return False
    dsn, workload = dsn_of(settings, action), settings.traffic.workload
    result = traffic_preflight.preflight(dsn, workload, TRAFFIC_MS, time.monotonic_ns)
    if result.verdict == "credentials":
        raise CredentialsRefused(f"traffic.{action}: {result.says}")
    if result.verdict in ("database", "dsn"):
        raise ConfigError(f"traffic.{action}: {result.says}")
    if result.verdict != "ok":
        say(f"traffic.{action}: {result.says}")
    return result.verdict != "nothing"


def _addresses(settings: Settings) -> Iterator[tuple[str, int]]:
    """Yield host and port of every configured component except etcd."""
    urls = [*(settings.patroni.members or {}).values(), *settings.haproxy.stats]
    for parts in map(urlsplit, urls):
        if parts.hostname:
            yield parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    dsns = [*(settings.postgres.members or {}).values(), dsn_of(settings, "write"), dsn_of(settings, "read")]
    for dsn in filter(None, dsns):
        given = parameters(dsn)
        host, port = given.get("hostaddr") or given.get("host", ""), given.get("port", "5432")
        if host and not host.startswith("/") and port.isdigit():
            yield host, int(port)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except (OSError, UnicodeError):
        return False
    return True
