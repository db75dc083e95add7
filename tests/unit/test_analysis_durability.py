"""Which acknowledged writes were lost, by token, and which ones no audit covers."""

from __future__ import annotations

from dataclasses import replace

from observer.model.recording import Operation, Outcome, Recording, Second
from reports.analysis.analyze import analyze
from reports.analysis.durability import appeared, decided, durability
from tests.unit.recordings import (
    audit,
    blind,
    event,
    fail,
    healthy,
    measured_crash,
    ok,
    recording_of,
    takeover,
    token,
    traffic,
    unknown,
)


def test_an_acknowledged_write_that_an_audit_did_not_find_is_lost() -> None:
    given = recording_of(
        [], [ok(1, n=1), ok(2, n=2), ok(3, n=3)], [audit(9, 1, 1, present=True), audit(9, 2, 3, present=False)]
    )
    found = durability(given)
    assert [lost.token for lost in found.lost or ()] == [token(2), token(3)]
    assert [(lost.operation_id, lost.audit_id) for lost in found.lost or ()] == [(2, 2), (3, 2)]
    assert found.unaudited == 0


def test_the_newest_audit_of_a_token_decides() -> None:
    early, late = audit(5, 1, 9, present=True), audit(20, 4, 6, present=False)
    given = recording_of([], [ok(n, n=n) for n in range(1, 10)], [late, early])
    assert [lost.token for lost in durability(given).lost or ()] == [token(4), token(5), token(6)]
    again = recording_of([], [ok(n, n=n) for n in range(1, 10)], [late, early, audit(30, 1, 9, present=True)])
    assert durability(again).lost == ()


def test_a_range_that_a_newer_one_cuts_keeps_what_is_left_of_it() -> None:
    ranges = decided([audit(5, 1, 9, present=True), audit(20, 4, 6, present=False)])
    assert ranges.firsts == (token(1), token(4), token(7))
    assert ranges.lasts == (token(3), token(6), token(9))


def test_without_an_audit_nothing_is_known() -> None:
    found = durability(recording_of([], [ok(1, n=1), unknown(3, n=2)]))
    assert (found.lost, found.unknown_took_effect, found.failed_but_present) == (None, None, None)
    assert (found.acknowledged, found.unaudited, found.unknown) == (1, 1, 1)


def test_unknown_writes_that_took_effect_and_failed_ones_that_are_there_are_counted() -> None:
    given = recording_of(
        [],
        [unknown(1, n=1), unknown(2, n=2), fail(3, n=3), fail(4, n=4)],
        [
            audit(9, 1, 1, present=True),
            audit(9, 2, 2, present=False),
            audit(9, 3, 3, present=True),
            audit(9, 4, 4, present=False),
        ],
    )
    found = durability(given)
    assert (found.lost, found.unknown, found.unknown_took_effect, found.failed_but_present) == ((), 2, 1, 1)


def test_failed_writes_that_are_there_are_listed_with_the_rows_that_show_it() -> None:
    audits = [audit(5, 1, 3, present=True), audit(9, 2, 2, present=False)]
    given = recording_of([], [fail(1, n=1), fail(2, n=2), unknown(3, n=3), fail(4, n=4)], audits)
    (only,) = appeared(given)  # 2 is gone by the newest audit, 3 may be there, 4 was not audited
    assert (only.token, only.operation_id, only.audit_id) == (token(1), 1, 1)
    assert list(appeared(recording_of([], [fail(1, n=1)]))) == []


def test_writes_after_the_last_audit_and_in_holes_between_audits_are_unaudited() -> None:
    given = recording_of(
        [], [ok(n, n=n) for n in range(1, 11)], [audit(5, 1, 3, present=True), audit(8, 6, 8, present=True)]
    )
    assert durability(given).unaudited == 4  # 4, 5 and 9, 10


def test_lost_writes_far_from_any_failure_are_asked_for() -> None:
    """The timeline holds what is near a failure; an absent range elsewhere is fetched."""
    everything = recording_of([], [ok(n, n=n) for n in range(1, 100)]).operations

    def fetch(after_ns: int, by_ns: int) -> list[Operation]:
        return [o for o in everything if after_ns < o.finished_ns <= by_ns]

    audits = [audit(110, 1, 49, present=True), audit(110, 50, 52, present=False), audit(110, 53, 99, present=True)]
    bare = recording_of([], [], audits)
    seconds = [Second(n, "write", 1, 0, 0, 0) for n in range(1, 100)]
    given: Recording = replace(bare, fetch=fetch, seconds=seconds)
    found = durability(given)
    assert [lost.token for lost in found.lost or ()] == [token(50), token(51), token(52)]
    assert (found.acknowledged, found.unaudited) == (99, 0)


