"""What is wrong with the way of the application: HAProxy, the traffic's connection strings, the file, the metrics."""

from __future__ import annotations

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
    bad,
    note,
    unanswered,
    well,
)
from observer.doctor.looks import Seen, StatsSeen, WaySeen, netloc_of
from observer.model.errors import NotFound, ObserverError
from observer.sources.haproxy import Server, roles_of_pools
from observer.store import Reader, is_being_recorded
from observer.traffic.plan import slots

FREE_BYTES = 1 << 30


def stats(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """Each stats page answers with HAProxy's CSV."""
    if not settings.haproxy.stats:
        means = "how HAProxy routes is not seen: routing and brownouts stay unknown"
        yield note("HAProxy", "no stats page is named", means, 'set stats = ["http://HOST:PORT/"] in [haproxy]')
    for url, page in seen.stats.items():
        yield _page(f"HAProxy {url}", page)


def _page(about: str, page: StatsSeen) -> Finding:
    if page.http in (401, 403):
        mend = "set username and password in [haproxy]"
        return bad(about, CREDENTIALS, f"HTTP {page.http}", "the page is behind a password, or wants another", mend)
    if page.page is not None:
        pools = sorted({pool for pool, _ in page.page.servers})
        return well(about, f"pools {', '.join(pools)}" if pools else "no pool has a server")
    mend = "correct stats in [haproxy]: the address and path of `stats uri` in haproxy.cfg, without ;csv"
    if page.http:
        means = "something answers there, and it is not the stats page: another path, or another service"
        return bad(about, CONFIGURATION, f"HTTP {page.http}, and no CSV of HAProxy", means, mend)
    failure = page.failure
    if failure is None:
        return bad(about, NOTHING_ANSWERS, "no answer", "nothing is known of it", mend)
    return unanswered(about, failure.how, failure.error, f"start HAProxy, or {mend}")


def pools(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The pools that the file names are there, and their servers can be told for members."""
    servers = [server for page in seen.stats.values() if page.page for server in page.page.servers.values()]
    if not servers:
        return
    there = sorted({server.pool for server in servers})
    for option in ("primary", "replicas"):
        name = getattr(settings.haproxy, option)
        if name and name not in there:
            mend = f"set {option} in [haproxy] to one of {', '.join(there)}, or leave it out"
            means = "routes to the primary could not be told from those to replicas"
            yield bad(f"haproxy.{option}", CONFIGURATION, f'HAProxy has no pool "{name}"', means, mend)
    if seen.cluster is None:
        return
    addresses = _addresses(seen)
    unknown = sorted({f"{s.pool}/{s.server}" for s in servers if not _is_member(s, addresses)})
    if unknown:
        mend = "name servers in haproxy.cfg as Patroni names its members, or add `stats show-legends` there"
        means = "which member such a server is cannot be told, by name or by address"
        yield note("HAProxy's servers", f"{', '.join(unknown)} match no member", means, mend)
    elif not settings.haproxy.primary:
        found = roles_of_pools(servers, seen.cluster.leader, addresses)
        if found.primary is None:
            means = "no pool, or more than one, has the leader up and nobody else"
            mend = "set primary and replicas in [haproxy] to the names of the pools"
            yield note("HAProxy's pools", "which one leads to the primary is not clear", means, mend)
        else:
            yield well("HAProxy's pools", f"{found.primary} leads to the primary, {found.replicas or '?'} to replicas")


def _addresses(seen: Seen) -> dict[str, str]:
    members = seen.cluster.members if seen.cluster is not None else {}
    return {name: netloc_of(found.conn_url) if found.conn_url else "" for name, found in members.items()}


def _is_member(server: Server, addresses: dict[str, str]) -> bool:
    return server.server in addresses or server.address in addresses.values()


def room(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The traffic leaves HAProxy room for others while a server hangs."""
    limits = [page.room for page in seen.stats.values() if page.room]
    if not seen.ways or not limits:
        return
    traffic = settings.traffic
    most = slots(traffic.rate_per_s, traffic.fresh_per_s, traffic.deadline_ms)
    if most >= min(limits):
        mend = "lower rate_per_s or deadline_ms in [traffic], or raise maxconn in haproxy.cfg"
        means = "while a server hangs, the traffic itself may take every place that HAProxy has"
        yield note("room in HAProxy", f"up to {most} connections, and maxconn is {min(limits)}", means, mend)


def ways(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The traffic's connection strings are let in, and lead where they should."""
    if not seen.ways:
        means = "what a fault costs the application is not measured"
        yield note("traffic", "nothing is written or read", means, "set write and read in [traffic]")
        return
    for action, way in seen.ways.items():
        yield from _way(action, way)
    recovery = {action: way.first.in_recovery for action, way in seen.ways.items()}
    if recovery.get("write") is True and recovery.get("read") is False:
        mend = "exchange write and read in [traffic], or the two ports in haproxy.cfg"
        means = "the two ports lead to the opposite roles: every write would fail"
        yield bad("traffic's ports", CONFIGURATION, "write leads to a replica, read to the primary", means, mend)
    elif recovery.get("write") is True:
        mend = "name the primary's port as write in [traffic]"
        means = "every write would fail with SQLSTATE 25006"
        yield bad("traffic.write", CONFIGURATION, "it leads to a replica", means, mend)
    elif recovery.get("read") is False:
        mend = "name the replicas' port as read in [traffic], if that is what the application uses"
        means = "reads share the fate of writes; the replicas serve nothing"
        yield note("traffic.read", "it leads to the primary", means, mend)
    for action, way in seen.ways.items():
        system, expected = way.server.system if way.server else None, seen.cluster.cluster_id if seen.cluster else None
        if system and expected and system != expected:
            mend = f"correct {action} in [traffic], or scope in [cluster]"
            means = "the traffic goes to another cluster than the one that is watched"
            yield bad(f"traffic.{action}", CONFIGURATION, f"it leads to the database {system}", means, mend)
        member = owner_by_address("", way.place, seen)
        if member is not None and len(seen.cluster.members if seen.cluster else ()) > 1:
            mend = "name the port of HAProxy, as the application does"
            means = "past HAProxy it stays with one member: a failover would be an outage without end"
            yield note(f"traffic.{action}", f"it leads straight to {member}", means, mend)


def _way(action: str, way: WaySeen) -> Iterator[Finding]:
    about, says = f"traffic.{action}", way.first.says
    if way.first.verdict == "credentials":
        mend = f"correct user and password of {action} in [traffic], or set PGPASSWORD"
        yield bad(about, CREDENTIALS, says, "the server takes neither this user nor this password", mend)
    elif way.first.verdict in ("database", "dsn"):
        yield bad(about, CONFIGURATION, says, "no recording could begin", f"correct {action} in [traffic]")
    elif way.first.verdict == "tables":
        mend = (
            'pour the homework\'s schema (stack/schema.sql), or set workload = "probe" in [traffic]'
            if "homework" in says
            else "GRANT CREATE ON SCHEMA public TO the user, or create observer_probe for it (docs/sqlite.md)"
        )
        means = "nothing is written or read until the tables can be used"
        yield bad(about, CONFIGURATION, says, means, mend)
    elif way.first.verdict == "nothing":
        mend = f"start HAProxy or correct {action} in [traffic]; where it closes at once, no server is up in the pool"
        yield bad(about, NOTHING_ANSWERS, says, "the application would be as far from its database", mend)
    elif way.first.verdict == "error":
        yield bad(about, NOTHING_ANSWERS, says, "the server answers and does not serve", "see the server's log")
    elif way.first.in_recovery is not None:
        yield well(about, f"{way.place}: {'a replica' if way.first.in_recovery else 'the primary'}")


def file(path: Path) -> Iterator[Finding]:
    """The timeline's file can be written."""
    about = f"file {path}"
    if not path.parent.is_dir():
        mend = f"make the folder {path.parent}, or correct path in [store]"
        yield bad(about, CANNOT_WRITE, "its folder is not there", "nothing could be recorded", mend)
        return
    try:
        with Reader(path) as reader:
            count = len(reader.recordings())
        says = f"{count} recordings; a new one is added" if count else "ready"
    except NotFound:
        says = "ready; it will be made"
    except ObserverError as error:
        mend = "name another file as path in [store], or by --db"
        yield bad(about, error.exit_code, str(error), "it is left as it is, so nothing can be recorded into it", mend)
        return
    if is_being_recorded(path):
        mend = "end it with `observer stop`, or name another file"
        yield note(about, "a daemon records into it now", "a second one would be refused", mend)
        return
    if not _writable(path):
        mend = "correct its permissions, or path in [store]"
        yield bad(about, CANNOT_WRITE, "it may not be written by this user", "nothing could be recorded", mend)
        return
    free = shutil.disk_usage(path.parent).free
    if free < FREE_BYTES:
        means = "an hour at the default rate takes some 40 MB"
        yield note(about, f"{free >> 20} MB are free", means, "make room, or correct path in [store]")
    yield well(about, says)


def _writable(path: Path) -> bool:
    try:
        if path.exists():
            path.open("ab").close()
            return True
        probe = path.with_name(f".{path.name}.doctor")
        probe.touch()
        probe.unlink()
    except OSError:
        return False
    return True


def logs(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The logs that the file names can be read."""
    for name, paths in settings.log.files.items():
        for path in (settings.directory / Path(told).expanduser() for told in paths):
            if not os.access(path, os.R_OK):
                why = "it may not be read by this user" if path.exists() else "no such file"
                mend = f"correct {name} in [log.files], or let this user read it"
                means = "what only logs tell, such as pg_rewind, stays unknown"
                yield note(f"log {path}", why, means, mend)


def metrics(seen: Seen, settings: Settings) -> Iterator[Finding]:
    """The daemon's own endpoint can be opened."""
    listen = settings.metrics.listen
    if not listen:
        return
    host, _, port = listen.rpartition(":")
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            trial.bind((host.strip("[]"), int(port)))
    except (OSError, ValueError, OverflowError) as error:
        mend = "name a free port as listen in [metrics], or leave it out"
        says = str(getattr(error, "strerror", None) or error)
        yield bad(f"metrics {listen}", CONFIGURATION, says, "the daemon could not begin", mend)
        return
    yield well(f"metrics {listen}", "free")
