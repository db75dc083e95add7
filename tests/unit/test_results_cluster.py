"""The parts of a cluster, captures, versions, dashboards, and what supports an incident from etcd."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Event, Recording
from reports.analysis.analyze import analyze
from reports.analysis.index import build_index
from reports.analysis.supporting_evidence import was_etcd_leader
from reports.analysis.topology import dashboards, dsn_address, lsn, parts, watchers
from tests.unit.analyzed import incident, recorded, recording_results
from tests.unit.recordings import event, ns, recording_of


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("host=127.0.0.1 port=5001 user=postgres", "127.0.0.1:5001"),
        ("host=db dbname=x", "db:5432"),
        ("postgresql://u:p@proxy:6000/x", "proxy:6000"),
        ("dbname=x", None),
    ],
)
def test_a_connection_string_of_either_form_has_an_address(dsn: str, address: str | None) -> None:
    assert dsn_address(dsn) == address


def test_a_wal_position_is_written_as_postgresql_writes_it() -> None:
    assert lsn(84137136) == "0/503D4B0"
    assert lsn((5 << 32) + 255) == "5/FF"


def test_the_etcd_member_that_led_is_marked_and_monitoring_is_listed_apart() -> None:
    settings = {
        "etcd": {"endpoints": ["127.0.0.1:1", "127.0.0.1:2"]},
        "prometheus": {"url": "http://127.0.0.1:9090"},
        "metrics": {"listen": "0.0.0.0:9464"},
    }
    reports = [
        event(1, "etcd", "versions.captured", f"127.0.0.1:{n}", name=f"etcd{n}", leads=n == 2, etcd="3.5")
        for n in (1, 2)
    ]
    index = build_index(recording_of(reports, settings=settings))
    assert [(part.name, part.led_utc is not None) for part in parts(index)] == [("etcd1", False), ("etcd2", True)]
    assert [(part.kind, part.outside) for part in watchers(index)] == [
        ("prometheus", ("127.0.0.1:9090",)),
        ("observer", ("0.0.0.0:9464",)),
    ]


def test_settings_and_versions_name_the_rows_that_show_them() -> None:
    events = (
        event(1, "etcd", "config.changed", "demo", config={"ttl": 30, "loop_wait": 10}),
        event(2, "haproxy", "versions.captured", "p", haproxy="3.0"),
        event(3, "haproxy", "versions.captured", "p", haproxy="3.0"),
    )
    found = recording_results(recording_of(events))
    assert (found.live_id, found.versions["haproxy"], found.version_ids["haproxy"]) == (1, "3.0", (2,))


def test_captures_of_members_and_pools_within_two_seconds_are_one_with_the_nearest_wal_position() -> None:
    events = (
        event(9, "postgres", "replication.sampled", "a", lsn=84137136),
        event(10, "patroni", "cluster.captured", "demo", members=[{"name": "a"}]),
        event(11, "haproxy", "pools.captured", "p", pools=[{"pool": "primary"}]),
        event(20, "haproxy", "pools.captured", "p", pools=[{"pool": "primary"}]),
    )
    first, second = recording_results(recording_of(events)).captures
    assert (first.members_id, first.pools_id, first.event_ids) == (2, 3, (2, 1, 3))
    assert first.members == ({"name": "a", "lsn": "0/503D4B0", "lsn_id": 1},)
    assert (second.members, second.pools_id) == ((), 4)


def captured(at_s: float, from_s: float, to_s: float, *panels: Any) -> Event:
    span = {"from_ns": ns(from_s), "to_ns": ns(to_s)}
    return event(at_s, "prometheus", "dashboards.captured", "p", **span, panels=list(panels))


def test_the_panels_without_data_are_named_for_each_dashboard() -> None:
    panels = [{"board": "HAProxy", "panel": name, "data": name != "Queue", "series": 2} for name in ("Queue", "Up")]
    [span] = dashboards(build_index(recording_of([captured(60, 10, 20, *panels)])))
    [board] = span.boards
    assert (board.board, board.panels, board.empty, board.series["Up"]) == ("HAProxy", 2, ("Queue",), 2)


def test_a_later_capture_of_the_same_incident_replaces_the_earlier_one() -> None:
    events = (captured(61, 10, 20), captured(62, 10.2, 55), captured(63, 0, 90))
    found = dashboards(build_index(recording_of(events)))
    assert [(span.from_ns, span.to_ns) for span in found] == [(0, ns(90)), (ns(10.2), ns(55))]


def test_a_recording_without_prometheus_has_no_dashboards() -> None:
    assert dashboards(build_index(recording_of([event(1, "etcd", "leader.seen", "a")]))) == ()


@pytest.mark.parametrize(("before", "led"), [("127.0.0.1:23791", True), ("127.0.0.1:23792", False)])
def test_the_election_after_it_shows_whether_a_failed_etcd_member_led(before: str, led: bool) -> None:
    made: Recording = recording_of(
        [
            event(1, "etcd", "leader.seen", "a"),
            event(1, "etcd", "source.sees", "127.0.0.1:23791", how=None),
            event(10, "etcd", "source.blind", "127.0.0.1:23791", how="refused"),
            event(11, "etcd", "raft.elected", "etcd", leader="127.0.0.1:23793", term=3, before={"leader": before}),
        ]
    )
    [found] = analyze(made).incidents
    assert found.cause == "etcd.member_down"
    assert was_etcd_leader(build_index(made), found) is led


def test_a_demotion_begins_when_etcd_loses_its_majority() -> None:
    one = incident("etcd-three")
    gone = one.supporting.majority_gone
    second_ns = next(e.at_ns for e in one.injected if e.detail["target"] == "etcd2")
    assert gone is not None and gone.after_ns <= second_ns <= gone.by_ns
    phase = next(p for p in one.phases if p.name == "demotion")
    assert phase.began.by_ns == gone.by_ns


@pytest.mark.parametrize(("name", "on"), [("failsafe", True), ("etcd-two", False)])
def test_failsafe_mode_is_as_it_was_set_when_the_incident_began(name: str, on: bool) -> None:
    assert incident(name).supporting.failsafe_mode is on


def test_an_election_of_etcd_has_its_terms() -> None:
    [election] = incident("etcd-leader").supporting.elections
    assert election.term is not None and election.term_before is not None
    assert election.term > election.term_before and election.after_ns < election.by_ns


def test_an_outage_that_began_earlier_belongs_to_the_earlier_incident() -> None:
    """HAProxy was killed while writes waited for the lease of a leader that had been killed before."""
    first, second = recorded("proxy-during-failover").incidents
    assert (first.cause, second.cause) == ("leader.killed", "proxy.down")
    assert (first.write.within, second.write.within, second.read.within) == (None, 1, None)
