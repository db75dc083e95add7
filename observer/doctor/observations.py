"""One observation of each component: etcd, each member by REST and by SQL, statistics pages, the traffic's routes.

Each observation ends within seconds and does not raise an error if the component fails: the failure is the observation.
"""

import json
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

from observer.config import access
from observer.config.settings import Settings
from observer.model.clock import wall_ns
from observer.model.errors import CredentialsRefused, NothingAnswers, ObserverError
from observer.model.recording import SECOND_NS
from observer.model.redaction import without_credentials
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer, parameters
from observer.sources import haproxy, patroni, postgres, web
from observer.sources.discovery import Discovery, ScopeAbsent, discover
from observer.sources.etcd import AccessRefused, Endpoint
from observer.sources.haproxy import Page
from observer.sources.polling import PollFailed
from observer.sources.quorum import Status
from observer.traffic.preflight import Preflight, preflight

DEADLINE_MS = 3000
_IDENTITY = """SELECT pg_is_in_recovery(), (SELECT system_identifier::text FROM pg_control_system()),
 pg_postmaster_start_time(), current_setting('server_version'), extract(epoch FROM clock_timestamp())::float8,
 pg_has_role(current_user, 'pg_monitor', 'member') OR current_setting('is_superuser') = 'on'"""
_IDENTITY_UNPRIVILEGED = _IDENTITY.replace("(SELECT system_identifier::text FROM pg_control_system())", "NULL")
_INSUFFICIENT_PRIVILEGE = "42501"


@dataclass(frozen=True, slots=True)
class Failure:
    """How an observation failed. `refused`: the component answered and refused the credentials."""

    how: str
    message: str
    refused: bool = False


@dataclass(frozen=True, slots=True)
class EtcdObservation:
    """A member of etcd, and the id of its etcd cluster."""

    status: Status | None = None
    cluster: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RestObservation:
    """A member's REST API. `name` is its own name, known since Patroni 3.1. `from_etcd`: the URL comes from etcd."""

    url: str
    from_etcd: bool = False
    name: str | None = None
    scope: str | None = None
    role: str | None = None
    state: str | None = None
    version: str | None = None
    started: datetime | None = None
    system: str | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class SqlObservation:
    """A PostgreSQL server. `system` is its system identifier, None if the user may not read it.

    `ahead_s` is the difference between its clock and ours, with an uncertainty of `within_s` seconds.
    """

    address: str
    from_etcd: bool = False
    in_recovery: bool | None = None
    system: str | None = None
    started: datetime | None = None
    version: str | None = None
    ahead_s: float = 0.0
    within_s: float = 0.0
    may_monitor: bool = True
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class StatsObservation:
    """A statistics page. `http` 0: no answer; `page` None: the answer is not HAProxy's CSV.

    `session_limit` is the smallest session limit of its frontends and servers, None if there is none.
    """

    http: int = 0
    page: Page | None = None
    session_limit: int | None = None
    failure: Failure | None = None


@dataclass(frozen=True, slots=True)
class RouteObservation:
    """The server that a connection string of the traffic leads to, and the result of the traffic's preflight there."""

    address: str
    preflight: Preflight
    server: SqlObservation | None = None


@dataclass(frozen=True, slots=True)
class Observations:
    """All observations. If `cluster` is None and etcd answered, `absent` is the reason why it lacks the scope."""

    etcd: Mapping[str, EtcdObservation] = field(default_factory=dict)
    cluster: Discovery | None = None
    absent: str | None = None
    rest: Mapping[str, RestObservation] = field(default_factory=dict)
    sql: Mapping[str, SqlObservation] = field(default_factory=dict)
    stats: Mapping[str, StatsObservation] = field(default_factory=dict)
    routes: Mapping[str, RouteObservation] = field(default_factory=dict)


def observe(settings: Settings) -> Observations:
    """Observe all components at the same time. Raise ConfigError for connection strings that cannot be used."""
    with ThreadPoolExecutor(16) as pool:
        etcd = {address: pool.submit(_etcd, address, settings) for address in settings.etcd.endpoints}
        stats = {url: pool.submit(_stats, url, settings) for url in settings.haproxy.stats}
        actions = ("write", "read") if access.has_traffic(settings) else ()
        routes = {action: pool.submit(_route, settings, action) for action in actions}
        cluster, absent = _discover(settings)
        rest = {name: pool.submit(_rest, *target, settings) for name, target in rest_of(settings, cluster).items()}
        sql = {name: pool.submit(_sql, *target) for name, target in sql_of(settings, cluster).items()}
        return Observations(
            {address: found.result() for address, found in etcd.items()},
            cluster,
            absent,
            {name: found.result() for name, found in rest.items()},
            {name: found.result() for name, found in sql.items()},
            {without_credentials(url): found.result() for url, found in stats.items()},
            {action: found.result() for action, found in routes.items()},
        )


def _discover(settings: Settings) -> tuple[Discovery | None, str | None]:
    """Return the cluster, or why etcd does not have it; two None if no etcd answers."""
    chosen, credentials = settings.cluster, access.access_to(settings, "etcd")
    try:
        return discover(settings.etcd.endpoints, chosen.namespace, chosen.scope, credentials, DEADLINE_MS / 1000), None
    except ScopeAbsent as error:
        return None, str(error)
    except (NothingAnswers, CredentialsRefused):  # the check of each endpoint reports this
        return None, None


