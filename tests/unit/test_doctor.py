"""The checks of `observer doctor` on literal observations. tests/cluster/test_doctor.py breaks a real cluster."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from observer.config.settings import Settings
from observer.doctor import application, cluster
from observer.doctor.finding import Finding, as_json, exit_code, lines, ok, unanswered
from observer.doctor.observations import (
    EtcdObservation,
    Failure,
    Observations,
    RestObservation,
    RouteObservation,
    SqlObservation,
)
from observer.sources.discovery import Discovery, FoundMember
from observer.sources.quorum import Status
from observer.traffic.preflight import Preflight

SETTINGS = Settings()
THEN, LATER = datetime(2026, 3, 1, tzinfo=UTC), datetime(2026, 3, 2, tzinfo=UTC)
MEMBERS = {
    name: FoundMember(f"http://{name}:8008/patroni", f"postgres://{name}:5432/postgres", role, "running")
    for name, role in (("a", "primary"), ("b", "replica"))
}
CLUSTER = Discovery("demo", "7", "a", MEMBERS, {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}, False)


def rest(name: str, started: datetime = THEN, role: str = "replica", **more: Any) -> RestObservation:
    observed = RestObservation(
        f"http://{name}:8008/patroni", True, None, "demo", role, "running", "3.0.2", started, "7"
    )
    return replace(observed, **more)


def sql(place: str, started: datetime = THEN, in_recovery: bool = True, **more: Any) -> SqlObservation:
    return replace(SqlObservation(place, True, in_recovery, "7", started, "15.1"), **more)


def test_the_exit_code_is_that_of_the_error_to_fix_first() -> None:
    frozen = unanswered("a", "silent", "timed out", "start it")
    refused = Finding("error", "b", "refused", "", "", 77)
    assert exit_code([ok("a", "fine"), Finding("note", "b", "mind")]) == 0
    assert exit_code([frozen, refused]) == 77
    assert exit_code([frozen, refused, Finding("error", "c", "wrong", "", "", 78)]) == 78


def test_a_finding_is_a_line_with_its_meaning_and_its_remedy_below() -> None:
    assert lines([ok("etcd a", "3.5"), Finding("error", "x", "refused", "nothing listens", "start it", 69)]) == [
        "ok     etcd a  3.5",
        "ERROR  x       refused",
        "               meaning: nothing listens",
        "               remedy:  start it",
        "1 error to fix.",
    ]
    assert lines([ok("etcd", "3.5")])[-1] == "Nothing to fix."


def test_findings_as_json_are_plain_dictionaries() -> None:
    assert as_json([ok("etcd a", "3.5"), Finding("error", "x", "refused", "nothing listens", "start it", 69)]) == [
        {"level": "ok", "component": "etcd a", "title": "3.5", "meaning": "", "remedy": "", "exit_code": 0},
        {
            "level": "error",
            "component": "x",
            "title": "refused",
            "meaning": "nothing listens",
            "remedy": "start it",
            "exit_code": 69,
        },
    ]


def test_an_unreachable_address_from_etcd_may_belong_to_docker() -> None:
    assert "only inside Docker" in unanswered("a", "unresolved", "", "", from_etcd=True).meaning
    assert "Docker" not in unanswered("a", "refused", "", "", from_etcd=True).meaning
    assert "Docker" not in unanswered("a", "unresolved", "", "").meaning


def test_rest_and_sql_with_different_start_times_belong_to_different_members() -> None:
    """As with the ports that Docker publishes: etcd does not have these addresses."""
    observed = Observations(
        cluster=CLUSTER,
        rest={"a": rest("a", THEN), "b": rest("b", LATER)},
        sql={"a": sql("127.0.0.1:2/x", LATER), "b": sql("127.0.0.1:1/x", THEN)},
    )
    assert [(f.component, f.title) for f in cluster.sql(observed, SETTINGS)] == [
        ("SQL of a", "127.0.0.1:2/x is the PostgreSQL of b"),
        ("SQL of b", "127.0.0.1:1/x is the PostgreSQL of a"),
    ]


def test_a_rest_api_that_reports_another_name_belongs_to_that_member() -> None:
    observed = Observations(cluster=CLUSTER, rest={"a": replace(rest("a"), name="b")})
    (finding,) = cluster.rest(observed, SETTINGS)
    assert (finding.level, finding.title) == ("error", "http://a:8008/patroni is answered by b")


def test_a_server_of_another_cluster_is_an_error() -> None:
    observed = Observations(cluster=CLUSTER, rest={"a": rest("a", system="8")}, sql={"a": sql("a:5432/x", system="8")})
    assert [f.meaning for f in (*cluster.rest(observed, SETTINGS), *cluster.sql(observed, SETTINGS))] == [
        "its system identifier is not that of this cluster"
    ] * 2


def test_two_servers_that_accept_writes_are_an_error() -> None:
    observed = Observations(
        cluster=CLUSTER, sql={name: sql(f"{name}:5432/x", in_recovery=False) for name in ("a", "b")}
    )
    (finding,) = cluster.roles(observed, SETTINGS)
    assert finding.title == "a and b accept writes"


def test_etcd_and_the_servers_may_disagree_on_the_leader() -> None:
    servers = {"a": sql("a:1/x"), "b": sql("b:1/x", in_recovery=False)}
    (finding,) = cluster.roles(Observations(cluster=CLUSTER, sql=servers), SETTINGS)
    assert finding.title == "the leader is a in etcd, and the primary is b by SQL"


def test_a_clock_differs_only_by_more_than_the_uncertainty_of_the_observation() -> None:
    observed = Observations(sql={"a": sql("a", ahead_s=-3.0, within_s=0.01), "b": sql("b", ahead_s=1.5, within_s=0.8)})
    assert [(f.component, f.title) for f in cluster.clocks(observed, SETTINGS)] == [
        ("clock of a", "3 s behind this machine's clock")
    ]


def test_a_failed_observation_is_never_ok() -> None:
    failure = Failure("silent", "timed out")
    observed = Observations(
        etcd={"e:1": EtcdObservation(failure=failure)},
        cluster=CLUSTER,
        rest={"a": RestObservation("http://a", failure=failure)},
        sql={"a": SqlObservation("a", failure=failure)},
        routes={"write": RouteObservation("a", Preflight("nothing", "nothing answers at a"))},
    )
    checks = (cluster.endpoints, cluster.rest, cluster.sql, cluster.roles, cluster.clocks, application.routes)
    found = [finding for check in checks for finding in check(observed, SETTINGS)]
    assert {finding.level for finding in found} == {"error"}
    assert len(found) == 4


def test_the_endpoint_of_another_etcd_cluster_is_that_of_the_minority() -> None:
    status = Status(1, 1, 2, 3, "3.5.1")
    observed = Observations(
        etcd={
            "x:1": EtcdObservation(status, 10),
            "x:2": EtcdObservation(status, 11),
            "x:3": EtcdObservation(status, 10),
        }
    )
    (finding,) = cluster.one_etcd(observed, SETTINGS)
    assert (finding.component, finding.exit_code) == ("etcd x:2", 78)


def test_versions_that_are_old_or_differ_are_notes() -> None:
    status = Status(1, 1, 2, 3, "3.3.25")
    observed = Observations(
        etcd={"e:1": EtcdObservation(status, 10)},
        rest={"a": rest("a"), "b": rest("b", version="3.0.3")},
        sql={"a": sql("a"), "b": sql("b", version="15.18 (Debian)")},
    )
    assert [(f.component, f.level, f.title) for f in cluster.versions(observed, SETTINGS)] == [
        ("etcd", "note", "version 3.3.25"),
        ("PostgreSQL", "note", "versions differ: a 15.1, b 15.18"),
    ]
