"""The sources of one recording and their wiring: etcd, members by REST and by SQL, HAProxy, logs, Docker."""

from collections.abc import Callable
from functools import partial
from urllib.parse import urlsplit

from observer.config.access import access_to, postgres_credentials
from observer.config.settings import Settings
from observer.model.redaction import without_credentials
from observer.postgres.session import parameters
from observer.recording.background import Task
from observer.recording.members import Members
from observer.recording.schedule import Schedule
from observer.sources import engine, haproxy, logs, patroni, postgres
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import Discovery
from observer.sources.docker import DockerSource
from observer.sources.fault_actions import WatchedAddress
from observer.sources.lease import EtcdSnapshot
from observer.sources.polling import Now, Record


class Watchers:
    """The sources of one recording. A member that appears in etcd later is polled from then on."""

    def __init__(self, settings: Settings, record: Record, now_ns: Now) -> None:
        self._settings = settings
        self._record = record
        self._now_ns = now_ns
        self._etcd: EtcdSource | None = None
        self._docker: DockerSource | None = None
        self.schedule = Schedule(record, now_ns)
        self.members = Members(
            settings.patroni.members, settings.postgres.members, self._poll_patroni, self._poll_postgres
        )

    def start(self, cluster: Discovery | None) -> None:
        """Start the sources. Without a cluster, watch the configured scope, or only the endpoints of etcd."""
        self.schedule.start()
        self.members.add_configured()
        self._etcd = self._start_etcd(cluster.scope if cluster is not None else self._settings.cluster.scope)
        if cluster is not None:
            self.add_cluster(cluster)
        access, every_ms = access_to(self._settings, "haproxy"), self._settings.haproxy.every_ms
        for url in self._settings.haproxy.stats:
            self.schedule.add(haproxy.job(url, every_ms, self._record, self._now_ns, access))
        for member, files in self._settings.log.files.items():
            for path in map(self._settings.resolve, files):
                self.schedule.add(logs.job(member, path, self._record, self._now_ns))
        address = engine.address(self._settings.docker.socket)
        if address is not None:
            self._docker = DockerSource(address, self._places, self._record, self._now_ns)
            self._docker.start()

    def add_cluster(self, cluster: Discovery) -> None:
        """Watch the scope that etcd has, and poll its members."""
        for name, member in cluster.members.items():
            self.members.add(name, member.api_url, member.conn_url)
        if self._etcd is not None:
            self._etcd.watch(cluster.scope)

    def glance(self) -> EtcdSnapshot:
        """Return what the polls of etcd know beyond the records, for the live view and the metrics."""
        return self._etcd.glance() if self._etcd is not None else EtcdSnapshot()

    def captures(self) -> list[Task]:
        """Return one task for the cluster and one for each statistics page; a task is done when its part answered."""
        access, pages = access_to(self._settings, "haproxy"), self._settings.haproxy.stats
        backends: list[Task] = [partial(haproxy.capture, url, self._record, self._now_ns, access) for url in pages]
        return backends if self._settings.patroni.members == {} else [self._capture_cluster, *backends]

    def stops(self) -> list[tuple[str, Callable[[], None]]]:
        """Return the name of each running part and the function that stops it, in the order to stop them."""
        parts: list[tuple[str, Callable[[], None]]] = [("the polls", self.schedule.stop)]
        if self._docker is not None:
            parts.append(("the events of Docker", self._docker.stop))
        if self._etcd is not None:
            parts.append(("the watch of etcd", self._etcd.stop))
        return parts

    def _capture_cluster(self) -> bool:
        """Capture the cluster from any member that answers; return False if no member is known."""
        access = access_to(self._settings, "patroni")
        return patroni.capture(dict(self.members.api), self._record, self._now_ns, access)

    def _places(self) -> list[WatchedAddress]:
        """Return every address that observer uses, and the component that it belongs to."""
        places = []
        for name, url in dict(self.members.api).items():
            parts = urlsplit(url)
            places.append(WatchedAddress("patroni", name, parts.hostname or "", parts.port or 8008))
        for name, dsn in dict(self.members.postgres).items():
            given = parameters(dsn)
            port = given.get("port", "5432")
            places.append(WatchedAddress("patroni", name, given.get("host", ""), int(port) if port.isdigit() else 5432))
        for endpoint in self._settings.etcd.endpoints:
            host, _, port = endpoint.rpartition(":")
            places.append(WatchedAddress("etcd", None, host, int(port), endpoint))
        for url in self._settings.haproxy.stats:
            parts = urlsplit(url)
            places.append(
                WatchedAddress("haproxy", None, parts.hostname or "", parts.port or 80, without_credentials(url))
            )
        return [place for place in places if place.host]

    def _start_etcd(self, scope: str | None) -> EtcdSource:
        etcd, namespace = self._settings.etcd, self._settings.cluster.namespace
        access = access_to(self._settings, "etcd")
        source = EtcdSource(etcd.endpoints, scope, namespace, self._record, self._now_ns, access)
        source.start()
        for job in source.jobs():
            self.schedule.add(job)
        return source

    def _poll_patroni(self, member: str, url: str) -> None:
        every_ms, access = self._settings.patroni.every_ms, access_to(self._settings, "patroni")
        self.schedule.add(patroni.job(member, url, every_ms, self._record, self._now_ns, access))

    def _poll_postgres(self, member: str, dsn: str) -> None:
        direct = postgres.direct_dsn(dsn, postgres_credentials(self._settings))
        self.schedule.add(postgres.job(member, direct, self._settings.postgres.every_ms, self._record, self._now_ns))
