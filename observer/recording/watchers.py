"""Everything that looks at the cluster, wired: etcd, each member by Patroni and by SQL, the proxies."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from observer.config.settings import Settings
from observer.live.board import Glance, Lease
from observer.model.errors import ConfigError
from observer.model.redaction import without_credentials
from observer.postgres.session import parameters
from observer.recording.background import Chore
from observer.recording.members import Members
from observer.recording.preflight import dsn_of, etcd_access, haproxy_access, patroni_access
from observer.recording.schedule import Schedule
from observer.sources import engine, haproxy, logs, patroni, postgres
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import Discovery
from observer.sources.docker import DockerSource
from observer.sources.fault_actions import WatchedAddress
from observer.sources.polling import Now, Record


class Sight:
    """The sources of one recording. Members that etcd tells of later are looked at from then on."""

    def __init__(self, settings: Settings, record: Record, now_ns: Now) -> None:
        self._settings = settings
        self._record = record
        self._now_ns = now_ns
        self._etcd: EtcdSource | None = None
        self._docker: DockerSource | None = None
        self.schedule = Schedule(record, now_ns)
        self.members = Members(
            settings.patroni.members, settings.postgres.members, self._watch_api, self._watch_postgres
        )

    def start(self, cluster: Discovery | None) -> None:
        """Begins to look; without a cluster, at what the settings name: its scope, or etcd's endpoints alone."""
        self.schedule.start()
        self.members.begin()
        self._etcd = self._begin_etcd(cluster.scope if cluster is not None else self._settings.cluster.scope)
        if cluster is not None:
            self.found(cluster)
        access, every_ms = haproxy_access(self._settings), self._settings.haproxy.every_ms
        for url in self._settings.haproxy.stats:
            self.schedule.add(haproxy.job(url, every_ms, self._record, self._now_ns, access))
        for member, files in self._settings.log.files.items():
            for file in files:
                path = self._settings.directory / Path(file).expanduser()
                self.schedule.add(logs.job(member, path, self._record, self._now_ns))
        where = engine.address(self._settings.docker.socket)
        if where is not None:
            self._docker = DockerSource(where, self._places, self._record, self._now_ns)
            self._docker.start()

    def found(self, cluster: Discovery) -> None:
        """etcd answered: its scope is watched, its members are looked at."""
        for name, member in cluster.members.items():
            self.members.found(name, member.api_url, member.conn_url)
        if self._etcd is not None:
            self._etcd.watch(cluster.scope)

    def glance(self) -> Glance:
        """What the sources know beyond their records, for the live view."""
        if self._etcd is None:
            return Glance()
        lease, (words, leader) = self._etcd.lease(), self._etcd.members()
        read = None if lease is None else Lease(lease.remaining_s, lease.ttl_s, lease.at_ns)
        return Glance(read, words, leader)

    def lease_s(self) -> float | None:
        """The seconds that remain of the leader's lease, by the latest reading."""
        lease = self._etcd.lease() if self._etcd is not None else None
        return None if lease is None else float(lease.remaining_s)

    def captures(self) -> list[Chore]:
        """Each records a part whole, once, and is done when that part answered: the cluster, each proxy's pools."""
        access, pages = haproxy_access(self._settings), self._settings.haproxy.stats
        pools: list[Chore] = [partial(haproxy.capture, url, self._record, self._now_ns, access) for url in pages]
        return pools if self._settings.patroni.members == {} else [self._capture_cluster, *pools]

    def stops(self) -> list[tuple[str, Callable[[], None]]]:
        """What has to be stopped in the end, by name."""
        looks: list[tuple[str, Callable[[], None]]] = [("the looks", self.schedule.stop)]
        if self._docker is not None:
            looks.append(("the events of Docker", self._docker.stop))
        return [*looks, ("the watch of etcd", self._etcd.stop)] if self._etcd is not None else looks

    def _capture_cluster(self) -> bool:
        """From whichever member answers; not done while none is known."""
        return patroni.capture(dict(self.members.api), self._record, self._now_ns, patroni_access(self._settings))

    def _places(self) -> list[WatchedAddress]:
        """Every address that is looked at, and whose it is."""
        places = []
        for name, url in dict(self.members.api).items():
            parts = urlsplit(url)
            places.append(WatchedAddress("patroni", name, parts.hostname or "", parts.port or 8008))
        for name, dsn in dict(self.members.postgres).items():
            told = parameters(dsn)
            port = told.get("port", "5432")
            places.append(WatchedAddress("patroni", name, told.get("host", ""), int(port) if port.isdigit() else 5432))
        for endpoint in self._settings.etcd.endpoints:
            host, _, port = endpoint.rpartition(":")
            places.append(WatchedAddress("etcd", None, host, int(port), endpoint))
        for url in self._settings.haproxy.stats:
            parts = urlsplit(url)
            places.append(
                WatchedAddress("haproxy", None, parts.hostname or "", parts.port or 80, without_credentials(url))
            )
        return [place for place in places if place.host]

    def _begin_etcd(self, scope: str | None) -> EtcdSource:
        told, access = self._settings, etcd_access(self._settings)
        try:
            source = EtcdSource(told.etcd.endpoints, scope, told.cluster.namespace, self._record, self._now_ns, access)
        except OSError as error:
            what = error.filename or "a certificate"
            raise ConfigError(f"{what} of [etcd] cannot be read: {error.strerror}.") from None
        source.start()
        for job in source.jobs():
            self.schedule.add(job)
        return source

    def _watch_api(self, member: str, url: str) -> None:
        every_ms, access = self._settings.patroni.every_ms, patroni_access(self._settings)
        self.schedule.add(patroni.job(member, url, every_ms, self._record, self._now_ns, access))

    def _watch_postgres(self, member: str, dsn: str) -> None:
        credentials = self._settings.postgres.dsn.get_secret_value() or dsn_of(self._settings, "write")
        direct, every_ms = postgres.direct_dsn(dsn, credentials), self._settings.postgres.every_ms
        self.schedule.add(postgres.job(member, direct, every_ms, self._record, self._now_ns))
