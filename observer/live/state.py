"""The one projection of the cluster's present state, fed by the records as they pass.

The terminal view, `status`, the metrics and the daemon's activity monitor read it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from observer.live.outage_clock import ActionState
from observer.model.outages import OutageDetector, limit_ns
from observer.model.recording import SECOND_NS, Action, Event, Operation, Outcome
from observer.sources.lease import EtcdSnapshot

ACTIONS: tuple[Action, ...] = ("write", "read")
STALE_NS = 3 * SECOND_NS
WATCH = ("etcd", "watch")
"""The source and the subject of the watch on etcd's keys."""

SIGNS = frozenset({"leader.elected", "leader.lost", "member.lost", "quorum.lost", "quorum.regained", "failover.asked"})
SIGNS |= {"route.up", "route.down", "proxy.restarted", "proxy.full", "proxy.room", "source.blind", "fault.told"}
"""Kinds of event that show that an incident goes on."""


ReadEtcd = Callable[[], EtcdSnapshot]


@dataclass(frozen=True, slots=True)
class Route:
    """A server of a pool as HAProxy's stats page showed it last."""

    up: bool
    check: str


@dataclass(slots=True)
class MemberState:
    """A member. `reports` holds what each source (etcd, patroni, postgres) reported last, also while unreachable."""

    reports: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    lag_bytes: int | None = None
    has_key: bool = True


