"""What the doctor looks at, once: etcd, each member by REST and by SQL, the stats pages, the traffic's two ways.

Every look returns within some seconds and never raises for what it looks at: how it failed is what it saw.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from observer.config.settings import Settings
from observer.model.clock import wall_ns
from observer.model.errors import ConfigError, ObserverError
from observer.model.recording import SECOND_NS
from observer.model.redaction import without_credentials
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer, parameters
from observer.recording.preflight import dsn_of, etcd_access, haproxy_access, has_traffic, patroni_access
from observer.sources import haproxy, patroni, postgres, web
from observer.sources.discovery import Discovery, ScopeAbsent, discover
from observer.sources.etcd import AccessRefused, Endpoint
from observer.sources.haproxy import Page
from observer.sources.polling import PollFailed
from observer.sources.quorum import Status
from observer.traffic.preflight import Preflight, preflight

DEADLINE_MS = 3000
_WHO = """SELECT pg_is_in_recovery(), (SELECT system_identifier::text FROM pg_control_system()),
 pg_postmaster_start_time(), current_setting('server_version'), extract(epoch FROM clock_timestamp())::float8,
 pg_has_role(current_user, 'pg_monitor', 'member') OR current_setting('is_superuser') = 'on'"""
_WHO_PLAIN = _WHO.replace("(SELECT system_identifier::text FROM pg_control_system())", "NULL")
_NOT_ALLOWED = "42501"


@dataclass(frozen=True, slots=True)
class Failure:
    """How a look failed. `refused`: somebody answered, and refused the credentials."""

    how: str
    error: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class EtcdSeen:
    """A member of etcd, and the cluster of etcd that it is in."""

    status: Status | None = None
    cluster: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RestSeen:
    """A member's REST API. `name`: what it calls itself, since Patroni 3.1. `from_etcd`: so is its address."""

    url: str
    from_etcd: bool = False
    http: int = 0
    name: str | None = None
    scope: str | None = None
    role: str | None = None
    state: str | None = None
    version: str | None = None
    started: datetime | None = None
    system: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SqlSeen:
    """A PostgreSQL. `system` None: it may not be asked. `ahead_s`: its clock against ours, give or take `within_s`."""

    place: str
    from_etcd: bool = False
    in_recovery: bool | None = None
    system: str | None = None
    started: datetime | None = None
    version: str | None = None
    ahead_s: float = 0.0
    within_s: float = 0.0
    monitors: bool = True
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class StatsSeen:
    """A stats page. `http` 0: no answer; `page` None: the answer is not HAProxy's CSV.

    `room`: the fewest sessions that a pool takes at once; None: unknown.
    """

    http: int = 0
    page: Page | None = None
    room: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class WaySeen:
    """Where a connection string of the traffic leads, and what a recording's first question there found."""

    place: str
    first: Preflight
    server: SqlSeen | None = None


@dataclass(frozen=True, slots=True)
class Seen:
    """All that was looked at. `cluster` None: `absent` says why etcd does not tell, if it answered at all."""

    etcd: Mapping[str, EtcdSeen] = field(default_factory=dict)
    cluster: Discovery | None = None
    absent: str | None = None
    rest: Mapping[str, RestSeen] = field(default_factory=dict)
    sql: Mapping[str, SqlSeen] = field(default_factory=dict)
    stats: Mapping[str, StatsSeen] = field(default_factory=dict)
    ways: Mapping[str, WaySeen] = field(default_factory=dict)


def look(settings: Settings) -> Seen:
    """Everything at once. Raises ConfigError for files and connection strings that cannot be used at all."""
    try:
        access = etcd_access(settings)
        with ThreadPoolExecutor(16) as pool:
            etcd = {a: pool.submit(_etcd, a, settings) for a in settings.etcd.endpoints}
            stats = {url: pool.submit(_stats, url, haproxy_access(settings)) for url in settings.haproxy.stats}
            actions = ("write", "read") if has_traffic(settings) else ()
            ways = {action: pool.submit(_way, settings, action) for action in actions}
            cluster, absent = None, None
            chosen = settings.cluster
            try:
                cluster = discover(settings.etcd.endpoints, chosen.namespace, chosen.scope, access, DEADLINE_MS / 1000)
            except ScopeAbsent as error:
                absent = str(error)
            except Exception as error:  # whatever it is, the looks at the endpoints say it better
                if isinstance(error, ConfigError):
                    raise
            rest = {n: pool.submit(_rest, url, told, settings) for n, (url, told) in rest_of(settings, cluster).items()}
            sql = {n: pool.submit(_sql, dsn, told) for n, (dsn, told) in sql_of(settings, cluster).items()}
            return Seen(
                {address: found.result() for address, found in etcd.items()},
                cluster,
                absent,
                {name: found.result() for name, found in rest.items()},
                {name: found.result() for name, found in sql.items()},
                {without_credentials(url): found.result() for url, found in stats.items()},
                {action: found.result() for action, found in ways.items()},
            )
    except OSError as error:
        raise ConfigError(f"{error.filename or 'a certificate'}: cannot be read ({error.strerror}).") from None


