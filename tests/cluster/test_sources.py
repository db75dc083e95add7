"""All sources on one real cluster: what each of them records of the same event, and that they agree."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from observer.model.recording import Event
from observer.sources import haproxy, patroni
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import discover
from stack import faults
from stack.settings import ETCD, HOST, NODES, SCOPE
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


class Sources:
    """The sources of etcd, Patroni and HAProxy on a cluster, each job in a thread."""

    def __init__(self, cluster: Cluster) -> None:
        settings = cluster.settings
        self.events: list[Event] = []
        began = time.monotonic_ns()
        endpoints = [f"{HOST}:{settings.etcd_port(member)}" for member in ETCD]
        self.found = discover(endpoints, "service", None)

        def now_ns() -> int:
            return time.monotonic_ns() - began

        self.now_ns = now_ns
        self.etcd = EtcdSource(endpoints, self.found.scope, "service", self.events.append, now_ns)
        self.jobs = [
            *self.etcd.jobs(),
            *(
                patroni.job(node, f.api_url or "", 250, self.events.append, now_ns)
                for node, f in self.found.members.items()
            ),
            haproxy.job(f"http://{HOST}:{settings.stats_port}/", 100, self.events.append, now_ns),
        ]
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(job,)) for job in self.jobs]
        self.etcd.start()
        for thread in self.threads:
            thread.start()

    def _work(self, job: Any) -> None:
        while not self.over.wait(job.every_ms / 1000):
            job.run()

    def wait(
        self, source: str, kind: str, subject: str, after_ns: int = 0, limit_s: float = 120, **detail: Any
    ) -> Event:
        """Wait for the first event of that kind after a moment, with those details."""

        def fits(event: Event) -> bool:
            same = (event.source, event.kind, event.subject) == (source, kind, subject)
            return same and event.by_ns > after_ns and detail.items() <= dict(event.detail).items()

        def first() -> Event | None:
            return next((event for event in list(self.events) if fits(event)), None)

        def latest() -> list[Event]:
            return [event for event in list(self.events) if (event.source, event.subject) == (source, subject)][-5:]

        return eventually(first, limit_s, f"{source} records {kind} of {subject} {detail}", latest)

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        self.etcd.stop()


@pytest.fixture
def sources(cluster: Cluster) -> Iterator[Sources]:
    sources = Sources(cluster)
    try:
        for node in NODES:
            sources.wait("patroni", "member.changed", node)
            sources.wait("etcd", "member.changed", node, initial=True)
        sources.wait("etcd", "leader.seen", cluster.leader, initial=True)
        sources.wait("haproxy", "route.up", f"primary/{cluster.leader}", initial=True)
        yield sources
    finally:
        sources.end()


def test_discovery_finds_scope_members_and_configuration(cluster: Cluster) -> None:
    endpoint = f"{HOST}:{cluster.settings.etcd_port(ETCD[0])}"
    found = discover([endpoint], "/service/", None)
    assert found.scope == SCOPE
    assert set(found.members) == set(NODES)
    assert found.cluster_id is not None
    assert found.leader == cluster.leader
    assert found.config["ttl"] == cluster.settings.ttl_s
    assert found.members[NODES[0]].api_url == f"http://{HOST}:{cluster.settings.rest_port(NODES[0])}/patroni"


def test_every_source_records_a_switchover_in_order(cluster: Cluster, sources: Sources) -> None:
    old, new = cluster.leader, cluster.replicas[0]
    began_ns = sources.now_ns()
    faults.switchover(cluster.settings, old, new)
    request = sources.wait("etcd", "failover.asked", SCOPE, began_ns)
    assert (request.detail["leader"], request.detail["candidate"]) == (old, new)
    lost = sources.wait("etcd", "leader.lost", old, began_ns)
    elected = sources.wait("etcd", "leader.elected", new, began_ns, previous=old)
    assert request.detail["revision"] < lost.detail["revision"] < elected.detail["revision"]
    assert began_ns < lost.by_ns <= elected.by_ns
    promoted = sources.wait("patroni", "member.changed", new, began_ns, role="primary")
    assert promoted.detail["timeline"] is None or promoted.detail["timeline"] >= 1
    sources.wait("patroni", "member.changed", old, began_ns, role="replica")
    sources.wait("haproxy", "route.up", f"primary/{new}", began_ns)
    sources.wait("haproxy", "route.down", f"primary/{old}", began_ns)
    sources.wait("etcd", "failover.cleared", SCOPE, began_ns)
    sources.wait("etcd", "history.changed", SCOPE, began_ns)


def test_a_frozen_patroni_is_unreachable_at_the_first_poll_and_its_lease_becomes_overdue(
    cluster: Cluster, sources: Sources
) -> None:
    leader = cluster.leader
    frozen_ns = sources.now_ns()
    faults.pause(cluster.settings, leader, only="patroni")
    assert sources.wait("patroni", "source.blind", leader, frozen_ns).detail["how"] == "silent"
    overdue = sources.wait("etcd", "lease.overdue", leader, frozen_ns)
    assert overdue.detail["ttl_s"] == cluster.settings.ttl_s
    faults.resume(cluster.settings, leader)
    sources.wait("patroni", "source.sees", leader, frozen_ns)
    sources.wait("etcd", "lease.renewed", leader, frozen_ns)


def test_the_whole_cluster_and_all_pools_are_captured(cluster: Cluster, sources: Sources) -> None:
    events: list[Event] = []
    urls = {node: found.api_url or "" for node, found in sources.found.members.items()}
    stats = f"http://{HOST}:{cluster.settings.stats_port}/"

    def complete() -> bool:
        events.clear()
        answered = patroni.capture(urls, events.append, sources.now_ns)
        return answered and haproxy.capture(stats, events.append, sources.now_ns) and len(events) == 3

    eventually(complete, 60, "every request is answered in time")
    captured, pools, versions = events
    assert {member["name"] for member in captured.detail["members"]} == set(NODES)
    assert captured.detail["config"]["ttl"] == cluster.settings.ttl_s
    servers = {(row["pool"], row["server"]) for row in pools.detail["pools"]}
    assert {("primary", node) for node in NODES} | {("replicas", node) for node in NODES} <= servers
    assert versions.detail["haproxy"]
