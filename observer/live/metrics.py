"""Prometheus metrics of a recording: its own counters and histograms, and the cluster's state from the projection.

What is not observed is not exported, so a dashboard shows a gap and no zero. `docs/how-to/docker.md` lists every name.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry, Histogram, disable_created_metrics, start_http_server
from prometheus_client import Counter as PrometheusCounter
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from observer.live.state import ClusterState, ReadEtcd
from observer.model.errors import ConfigError
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Event, Operation
from observer.sources.lease import EtcdSnapshot

BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)


disable_created_metrics()  # type: ignore[no-untyped-call]


class Metrics(Collector):
    """Collects the metrics of a running recording. Every method may be called from any thread.

    The daemon feeds `state`, and every record to `count`. `etcd` returns what the last polls of etcd found.
    """

    def __init__(self, state: ClusterState, now_ns: Callable[[], int], etcd: ReadEtcd = EtcdSnapshot) -> None:
        self._state, self._now_ns, self._etcd = state, now_ns, etcd
        labels = ["action", "probe"]
        self._operations = PrometheusCounter(
            "observer_operations", "Reads and writes.", [*labels, "outcome", "server"], registry=None
        )
        help_text = "From when an operation was due to its end."
        self._durations = Histogram("observer_operation_seconds", help_text, labels, registry=None, buckets=BUCKETS_S)
        self._findings: Findings | None = None

    def count(self, record: Event | Operation) -> None:
        """Count an operation; events change the state only."""
        if isinstance(record, Operation):
            pair = (record.action, record.probe)
            self._operations.labels(*pair, record.outcome.value, record.server or "").inc()
            self._durations.labels(*pair).observe((record.finished_ns - record.due_ns) / SECOND_NS)

    def analyzed(self, findings: Findings) -> None:
        """Export what the latest analysis found."""
        self._findings = findings

    def collect(self) -> Iterator[Metric]:
        """Return all metrics at this moment, for prometheus_client."""
        state = self._state.copy()
        yield from (*self._operations.collect(), *self._durations.collect())
        yield from (*self._outages(state), *self._cluster(state), *self._found())

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
        changes = state.leader_changes
        yield CounterMetricFamily("observer_leader_changes", "How often the leader changed.", value=changes)
        report = state.report(state.leader, "postgres") if state.leader else None
        if report is not None and report.get("timeline") is not None:
            yield GaugeMetricFamily("observer_timeline", "Timeline of the leader.", value=report["timeline"])
        if state.quorum is not None and not state.etcd_is_unreachable:
            yield GaugeMetricFamily("observer_quorum", "1: etcd has a leader.", value=float(state.quorum))
        if (lease := self._etcd().lease) is not None:
            left_s = float(lease.remaining_s)
            yield GaugeMetricFamily(
                "observer_lease_remaining_seconds", "Time left of the leader's lease.", value=left_s
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
        findings = self._findings
        for cause, count in Counter(i.cause for i in findings.incidents).items() if findings else ():
            incidents.add_metric([cause], count)
        if findings is not None and findings.lost is not None:
            lost = len(findings.lost)
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
