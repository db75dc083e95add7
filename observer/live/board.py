"""What is known of the cluster at this moment, gathered from the records as they pass; the live view draws it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from observer.live.outage_clock import Flow
from observer.live.words import QUIET_KINDS, outcome, sentence
from observer.model.findings import Findings
from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, RecordingHeader

ACTIONS: tuple[Action, ...] = ("write", "read")
EVENTS_KEPT = 100
STALE_NS = 3 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Lease:
    """The leader's lease as it was read at a moment of the recording."""

    remaining_s: float
    ttl_s: float
    at_ns: int


@dataclass(frozen=True, slots=True)
class Glance:
    """What the sources know beyond their records: the lease, and each endpoint of etcd: leader, no leader or blind."""

    lease: Lease | None = None
    endpoints: Mapping[str, str] = field(default_factory=dict)
    etcd_leader: str | None = None


Look = Callable[[], Glance]
Span = tuple[float, float]
Key = TypeVar("Key")
Expect = Callable[[Mapping[str, Any], Mapping[str, Any]], Span | None]
"""From the cluster's live settings and the proxy's: how many seconds after the lease has ended writes may be back."""


@dataclass(frozen=True, slots=True)
class Line:
    """Something that was said: an event in words, or a sentence of the daemon's own. `tone`: bad, good, told, plain."""

    at_ns: int
    who: str
    text: str
    tone: str


@dataclass(slots=True)
class Node:
    """A member, by each witness. `blind`: how a witness (patroni, postgres) fails to see it."""

    told: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    blind: dict[str, str] = field(default_factory=dict)
    lag_bytes: int | None = None
    key: bool = True

    def sees(self, witness: str) -> Mapping[str, Any] | None:
        """What a witness says, None while it sees nothing."""
        return None if witness in self.blind else self.told.get(witness)

    @property
    def silent(self) -> bool:
        """Whether nobody who looks at it sees it: neither Patroni's REST nor PostgreSQL answers."""
        return bool(self.blind) and self.sees("patroni") is None and self.sees("postgres") is None

    @property
    def role(self) -> str | None:
        """PostgreSQL's own word first, then Patroni's; None: nobody says."""
        direct, rest = self.sees("postgres"), self.sees("patroni")
        if direct is not None and direct.get("in_recovery") is not None:
            return "replica" if direct["in_recovery"] else "primary"
        return rest.get("role") if rest is not None else None

    @property
    def timeline(self) -> int | None:
        """The newest timeline that a witness who sees it speaks of."""
        told = [said.get("timeline") for said in map(self.sees, ("postgres", "patroni")) if said is not None]
        return max((number for number in told if number is not None), default=None)


TONES: Mapping[str, frozenset[str]] = {
    "told": frozenset({"fault.told", "repair.told", "note.told", "stop.asked", "failover.asked"}),
    "good": frozenset(
        {"leader.elected", "quorum.regained", "route.up", "source.sees", "lease.renewed", "workload.present"}
        | {"proxy.room"}
    ),
    "bad": frozenset(
        {"leader.lost", "member.lost", "quorum.lost", "route.down", "source.blind", "lease.overdue"}
        | {"audit.failed", "workload.absent", "observer.slept", "clock.stepped", "proxy.restarted", "proxy.full"}
    ),
}


