"""What the answers of a cluster's members mean."""

from __future__ import annotations

from typing import Any

from stack.health import judge

ETCD = {"etcd1": True, "etcd2": True, "etcd3": True}
STREAMING = [{"application_name": name, "state": "streaming"} for name in ("patroni2", "patroni3")]
PRIMARY: dict[str, Any] = {"role": "primary", "state": "running", "replication": STREAMING}
REPLICA: dict[str, Any] = {"role": "replica", "state": "running"}
NODES: dict[str, dict[str, Any] | None] = {"patroni1": PRIMARY, "patroni2": REPLICA, "patroni3": REPLICA}
UP = {("primary", "patroni1"), ("replicas", "patroni2"), ("replicas", "patroni3")}


def test_a_cluster_with_all_its_members_streams_and_routes_is_whole() -> None:
    seen = judge(ETCD, NODES, UP)
    assert seen.whole
    assert seen.leader == "patroni1"
    assert seen.states["patroni2"] == "replica, running, streaming"


def test_master_is_the_older_word_for_primary() -> None:
    assert judge(ETCD, {**NODES, "patroni1": {**PRIMARY, "role": "master"}}, UP).leader == "patroni1"


def test_an_etcd_without_quorum_is_missing() -> None:
    assert judge({**ETCD, "etcd2": False}, NODES, UP).lacks == ("etcd2 has no quorum or does not answer",)


def test_a_replica_that_does_not_stream_is_missing() -> None:
    seen = judge(ETCD, {**NODES, "patroni1": {**PRIMARY, "replication": STREAMING[:1]}}, UP)
    assert seen.lacks == ("patroni3 does not stream",)


def test_a_replica_that_does_not_answer_is_missing_even_if_it_still_counts_as_streaming() -> None:
    seen = judge(ETCD, {**NODES, "patroni3": None}, UP)
    assert seen.lacks == ("patroni3 does not answer",)
    assert seen.states["patroni3"] == "no answer"


def test_a_route_to_the_wrong_node_is_a_lack_as_a_missing_one_is() -> None:
    assert judge(ETCD, NODES, UP - {("replicas", "patroni2")} | {("primary", "patroni2")}).lacks == (
        "haproxy does not route replicas to patroni2",
        "haproxy still routes primary to patroni2",
    )


def test_a_silent_haproxy_is_a_lack_not_a_cluster_without_routes() -> None:
    assert judge(ETCD, NODES, None).lacks == ("haproxy does not answer",)


def test_two_primaries_are_no_leader() -> None:
    seen = judge(ETCD, {**NODES, "patroni2": PRIMARY}, UP)
    assert seen.leader is None
    assert "two primaries at once" in seen.lacks
