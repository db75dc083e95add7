"""The results of all recordings together: durability of writes, split brain, consistency of reads."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.recording import SECOND_NS
from reports.analysis.appeared import appeared
from reports.analysis.durability import durability
from reports.analysis.incident_results import lost_write
from reports.analysis.index import Index
from reports.analysis.reads import Backs, reads
from reports.analysis.reads import Spread as SpreadNs
from reports.analysis.results.reads import (
    Appeared,
    BackwardReads,
    Divergence,
    PossibleSplitBrain,
    ReadConsistency,
    ReadThenLost,
    Spread,
    Staleness,
    TwoPrimaries,
)
from reports.analysis.results.whole import Consistency, DurabilityTotals
from reports.analysis.split_brain import forks, hidden


def durability_totals(indexes: Sequence[Index]) -> DurabilityTotals:
    """Return the totals of all writes. Losses are the known ones; other counts are None if one recording lacks them."""
    own = [(index, durability(index.recording)) for index in indexes]
    written = [one for _, one in own if one.acknowledged or one.unknown]
    acknowledged, unaudited = sum(one.acknowledged for one in written), sum(one.unaudited for one in written)
    lost = [len(one.lost) for one in written if one.lost is not None]
    return DurabilityTotals(
        acknowledged=acknowledged,
        audited=acknowledged - unaudited,
        unaudited=unaudited,
        lost=sum(lost) if lost else None,
        lost_writes=tuple(lost_write(index.recording.header, lost) for index, one in own for lost in one.lost or ()),
        unknown=sum(one.unknown for one in written),
        unknown_took_effect=_total([one.unknown_took_effect for one in written]),
        failed_but_present=_total([one.failed_but_present for one in written]),
        failed_but_present_writes=tuple(one for index, _ in own for one in _appeared(index)),
    )


def _total(values: Sequence[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known and len(known) == len(values) else None


def _appeared(index: Index) -> list[Appeared]:
    header = index.recording.header
    return [
        Appeared(
            recording=header.id,
            token=one.write.token,
            failed_utc=header.utc(one.write.finished_ns).isoformat(),
            failed_ns=one.write.finished_ns,
            stage=one.write.stage,
            message=one.write.message,
            operation_id=one.write.id,
            audit_id=one.audit_id,
        )
        for one in appeared(index.recording)
    ]


def consistency(indexes: Sequence[Index]) -> Consistency:
    """Return what direct SQL, logs and reads showed of consistency."""
    return Consistency(
        observed=all(_polled_directly(index) for index in indexes),
        two_primaries=tuple(
            TwoPrimaries(
                index.recording.header.id,
                both.members,
                both.from_ns,
                both.until_ns,
                tuple(event.id for event in both.events if event.id is not None),
            )
            for index in indexes
            for both in index.both
        ),
        possible_split_brain=tuple(one for index in indexes for one in _possible_split_brain(index)),
        forks=tuple(one for index in indexes for one in _divergences(index)),
        reads=tuple(read_consistency(index) for index in indexes),
    )


def _polled_directly(index: Index) -> bool:
    """Return whether two members' PostgreSQL answered direct SQL, so that two primaries would have been seen."""
    return len({e.subject for e in index.recording.events if e.source == "postgres" and "in_recovery" in e.detail}) > 1


def _possible_split_brain(index: Index) -> list[PossibleSplitBrain]:
    return [
        PossibleSplitBrain(
            recording=index.recording.header.id,
            member=one.member,
            successor=one.successor,
            from_ns=one.from_ns,
            to_ns=one.until_ns,
            resumed=one.thawed,
            event_ids=tuple(event.id for event in one.events if event.id is not None),
            committed_ns=None if one.committed is None else one.committed.by_ns,
            committed_age_ns=None if one.committed is None else round(one.committed.detail["lag_s"] * SECOND_NS),
            committed_id=None if one.committed is None else one.committed.id,
        )
        for one in hidden(index.recording)
    ]


def _divergences(index: Index) -> list[Divergence]:
    return [
        Divergence(
            recording=index.recording.header.id,
            member=one.told.subject,
            text=str(one.told.detail["text"]),
            event_id=one.told.id,
            rewound_id=None if one.rewound is None else one.rewound.id,
        )
        for one in forks(index.recording)
    ]


def read_consistency(index: Index) -> ReadConsistency:
    """Return what the reads of one recording showed."""
    found, header = reads(index.recording), index.recording.header
    return ReadConsistency(
        recording=header.id,
        acknowledged=found.acknowledged,
        examined=found.looked_at,
        complete=found.whole,
        back_same_server=_backward(found.back_same),
        back_other_server=_backward(found.back_other),
        staleness=tuple(
            Staleness(
                "replica" if one.in_recovery else "primary",
                one.server,
                one.reads,
                one.behind,
                Spread(one.writes.median, one.writes.p95, one.writes.p99, one.writes.most),
                _in_seconds(one.behind_ns),
            )
            for one in found.staleness
        ),
        read_then_lost=None
        if found.lost is None
        else tuple(
            ReadThenLost(
                one.token,
                one.server,
                one.read_ns,
                header.utc(one.read_ns).isoformat(),
                one.reads,
                one.operation_ids,
                one.audit_id,
            )
            for one in found.lost
        ),
    )


def _backward(found: Backs | None) -> BackwardReads | None:
    if found is None:
        return None
    by_writes, by_time = found.by_writes, found.by_time
    return BackwardReads(
        count=found.count,
        worst_writes=None if by_writes is None else by_writes.writes,
        worst_writes_ids=() if by_writes is None else by_writes.operation_ids,
        worst_ns=None if by_time is None else by_time.since_ns,
        worst_duration_ids=() if by_time is None else by_time.operation_ids,
        operation_ids=tuple(back.operation_ids[-1] for back in found.first if back.operation_ids),
    )


def _in_seconds(spread: SpreadNs) -> Spread:
    median, p95, p99, most = (
        round(value / SECOND_NS, 6) for value in (spread.median, spread.p95, spread.p99, spread.most)
    )
    return Spread(median, p95, p99, most)
