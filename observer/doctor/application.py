"""Checks of the application's route (HAProxy, connection strings), the recording file, the logs and the metrics."""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

from observer.config.settings import Settings
from observer.doctor.cluster import owner_by_address
from observer.doctor.finding import Finding, ok, problem, unanswered
from observer.doctor.observations import Failure, Observations, RouteObservation, StatsObservation, netloc_of
from observer.model.errors import NotFound, ObserverError
from observer.sources.haproxy import Server, roles_of_pools
from observer.store import Reader, is_being_recorded
from observer.traffic.plan import slots

FREE_BYTES = 1 << 30


def stats(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that each statistics page answers with HAProxy's CSV."""
    if not settings.haproxy.stats:
        yield problem("no_statistics_page", "HAProxy")
    for url, page in observed.stats.items():
        yield _statistics_page(f"HAProxy {url}", page)


def _statistics_page(component: str, observed: StatsObservation) -> Finding:
    if observed.http in (401, 403):
        return problem("statistics_refused", component, http=observed.http)
    if observed.page is not None:
        names = sorted({pool for pool, _ in observed.page.servers})
        return ok(component, f"backends {', '.join(names)}" if names else "no backend has a server")
    remedy = "correct stats in [haproxy]: the address and path of `stats uri` in haproxy.cfg, without ;csv"
    if observed.http:
        return problem("not_statistics", component, http=observed.http, remedy=remedy)
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
            listed = ", ".join(existing)
            yield problem("no_backend", f"haproxy.{option}", name=name, option=option, existing=listed)
    if observed.cluster is None:
        return
    members = observed.cluster.members
    addresses = {name: netloc_of(found.conn_url) if found.conn_url else "" for name, found in members.items()}
    unknown = sorted({f"{s.pool}/{s.server}" for s in servers if not _is_member(s, addresses)})
    if unknown:
        yield problem("unmatched_servers", "HAProxy's servers", servers=", ".join(unknown))
    elif not settings.haproxy.primary:
        found = roles_of_pools(servers, observed.cluster.leader, addresses)
        if found.primary is None:
            yield problem("unclear_primary", "HAProxy's backends")
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
        yield problem("connection_limit", "HAProxy's connection limit", most=most, limit=min(limits))


def routes(observed: Observations, settings: Settings) -> Iterator[Finding]:
    """Check that the traffic's connection strings are accepted and lead to the right servers."""
    if not observed.routes:
        yield problem("no_traffic", "traffic")
        return
    for action, route in observed.routes.items():
        yield from _preflight(action, route)
    yield from _roles_of_routes(observed)
    cluster = observed.cluster
    for action, route in observed.routes.items():
        system, expected = route.server.system if route.server else None, cluster.cluster_id if cluster else None
        if system and expected and system != expected:
            yield problem("traffic_other_cluster", f"traffic.{action}", system=system, action=action)
        member = owner_by_address("", route.address, observed)
        if member is not None and len(cluster.members if cluster else ()) > 1:
            yield problem("traffic_without_proxy", f"traffic.{action}", member=member)


def _roles_of_routes(observed: Observations) -> Iterator[Finding]:
    recovery = {action: route.preflight.in_recovery for action, route in observed.routes.items()}
    if recovery.get("write") is True and recovery.get("read") is False:
        yield problem("traffic_exchanged", "traffic's ports")
    elif recovery.get("write") is True:
        yield problem("write_to_replica", "traffic.write")
    elif recovery.get("read") is False:
        yield problem("read_from_primary", "traffic.read")


def _preflight(action: str, route: RouteObservation) -> Iterator[Finding]:
    component, verdict, says = f"traffic.{action}", route.preflight.verdict, route.preflight.says
    if verdict != "ok":
        name = "homework_tables" if verdict == "tables" and "homework" in says else verdict
        yield problem(f"traffic_{name}", component, action=action, says=says)
    elif route.preflight.in_recovery is not None:
        yield ok(component, f"{route.address}: {'a replica' if route.preflight.in_recovery else 'the primary'}")


def file(path: Path) -> Iterator[Finding]:
    """Check that the recording file can be written."""
    component = f"file {path}"
    if not path.parent.is_dir():
        yield problem("file_no_folder", component, folder=path.parent)
        return
    try:
        with Reader(path) as reader:
            count = len(reader.recordings())
        title = f"{count} recording{'s' if count > 1 else ''}; a new one will be added" if count else "ready"
    except NotFound:
        title = "ready; it will be created"
    except ObserverError as failure:
        yield problem("file_unusable", component, failure.exit_code, failure=failure)
        return
    if is_being_recorded(path):
        yield problem("file_in_use", component)
        return
    if not _writable(path):
        yield problem("file_not_writable", component)
        return
    free = shutil.disk_usage(path.parent).free
    if free < FREE_BYTES:
        yield problem("file_little_space", component, megabytes=free >> 20)
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
                why = "this user may not read it" if path.exists() else "no such file"
                yield problem("log_unreadable", f"log {path}", why=why, name=name)


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
        why = getattr(failure, "strerror", None) or failure
        yield problem("metrics_address", f"metrics {listen}", failure=why)
        return
    yield ok(f"metrics {listen}", "free")
