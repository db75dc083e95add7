"""Reads that a leader served, after a change of role and on persistent connections, from literal timelines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from observer.model.recording import Event, Operation, Probe, Recording, Served
from reports.facts import turns
from tests.unit.recordings import event, ok, recording_of


def role(at_s: float, member: str, in_recovery: bool, after_s: float | None = None) -> Event:
    return event(at_s, "postgres", "member.changed", member, after_s=after_s, in_recovery=in_recovery)


PROMOTED = (role(1, "a", in_recovery=True), role(10, "a", in_recovery=False, after_s=9.5))
AGAIN = (role(30, "a", in_recovery=True), role(50, "a", in_recovery=False, after_s=49.5))


def read(at_s: float, server: str = "a", in_recovery: bool = False, probe: Probe = "fresh", **more: Any) -> Operation:
    return ok(at_s, "read", server=server, in_recovery=in_recovery, probe=probe, **more)


def given(events: Sequence[Event], reads: Sequence[Operation]) -> Recording:
    keys = {(o.probe, o.server, o.in_recovery) for o in reads}
    counts = [(key, sum((o.probe, o.server, o.in_recovery) == key for o in reads)) for key in sorted(keys, key=str)]
    served = [Served("read", probe, server, None, role, 1, n) for (probe, server, role), n in counts]
    return replace(recording_of(events, reads), served=served)


def test_a_read_is_as_late_as_it_came_after_the_promotion_before_it() -> None:
    fact = turns.turned_of(given(PROMOTED, [read(12), read(18.25)]))
    assert fact == {"seconds": 8.25, "event_id": 2, "operation_id": 2, "turn_ids": [2]}


def test_a_read_before_the_next_promotion_is_no_less_late_for_it() -> None:
    fact = turns.turned_of(given((*PROMOTED, *AGAIN), [read(18.25), read(51)]))
    assert fact is not None
    assert (fact["seconds"], fact["event_id"]) == (8.25, 2)


def test_a_read_between_the_two_looks_at_a_promotion_is_not_late() -> None:
    fact = turns.turned_of(given(PROMOTED, [read(9.75)]))
    assert fact is not None
    assert fact["seconds"] == 0


@pytest.mark.parametrize("at_s", [9.25, 71.0])
def test_a_read_that_follows_no_turn_is_not_explained_by_one(at_s: float) -> None:
    assert turns.turned_of(given(PROMOTED, [read(12), read(at_s)])) is None


def test_a_primary_that_was_only_out_of_sight_did_not_turn() -> None:
    blind = event(20, "postgres", "source.blind", "a", how="silent")
    sees = event(25, "postgres", "source.sees", "a")
    fact = turns.turned_of(given((*PROMOTED, blind, sees), [read(26)]))
    assert fact is not None
    assert (fact["seconds"], fact["turn_ids"]) == (16.0, [2])


def test_kept_reads_of_a_leader_follow_a_read_of_the_same_node_as_a_replica() -> None:
    reads = [read(8, in_recovery=True, probe="kept"), read(12, probe="kept"), read(13, probe="kept")]
    assert turns.kept_of(given(PROMOTED, reads)) == [[1, 2]]


def test_kept_reads_that_another_node_served_before_prove_no_old_connection() -> None:
    reads = [read(8, "b", in_recovery=True, probe="kept"), read(12, probe="kept")]
    assert turns.kept_of(given(PROMOTED, reads)) is None


def test_a_new_timeline_of_the_same_leader_begins_anew() -> None:
    before, after = read(12, probe="kept", timeline=2), read(14, probe="kept", timeline=3)
    assert turns.kept_of(given(PROMOTED, [read(8, in_recovery=True, probe="kept"), before, after])) is None


def test_where_no_leader_served_a_kept_read_there_is_nothing_to_tell() -> None:
    assert turns.kept_of(given(PROMOTED, [read(8, in_recovery=True, probe="kept")])) is None
