"""What reads show: whether they went back in time, how stale they were, and rows that were lost after being read."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observer.model.recording import Operation, Second
from reports.analysis import reads as analysis
from reports.analysis.reads import reads, sampled
from reports.analysis.results.reads import BackwardReads, Spread
from tests.unit.analyzed import results
from tests.unit.recordings import audit, fail, ns, ok, recording_of, token, unknown


def read(at_s: float, saw: int | None, server: str = "patroni2", *, took_s: float = 0.005, **more: Any) -> Operation:
    role: dict[str, Any] = {"in_recovery": server != "patroni1", **more}
    return ok(at_s, "read", took_s=took_s, server=server, saw=None if saw is None else token(saw), **role)


NONE = BackwardReads(0, None, (), None, (), ())


def test_a_read_of_an_older_row_than_the_same_server_had_shown_went_back() -> None:
    found = reads(recording_of([], [ok(1, n=1), ok(2, n=2), read(3, 2), read(4, 1), read(5, 2)]))
    since_ns = ns(4 - 0.005 - 3)
    assert found.back_same_server == BackwardReads(1, 1, (3, 4), since_ns, (3, 4), (4,))
    assert found.back_other_server == NONE


def test_a_replica_that_lags_shows_less_than_another_server_had_shown() -> None:
    given = [ok(1, n=1), ok(2, n=2), ok(3, n=3), read(3.1, 2), read(3.2, 3), read(3.4, 1, "patroni3")]
    found = reads(recording_of([], given))
    rows = (4, 5, 6)  # the first of any newer token, the newest, and the read itself
    since_ns = ns(3.4 - 0.005 - 3.1)  # since any newer token than the one it saw had been read
    assert found.back_other_server == BackwardReads(1, 2, rows, since_ns, rows, (6,))
    assert found.back_same_server == NONE


def test_reads_that_ran_at_the_same_time_are_not_compared() -> None:
    given = [ok(1, n=1), ok(2, n=2), read(3, 2), read(3.5, 1, took_s=0.6)]
    found = reads(recording_of([], given))
    assert (found.back_same_server, found.back_other_server) == (NONE, NONE)


def test_a_read_is_behind_by_the_acknowledged_writes_that_it_missed_and_since_the_first_of_them() -> None:
    given = [ok(1, n=1), ok(2, n=2), ok(3, n=3), read(3.505, 1), read(4, 3), read(5, 3)]
    whole, own = reads(recording_of([], given)).staleness
    assert (whole.server, own.server, own.role, own.reads, own.behind) == (None, "patroni2", "replica", 3, 1)
    assert own.writes == Spread(0, 2, 2, 2)
    assert own.behind_s == Spread(0, 1.5, 1.5, 1.5)


def test_writes_that_failed_are_none_that_a_read_could_miss() -> None:
    """After an outage the next token is hundreds further, and the read is behind by one write."""
    given = [ok(1, n=1), *(fail(2 + n / 100, n=n) for n in range(2, 600)), ok(10, n=600), read(10.01, 1)]
    assert reads(recording_of([], given)).staleness[0].writes.max == 1


def test_a_write_that_was_acknowledged_while_the_read_ran_is_not_missed() -> None:
    given = [ok(1, n=1), ok(3, n=2), read(3.1, 1, took_s=0.2)]
    assert reads(recording_of([], given)).staleness[0].writes.max == 0


def test_reads_from_the_primary_stand_apart_as_the_control() -> None:
    given = [ok(1, n=1), ok(2, n=2), read(3, 1), read(3, 2, "patroni1")]
    roles = [(s.role, s.server, s.behind) for s in reads(recording_of([], given)).staleness]
    assert roles == [("replica", None, 1), ("replica", "patroni2", 1), ("primary", None, 0), ("primary", "patroni1", 0)]


def test_before_the_first_acknowledged_write_staleness_is_not_known() -> None:
    found = reads(recording_of([], [read(1, 5), read(2, 5)]))
    assert (found.examined, found.staleness) == (2, ())


def test_a_row_that_was_read_and_that_a_later_audit_does_not_find_was_lost() -> None:
    given = [ok(1, n=1), unknown(3, n=2, took_s=1.5), read(3.1, 2), read(3.2, 2), read(9, 3)]
    (lost,) = (
        reads(recording_of([], given, [audit(8, 1, 1, present=True), audit(8, 2, 2, present=False)])).read_then_lost
        or ()
    )
    assert (lost.token, lost.reads, lost.operation_ids, lost.audit_id) == (token(2), 2, (3, 4), 2)


def test_an_audit_from_before_the_read_says_nothing_of_what_it_saw() -> None:
    assert reads(recording_of([], [ok(1, n=1), read(3, 1)], [audit(2, 1, 1, present=False)])).read_then_lost is None
    assert reads(recording_of([], [ok(1, n=1), read(3, 1)], [audit(4, 1, 1, present=True)])).read_then_lost == ()


def test_reads_that_did_not_tell_what_they_saw_leave_all_unknown() -> None:
    found = reads(recording_of([], [ok(1, n=1), read(3, None)], [audit(4, 1, 1, present=True)]))
    assert (found.acknowledged, found.examined, found.staleness, found.read_then_lost) == (1, 0, (), None)
    assert (found.back_same_server, found.back_other_server) == (None, None)


def test_of_a_long_recording_what_is_near_failures_is_looked_at_and_minutes_evenly_spread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(analysis, "WHOLE", 1_000)
    given = recording_of([], [fail(1000)], until_s=3600)
    counted = replace(given, seconds=[Second(s, "read", 1, 0, 0, 0) for s in range(3600)])
    spans = [(round(after / 1e9), round(by / 1e9)) for after, by in sampled(counted)]
    assert spans[:3] == [(0, 60), (216, 276), (432, 492)]
    assert (990, 1010) in spans
    assert reads(counted).complete is False
    assert sum(by - after for after, by in spans) == pytest.approx(1_000, rel=0.1)


def test_stretches_know_nothing_of_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare a read within its own interval: what was acknowledged or read between intervals was not examined."""
    monkeypatch.setattr(analysis, "sampled", lambda _: ((0, ns(10)), (ns(100), ns(110))))
    found = reads(recording_of([], [ok(1, n=1), read(2, 1), read(101, 0), ok(102, n=900), read(103, 900)]))
    assert (found.examined, found.back_other_server, found.staleness[0].reads) == (3, NONE, 2)