def rest_of(settings: Settings, cluster: Discovery | None) -> dict[str, tuple[str, bool]]:
    """The URL of each member, and whether etcd gives it."""
    if settings.patroni.members is not None:
        return {name: (url, False) for name, url in settings.patroni.members.items()}
    members = cluster.members if cluster is not None else {}
    return {name: (member.api_url, True) for name, member in members.items() if member.api_url}


def sql_of(settings: Settings, cluster: Discovery | None) -> dict[str, tuple[str, bool]]:
    """The connection string of each member with the credentials in it, and whether etcd gives its place."""
    credentials = settings.postgres.dsn.get_secret_value() or dsn_of(settings, "write")
    told = settings.postgres.members
    if told is not None:
        return {name: (postgres.direct_dsn(dsn, credentials), False) for name, dsn in told.items()}
    members = cluster.members if cluster is not None else {}
    return {
        name: (postgres.direct_dsn(member.conn_url, credentials), True)
        for name, member in members.items()
        if member.conn_url
    }


def _etcd(address: str, settings: Settings) -> EtcdSeen:
    endpoint = Endpoint(address, etcd_access(settings))
    try:
        status = endpoint.status()
        return EtcdSeen(status, endpoint.read("/observer-doctor", keys_only=True, stale=True).cluster)
    except AccessRefused as failure:
        return EtcdSeen(failure=Failure(failure.how, failure.error, refused=True))
    except PollFailed as failure:
        return EtcdSeen(failure=Failure(failure.how, failure.error))
    finally:
        endpoint.close()


def _get(url: str, access: web.Access) -> tuple[int, bytes]:
    target = web.Target(access, DEADLINE_MS / 1000)
    try:
        return target.get(url)
    finally:
        target.close()


def _rest(url: str, from_etcd: bool, settings: Settings) -> RestSeen:
    address = without_credentials(url)
    try:
        http, body = _get(f"{patroni.base(url)}/patroni", patroni_access(settings))
        told = json.loads(body)
    except PollFailed as failure:
        return RestSeen(address, from_etcd, failure=Failure(failure.how, failure.error))
    except ValueError:
        told = None
    itself = told.get("patroni") if isinstance(told, dict) else None
    if not isinstance(told, dict) or not isinstance(itself, dict):
        return RestSeen(address, from_etcd, failure=Failure("error", "the answer is not of Patroni"))
    member = patroni.answer_of(http, told).member
    started = member.postmaster_start_time
    return RestSeen(
        address,
        from_etcd,
        http,
        itself.get("name"),
        itself.get("scope"),
        member.role,
        member.state,
        member.patroni_version,
        datetime.fromisoformat(started) if started else None,
        told.get("database_system_identifier"),
    )


def _sql(dsn: str, from_etcd: bool) -> SqlSeen:
    place = place_of(dsn)
    try:
        before_ns, began_ns = wall_ns(), time.monotonic_ns()
        try:
            row = ask(dsn, _WHO, DEADLINE_MS, time.monotonic_ns)[0]
        except NoAnswer as failure:
            if failure.sqlstate != _NOT_ALLOWED:
                raise
            before_ns, began_ns = wall_ns(), time.monotonic_ns()
            row = ask(dsn, _WHO_PLAIN, DEADLINE_MS, time.monotonic_ns)[0]
    except NoAnswer as failure:
        refused = failure.sqlstate in ("28P01", "28000") or "no password supplied" in failure.message
        return SqlSeen(place, from_etcd, failure=Failure(failure.how, failure.message, refused))
    took_s = (time.monotonic_ns() - began_ns) / SECOND_NS
    in_recovery, system, started, version, clock_s, monitors = row
    ahead_s = clock_s - (before_ns / SECOND_NS + took_s / 2)
    return SqlSeen(place, from_etcd, in_recovery, system, started, version, ahead_s, took_s / 2, monitors)


def _stats(url: str, access: web.Access) -> StatsSeen:
    http = 0
    try:
        http, body = _get(haproxy.csv_url(url), access)
        rows = list(haproxy.rows_of(body.decode("utf-8", "replace")))
        page = haproxy.page_of(rows)
        pools = {pool for pool, _ in page.servers}
        limits = [row.get("slim", "") for row in rows if row["pxname"] in pools and row["svname"] != "BACKEND"]
        return StatsSeen(http, page, min((int(limit) for limit in limits if limit.isdigit()), default=None))
    except PollFailed as failure:
        return StatsSeen(http, failure=Failure(failure.how, failure.error))


def _way(settings: Settings, action: str) -> WaySeen:
    dsn = dsn_of(settings, action)
    first = preflight(dsn, settings.traffic.workload, DEADLINE_MS, time.monotonic_ns)
    server = _sql(dsn, False) if first.in_recovery is not None else None
    return WaySeen(place_of(dsn), first, server)


def place_of(dsn: str) -> str:
    """Where a connection string leads, for a person: user@host:port/dbname."""
    try:
        told = parameters(dsn)
    except ObserverError:
        return "?"
    where = f"{told.get('host', 'the default host')}:{told.get('port', '5432')}"
    return f"{told.get('user', '')}@{where}/{told.get('dbname', '')}".removeprefix("@")


def netloc_of(url: str) -> str:
    """host:port of a URL, of REST or of PostgreSQL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