@dataclass(slots=True)
class Board:
    """All that the view shows. `see` costs a few microseconds: it is called by those who record."""

    recording: RecordingHeader | None = None
    path: str = ""
    nodes: dict[str, Node] = field(default_factory=dict)
    leader: str | None = None
    leader_ns: int = 0
    held_by: str | None = None
    overdue: bool = False
    quorum: bool | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    routes: dict[tuple[str, str, str], Mapping[str, Any]] = field(default_factory=dict)
    primary_pool: str | None = None
    proxies: dict[str, str] = field(default_factory=dict)
    etcd_blind: dict[str, str] = field(default_factory=dict)
    others_blind: dict[tuple[str, str], str] = field(default_factory=dict)  # the traffic, Docker, logs: source, subject
    flows: dict[Action, Flow] = field(default_factory=lambda: {action: Flow() for action in ACTIONS})
    late: set[str] = field(default_factory=set)
    lines: deque[Line] = field(default_factory=lambda: deque(maxlen=EVENTS_KEPT))
    incidents: Sequence[str] = ()
    judged_ns: int = 0
    glance: Glance = Glance()

    def begin(self, recording: RecordingHeader, path: str) -> None:
        """The recording begins."""
        self.recording, self.path = recording, path
        self.primary_pool = self.proxy.get("primary") or None
        rate_per_s = recording.settings.get("traffic", {}).get("rate_per_s", 20)
        for flow in self.flows.values():
            flow.limit_ns = max(round(3 * SECOND_NS / rate_per_s), 150 * MS_NS)

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""
        if isinstance(entry, Operation):
            self.flows[entry.action].see(entry)
            return
        if entry.kind.startswith("tick."):  # of the observer itself, and many at once: counted, not told
            (self.late.add if entry.kind == "tick.skipped" else self.late.discard)(entry.subject)
            return
        if entry.kind not in QUIET_KINDS and not (entry.kind == "lease.overdue" and self.overdue):
            self.lines.append(Line(entry.by_ns, entry.source, sentence(entry), _tone(entry)))
        group = entry.kind.partition(".")[0]
        if group in ("leader", "lease"):
            self._see_leader(entry)
        elif group == "route":
            self._see_route(entry)
        elif group == "source":
            self._see_sight(entry)
        elif group == "member":
            self._see_member(entry)
        elif entry.kind == "replication.sampled":
            self._see_lag(entry)
        elif group == "quorum":
            self.quorum = entry.kind == "quorum.regained"
        elif entry.kind == "config.changed" and isinstance(entry.detail.get("config"), Mapping):
            self.config = entry.detail["config"]
        elif group == "workload":
            said = str(entry.detail.get("error", "no tables")) if entry.kind == "workload.absent" else None
            for action, flow in self.flows.items():
                if entry.subject == action:
                    flow.absent = said

    def copy(self) -> Board:
        """The board as it is now, for another thread; what is never changed in place is shared."""
        nodes = {name: replace(node, told=dict(node.told), blind=dict(node.blind)) for name, node in self.nodes.items()}
        flows = {
            action: replace(flow, seconds={second: replace(count) for second, count in flow.seconds.items()})
            for action, flow in self.flows.items()
        }
        return replace(
            self,
            nodes=nodes,
            flows=flows,
            routes=dict(self.routes),
            proxies=dict(self.proxies),
            etcd_blind=dict(self.etcd_blind),
            others_blind=dict(self.others_blind),
            late=set(self.late),
            lines=deque(self.lines),
        )

    def say(self, at_ns: int, text: str) -> None:
        """A sentence of the daemon's own."""
        self.lines.append(Line(at_ns, "observer", text, "plain"))

    def judged(self, findings: Findings, at_ns: int) -> None:
        """The judge spoke: what is new is said, and all is kept."""
        found = outcome(findings)
        for text in found:
            if text not in self.incidents:
                self.lines.append(Line(at_ns, "judge", text, "told"))
        self.incidents, self.judged_ns = tuple(found), at_ns

    @property
    def proxy(self) -> Mapping[str, Any]:
        """What the configuration tells of the proxy and its checks."""
        told = self.recording.settings.get("haproxy") if self.recording is not None else None
        return told if isinstance(told, Mapping) else {}

    def lease_left_s(self, now_ns: int) -> float | None:
        """Seconds until the leader's lease ends, None where nobody leads or it could not be read of late."""
        lease = self.glance.lease
        if lease is None or self.leader is None or lease.at_ns < self.leader_ns or now_ns - lease.at_ns > STALE_NS:
            return None
        return max(0.0, lease.remaining_s - (now_ns - lease.at_ns) / SECOND_NS)

    def _see_leader(self, event: Event) -> None:
        if event.kind == "leader.lost":
            self.leader, self.leader_ns, self.held_by = None, event.by_ns, event.subject
        elif event.kind in ("leader.seen", "leader.elected"):
            self.leader, self.leader_ns = event.subject, event.by_ns
            self._node(event.subject)
        self.overdue = event.kind == "lease.overdue"
        if self.primary_pool is None:
            self._learn_primary_pool()

    def _see_route(self, event: Event) -> None:
        page, pool, server = (str(event.detail.get(name, "")) for name in ("page", "pool", "server"))
        key = (page, pool, server)
        if event.detail.get("status") == "gone":
            self.routes.pop(key, None)
        else:
            self.routes[key] = event.detail
        if self.primary_pool is None:
            self._learn_primary_pool()

    def _learn_primary_pool(self) -> None:
        """The pool that had the leader up, and nobody else, when that was first so of a single pool."""
        up: dict[str, set[str]] = {}
        for (_, pool, server), route in self.routes.items():
            if is_up(route):
                up.setdefault(pool, set()).add(server)
        found = [pool for pool, servers in up.items() if servers == {self.leader}]
        if len(found) == 1 and len(up) > 1:
            self.primary_pool = found[0]

    def _see_sight(self, event: Event) -> None:
        how = str(event.detail.get("how", "?")) if event.kind == "source.blind" else None
        if event.source in ("patroni", "postgres"):
            _keep(self._node(event.subject).blind, event.source, how)
        elif event.source == "etcd":
            _keep(self.etcd_blind, event.subject, how)
        elif event.source == "haproxy":
            _keep(self.proxies, event.subject, how)
        elif how is None or event.source != "docker" or how == "closed":
            # An engine that could never be asked is said once; one that was lost is trouble.
            _keep(self.others_blind, (event.source, event.subject), how)

    def _see_member(self, event: Event) -> None:
        node = self._node(event.subject)
        if event.kind == "member.lost":
            node.key = False
            node.told.pop("etcd", None)
            return
        node.told[event.source] = event.detail
        node.key = node.key or event.source == "etcd"

    def _see_lag(self, event: Event) -> None:
        lags = event.detail.get("lag_bytes")
        if isinstance(lags, Mapping):
            for name, node in self.nodes.items():
                node.lag_bytes = lags.get(name)

    def _node(self, name: str) -> Node:
        return self.nodes.setdefault(name, Node())


def is_up(route: Mapping[str, Any]) -> bool:
    """Whether a pool sends clients to a server, from the detail of its route's last event."""
    return str(route.get("status", "")).startswith(("UP", "no check"))


def _keep(blind: dict[Key, str], key: Key, how: str | None) -> None:
    """How a subject cannot be seen, None: it can."""
    if how is None:
        blind.pop(key, None)
    else:
        blind[key] = how


def _tone(event: Event) -> str:
    """How an event is coloured; what was found at the beginning is no news."""
    found = "plain" if event.detail.get("initial") else None
    return found or next((tone for tone, kinds in TONES.items() if event.kind in kinds), "plain")
