"""Prometheus metrics of a recording: its own counters and histograms, and the cluster's state from the projection.

What is not observed is not exported, so a dashboard shows a gap and no zero. `docs/how-to/docker.md` lists every name.
"""

from __future__ import annotations

import threading
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from observer.live.state import ClusterState
from observer.model.errors import ConfigError
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Event, Operation

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


@dataclass(slots=True)
class _Durations:
    """A histogram: the count of each bucket, with one more for what exceeds the last bound, and the sum."""

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


class Metrics(Collector):
    """Collects the metrics of a running recording. Every method may be called from any thread.

    The daemon feeds `state`, and every record to `count`. `lease_s` returns the seconds left of the leader's lease, or
    None if they are unknown.
    """

    def __init__(
        self, state: ClusterState, now_ns: Callable[[], int], lease_s: Callable[[], float | None] = lambda: None
    ) -> None:
        self._state, self._now_ns, self._lease_s = state, now_ns, lease_s
        self._lock = threading.Lock()
        self._operations: Counter[tuple[str, str, str, str]] = Counter()
        self._durations: dict[tuple[str, str], _Durations] = {}
        self._findings: Findings | None = None

    def count(self, record: Event | Operation) -> None:
        """Count an operation; events change the state only."""
        if not isinstance(record, Operation):
            return
        pair = (record.action, record.probe)
        with self._lock:
            self._operations[*pair, record.outcome.value, record.server or ""] += 1
            self._durations.setdefault(pair, _Durations()).add((record.finished_ns - record.due_ns) / SECOND_NS)

    def analyzed(self, findings: Findings) -> None:
        """Export what the latest analysis found."""
        with self._lock:
            self._findings = findings

    def collect(self) -> Iterator[Metric]:
        """Return all metrics at this moment, for prometheus_client."""
        state = self._state.copy()
        with self._lock:
            return iter([*self._counted(), *self._outages(state), *self._cluster(state), *self._found()])

    def _counted(self) -> Iterator[Metric]:
        operations = CounterMetricFamily(
            "observer_operations", "Reads and writes.", labels=["action", "probe", "outcome", "server"]
        )
        for labels, count in self._operations.items():
            operations.add_metric(labels, count)
        yield operations
        durations = HistogramMetricFamily(
            "observer_operation_seconds", "From when an operation was due to its end.", labels=["action", "probe"]
        )
        for pair, own in self._durations.items():
            durations.add_metric(pair, own.cumulated(), own.sum_s)
        yield durations

    def _outages(self, state: ClusterState) -> Iterator[Metric]:
        opened = GaugeMetricFamily("observer_outage_open", "1: an outage is running.", labels=["action"])
        spent = CounterMetricFamily("observer_outage_seconds", "Total length of all outages.", labels=["action"])
        now_ns = self._now_ns()
        for action, own in state.traffic.items():
            if own.ok:
                running_ns = own.running_ns(now_ns)
                opened.add_metric([action], float(running_ns > 0))
                spent.add_metric([action], (own.outage_ns + running_ns) / SECOND_NS)
        yield opened
        yield spent

    def _cluster(self, state: ClusterState) -> Iterator[Metric]:
        leader = GaugeMetricFamily("observer_leader", "1: the member holds the leader key.", labels=["member"])
        if state.leader_is_known:
            for member in sorted(state.members):
                leader.add_metric([member], float(member == state.leader))
        yield leader
        yield CounterMetricFamily(
            "observer_leader_changes", "How often the leader changed.", value=state.leader_changes
        )
        report = state.report(state.leader, "postgres") if state.leader else None
        if report is not None and report.get("timeline") is not None:
            yield GaugeMetricFamily("observer_timeline", "Timeline of the leader.", value=report["timeline"])
        if state.quorum is not None and not state.etcd_is_unreachable:
            yield GaugeMetricFamily("observer_quorum", "1: etcd has a leader.", value=float(state.quorum))
        if (remaining_s := self._lease_s()) is not None:
            yield GaugeMetricFamily(
                "observer_lease_remaining_seconds", "Time left of the leader's lease.", value=remaining_s
            )
        routes = GaugeMetricFamily("observer_route_up", "1: HAProxy routes to it.", labels=["page", "pool", "server"])
        for (page, pool, server), route in state.routes.items():
            if ("haproxy", page) not in state.unreachable:
                routes.add_metric([page, pool, server], float(route.up))
        yield routes
        recovery = GaugeMetricFamily("observer_member_in_recovery", "0: a primary, 1: a replica.", labels=["member"])
        for member in state.members:
            in_recovery = (state.report(member, "postgres") or {}).get("in_recovery")
            if in_recovery is not None:
                recovery.add_metric([member], float(in_recovery))
        yield recovery

    def _found(self) -> Iterator[Metric]:
        incidents = CounterMetricFamily("observer_incidents", "Incidents, by the latest analysis.", labels=["cause"])
        if self._findings is not None:
            for cause, count in Counter(i.cause for i in self._findings.incidents).items():
                incidents.add_metric([cause], count)
            if self._findings.lost is not None:
                lost = len(self._findings.lost)
                yield CounterMetricFamily("observer_lost_writes", "Acknowledged writes that are gone.", value=lost)
        yield incidents


def serve(metrics: Metrics, listen: str) -> Callable[[], None]:
    """Serve the metrics on "host:port" from their own thread, and return the function that stops it.

    Raise ConfigError if the address cannot be used.
    """
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
