"""What the doctor makes of what it saw: pure checks, with literal values. tests/cluster breaks the real thing."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from observer.config.settings import Settings
from observer.doctor import application, cluster
from observer.doctor.finding import bad, exit_code, lines, note, unanswered, well
from observer.doctor.looks import EtcdSeen, Failure, RestSeen, Seen, SqlSeen, WaySeen
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


def rest(name: str, started: datetime = THEN, role: str = "replica", **more: object) -> RestSeen:
    seen = RestSeen(f"http://{name}:8008/patroni", True, 200, None, "demo", role, "running", "3.0.2", started, "7")
    return replace(seen, **more)  # type: ignore[arg-type]


def sql(place: str, started: datetime = THEN, in_recovery: bool = True, **more: object) -> SqlSeen:
    return replace(SqlSeen(place, True, in_recovery, "7", started, "15.1"), **more)  # type: ignore[arg-type]


def test_the_exit_code_is_that_of_what_has_to_be_mended_first() -> None:
    silent = unanswered("a", "silent", "timed out", "start it")
    refused = bad("b", 77, "refused", "", "")
    assert exit_code([well("a", "fine"), note("b", "mind", "", "")]) == 0
    assert exit_code([silent, refused]) == 77
    assert exit_code([silent, refused, bad("c", 78, "wrong", "", "")]) == 78


def test_a_finding_is_a_line_with_its_meaning_and_its_mend_below() -> None:
    assert lines([well("etcd a", "3.5"), bad("x", 69, "refused", "nobody listens", "start it")]) == [
        "well  etcd a  3.5",
        "BAD   x       refused",
        "              means: nobody listens",
        "              mend:  start it",
        "1 to mend.",
    ]
    assert lines([well("etcd", "3.5")])[-1] == "Nothing to mend."


def test_an_address_of_etcds_that_is_not_reached_may_be_one_of_docker() -> None:
    assert "only inside Docker" in unanswered("a", "unresolved", "", "", elsewhere=True).means
    assert "Docker" not in unanswered("a", "refused", "", "", elsewhere=True).means
    assert "Docker" not in unanswered("a", "unresolved", "", "").means


def test_rest_and_sql_that_tell_of_different_starts_belong_to_different_members() -> None:
    """As behind Docker's published ports, where no address in etcd tells whose they are."""
    seen = Seen(
        cluster=CLUSTER,
        rest={"a": rest("a", THEN), "b": rest("b", LATER)},
        sql={"a": sql("127.0.0.1:2/x", LATER), "b": sql("127.0.0.1:1/x", THEN)},
    )
    assert [(f.about, f.says) for f in cluster.sql(seen, SETTINGS)] == [
        ("SQL of a", "127.0.0.1:2/x is the PostgreSQL of b"),
        ("SQL of b", "127.0.0.1:1/x is the PostgreSQL of a"),
    ]


def test_a_member_that_calls_itself_by_another_name_is_found_by_that() -> None:
    seen = Seen(cluster=CLUSTER, rest={"a": replace(rest("a"), name="b")})
    (finding,) = cluster.rest(seen, SETTINGS)
    assert (finding.verdict, finding.says) == ("bad", "http://a:8008/patroni is answered by b")


def test_a_database_that_is_not_the_clusters_is_said() -> None:
    seen = Seen(cluster=CLUSTER, rest={"a": rest("a", system="8")}, sql={"a": sql("a:5432/x", system="8")})
    assert [f.means for f in (*cluster.rest(seen, SETTINGS), *cluster.sql(seen, SETTINGS))] == [
        "its database is not this cluster's"
    ] * 2


def test_two_servers_that_take_writes_are_the_worst_finding() -> None:
    seen = Seen(cluster=CLUSTER, sql={name: sql(f"{name}:5432/x", in_recovery=False) for name in ("a", "b")})
    (finding,) = cluster.roles(seen, SETTINGS)
    assert finding.says == "a and b both take writes"


def test_etcd_and_the_servers_may_mean_different_leaders() -> None:
    servers = {"a": sql("a:1/x"), "b": sql("b:1/x", in_recovery=False)}
    (finding,) = cluster.roles(Seen(cluster=CLUSTER, sql=servers), SETTINGS)
    assert finding.says == "etcd says that a leads, SQL that b does"


def test_a_clock_is_off_only_beyond_what_the_look_itself_took() -> None:
    seen = Seen(sql={"a": sql("a", ahead_s=-3.0, within_s=0.01), "b": sql("b", ahead_s=1.5, within_s=0.8)})
    assert [(f.about, f.says) for f in cluster.clocks(seen, SETTINGS)] == [("clock of a", "3 s behind ours")]


def test_what_was_not_seen_is_never_called_well() -> None:
    blind = Failure("silent", "timed out")
    seen = Seen(
        etcd={"e:1": EtcdSeen(failure=blind)},
        cluster=CLUSTER,
        rest={"a": RestSeen("http://a", failure=blind)},
        sql={"a": SqlSeen("a", failure=blind)},
        ways={"write": WaySeen("a", Preflight("nothing", "nothing answers at a"))},
    )
    checks = (cluster.endpoints, cluster.rest, cluster.sql, cluster.roles, cluster.clocks, application.ways)
    found = [finding for check in checks for finding in check(seen, SETTINGS)]
    assert {finding.verdict for finding in found} == {"bad"}
    assert len(found) == 4


def test_endpoints_of_two_etcds_are_told_apart_by_majority() -> None:
    status = Status(1, 1, 2, 3, "3.5.1")
    seen = Seen(etcd={"x:1": EtcdSeen(status, 10), "x:2": EtcdSeen(status, 11), "x:3": EtcdSeen(status, 10)})
    (finding,) = cluster.one_etcd(seen, SETTINGS)
    assert (finding.about, finding.exit_code) == ("etcd x:2", 78)


def test_versions_that_are_old_or_differ_are_noted() -> None:
    status = Status(1, 1, 2, 3, "3.3.25")
    seen = Seen(
        etcd={"e:1": EtcdSeen(status, 10)},
        rest={"a": rest("a"), "b": rest("b", version="3.0.3")},
        sql={"a": sql("a"), "b": sql("b", version="15.18 (Debian)")},
    )
    assert [(f.about, f.verdict, f.says) for f in cluster.versions(seen, SETTINGS)] == [
        ("etcd", "note", "version 3.3.25"),
        ("PostgreSQL", "note", "versions differ: a 15.1, b 15.18"),
    ]
