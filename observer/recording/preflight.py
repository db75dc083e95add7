"""What is looked at before a recording begins: what waiting cannot mend ends the command here, with its exit code."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

from observer.config.settings import Settings
from observer.model.errors import ConfigError, CredentialsRefused, NothingAnswers
from observer.postgres.session import parameters
from observer.sources import etcd, web
from observer.sources.discovery import Discovery, discover
from observer.traffic.preflight import preflight

LIMIT_S = 10.0
DISCOVERY_S = 5.0
PREFLIGHT_MS = 3000

Say = Callable[[str], None]


def look_around(settings: Settings, say: Say) -> Discovery | None:
    """The cluster as etcd knows it, None while etcd does not answer but something else does.

    Raises ConfigError (no such scope or database), CredentialsRefused, NothingAnswers.
    """
    must_say_where(settings)
    deadline_s = time.monotonic() + LIMIT_S
    with ThreadPoolExecutor(3) as pool:
        writes, reads = (pool.submit(_ask_traffic, settings, which, say) for which in ("write", "read"))
        found = pool.submit(find, settings, DISCOVERY_S)
        silent: str | None = None
        try:
            cluster = found.result()
        except NothingAnswers as error:
            cluster, silent = None, str(error)
        answered = [writes.result(), reads.result()]
    if cluster is not None and cluster.stale:
        say("etcd has no leader; its last word is used until it has one.")
    if silent is None or any(answered):
        if silent is not None:
            say(f"{_capital(silent)} It is looked for again and again.")
        return cluster
    while not any(_accepts(host, port) for host, port in _addresses(settings)):
        if time.monotonic() > deadline_s:
            raise NothingAnswers(f"Nothing at all answers: {silent}")
        time.sleep(0.5)
    say(f"{_capital(silent)} It is looked for again and again.")
    return None


def find(settings: Settings, timeout_s: float) -> Discovery | None:
    """The cluster as etcd knows it; None without etcd. Raises ConfigError, CredentialsRefused, NothingAnswers."""
    if not settings.etcd.endpoints:
        return None
    chosen = settings.cluster
    return discover(settings.etcd.endpoints, chosen.namespace, chosen.scope, etcd_access(settings), timeout_s)


def must_say_where(settings: Settings) -> None:
    """Raises ConfigError where there is nothing to watch, or where an address or a certificate cannot be used."""
    if not settings.etcd.endpoints:
        raise ConfigError("etcd.endpoints is empty; name at least one, such as 127.0.0.1:2379.")
    for option, dsn in _dsns(settings):
        try:
            parameters(dsn)
        except ConfigError as error:
            raise ConfigError(f"{option}: {error}") from None
    must_have_files(settings, "etcd")
    for section, access in (("patroni", patroni_access), ("haproxy", haproxy_access)):
        must_have_files(settings, section)
        try:
            web.trust(access(settings))
        except OSError as error:  # of which those of TLS are some
            raise ConfigError(
                f"[{section}]: its certificates cannot be used ({error.strerror or error}); "
                "give files in PEM, and as key the one that cert was made with."
            ) from None


def must_have_files(settings: Settings, section: str) -> None:
    """Raises ConfigError where a file of a section's certificates cannot be read or is missing beside another."""
    told = getattr(settings, section)
    for option in ("ca", "cert", "key"):
        path = getattr(told, option, None)
        try:
            for file in filter(None, _files(settings, path)):
                Path(file).read_bytes()
        except OSError as error:
            raise ConfigError(
                f'{section}.{option} = "{path}" cannot be read ({error.strerror}); name a file in PEM, or leave it out.'
            ) from None
    if section == "etcd" and (told.cert is None) != (told.key is None):
        raise ConfigError("etcd.cert and etcd.key are of use together only; give both, or neither.")


def has_traffic(settings: Settings) -> bool:
    """Whether reads and writes are to be driven."""
    return settings.traffic.workload != "none" and bool(settings.traffic.write.get_secret_value())


def dsn_of(settings: Settings, action: str) -> str:
    """The connection string of an action; reads go where writes go unless they have one of their own."""
    write = settings.traffic.write.get_secret_value()
    return (settings.traffic.read.get_secret_value() or write) if action == "read" else write


def etcd_access(settings: Settings) -> etcd.Access:
    """How to be let in by etcd."""
    told = settings.etcd
    password = told.password.get_secret_value() if told.password else None
    return etcd.Access(told.user, password, *_files(settings, told.ca, told.cert, told.key))


def patroni_access(settings: Settings) -> web.Access:
    """How to be let in by Patroni's REST API."""
    told = settings.patroni
    password = told.password.get_secret_value() if told.password else None
    return web.Access(told.username, password, *_files(settings, told.ca, told.cert, told.key))


def haproxy_access(settings: Settings) -> web.Access:
    """How to be let in by the stats page."""
    told = settings.haproxy
    password = told.password.get_secret_value() if told.password else None
    return web.Access(told.username, password, *_files(settings, told.ca))


def _dsns(settings: Settings) -> Iterator[tuple[str, str]]:
    """Every connection string of the configuration, by the name of its option."""
    for action in ("write", "read"):
        yield f"traffic.{action}", getattr(settings.traffic, action).get_secret_value()
    yield "postgres.dsn", settings.postgres.dsn.get_secret_value()
    for member, dsn in (settings.postgres.members or {}).items():
        yield f"postgres.members.{member}", dsn


def _files(settings: Settings, *paths: str | None) -> list[str | None]:
    return [None if path is None else str(settings.directory / Path(path).expanduser()) for path in paths]


def _ask_traffic(settings: Settings, action: str, say: Say) -> bool:
    """Whether the proxy answered. Raises for what waiting cannot mend."""
    if not has_traffic(settings):
        return False
    dsn = dsn_of(settings, action)
    first = preflight(dsn, settings.traffic.workload, PREFLIGHT_MS, time.monotonic_ns)
    if first.verdict == "credentials":
        raise CredentialsRefused(f"traffic.{action}: {first.says}")
    if first.verdict in ("database", "dsn"):
        raise ConfigError(f"traffic.{action}: {first.says}")
    if first.verdict != "ok":
        say(f"traffic.{action}: {first.says}")
    return first.verdict != "nothing"


def _addresses(settings: Settings) -> Iterator[tuple[str, int]]:
    """Where something might listen, besides etcd."""
    urls = [*(settings.patroni.members or {}).values(), *settings.haproxy.stats]
    for parts in map(urlsplit, urls):
        if parts.hostname:
            yield parts.hostname, parts.port or (443 if parts.scheme == "https" else 80)
    dsns = [*(settings.postgres.members or {}).values(), dsn_of(settings, "write"), dsn_of(settings, "read")]
    for dsn in filter(None, dsns):
        told = parameters(dsn)
        host, port = told.get("hostaddr") or told.get("host", ""), told.get("port", "5432")
        if host and not host.startswith("/") and port.isdigit():
            yield host, int(port)


def _accepts(host: str, port: int) -> bool:
    try:
        socket.create_connection((host, port), timeout=1.0).close()
    except (OSError, UnicodeError):
        return False
    return True


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
