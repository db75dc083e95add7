"""What Prometheus sees of a recording: counts, durations and the state of the cluster, fed by the records that pass.

What is not observed is not exported: a gap on a dashboard, never a zero. Every name is in `docs/docker.md`.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from observer.model.errors import ConfigError
from observer.model.findings import Findings
from observer.model.recording import MS_NS, SECOND_NS, Action, Event, Operation, Outcome

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)
ACTIONS: tuple[Action, ...] = ("write", "read")


@dataclass(slots=True)
class _Durations:
    """A histogram: how many fell into each bucket, the one beyond the last included, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))
    sum_s: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(BUCKETS_S, seconds)] += 1
        self.sum_s += seconds

    def cumulated(self) -> list[tuple[str, float]]:
        total, buckets = 0, []
        for bound, count in zip([*map(str, BUCKETS_S), "+Inf"], self.counts, strict=True):
            total += count
            buckets.append((bound, float(total)))
        return buckets


@dataclass(slots=True)
class _Passage:
    """Whether operations of one action pass. An outage is a long gap between acknowledgements that holds a failure."""

    limit_ns: int
    ok_ns: int | None = None
    failed: bool = False
    ended_ns: int = 0

    def see(self, operation: Operation) -> None:
        if operation.outcome is not Outcome.OK:
            self.failed = True
        elif self.ok_ns is None or operation.finished_ns > self.ok_ns:
            self.ended_ns += self.open_ns(operation.finished_ns)
            self.ok_ns, self.failed = operation.finished_ns, False

    def open_ns(self, now_ns: int) -> int:
        """How long the outage that is open now has lasted; 0: there is none."""
        if self.ok_ns is None or not self.failed or now_ns - self.ok_ns <= self.limit_ns:
            return 0
        return now_ns - self.ok_ns