def test_a_lost_write_belongs_to_the_incident_that_followed_it() -> None:
    crash = measured_crash()
    numbered = [replace(o, token=token(n)) if o.outcome is Outcome.OK else o for n, o in enumerate(crash.operations, 1)]
    last = max(n for n, o in enumerate(crash.operations, 1) if o.finished_ns < 7_700_000_000)
    audits = [audit(44, last - 2, last, present=False)]
    given = recording_of(crash.events, numbered, audits, until_s=110)
    (incident,) = analyze(given).incidents
    assert [lost.token for lost in incident.lost or ()] == [token(last - 2), token(last - 1), token(last)]


def test_a_lost_write_belongs_to_the_incident_in_which_the_key_was_taken_and_not_to_a_replica_lost_before() -> None:
    events = [
        *healthy(),
        blind(20.1, "patroni", "patroni3", "refused"),
        blind(20.1, "postgres", "patroni3", "refused"),
        blind(40.1, "patroni", "patroni1", "refused"),
        blind(40.1, "postgres", "patroni1", "refused"),
        event(65, "etcd", "leader.lost", "patroni1", revision=30),
        event(65, "etcd", "member.lost", "patroni1", revision=30),
        *takeover(65.2, "patroni2", 2, previous="patroni1", up_s=70),
    ]
    writes = traffic((1, 40, Outcome.OK), (40, 70, Outcome.FAIL), (70, 100, Outcome.OK))
    audits = [audit(71, 1, 420, present=True), audit(71, 421, 780, present=False), audit(101, 781, 1980, present=True)]
    replica, leader = analyze(recording_of(events, writes, audits, until_s=102)).incidents
    assert (replica.lost, len(leader.lost or ())) == ((), 360)


def test_a_write_lost_after_the_last_incident_belongs_to_that_one() -> None:
    writes = traffic((1, 20, Outcome.OK), (20, 22, Outcome.FAIL), (22, 60, Outcome.OK))
    given = recording_of(healthy(), writes, [audit(61, 1, 999, present=True), audit(61, 1000, 1002, present=False)])
    found = analyze(given)
    assert [len(i.lost or ()) for i in found.incidents] == [3]


def test_an_incident_without_an_audit_after_it_has_no_count_of_losses() -> None:
    crash = measured_crash()
    early = recording_of(crash.events, crash.operations, [audit(5, 1, 3, present=True)], until_s=110)
    assert [i.lost for i in analyze(early).incidents] == [None]


def test_a_recording_that_wrote_nothing_has_nothing_to_lose() -> None:
    found = durability(recording_of(healthy(), traffic((1, 5, Outcome.OK), action="read")))
    assert (found.acknowledged, found.unaudited, found.lost) == (0, 0, None)


def test_the_tail_that_an_audit_at_the_end_did_not_reach_is_unaudited_however_long_it_is() -> None:
    writes = traffic((1, 400, Outcome.OK))
    given = recording_of([], writes, [audit(405, 1, 2000, present=True)], until_s=405)
    found = durability(given)
    assert (found.acknowledged, found.unaudited) == (7980, 5980)


def test_where_writes_after_an_outage_were_not_read_back_its_losses_are_unknown() -> None:
    writes = traffic((1, 20, Outcome.OK), (20, 40, Outcome.FAIL), (40, 60, Outcome.OK))
    early, late = audit(41.5, 1, 830, present=True), audit(60, 1, 1180, present=True)
    assert [i.lost for i in analyze(recording_of(healthy(), writes, [early], until_s=60)).incidents] == [None]
    assert [i.lost for i in analyze(recording_of(healthy(), writes, [early, late], until_s=60)).incidents] == [()]


def test_an_audit_made_before_the_last_outage_of_an_incident_says_nothing_of_it() -> None:
    failing = ((20, 30, Outcome.FAIL), (30, 33, Outcome.OK), (33, 40, Outcome.FAIL))
    writes = traffic((1, 20, Outcome.OK), *failing, (40, 60, Outcome.OK))
    given = recording_of(healthy(), writes, [audit(32, 1, 1180, present=True)], until_s=60)
    assert [i.lost for i in analyze(given).incidents] == [None]


def test_unknown_writes_of_which_some_were_not_looked_for_have_no_count() -> None:
    given = recording_of([], [unknown(1, n=1), unknown(2, n=2)], [audit(9, 1, 1, present=True)])
    assert durability(given).unknown_took_effect is None
