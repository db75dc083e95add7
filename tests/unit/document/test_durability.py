"""The section on lost writes, two primaries and reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observer.model.findings import Lost
from reports.analysis.results.reads import (
    BackwardReads,
    Consistency,
    Divergence,
    DurabilityTotals,
    PossibleSplitBrain,
    ReadConsistency,
    ReadThenLost,
    Spread,
    Staleness,
    TwoPrimaries,
)
from reports.document.durability import durability
from tests.unit.document.builders import BEGAN, demo_results, ns, shown

NOTHING_BACK = BackwardReads(0, None, (), None, (), ())


def test_losses_are_counted_by_token_and_gaps_in_id_are_explained() -> None:
    text = shown(durability(demo_results(), "homework"))
    assert "Acknowledged writes: 100; audited by token: 100; lost: 0." in text
    assert "Writes with an unknown outcome: 2; of these took effect: 1." in text
    assert "Gaps in `id` are not losses" in text


def test_lost_writes_are_grouped_by_server_and_timeline() -> None:
    lost = tuple(Lost(f"t{n}", ns(33.5 + n), "patroni1", 1, 100 + n, 7) for n in range(3))
    text = shown(durability(demo_results(durability=DurabilityTotals(100, 100, 0, 3, lost, 0, 0, 0, ())), "homework"))
    assert "| `patroni1` | 1 | 3 | 33.5–35.5 s | operations 100–102, audits 7 |" in text


def test_writes_that_were_not_audited_are_unknown_and_not_zero() -> None:
    totals = DurabilityTotals(100, 0, 100, None, (), 2, None, None, ())
    text = shown(durability(demo_results(durability=totals), "homework"))
    assert "100 writes were acknowledged; they were not audited, so losses are unknown." in text
    assert "lost: 0" not in text


def test_two_primaries_that_were_not_seen_are_told_from_those_that_could_not_be_seen() -> None:
    assert "No poll found two primaries at once." in shown(durability(demo_results(), "drill"))
    blind = demo_results(consistency=Consistency(False, (), (), (), ()))
    assert "Whether two primaries ran at once is unknown" in shown(durability(blind, "drill"))


def test_two_primaries_have_members_and_times() -> None:
    found = TwoPrimaries(1, ("patroni3", "patroni1"), ns(7.809), ns(10.407), (13, 40))
    text = shown(durability(demo_results(consistency=Consistency(True, (found,), (), (), ())), "homework"), "ru")
    assert "Два primary работали одновременно один раз, самое большее 2,6 с." in text
    assert "| `patroni3`, `patroni1` | 7,8–10,4 с | оба были primary | events 13, 40 |" in text


def test_a_former_leader_that_committed_beside_its_successor_is_a_possible_split_brain() -> None:
    possible = PossibleSplitBrain(1, "patroni2", "patroni3", ns(136.2), None, True, (302,), ns(137.4), ns(1.0), 314)
    fork = Divergence(1, "patroni2", "new timeline 4 forked off", 311, 327)
    text = shown(durability(demo_results(consistency=Consistency(True, (), (possible,), (fork,), ())), "homework"))
    assert "It cannot be ruled out in 1 case" in text
    assert (
        "committed on its old timeline while `patroni3` was the leader, 1.0 s before the poll | events 302, 314 |"
        in text
    )
    assert "changes outside the cluster's history once; pg_rewind ran once (events 311)." in text


def reads(**changes: Any) -> ReadConsistency:
    spread = Spread(0.0, 0.0, 0.0, 0.007)
    stale = Staleness("replica", None, 500, 3, Spread(0, 0, 0, 1), spread)
    found = ReadConsistency(
        1, 500, 500, True, NOTHING_BACK, NOTHING_BACK, (stale, replace(stale, server="patroni2")), ()
    )
    return replace(found, **changes)


def test_reads_have_their_staleness_and_none_went_back() -> None:
    text = shown(durability(demo_results(consistency=Consistency(True, (), (), (), (reads(),))), "homework"))
    assert "No read returned older data than a read before it." in text
    assert (
        "3 of 500 reads from replicas missed a write that was already acknowledged; the longest lag was 7.0 ms." in text
    )
    assert "| `patroni2` | replica | 500 | 3 | 1 | 0.0 ms | 7.0 ms |" in text


def test_reads_that_went_back_have_the_worst_of_them() -> None:
    back = BackwardReads(2, 4, (7, 8), ns(1.5), (8, 9), (7,))
    own = reads(back_same_server=back)
    text = shown(durability(demo_results(consistency=Consistency(True, (), (), (), (own,))), "homework"))
    assert "2 reads returned older data than a read before, by 1.5 s at most (operations 8–9)." in text


def test_rows_that_were_read_and_then_lost_are_listed() -> None:
    own = reads(read_then_lost=(ReadThenLost("t1", "patroni1", ns(40), BEGAN, 3, (51, 52), 9),))
    text = shown(durability(demo_results(consistency=Consistency(True, (), (), (), (own,))), "homework"))
    assert "Rows read and later lost: 1." in text
    assert "| `t1` | `patroni1` | 08:36:08 | 3 | operations 51–52 |" in text
    unknown = reads(read_then_lost=None)
    text = shown(durability(demo_results(consistency=Consistency(True, (), (), (), (unknown,))), "homework"))
    assert "no audit followed the reads" in text