class Metrics(Collector):
    """Fed with every record by `see` and with every judgement by `judged`, from any thread; asked by Prometheus.

    `rate_per_s` is that of the kept connections; it says which gap is an outage. `lease_s` gives the seconds that
    remain of the leader's lease, None where that is not known.
    """

    def __init__(
        self, rate_per_s: float, now_ns: Callable[[], int], lease_s: Callable[[], float | None] = lambda: None
    ) -> None:
        limit_ns = max(round(3 * SECOND_NS / rate_per_s), 150 * MS_NS)
        self._now_ns, self._lease_s = now_ns, lease_s
        self._lock = threading.Lock()
        self._operations: Counter[tuple[str, str, str, str]] = Counter()
        self._durations: dict[tuple[str, str], _Durations] = {}
        self._passage = {action: _Passage(limit_ns) for action in ACTIONS}
        self._blind: set[tuple[str, str]] = set()  # source, subject
        self._leader: str | None = None  # "": nobody, None: not known
        self._led_last: str | None = None
        self._changes = 0
        self._members: set[str] = set()
        self._quorum: bool | None = None
        self._endpoints: set[str] = set()  # of etcd, whether they answer or not
        self._routes: dict[tuple[str, str], bool] = {}  # by stats page and route: proxies may have equal pools
        self._nodes: dict[str, Mapping[str, Any]] = {}  # what PostgreSQL itself said last
        self._findings: Findings | None = None

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""
        with self._lock:
            if isinstance(entry, Operation):
                self._see_operation(entry)
            else:
                self._see_event(entry)

    def judged(self, findings: Findings) -> None:
        """The judge spoke; its latest word counts."""
        with self._lock:
            self._findings = findings

    def collect(self) -> Iterator[Metric]:
        """What is known now, for prometheus_client."""
        with self._lock:
            return iter([*self._application(), *self._cluster(), *self._judgement()])

    # What passes.

    def _see_operation(self, operation: Operation) -> None:
        action, probe = operation.action, operation.probe
        self._operations[action, probe, operation.outcome.value, operation.server or ""] += 1
        seconds = (operation.finished_ns - operation.due_ns) / SECOND_NS
        self._durations.setdefault((action, probe), _Durations()).add(seconds)
        self._passage[action].see(operation)

    def _see_event(self, event: Event) -> None:
        """What is known of a subject is kept while its source is blind, and not exported: sources tell changes only."""
        if event.source == "etcd" and ":" in event.subject:
            self._endpoints.add(event.subject)
        if event.kind == "source.blind":
            self._blind.add((event.source, event.subject))
        elif event.kind == "source.sees":
            self._blind.discard((event.source, event.subject))
        elif event.source == "etcd":
            self._see_etcd(event)
        elif event.source == "haproxy":
            self._see_proxy(event)
        elif event.source == "postgres" and event.kind == "member.changed":
            self._nodes[event.subject] = event.detail

    def _see_etcd(self, event: Event) -> None:
        if event.kind in ("leader.seen", "leader.elected", "leader.lost", "member.changed", "member.lost"):
            self._members.add(event.subject)
        if event.kind in ("leader.seen", "leader.elected"):
            self._changes += self._led_last not in (None, event.subject)
            self._leader = self._led_last = event.subject
        elif event.kind == "leader.lost":
            self._leader, self._led_last = "", event.subject
        if event.kind == "quorum.lost":
            self._quorum = False
        elif event.kind.startswith(("leader.", "quorum.")):
            self._quorum = True  # without a quorum no key would have changed

    def _see_proxy(self, event: Event) -> None:
        key = (str(event.detail.get("page", "")), event.subject)
        if event.kind == "route.down" and event.detail.get("status") == "gone":
            self._routes.pop(key, None)
        elif event.kind in ("route.up", "route.down"):
            self._routes[key] = event.kind == "route.up"

    @property
    def _etcd_is_silent(self) -> bool:
        """Whether no endpoint that was looked at answers; then nobody says whether there is a quorum."""
        return bool(self._endpoints) and all(("etcd", endpoint) in self._blind for endpoint in self._endpoints)

    # What Prometheus is told.

    def _application(self) -> Iterator[Metric]:
        operations = CounterMetricFamily(
            "observer_operations", "Reads and writes.", labels=["action", "probe", "outcome", "server"]
        )
        for labels, count in self._operations.items():
            operations.add_metric(labels, count)
        yield operations
        durations = HistogramMetricFamily(
            "observer_operation_seconds", "From when an operation was due to its end.", labels=["action", "probe"]
        )
        for pair, seen in self._durations.items():
            durations.add_metric(pair, seen.cumulated(), seen.sum_s)
        yield durations
        opened = GaugeMetricFamily("observer_outage_open", "1: an outage goes on.", labels=["action"])
        spent = CounterMetricFamily("observer_outage_seconds", "All outages added up.", labels=["action"])
        now_ns = self._now_ns()
        for action, passage in self._passage.items():
            if passage.ok_ns is not None:
                open_ns = passage.open_ns(now_ns)
                opened.add_metric([action], float(open_ns > 0))
                spent.add_metric([action], (passage.ended_ns + open_ns) / SECOND_NS)
        yield opened
        yield spent

    def _cluster(self) -> Iterator[Metric]:
        seen = {name: node for name, node in self._nodes.items() if ("postgres", name) not in self._blind}
        leader = GaugeMetricFamily("observer_leader", "1: the member holds the leader key.", labels=["member"])
        if self._leader is not None and ("etcd", "watch") not in self._blind:
            for member in sorted(self._members):
                leader.add_metric([member], float(member == self._leader))
        yield leader
        yield CounterMetricFamily("observer_leader_changes", "How often the leader changed.", value=self._changes)
        if (timeline := seen.get(self._leader or "", {}).get("timeline")) is not None:
            yield GaugeMetricFamily("observer_timeline", "Timeline of the leader.", value=timeline)
        if self._quorum is not None and not self._etcd_is_silent:
            yield GaugeMetricFamily("observer_quorum", "1: etcd has a leader.", value=float(self._quorum))
        if (remaining_s := self._lease_s()) is not None:
            yield GaugeMetricFamily(
                "observer_lease_remaining_seconds", "What remains of the leader's lease.", value=remaining_s
            )
        routes = GaugeMetricFamily("observer_route_up", "1: clients are sent there.", labels=["page", "pool", "server"])
        for (page, subject), up in self._routes.items():
            if ("haproxy", page) not in self._blind:
                pool, _, server = subject.partition("/")
                routes.add_metric([page, pool, server], float(up))
        yield routes
        recovery = GaugeMetricFamily("observer_member_in_recovery", "0: a primary, 1: a replica.", labels=["member"])
        for name, node in seen.items():
            if (in_recovery := node.get("in_recovery")) is not None:
                recovery.add_metric([name], float(in_recovery))
        yield recovery

    def _judgement(self) -> Iterator[Metric]:
        incidents = CounterMetricFamily("observer_incidents", "Incidents, as judged last.", labels=["cause"])
        if self._findings is not None:
            for cause, count in Counter(i.cause for i in self._findings.incidents).items():
                incidents.add_metric([cause], count)
            if self._findings.lost is not None:
                lost = len(self._findings.lost)
                yield CounterMetricFamily("observer_lost_writes", "Acknowledged and gone.", value=lost)
        yield incidents


def serve(metrics: Metrics, listen: str) -> Callable[[], None]:
    """Serves them on "host:port" from a thread of its own, and gives what ends that. Raises ConfigError."""
    host, _, port = listen.rpartition(":")
    if not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f'[metrics] listen = "{listen}" is not an address; write "host:port".')
    registry = CollectorRegistry(auto_describe=False)
    registry.register(metrics)
    try:
        server, thread = start_http_server(int(port), host.strip("[]"), registry)
    except OSError as error:
        raise ConfigError(
            f'[metrics] listen = "{listen}" cannot be served ({error.strerror or error}); '
            "choose another address, or leave it empty."
        ) from None

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join(1.0)

    return stop