@dataclass(slots=True)
class ClusterState:
    """The cluster and the traffic as the records describe them up to now; None means not known.

    `apply` and `copy` may be called from any thread. Other threads read a copy. `leader` holds the leader key,
    `last_leader` held it last. `unreachable` has, by source and subject, how a source fails to reach its subject.
    """

    haproxy: Mapping[str, Any] = field(default_factory=dict)  # the settings of [haproxy]
    members: dict[str, MemberState] = field(default_factory=dict)
    leader: str | None = None
    last_leader: str | None = None
    leader_since_ns: int = 0
    leader_changes: int = 0
    lease_overdue: bool = False
    quorum: bool | None = None
    etcd_endpoints: set[str] = field(default_factory=set)
    etcd: EtcdSnapshot = field(default_factory=EtcdSnapshot)  # set on a copy by the view
    config: Mapping[str, Any] = field(default_factory=dict)
    routes: dict[tuple[str, str, str], Route] = field(default_factory=dict)  # by stats page, pool, server
    primary_pool: str | None = None
    unreachable: dict[tuple[str, str], str] = field(default_factory=dict)
    late_polls: set[str] = field(default_factory=set)
    traffic: dict[Action, ActionState] = field(default_factory=dict)
    asleep: list[tuple[int, int]] = field(default_factory=list)  # when the observer itself did not run
    last_sign_ns: int | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    def apply(self, record: Event | Operation) -> None:
        """Take the next record into account. It costs a few microseconds: the threads that record call it."""
        with self._lock:
            if isinstance(record, Operation):
                self.traffic[record.action].apply(record)
                if record.outcome is not Outcome.OK:
                    self.last_sign_ns = record.finished_ns
            else:
                self._apply_event(record)

    def copy(self) -> ClusterState:
        """Return a copy that `apply` no longer changes."""
        with self._lock:
            return replace(
                self,
                members={name: replace(m, reports=dict(m.reports)) for name, m in self.members.items()},
                etcd_endpoints=set(self.etcd_endpoints),
                routes=dict(self.routes),
                unreachable=dict(self.unreachable),
                late_polls=set(self.late_polls),
                traffic={action: state.copy() for action, state in self.traffic.items()},
            )

    # What the parts add up to.

    def report(self, member: str, source: str) -> Mapping[str, Any] | None:
        """Return what a source reports of a member, or None if it never did or cannot reach the member now."""
        known = self.members.get(member)
        return None if known is None or (source, member) in self.unreachable else known.reports.get(source)

    def is_unreachable(self, member: str) -> bool:
        """Return whether neither Patroni's REST API nor PostgreSQL of a member answers, and at least one was lost."""
        tried = any((source, member) in self.unreachable for source in ("patroni", "postgres"))
        return tried and self.report(member, "patroni") is None and self.report(member, "postgres") is None

    def role(self, member: str) -> str | None:
        """Return the role of a member, from PostgreSQL if it answers, else from Patroni; None if neither does."""
        direct, rest = self.report(member, "postgres"), self.report(member, "patroni")
        if direct is not None and direct.get("in_recovery") is not None:
            return "replica" if direct["in_recovery"] else "primary"
        return rest.get("role") if rest is not None else None

    def timeline(self, member: str) -> int | None:
        """Return the newest timeline that a source which reaches the member reports."""
        found = [self.report(member, source) or {} for source in ("postgres", "patroni")]
        return max((report["timeline"] for report in found if report.get("timeline") is not None), default=None)

    @property
    def leader_is_known(self) -> bool:
        """Return whether etcd reports the leader key now; then `leader` None means that no member holds it."""
        return self.last_leader is not None and WATCH not in self.unreachable

    def best_known_leader(self) -> str | None:
        """Return the holder of the leader key; while etcd cannot be watched, the only primary that Patroni reports."""
        if WATCH not in self.unreachable:
            return self.leader
        primaries = [m for m in self.members if (self.report(m, "patroni") or {}).get("role") == "primary"]
        return primaries[0] if len(primaries) == 1 else None

    @property
    def etcd_is_unreachable(self) -> bool:
        """Return whether no endpoint of etcd answers; then the quorum is unknown."""
        return bool(self.etcd_endpoints) and all(("etcd", one) in self.unreachable for one in self.etcd_endpoints)

    def unreachable_by(self, source: str) -> dict[str, str]:
        """Return the subjects that a source cannot reach now, and how it fails."""
        return {subject: how for (by, subject), how in self.unreachable.items() if by == source}

    def lease_left_s(self, now_ns: int) -> float | None:
        """Return the seconds until the leader's lease ends; None without a leader or a reading of the last seconds."""
        lease = self.etcd.lease
        if lease is None or self.leader is None:
            return None
        if lease.at_ns < self.leader_since_ns or now_ns - lease.at_ns > STALE_NS:
            return None
        return max(0.0, lease.remaining_s - (now_ns - lease.at_ns) / SECOND_NS)

    # How each kind of event changes the state.

    def _apply_event(self, event: Event) -> None:
        if event.kind in SIGNS and not event.detail.get("initial"):
            self.last_sign_ns = event.by_ns
        if event.source == "etcd" and ":" in event.subject:
            self.etcd_endpoints.add(event.subject)
        match event.kind.partition(".")[0]:
            case "leader" | "lease":
                self._apply_leader(event)
            case "route":
                self._apply_route(event)
            case "source":
                self._apply_source(event)
            case "member":
                self._apply_member(event)
            case "quorum":
                self.quorum = event.kind == "quorum.regained"
            case "workload":
                missing = str(event.detail.get("error", "no tables")) if event.kind == "workload.absent" else None
                for action in [one for one in self.traffic if one == event.subject]:
                    self.traffic[action].missing_tables = missing
            case "tick":
                (self.late_polls.add if event.kind == "tick.skipped" else self.late_polls.discard)(event.subject)
            case "replication" if isinstance(lags := event.detail.get("lag_bytes"), Mapping):
                for name, member in self.members.items():
                    member.lag_bytes = lags.get(name)
            case "config" if isinstance(event.detail.get("config"), Mapping):
                self.config = event.detail["config"]
            case "observer":
                self.asleep.append((event.window.after_ns, event.window.by_ns))

    def _apply_leader(self, event: Event) -> None:
        if event.kind in ("leader.seen", "leader.elected", "leader.lost"):
            self._member(event.subject)
            lost = event.kind == "leader.lost"
            self.leader_changes += not lost and self.last_leader not in (None, event.subject)
            self.leader = None if lost else event.subject
            self.last_leader, self.leader_since_ns = event.subject, event.by_ns
            self.quorum = True if self.quorum is None else self.quorum  # etcd needs it to change a key
        self.lease_overdue = event.kind == "lease.overdue"
        self._infer_primary_pool()

    def _apply_route(self, event: Event) -> None:
        pool, _, server = event.subject.partition("/")
        key = (str(event.detail.get("page", "")), pool, server)
        if event.detail.get("status") == "gone":
            self.routes.pop(key, None)
        else:
            known = self.routes.get(key)
            up = known is not None and known.up if event.kind == "route.changed" else event.kind == "route.up"
            self.routes[key] = Route(up, str(event.detail.get("check_status") or ""))
        self._infer_primary_pool()

    def _infer_primary_pool(self) -> None:
        """Find the primary's pool: the only one, of several pools, in which the leader is UP and no other server is."""
        if self.primary_pool is not None:
            return
        up: dict[str, set[str]] = {}
        for (_, pool, server), route in self.routes.items():
            if route.up:
                up.setdefault(pool, set()).add(server)
        found = [pool for pool, servers in up.items() if servers == {self.leader}]
        if len(found) == 1 and len(up) > 1:
            self.primary_pool = found[0]

    def _apply_source(self, event: Event) -> None:
        if event.source in ("patroni", "postgres"):
            self._member(event.subject)
        if event.kind == "source.blind":
            self.unreachable[event.source, event.subject] = str(event.detail.get("how", "?"))
        else:
            self.unreachable.pop((event.source, event.subject), None)

    def _apply_member(self, event: Event) -> None:
        member = self._member(event.subject)
        if event.kind == "member.lost":
            member.has_key = False
            member.reports.pop("etcd", None)
            return
        member.reports[event.source] = event.detail
        member.has_key = member.has_key or event.source == "etcd"

    def _member(self, name: str) -> MemberState:
        return self.members.setdefault(name, MemberState())


def initial_state(settings: Mapping[str, Any]) -> ClusterState:
    """Return the state before the first record, for the settings of a recording."""
    haproxy = settings.get("haproxy")
    state = ClusterState(haproxy=haproxy if isinstance(haproxy, Mapping) else {})
    state.primary_pool = state.haproxy.get("primary") or None
    limit = limit_ns(settings.get("traffic", {}).get("rate_per_s") or 20)
    state.traffic = {action: ActionState(OutageDetector(action, limit, state.asleep)) for action in ACTIONS}
    return state
