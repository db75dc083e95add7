"""The results of all recordings together: durability of writes, split brain, consistency of reads."""

from __future__ import annotations

from collections.abc import Sequence

from reports.analysis.appeared import appeared
from reports.analysis.incident_results import lost_write
from reports.analysis.index import Index
from reports.analysis.reads import reads
from reports.analysis.results.reads import TwoPrimaries
from reports.analysis.results.whole import Consistency, DurabilityTotals
from reports.analysis.split_brain import divergences, possible_split_brains


def durability_totals(indexes: Sequence[Index]) -> DurabilityTotals:
    """Return the totals of all writes. Losses are the known ones; other counts are None if one recording lacks them."""
    written = [i.durability for i in indexes if i.durability.acknowledged or i.durability.unknown]
    acknowledged, unaudited = sum(one.acknowledged for one in written), sum(one.unaudited for one in written)
    lost = [len(one.lost) for one in written if one.lost is not None]
    return DurabilityTotals(
        acknowledged=acknowledged,
        audited=acknowledged - unaudited,
        unaudited=unaudited,
        lost=sum(lost) if lost else None,
        lost_writes=tuple(lost_write(i.recording.header, one) for i in indexes for one in i.durability.lost or ()),
        unknown=sum(one.unknown for one in written),
        unknown_took_effect=_total([one.unknown_took_effect for one in written]),
        failed_but_present=_total([one.failed_but_present for one in written]),
        failed_but_present_writes=tuple(one for index in indexes for one in appeared(index.recording)),
    )


def _total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def consistency(indexes: Sequence[Index]) -> Consistency:
    """Return what direct SQL, logs and reads showed of consistency."""
    return Consistency(
        observed=all(_polled_directly(index) for index in indexes),
        two_primaries=tuple(one for index in indexes for one in _two_primaries(index)),
        possible_split_brain=tuple(one for index in indexes for one in possible_split_brains(index)),
        forks=tuple(one for index in indexes for one in divergences(index)),
        reads=tuple(reads(index.recording) for index in indexes),
    )


def _polled_directly(index: Index) -> bool:
    """Return whether two members' PostgreSQL answered direct SQL, so that two primaries would have been seen."""
    reports = (e for e in index.events_of("member.changed") if e.source == "postgres" and "in_recovery" in e.detail)
    return len({event.subject for event in reports}) > 1


def _two_primaries(index: Index) -> list[TwoPrimaries]:
    number = index.recording.header.id
    return [
        TwoPrimaries(number, both.members, both.from_ns, both.until_ns, tuple(e.id for e in both.events if e.id))
        for both in index.two_primaries
    ]
