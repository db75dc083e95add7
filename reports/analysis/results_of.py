"""All results of one or more analyzed recordings."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Findings
from observer.model.recording import Recording
from reports.analysis.appeared import appeared
from reports.analysis.incident_results import incident_results, lost_write
from reports.analysis.index import Index, build_index
from reports.analysis.reads import reads
from reports.analysis.recording_results import recording_results
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Consistency, DurabilityTotals, Results
from reports.analysis.split_brain import divergences, possible_split_brains


def results_of(analyzed: Sequence[tuple[Recording, Findings]], version: str) -> Results:
    """Return the results of recordings, each with its findings, without answers, objectives and self-checks.

    `version`: the version of the observer.
    """
    indexes = [build_index(recording) for recording, _ in analyzed]
    incidents: tuple[IncidentResults, ...] = ()
    for index, (_, found) in zip(indexes, analyzed, strict=True):
        incidents += incident_results(index, found, len(incidents) + 1)
    return Results(
        observer=version,
        recordings=tuple(recording_results(index, own) for index, (_, own) in zip(indexes, analyzed, strict=True)),
        incidents=incidents,
        durability=_durability(indexes),
        consistency=_consistency(indexes),
    )


def _durability(indexes: Sequence[Index]) -> DurabilityTotals:
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


def _consistency(indexes: Sequence[Index]) -> Consistency:
    """Return what direct SQL, logs and reads showed of consistency."""
    return Consistency(
        observed=all(_polled_directly(index) for index in indexes),
        two_primaries=tuple(one for index in indexes for one in index.two_primaries),
        possible_split_brain=tuple(one for index in indexes for one in possible_split_brains(index)),
        forks=tuple(one for index in indexes for one in divergences(index)),
        reads=tuple(reads(index.recording) for index in indexes),
    )


def _polled_directly(index: Index) -> bool:
    """Return whether two members' PostgreSQL answered direct SQL, so that two primaries would have been seen."""
    reports = (e for e in index.events_of("member.changed") if e.source == "postgres" and "in_recovery" in e.detail)
    return len({event.subject for event in reports}) > 1