def test_the_worst_reads_that_went_back_have_their_rows() -> None:
    given = recording_of([], [ok(1, n=1), ok(2, n=2), ok(3, n=3), read(4, 3), read(4.5, 2), read(5, 1)])
    found = reads(given)
    assert found.back_same_server == BackwardReads(2, 2, (4, 6), ns(0.995), (4, 6), (5, 6))
    (both, _) = found.staleness
    assert (both.role, both.reads, both.behind, both.writes.max) == ("replica", 3, 2, 2)
    assert both.behind_s.max == pytest.approx(5 - 0.005 - 2)


def test_of_very_many_that_went_back_only_the_first_and_the_worst_are_kept() -> None:
    given = [*(ok(n / 100, n=n) for n in range(1, 100)), read(2, 99), *(read(3 + n, 98 - n) for n in range(90))]
    found = reads(recording_of([], given)).back_same_server
    assert found is not None
    assert (found.count, len(found.operation_ids), found.worst_writes) == (90, 20, 90)


def test_each_recording_has_results_of_its_reads() -> None:
    one, other = recording_of([], [ok(1, n=1), read(2, 1)]), recording_of([], [read(2, None)])
    found = results(one, other).consistency.reads
    assert [(own.examined, own.read_then_lost) for own in found] == [(1, None), (0, None)]
