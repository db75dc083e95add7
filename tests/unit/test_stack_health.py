"""The health of a cluster, evaluated from the answers of its members."""

from __future__ import annotations

from typing import Any

from stack.health import evaluate

ETCD = {"etcd1": True, "etcd2": True, "etcd3": True}
STREAMING = [{"application_name": name, "state": "streaming"} for name in ("patroni2", "patroni3")]
PRIMARY: dict[str, Any] = {"role": "primary", "state": "running", "replication": STREAMING}
REPLICA: dict[str, Any] = {"role": "replica", "state": "running"}
NODES: dict[str, dict[str, Any] | None] = {"patroni1": PRIMARY, "patroni2": REPLICA, "patroni3": REPLICA}
UP = {("primary", "patroni1"), ("replicas", "patroni2"), ("replicas", "patroni3")}


def test_a_cluster_with_all_members_streams_and_routes_is_healthy() -> None:
    health = evaluate(ETCD, NODES, UP)
    assert health.healthy
    assert health.leader == "patroni1"
    assert health.states["patroni2"] == "replica, running, streaming"


def test_master_is_the_old_word_for_primary() -> None:
    assert evaluate(ETCD, {**NODES, "patroni1": {**PRIMARY, "role": "master"}}, UP).leader == "patroni1"


def test_an_etcd_member_without_quorum_is_a_problem() -> None:
    assert evaluate({**ETCD, "etcd2": False}, NODES, UP).problems == ("etcd2 has no quorum or does not answer",)


def test_a_replica_that_does_not_stream_is_a_problem() -> None:
    health = evaluate(ETCD, {**NODES, "patroni1": {**PRIMARY, "replication": STREAMING[:1]}}, UP)
    assert health.problems == ("patroni3 does not stream",)


def test_a_replica_that_does_not_answer_is_a_problem_even_if_it_still_streams() -> None:
    health = evaluate(ETCD, {**NODES, "patroni3": None}, UP)
    assert health.problems == ("patroni3 does not answer",)
    assert health.states["patroni3"] == "no answer"


def test_a_route_to_the_wrong_node_and_a_missing_route_are_problems() -> None:
    assert evaluate(ETCD, NODES, UP - {("replicas", "patroni2")} | {("primary", "patroni2")}).problems == (
        "haproxy does not route replicas to patroni2",
        "haproxy still routes primary to patroni2",
    )


def test_an_unreachable_haproxy_is_one_problem() -> None:
    assert evaluate(ETCD, NODES, None).problems == ("haproxy does not answer",)


def test_with_two_primaries_there_is_no_leader() -> None:
    health = evaluate(ETCD, {**NODES, "patroni2": PRIMARY}, UP)
    assert health.leader is None
    assert "two primaries at once" in health.problems
