"""Everything that looks at the cluster, wired: etcd, each member by Patroni and by SQL, the proxies."""

from __future__ import annotations

from collections.abc import Callable

from observer.config import Settings
from observer.errors import ConfigError
from observer.members import Members
from observer.polling import Now, Record
from observer.schedule import Schedule
from observer.sources import haproxy, patroni, postgres
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import Discovery
from observer.starting import dsn_of, etcd_access, haproxy_access, patroni_access
from observer.view.board import Glance, Lease


class Sight:
    """The sources of one recording. Members that etcd tells of later are looked at from then on."""

    def __init__(self, settings: Settings, record: Record, now_ns: Now) -> None:
        self._settings = settings
        self._record = record
        self._now_ns = now_ns
        self._etcd: EtcdSource | None = None
        self.schedule = Schedule(record, now_ns)
        self.members = Members(
            settings.patroni.members, settings.postgres.members, self._watch_api, self._watch_postgres
        )

    def start(self, cluster: Discovery | None) -> None:
        """Begins to look. Without a cluster, etcd is watched once `found` names one, or the settings the scope."""
        self.schedule.start()
        self.members.begin()
        if cluster is not None:
            self.found(cluster)
        elif self._settings.cluster.scope is not None:
            self._watch_etcd(self._settings.cluster.scope)
        access, every_ms = haproxy_access(self._settings), self._settings.haproxy.every_ms
        for url in self._settings.haproxy.stats:
            self.schedule.add(haproxy.job(url, every_ms, self._record, self._now_ns, access))

    def found(self, cluster: Discovery) -> None:
        """etcd answered: its scope is watched, its members are looked at."""
        for name, member in cluster.members.items():
            self.members.found(name, member.api_url, member.conn_url)
        if self._etcd is None:
            self._watch_etcd(cluster.scope)

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

    def capture(self) -> bool:
        """Records the cluster and the pools, whole; True if all that is asked answered."""
        api, access = dict(self.members.api), patroni_access(self._settings)
        done = not api or patroni.capture(api, self._record, self._now_ns, access)
        for url in self._settings.haproxy.stats:
            done &= haproxy.capture(url, self._record, self._now_ns, haproxy_access(self._settings))
        return done

    def stops(self) -> list[tuple[str, Callable[[], None]]]:
        """What has to be stopped in the end, by name."""
        looks: list[tuple[str, Callable[[], None]]] = [("the looks", self.schedule.stop)]
        return [*looks, ("the watch of etcd", self._etcd.stop)] if self._etcd is not None else looks

    def _watch_etcd(self, scope: str) -> None:
        told, access = self._settings, etcd_access(self._settings)
        try:
            self._etcd = EtcdSource(
                told.etcd.endpoints, scope, told.cluster.namespace, self._record, self._now_ns, access
            )
        except OSError as error:
            what = error.filename or "a certificate"
            raise ConfigError(f"{what} of [etcd] cannot be read: {error.strerror}.") from None
        self._etcd.start()
        for job in self._etcd.jobs():
            self.schedule.add(job)

    def _watch_api(self, member: str, url: str) -> None:
        every_ms, access = self._settings.patroni.every_ms, patroni_access(self._settings)
        self.schedule.add(patroni.job(member, url, every_ms, self._record, self._now_ns, access))

    def _watch_postgres(self, member: str, dsn: str) -> None:
        credentials = self._settings.postgres.dsn.get_secret_value() or dsn_of(self._settings, "write")
        direct, every_ms = postgres.direct_dsn(dsn, credentials), self._settings.postgres.every_ms
        self.schedule.add(postgres.job(member, direct, every_ms, self._record, self._now_ns))
