"""Checks of the application's route (HAProxy, connection strings), the recording file, the logs and the metrics."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from observer.config.settings import Settings
from observer.doctor.cluster import owner_by_address
from observer.doctor.finding import (
    CANNOT_WRITE,
    CONFIGURATION,
    CREDENTIALS,
    NOTHING_ANSWERS,
    Finding,
    error,
    note,
    ok,
    unanswered,
)
from observer.doctor.observations import Failure, Observations, RouteObservation, StatsObservation, netloc_of
from observer.model.errors import NotFound, ObserverError
from observer.sources.haproxy import Server, roles_of_pools
from observer.store import Reader, is_being_recorded
from observer.traffic.plan import slots

FREE_BYTES = 1 << 30


def stats(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that each statistics page answers with HAProxy's CSV."""
    if not settings.haproxy.stats:
        meaning = "the recording will not show how HAProxy routes: routing and brownouts stay unknown"
        remedy = 'set stats = ["http://HOST:PORT/"] in [haproxy]'
        yield note("HAProxy", "no statistics page is configured", meaning, remedy)
    for url, page in observed.stats.items():
        yield _statistics_page(f"HAProxy {url}", page)


def _statistics_page(component: str, observed: StatsObservation) -> Finding:
    if observed.http in (401, 403):
        meaning, remedy = "the page requires a password, or another one", "set username and password in [haproxy]"
        return error(component, CREDENTIALS, f"HTTP {observed.http}", meaning, remedy)
    if observed.page is not None:
        names = sorted({pool for pool, _ in observed.page.servers})
        return ok(component, f"backends {', '.join(names)}" if names else "no backend has a server")
    remedy = "correct stats in [haproxy]: the address and path of `stats uri` in haproxy.cfg, without ;csv"
    if observed.http:
        meaning = "something answers there, but not the statistics page: another path, or another service"
        return error(component, CONFIGURATION, f"HTTP {observed.http}, and no CSV of HAProxy", meaning, remedy)
    failure = observed.failure or Failure("silent", "no answer")
    return unanswered(component, failure.how, failure.message, f"start HAProxy, or {remedy}")


