"""Roles, leaders, promotions, and reads that a leader served after a role change or on persistent connections."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from observer.model.recording import Event, Operation, Probe, Recording, Served
from reports.analysis.index import build_index
from reports.analysis.reads_served import last_stale_read, persistent_on_leader
from reports.analysis.results.reads import LastStaleRead
from reports.analysis.state_history import connection_limits, leader_periods, promotions, roles
from tests.unit.recordings import event, ns, ok, recording_of


def role(at_s: float, member: str, in_recovery: bool, after_s: float | None = None, **more: Any) -> Event:
    return event(at_s, "postgres", "member.changed", member, after_s=after_s, in_recovery=in_recovery, **more)


PROMOTED = (role(1, "a", in_recovery=True), role(10, "a", in_recovery=False, after_s=9.5))
AGAIN = (role(30, "a", in_recovery=True), role(50, "a", in_recovery=False, after_s=49.5))


def read(at_s: float, server: str = "a", in_recovery: bool = False, probe: Probe = "fresh", **more: Any) -> Operation:
    return ok(at_s, "read", server=server, in_recovery=in_recovery, probe=probe, **more)


def given(events: Sequence[Event], reads: Sequence[Operation]) -> Recording:
    keys = {(o.probe, o.server, o.in_recovery) for o in reads}
    counts = [(key, sum((o.probe, o.server, o.in_recovery) == key for o in reads)) for key in sorted(keys, key=str)]
    served = [Served("read", probe, server, None, role, 1, n) for (probe, server, role), n in counts]
    return replace(recording_of(events, reads), served=served)


def stale(recording: Recording) -> LastStaleRead | None:
    index = build_index(recording)
    return last_stale_read(index, roles(index))


def test_a_member_that_does_not_answer_is_away_and_has_its_last_role_when_it_answers_again() -> None:
    events = (
        role(1, "a", in_recovery=False),
        event(5, "postgres", "source.blind", "a", how="silent"),
        event(9, "postgres", "source.sees", "a", how="silent"),
    )
    found = roles(build_index(recording_of(events, until_s=20)))
    assert [(r.what, r.from_ns, r.to_ns, r.event_id, r.until_id) for r in found] == [
        ("primary", ns(1), ns(5), 1, 2),
        ("away", ns(5), ns(9), 2, 3),
        ("primary", ns(9), ns(20), 3, None),
    ]


def test_a_leader_that_was_demoted_and_promoted_again_has_both_timelines_and_the_period_between() -> None:
    led = event(0.5, "etcd", "leader.seen", "a")
    polls = (
        role(1, "a", in_recovery=False, timeline=2),
        role(10, "a", in_recovery=True, timeline=2),
        role(20, "a", in_recovery=False, timeline=3),
    )
    index = build_index(recording_of([led, *polls], until_s=60))
    [found] = leader_periods(index, roles(index))
    assert (found.timelines, found.timeline, found.to_ns) == ((2, 3), 3, None)
    assert [(r.from_ns, r.to_ns) for r in found.demoted] == [(ns(10), ns(20))]


def test_a_promotion_is_the_first_report_of_a_timeline_in_the_log_or_by_sql() -> None:
    selected = event(9, "log", "log.told", "a", says="new_timeline", timeline="2")
    polls = (role(1, "a", in_recovery=True, timeline=1), role(10, "a", in_recovery=False, timeline=2))
    [found] = promotions(build_index(recording_of([selected, *polls])))
    assert (found.member, found.timeline, found.at_ns, found.event_id) == ("a", 2, ns(9), 2)


def test_a_proxy_is_at_its_limit_from_the_poll_that_saw_it_to_the_one_that_did_not() -> None:
    full = event(8, "haproxy", "proxy.full", "http://127.0.0.1:7001/", sessions=97, limit=100)
    room = event(30, "haproxy", "proxy.room", "http://127.0.0.1:7001/", sessions=4, limit=100)
    [found] = connection_limits(build_index(recording_of([full, room])))
    assert (found.sessions, found.limit, found.from_ns, found.to_ns) == (97, 100, ns(8), ns(30))


def test_a_proxy_that_was_never_at_its_limit_has_no_such_period() -> None:
    assert connection_limits(build_index(recording_of([event(1, "etcd", "leader.seen", "a")]))) == ()


def test_a_read_is_as_late_as_it_finished_after_the_last_promotion() -> None:
    assert stale(given(PROMOTED, [read(12), read(18.25)])) == LastStaleRead(ns(8.25), 2, 2, (2,))


def test_a_later_promotion_does_not_make_a_read_before_it_less_late() -> None:
    found = stale(given((*PROMOTED, *AGAIN), [read(18.25), read(51)]))
    assert found is not None
    assert (found.duration_ns, found.event_id) == (ns(8.25), 2)


def test_a_read_between_the_two_polls_around_a_promotion_is_not_late() -> None:
    found = stale(given(PROMOTED, [read(9.75)]))
    assert found is not None
    assert found.duration_ns == 0


@pytest.mark.parametrize("at_s", [9.25, 71.0])
def test_a_read_that_follows_no_role_change_is_not_explained_by_one(at_s: float) -> None:
    assert stale(given(PROMOTED, [read(12), read(at_s)])) is None


def test_a_primary_that_was_only_unreachable_did_not_change_its_role() -> None:
    blind = event(20, "postgres", "source.blind", "a", how="silent")
    sees = event(25, "postgres", "source.sees", "a")
    found = stale(given((*PROMOTED, blind, sees), [read(26)]))
    assert found is not None
    assert (found.duration_ns, found.turn_ids) == (ns(16), (2,))


def test_persistent_reads_of_a_leader_follow_a_read_from_the_same_member_as_a_replica() -> None:
    reads = [read(8, in_recovery=True, probe="kept"), read(12, probe="kept"), read(13, probe="kept")]
    assert persistent_on_leader(given(PROMOTED, reads)) == ((1, 2),)


def test_persistent_reads_that_another_member_served_before_do_not_show_an_old_connection() -> None:
    reads = [read(8, "b", in_recovery=True, probe="kept"), read(12, probe="kept")]
    assert persistent_on_leader(given(PROMOTED, reads)) is None


def test_a_new_timeline_of_the_same_leader_begins_a_new_leadership() -> None:
    before, after = read(12, probe="kept", timeline=2), read(14, probe="kept", timeline=3)
    reads = [read(8, in_recovery=True, probe="kept"), before, after]
    assert persistent_on_leader(given(PROMOTED, reads)) is None


def test_without_a_persistent_read_from_a_leader_the_result_is_none() -> None:
    assert persistent_on_leader(given(PROMOTED, [read(8, in_recovery=True, probe="kept")])) is None