def rest_of(settings: Settings, cluster: Discovery | None) -> dict[str, tuple[str, bool]]:
    """Return the URL of each member, and whether it comes from etcd."""
    if settings.patroni.members is not None:
        return {name: (url, False) for name, url in settings.patroni.members.items()}
    members = cluster.members if cluster is not None else {}
    return {name: (member.api_url, True) for name, member in members.items() if member.api_url}


def sql_of(settings: Settings, cluster: Discovery | None) -> dict[str, tuple[str, bool]]:
    """Return the connection string of each member, with credentials, and whether its address comes from etcd."""
    credentials = access.postgres_credentials(settings)
    if settings.postgres.members is not None:
        return {name: (postgres.direct_dsn(dsn, credentials), False) for name, dsn in settings.postgres.members.items()}
    members = cluster.members if cluster is not None else {}
    dsns = {name: member.conn_url for name, member in members.items() if member.conn_url}
    return {name: (postgres.direct_dsn(dsn, credentials), True) for name, dsn in dsns.items()}


def _etcd(address: str, settings: Settings) -> EtcdObservation:
    with closing(Endpoint(address, access.access_to(settings, "etcd"))) as endpoint:
        try:
            status = endpoint.status()
            return EtcdObservation(status, endpoint.read("/observer-doctor", keys_only=True, stale=True).cluster)
        except PollFailed as failure:
            refused = isinstance(failure, AccessRefused)
            return EtcdObservation(failure=Failure(failure.how, failure.error, refused))


def _get(url: str, settings: Settings, section: access.Service) -> tuple[int, bytes]:
    with closing(web.Target(access.access_to(settings, section), DEADLINE_MS / 1000)) as target:
        return target.get(url)


def _rest(url: str, from_etcd: bool, settings: Settings) -> RestObservation:
    address = without_credentials(url)
    try:
        http, body = _get(f"{patroni.base(url)}/patroni", settings, "patroni")
        answer = json.loads(body)
    except PollFailed as failure:
        return RestObservation(address, from_etcd, failure=Failure(failure.how, failure.error))
    except ValueError:
        answer = None
    itself = answer.get("patroni") if isinstance(answer, dict) else None
    if not isinstance(answer, dict) or not isinstance(itself, dict):
        return RestObservation(address, from_etcd, failure=Failure("error", "the answer is not Patroni's"))
    member = patroni.answer_of(http, answer).member
    started = datetime.fromisoformat(member.postmaster_start_time) if member.postmaster_start_time else None
    name, scope, system = itself.get("name"), itself.get("scope"), answer.get("database_system_identifier")
    version = member.patroni_version
    return RestObservation(address, from_etcd, name, scope, member.role, member.state, version, started, system)


def _sql(dsn: str, from_etcd: bool) -> SqlObservation:
    address = address_of_dsn(dsn)
    try:
        before_ns, began_ns = wall_ns(), time.monotonic_ns()
        try:
            row = ask(dsn, _IDENTITY, DEADLINE_MS, time.monotonic_ns)[0]
        except NoAnswer as failure:
            if failure.sqlstate != _INSUFFICIENT_PRIVILEGE:
                raise
            before_ns, began_ns = wall_ns(), time.monotonic_ns()
            row = ask(dsn, _IDENTITY_UNPRIVILEGED, DEADLINE_MS, time.monotonic_ns)[0]
    except NoAnswer as failure:
        refused = failure.sqlstate in ("28P01", "28000") or "no password supplied" in failure.message
        return SqlObservation(address, from_etcd, failure=Failure(failure.how, failure.message, refused))
    took_s = (time.monotonic_ns() - began_ns) / SECOND_NS
    in_recovery, system, started, version, clock_s, may_monitor = row
    ahead_s = clock_s - (before_ns / SECOND_NS + took_s / 2)
    return SqlObservation(address, from_etcd, in_recovery, system, started, version, ahead_s, took_s / 2, may_monitor)


def _stats(url: str, settings: Settings) -> StatsObservation:
    http = 0
    try:
        http, body = _get(haproxy.csv_url(url), settings, "haproxy")
        rows = list(haproxy.rows_of(body.decode("utf-8", "replace")))
        page = haproxy.page_of(rows)
    except PollFailed as failure:
        return StatsObservation(http, failure=Failure(failure.how, failure.error))
    backends = {backend for backend, _ in page.servers}
    limits = [row.get("slim", "") for row in rows if row["pxname"] in backends and row["svname"] != "BACKEND"]
    return StatsObservation(http, page, min((int(limit) for limit in limits if limit.isdigit()), default=None))


def _route(settings: Settings, action: str) -> RouteObservation:
    dsn = access.dsn_of(settings, action)
    result = preflight(dsn, settings.traffic.workload, DEADLINE_MS, time.monotonic_ns)
    server = _sql(dsn, False) if result.in_recovery is not None else None
    return RouteObservation(address_of_dsn(dsn), result, server)


def address_of_dsn(dsn: str) -> str:
    """Return the target of a connection string in a readable form, without the password: user@host:port/dbname."""
    try:
        given = parameters(dsn)
    except ObserverError:
        return "?"
    host = f"{given.get('host', 'the default host')}:{given.get('port', '5432')}"
    return f"{given.get('user', '')}@{host}/{given.get('dbname', '')}".removeprefix("@")


def netloc_of(url: str) -> str:
    """Return host:port of a URL of REST or of PostgreSQL."""
    parts = urlsplit(url)
    return f"{parts.hostname}:{parts.port}" if parts.port else str(parts.hostname)
