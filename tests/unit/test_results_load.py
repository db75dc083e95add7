"""Failures, refused writes, replica lag and the reads of an incident."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Event
from reports.analysis.index import build_index
from reports.analysis.replication import excluded_samples, replica_lags
from reports.analysis.results.recording import ReadOnlyWrites, ReplicaLag
from tests.unit.analyzed import incident, recording_results
from tests.unit.recordings import event, fail, ns, ok, recording_of, unknown

B = [{"application_name": "b", "state": "streaming"}]


def lags(*events: Event, operations: Any = ()) -> tuple[ReplicaLag, ...]:
    index = build_index(recording_of(events, operations))
    return replica_lags(index, excluded_samples(index))


def primary(at_s: float, member: str, timeline: int, replication: Any) -> Event:
    detail = {"role": "primary", "state": "running", "timeline": timeline, "replication": replication}
    return event(at_s, "patroni", "member.changed", member, **detail)


def sampled(at_s: float, member: str, **detail: Any) -> Event:
    return event(at_s, "postgres", "replication.sampled", member, **detail)


def test_lag_is_in_bytes_by_the_primary_and_in_seconds_by_the_replica_since_the_first_operation() -> None:
    by_primary = [sampled(at_s, "a", lag_bytes={"b": lag}) for at_s, lag in ((1, 5000), (2, 900), (3, 0), (4, -5))]
    by_replica = [sampled(2, "b", lag_s=0.0), sampled(3, "b", lag_s=1.5)]
    events = (primary(0.5, "a", 1, B), *by_primary, *by_replica)
    in_bytes, in_seconds = lags(*events, operations=[ok(1.5), ok(2.5)])
    assert (in_bytes.member, in_bytes.samples, in_bytes.worst, in_bytes.worst_at_ns) == ("b", 3, 900, ns(2))
    assert (in_seconds.unit, in_seconds.samples, in_seconds.worst) == ("seconds", 2, 1.5)


def test_the_age_of_the_last_transaction_of_a_replica_that_does_not_follow_the_leader_is_no_lag() -> None:
    def sql(at_s: float, member: str, in_recovery: bool, timeline: int | None) -> Event:
        return event(at_s, "postgres", "member.changed", member, in_recovery=in_recovery, timeline=timeline)

    events = (
        sql(1, "b", False, 3),
        sql(9, "a", False, 4),
        sql(20, "b", True, 3),
        sampled(20, "b", in_recovery=True, lag_s=1.5),  # on the timeline on which it was a leader
        sql(22, "b", True, 4),
        sampled(30, "b", in_recovery=True, lag_s=0.1),
        sql(31, "b", True, None),
        sampled(40, "b", in_recovery=True, lag_s=7.0),  # it receives nothing
    )
    [found] = lags(*events, operations=[ok(1.5)])
    assert (found.samples, found.worst) == (1, 0.1)
    recorded = recording_of(events, [ok(1.5)])
    rows = tuple(e.id for e in recorded.events if e.detail.get("lag_s") in (1.5, 7.0))
    assert excluded_samples(build_index(recorded)) == rows


def test_a_replica_that_does_not_report_its_timeline_follows_if_its_primary_lists_it() -> None:
    own = [sampled(at_s, "b", lag_s=float(at_s)) for at_s in (3, 6)]
    assert [one.worst for one in lags(primary(1, "a", 1, []), primary(5, "a", 1, B), *own)] == [6.0]


def test_failures_are_counted_by_stage_error_and_server() -> None:
    met: dict[str, Any] = {"stage": "answer", "sqlstate": "25006", "message": "read-only"}
    found = recording_results(recording_of([], [ok(1), fail(2, **met), fail(3, **met), unknown(5, server="a")]))
    assert [(f.outcome, f.sqlstate, f.server, f.operations) for f in found.failures] == [
        ("fail", "25006", None, 2),
        ("unknown", None, "a", 1),
    ]


def refused(*events: Event, at_s: tuple[float, ...] = (15,), **settings: Any) -> ReadOnlyWrites:
    """The writes that a server refused while server a, UP in the primary's pool, became a replica at 10 s."""
    made = [
        event(0.5, "etcd", "leader.seen", "a"),
        event(1, "postgres", "member.changed", "a", in_recovery=False),
        event(1, "haproxy", "route.up", "primary/a", pool="primary", server="a", status="UP"),
        event(10, "postgres", "member.changed", "a", in_recovery=True),
        *events,
    ]
    met = [fail(second, stage="answer", sqlstate="25006") for second in at_s]
    own = recording_results(recording_of(made, met, settings={"haproxy": {"primary": "primary"}})).read_only
    assert {one.incident for one in own} == {own[0].incident}
    return own[0]


def test_a_replica_that_was_up_in_the_leaders_pool_is_named_with_the_rows_of_both() -> None:
    found = refused(at_s=(9, 11))
    assert (found.operations, found.replicas, found.event_ids) == (2, ("a",), (3, 4))


def test_a_refused_write_belongs_to_a_server_only_if_it_alone_was_up_and_the_page_was_polled() -> None:
    assert refused().sole == {"a": 1}
    beside = event(12, "haproxy", "route.up", "primary/b", pool="primary", server="b", status="UP")
    assert (refused(beside).sole, refused(beside).beside) == ({}, ("b",))
    blind = event(12, "haproxy", "source.blind", "p", how="refused")
    assert refused(blind).sole == {}


def test_a_write_that_a_primary_refused_was_refused_because_of_its_setting() -> None:
    back = event(11, "postgres", "member.changed", "a", in_recovery=False)
    assert (refused().read_only_setting, refused(back).read_only_setting) == (0, 1)
    soon = event(14.5, "postgres", "member.changed", "a", in_recovery=False)
    assert refused(soon).read_only_setting == 0  # a poll may be late


@pytest.mark.parametrize("name", ["leader-stopped", "leader-killed"])
def test_a_persistent_reader_on_another_server_is_not_hit(name: str) -> None:
    one = incident(name)
    reads = one.supporting.persistent_reads
    assert reads is not None and not reads.hit and one.target not in reads.servers
    assert reads.moved is None


def test_persistent_reads_are_unknown_if_no_member_failed() -> None:
    assert incident("etcd-one").supporting.persistent_reads is None


def test_a_reader_moves_from_its_last_success_to_the_first_on_another_server() -> None:
    one = incident("replica-frozen")
    reads = one.supporting.persistent_reads
    assert reads is not None and reads.hit and reads.servers == (one.target,)
    moved = reads.moved
    assert moved is not None and (moved.before_id, moved.after_id) == (428, 431)
    assert moved.server != one.target and 0 < moved.duration_ns < ns(1)
    assert moved.failed == 1  # operation 473 got no answer until a second later


def test_writes_that_were_refused_as_read_only_are_counted() -> None:
    support = incident("etcd-two").supporting
    assert support.read_only is not None and support.read_only.count == 166
