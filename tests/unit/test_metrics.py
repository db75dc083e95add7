"""Which metrics Prometheus gets from the records of a running recording."""

from __future__ import annotations

import socket
import urllib.request
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from observer.live.metrics import Metrics, serve
from observer.live.state import initial_state
from observer.model.errors import ConfigError
from observer.model.findings import Findings
from observer.model.recording import MS_NS, SECOND_NS, Event, Operation, Outcome, Window
from observer.sources.lease import EtcdSnapshot, Lease

ETCD = EtcdSnapshot(Lease(remaining_s=21, ttl_s=30, at_ns=0))


class Watched:
    """Metrics with a clock that the test sets."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.state = initial_state({"traffic": {"rate_per_s": 20}})
        self.metrics = Metrics(self.state, now_ns=lambda: round(self.now_s * SECOND_NS), etcd=lambda: ETCD)
        self.registry = CollectorRegistry()
        self.registry.register(self.metrics)

    def write(self, at_s: float, outcome: Outcome = Outcome.OK, server: str | None = "patroni1") -> None:
        at_ns = round(at_s * SECOND_NS)
        operation = Operation("write", "kept", "t", at_ns - 4 * MS_NS, at_ns, at_ns, outcome, "done", server=server)
        self.state.apply(operation)
        self.metrics.count(operation)

    def event(self, source: str, kind: str, subject: str, **detail: Any) -> None:
        self.state.apply(Event(source, kind, subject, Window.at(0), detail))

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def watched() -> Watched:
    return Watched()


def test_operations_are_counted_by_outcome_and_server(watched: Watched) -> None:
    watched.write(1.0)
    watched.write(1.05)
    watched.write(1.1, Outcome.UNKNOWN, server=None)
    labels = {"action": "write", "probe": "kept"}
    assert watched.value("observer_operations_total", **labels, outcome="ok", server="patroni1") == 2
    assert watched.value("observer_operations_total", **labels, outcome="unknown", server="") == 1


def test_a_duration_falls_into_its_bucket_counted_from_when_it_was_due(watched: Watched) -> None:
    watched.write(1.0)
    labels = {"action": "write", "probe": "kept"}
    assert watched.value("observer_operation_seconds_bucket", **labels, le="0.0025") == 0
    assert watched.value("observer_operation_seconds_bucket", **labels, le="0.005") == 1
    assert watched.value("observer_operation_seconds_count", **labels) == 1


def test_an_outage_is_open_and_grows_until_the_next_acknowledgement(watched: Watched) -> None:
    watched.write(1.0)
    watched.write(1.05, Outcome.FAIL)
    watched.now_s = 3.0
    assert watched.value("observer_outage_open", action="write") == 1
    assert watched.value("observer_outage_seconds_total", action="write") == 2.0
    watched.write(4.5)
    watched.now_s = 9.0
    assert watched.value("observer_outage_open", action="write") == 0
    assert watched.value("observer_outage_seconds_total", action="write") == 3.5


def test_a_gap_without_a_failure_is_no_outage(watched: Watched) -> None:
    watched.write(1.0)
    watched.now_s = 3.0
    assert watched.value("observer_outage_open", action="write") == 0


def test_a_failure_between_close_acknowledgements_is_no_outage(watched: Watched) -> None:
    watched.write(1.0)
    watched.write(1.05, Outcome.FAIL)
    watched.write(1.1)
    assert watched.value("observer_outage_seconds_total", action="write") == 0


def test_an_action_without_an_acknowledged_operation_is_not_exported(watched: Watched) -> None:
    watched.write(1.0)
    assert watched.value("observer_outage_open", action="read") is None


def test_a_failover_moves_the_leader_gauge_and_counts_one_change(watched: Watched) -> None:
    watched.event("etcd", "leader.seen", "patroni1", initial=True)
    watched.event("etcd", "leader.lost", "patroni1")
    assert watched.value("observer_leader", member="patroni1") == 0
    watched.event("etcd", "leader.elected", "patroni2", previous=None)
    assert watched.value("observer_leader", member="patroni1") == 0
    assert watched.value("observer_leader", member="patroni2") == 1
    assert watched.value("observer_leader_changes_total") == 1


def test_a_leader_that_takes_its_key_again_counts_no_change(watched: Watched) -> None:
    watched.event("etcd", "leader.seen", "patroni1", initial=True)
    watched.event("etcd", "leader.lost", "patroni1")
    watched.event("etcd", "leader.elected", "patroni1", previous="patroni1")
    assert watched.value("observer_leader_changes_total") == 0


def test_the_quorum_is_unknown_until_etcd_answers(watched: Watched) -> None:
    assert watched.value("observer_quorum") is None
    watched.event("etcd", "leader.seen", "patroni1", initial=True)
    assert watched.value("observer_quorum") == 1
    watched.event("etcd", "quorum.lost", "etcd")
    assert watched.value("observer_quorum") == 0


def test_the_quorum_is_unknown_while_no_endpoint_of_etcd_answers(watched: Watched) -> None:
    for endpoint in ("a:2379", "b:2379"):
        watched.event("etcd", "versions.captured", endpoint, etcd="3.5.16")
    watched.event("etcd", "leader.seen", "patroni1", initial=True)
    watched.event("etcd", "source.blind", "a:2379", how="refused")
    assert watched.value("observer_quorum") == 1
    watched.event("etcd", "source.blind", "b:2379", how="refused")
    assert watched.value("observer_quorum") is None
    watched.event("etcd", "source.sees", "b:2379", how="refused")
    assert watched.value("observer_quorum") == 1


def test_the_timeline_is_the_leaders(watched: Watched) -> None:
    watched.event("postgres", "member.changed", "patroni1", in_recovery=False, timeline=1)
    watched.event("postgres", "member.changed", "patroni2", in_recovery=False, timeline=2)
    watched.event("etcd", "leader.elected", "patroni2", previous="patroni1")
    assert watched.value("observer_timeline") == 2


def test_an_unreachable_member_is_neither_primary_nor_replica(watched: Watched) -> None:
    watched.event("postgres", "member.changed", "patroni1", in_recovery=True, timeline=1)
    assert watched.value("observer_member_in_recovery", member="patroni1") == 1
    watched.event("postgres", "source.blind", "patroni1", how="refused")
    assert watched.value("observer_member_in_recovery", member="patroni1") is None
    watched.event("postgres", "source.sees", "patroni1", how="refused")
    assert watched.value("observer_member_in_recovery", member="patroni1") == 1


PAGE, OTHER = "http://127.0.0.1:7001/", "http://127.0.0.1:7002/"


def test_routes_are_unknown_while_the_stats_page_cannot_be_read(watched: Watched) -> None:
    watched.event("haproxy", "route.up", "primary/patroni1", page=PAGE)
    watched.event("haproxy", "route.down", "primary/patroni2", page=PAGE)
    assert watched.value("observer_route_up", page=PAGE, pool="primary", server="patroni1") == 1
    assert watched.value("observer_route_up", page=PAGE, pool="primary", server="patroni2") == 0
    watched.event("haproxy", "source.blind", PAGE, how="refused")
    assert watched.value("observer_route_up", page=PAGE, pool="primary", server="patroni1") is None


def test_equal_pools_of_two_proxies_differ_by_their_stats_page(watched: Watched) -> None:
    watched.event("haproxy", "route.up", "primary/patroni1", page=PAGE)
    watched.event("haproxy", "route.down", "primary/patroni1", page=OTHER)
    assert watched.value("observer_route_up", page=PAGE, pool="primary", server="patroni1") == 1
    assert watched.value("observer_route_up", page=OTHER, pool="primary", server="patroni1") == 0
    watched.event("haproxy", "source.blind", OTHER, how="refused")
    assert watched.value("observer_route_up", page=PAGE, pool="primary", server="patroni1") == 1


def test_lost_writes_are_exported_once_an_audit_was_analyzed(watched: Watched) -> None:
    assert watched.value("observer_lost_writes_total") is None
    watched.metrics.analyzed(Findings((), (), (), lost=(), unaudited=0))
    assert watched.value("observer_lost_writes_total") == 0


def test_the_lease_is_the_last_one_that_etcd_reported(watched: Watched) -> None:
    assert watched.value("observer_lease_remaining_seconds") == 21


def test_metrics_are_served_until_stopped_and_a_taken_port_is_one_sentence(watched: Watched) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = f"127.0.0.1:{free.getsockname()[1]}"
    watched.write(1.0)
    stop = serve(watched.metrics, listen)
    try:
        with urllib.request.urlopen(f"http://{listen}/metrics", timeout=5) as answer:
            assert b'observer_operations_total{action="write"' in answer.read()
        with pytest.raises(ConfigError, match="cannot be served"):
            serve(watched.metrics, listen)
    finally:
        stop()


def test_an_address_without_a_port_is_one_sentence(watched: Watched) -> None:
    with pytest.raises(ConfigError, match="host:port"):
        serve(watched.metrics, "localhost")


def test_an_acknowledgement_that_is_recorded_late_does_not_end_an_outage(watched: Watched) -> None:
    watched.write(1.0)
    watched.write(2.0)
    watched.write(2.1, Outcome.FAIL)
    watched.write(1.5)
    watched.now_s = 3.0
    assert watched.value("observer_outage_open", action="write") == 1


def test_a_failure_before_the_first_acknowledgement_counts_as_outage_from_when_it_was_due(watched: Watched) -> None:
    watched.write(1.0, Outcome.FAIL)
    assert watched.value("observer_outage_open", action="write") is None
    watched.write(3.0)
    assert watched.value("observer_outage_seconds_total", action="write") == pytest.approx(2.004)