def backends(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the configured backends exist, and that their servers can be matched to members."""
    servers = [server for page in observed.stats.values() if page.page for server in page.page.servers.values()]
    if not servers:
        return
    existing = sorted({server.pool for server in servers})
    for option in ("primary", "replicas"):
        name = getattr(settings.haproxy, option)
        if name and name not in existing:
            meaning = "routes to the primary could not be distinguished from routes to replicas"
            remedy = f"set {option} in [haproxy] to one of {', '.join(existing)}, or leave it out"
            yield error(f"haproxy.{option}", CONFIGURATION, f'HAProxy has no backend "{name}"', meaning, remedy)
    if observed.cluster is None:
        return
    members = observed.cluster.members
    addresses = {name: netloc_of(found.conn_url) if found.conn_url else "" for name, found in members.items()}
    unknown = sorted({f"{s.pool}/{s.server}" for s in servers if not _is_member(s, addresses)})
    if unknown:
        meaning = "neither name nor address shows which member such a server is"
        remedy = "name servers in haproxy.cfg as Patroni names its members, or add `stats show-legends` there"
        yield note("HAProxy's servers", f"{', '.join(unknown)} match no member", meaning, remedy)
    elif not settings.haproxy.primary:
        found = roles_of_pools(servers, observed.cluster.leader, addresses)
        if found.primary is None:
            meaning = "no backend, or more than one, has only the leader UP"
            remedy = "set primary and replicas in [haproxy] to the names of the backends"
            yield note("HAProxy's backends", "it is unclear which one routes to the primary", meaning, remedy)
        else:
            title = f"{found.primary} routes to the primary, {found.replicas or '?'} to replicas"
            yield ok("HAProxy's backends", title)


def _is_member(server: Server, addresses: dict[str, str]) -> bool:
    return server.server in addresses or server.address in addresses.values()


def connection_limit(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the traffic leaves connections of HAProxy to other clients while a server hangs."""
    limits = [page.session_limit for page in observed.stats.values() if page.session_limit]
    if not observed.routes or not limits:
        return
    traffic = settings.traffic
    most = slots(traffic.rate_per_s, traffic.fresh_per_s, traffic.deadline_ms)
    if most >= min(limits):
        title = f"the traffic uses up to {most} connections, and maxconn is {min(limits)}"
        meaning = "while a server hangs, the traffic itself may use all connections of HAProxy"
        remedy = "lower rate_per_s or deadline_ms in [traffic], or raise maxconn in haproxy.cfg"
        yield note("HAProxy's connection limit", title, meaning, remedy)


def routes(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the traffic's connection strings are accepted and lead to the right servers."""
    if not observed.routes:
        meaning = "the effect of a fault on the application is not measured"
        yield note("traffic", "observer sends no reads or writes", meaning, "set write and read in [traffic]")
        return
    for action, route in observed.routes.items():
        yield from _preflight(action, route)
    yield from _roles_of_routes(observed)
    cluster = observed.cluster
    for action, route in observed.routes.items():
        system, expected = route.server.system if route.server else None, cluster.cluster_id if cluster else None
        if system and expected and system != expected:
            meaning = "the traffic goes to another cluster than the one that observer watches"
            remedy = f"correct {action} in [traffic], or scope in [cluster]"
            title = f"it leads to the database system {system}"
            yield error(f"traffic.{action}", CONFIGURATION, title, meaning, remedy)
        member = owner_by_address("", route.address, observed)
        if member is not None and len(cluster.members if cluster else ()) > 1:
            meaning = "without HAProxy the traffic stays with one member, so it would not recover after a failover"
            remedy = "set it to the port of HAProxy, as the application does"
            yield note(f"traffic.{action}", f"it leads straight to {member}", meaning, remedy)


def _roles_of_routes(observed: Observations) -> Iterator[Finding]:
    recovery = {action: route.preflight.in_recovery for action, route in observed.routes.items()}
    if recovery.get("write") is True and recovery.get("read") is False:
        meaning = "the two ports lead to the opposite roles: every write would fail"
        remedy = "exchange write and read in [traffic], or the two ports in haproxy.cfg"
        title = "write leads to a replica, read to the primary"
        yield error("traffic's ports", CONFIGURATION, title, meaning, remedy)
    elif recovery.get("write") is True:
        meaning, remedy = "every write would fail with SQLSTATE 25006", "set write in [traffic] to the primary's port"
        yield error("traffic.write", CONFIGURATION, "it leads to a replica", meaning, remedy)
    elif recovery.get("read") is False:
        meaning = "reads fail together with writes; the replicas serve no reads"
        remedy = "set read in [traffic] to the replicas' port, if the application uses it"
        yield note("traffic.read", "it leads to the primary", meaning, remedy)


def _preflight(action: str, route: RouteObservation) -> Iterator[Finding]:
    component, verdict, title = f"traffic.{action}", route.preflight.verdict, route.preflight.says
    if verdict == "credentials":
        meaning = "the server accepts neither this user nor this password"
        remedy = f"correct user and password of {action} in [traffic], or set PGPASSWORD"
        yield error(component, CREDENTIALS, title, meaning, remedy)
    elif verdict in ("database", "dsn"):
        yield error(component, CONFIGURATION, title, "a recording could not begin", f"correct {action} in [traffic]")
    elif verdict == "tables":
        remedy = (
            'load the schema of the homework (stack/schema.sql), or set workload = "probe" in [traffic]'
            if "homework" in title
            else "GRANT CREATE ON SCHEMA public TO the user, or create observer_probe for it (docs/reference/sqlite.md)"
        )
        yield error(component, CONFIGURATION, title, "observer sends no operations until it can use the tables", remedy)
    elif verdict == "nothing":
        remedy = f"start HAProxy, or correct {action} in [traffic]"
        remedy += "; if it closes at once, no server is UP in the backend"
        meaning = "the application cannot reach its database this way either"
        yield error(component, NOTHING_ANSWERS, title, meaning, remedy)
    elif verdict == "error":
        yield error(component, NOTHING_ANSWERS, title, "the server answers with an error", "read the server's log")
    elif route.preflight.in_recovery is not None:
        yield ok(component, f"{route.address}: {'a replica' if route.preflight.in_recovery else 'the primary'}")


def file(path: Path) -> Iterator[Finding]:
    """Check that the recording file can be written."""
    component, meaning = f"file {path}", "nothing could be recorded"
    if not path.parent.is_dir():
        remedy = f"make the folder {path.parent}, or correct path in [store]"
        yield error(component, CANNOT_WRITE, "its folder does not exist", meaning, remedy)
        return
    try:
        with Reader(path) as reader:
            count = len(reader.recordings())
        title = f"{count} recordings; a new one will be added" if count else "ready"
    except NotFound:
        title = "ready; it will be created"
    except ObserverError as failure:
        meaning = "observer does not change such a file, so nothing can be recorded into it"
        remedy = "name another file as path in [store], or with --db"
        yield error(component, failure.exit_code, str(failure), meaning, remedy)
        return
    if is_being_recorded(path):
        remedy = "end it with `observer stop`, or name another file"
        yield note(component, "a daemon is recording into it", "a second recording would be refused", remedy)
        return
    if not _writable(path):
        remedy = "correct its permissions, or path in [store]"
        yield error(component, CANNOT_WRITE, "this user may not write it", meaning, remedy)
        return
    free = shutil.disk_usage(path.parent).free
    if free < FREE_BYTES:
        meaning = "an hour at the default rate takes about 40 MB"
        yield note(component, f"{free >> 20} MB are free", meaning, "free some space, or correct path in [store]")
    yield ok(component, title)


def _writable(path: Path) -> bool:
    try:
        if path.exists():
            path.open("ab").close()
            return True
        trial = path.with_name(f".{path.name}.doctor")
        trial.touch()
        trial.unlink()
    except OSError:
        return False
    return True


def logs(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the configured log files can be read."""
    for name, files in settings.log.files.items():
        for path in map(settings.resolve, files):
            if not os.access(path, os.R_OK):
                title = "this user may not read it" if path.exists() else "no such file"
                meaning = "events that only logs show, such as pg_rewind, stay unknown"
                yield note(f"log {path}", title, meaning, f"correct {name} in [log.files], or let this user read it")


def metrics(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the daemon can listen on its address for metrics."""
    listen = settings.metrics.listen
    if not listen:
        return
    host, _, port = listen.rpartition(":")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError, OverflowError) as failure:
        remedy = "set listen in [metrics] to a free port, or leave it out"
        title = str(getattr(failure, "strerror", None) or failure)
        yield error(f"metrics {listen}", CONFIGURATION, title, "the daemon could not start", remedy)
        return
    yield ok(f"metrics {listen}", "free")
