"""What became of the writes, whether two primaries ran at once, and what the reads showed."""

from collections.abc import Iterator, Sequence
from itertools import groupby

from observer.model.findings import Lost
from observer.model.recording import SECOND_NS
from reports.analysis.results.reads import (
    BackwardReads,
    DurabilityTotals,
    PossibleSplitBrain,
    ReadConsistency,
    TwoPrimaries,
)
from reports.analysis.results.whole import Results
from reports.document.blocks import Blocks, Cell, Inline, Profile, Row, Section, Sentence, Value
from reports.document.build import code, details, events, paragraph, query, rows_of, say, seconds, shown_by, table

SHOWN = 10


def durability(results: Results, profile: Profile) -> Section | None:
    """Return the section on lost writes, on two primaries and on the consistency of reads."""
    blocks = (
        *paragraph(*_writes(results.durability)),
        *_lost(results),
        *_failed_but_present(results),
        *_primaries(results),
        *_reads(results),
    )
    return Section("durability", say("writes.title"), blocks) if blocks else None


def _writes(totals: DurabilityTotals) -> Iterator[Sentence]:
    if not totals.acknowledged and not totals.unknown:
        yield say("writes.none")
    elif totals.lost is None:
        yield say("writes.not_audited", acknowledged=totals.acknowledged)
    else:
        yield say("writes.audited", acknowledged=totals.acknowledged, audited=totals.audited, lost=totals.lost)
        if totals.unaudited:
            yield say("writes.unaudited", n=totals.unaudited)
        if totals.unknown:
            yield say("writes.unknown", n=totals.unknown, effect=totals.unknown_took_effect)
        if totals.failed_but_present:
            yield say("writes.failed_but_present", n=totals.failed_but_present)
        yield say("writes.gaps")


def _lost(results: Results) -> Blocks:
    """Return the lost writes in groups of one server and timeline, with the query that lists each."""
    lost = sorted(results.durability.lost_writes, key=_server)
    rows: list[Row] = []
    for _, group in groupby(lost, key=_server):
        own = sorted(group, key=lambda one: one.acknowledged_ns)
        operations = rows_of("operations", *(one.operation_id for one in own[:SHOWN]))
        shown = (operations, rows_of("audits", *(one.audit_id for one in own)))
        rows.append(
            (
                code(own[0].server),
                Value(own[0].timeline),
                Value(len(own)),
                _from_to(own[0].acknowledged_ns, own[-1].acknowledged_ns),
                tuple(one for one in shown if one is not None),
            )
        )
    if not rows:
        return ()
    command = query("select * from lost_writes")
    return details(say("writes.lost", n=len(lost)), *table("writes.lost_columns", rows), command)


def _server(lost: Lost) -> tuple[str, int]:
    return lost.server or "", lost.timeline or 0


def _from_to(from_ns: int, to_ns: int) -> Sentence:
    return say("writes.from_to", from_s=from_ns / SECOND_NS, to_s=to_ns / SECOND_NS)


def _failed_but_present(results: Results) -> Blocks:
    found = results.durability.failed_but_present_writes
    rows: list[Row] = []
    for one in found[:SHOWN]:
        shown = (rows_of("operations", one.operation_id), rows_of("audits", one.audit_id))
        ids = tuple(row for row in shown if row is not None)
        rows.append((code(one.token), Value(one.failed_utc, "clock"), code(one.message), ids))
    return details(say("writes.appeared", n=len(found)), *table("writes.appeared_columns", rows)) if rows else ()


def _primaries(results: Results) -> Blocks:
    found = results.consistency
    said: list[Inline] = []
    if found.two_primaries:
        longest = seconds(max(one.duration_ns for one in found.two_primaries))
        said.append(say("primaries.two", n=len(found.two_primaries), seconds=longest))
    else:
        said.append(say("primaries.not_seen" if found.observed else "primaries.unknown"))
    if found.possible_split_brain:
        said.append(say("primaries.possible", n=len(found.possible_split_brain)))
    if found.forks:
        rewound = sum(one.rewound_id is not None for one in found.forks)
        rows = shown_by(events(*(one.event_id for one in found.forks)))
        said.append(say("primaries.forks", n=len(found.forks), rewound=rewound, rows=rows))
    cases = [*map(_two_primaries, found.two_primaries), *map(_possible, found.possible_split_brain)]
    return (*paragraph(*said), *details(say("primaries.table"), *table("primaries.columns", cases)))


def _two_primaries(found: TwoPrimaries) -> Row:
    members: Cell = tuple(code(name) for name in found.members)
    return members, _from_to(found.from_ns, found.to_ns), say("primaries.was"), events(*found.event_ids)


def _possible(found: PossibleSplitBrain) -> Row:
    what = say("primaries.may_have", successor=found.successor)
    if found.committed_ns is not None:
        what = say("primaries.committed", successor=found.successor, age=seconds(found.committed_age_ns))
    when = say("writes.from_on", from_s=seconds(found.from_ns))
    if found.to_ns is not None:
        when = _from_to(found.from_ns, found.to_ns)
    return code(found.member), when, what, events(*found.event_ids, found.committed_id)


def _reads(results: Results) -> Blocks:
    reads = [one for one in results.consistency.reads if one.acknowledged]
    several = len(results.recordings) > 1
    said: list[Inline] = []
    for one in reads:
        said += [*([say("recording_part.title_colon", id=one.recording)] if several else []), *_reads_of(one)]
    rows = [row for one in reads for row in _staleness(one)]
    return (
        *paragraph(*said),
        *details(say("staleness.table"), *table("staleness.columns", rows)),
        *_read_then_lost(reads),
    )


def _reads_of(one: ReadConsistency) -> Iterator[Sentence]:
    if not one.complete:
        yield say("staleness.examined", n=one.examined, total=one.acknowledged)
    if one.back_same_server is None and one.back_other_server is None:
        yield say("staleness.backward_unknown")
    else:
        back = [found for found in (one.back_same_server, one.back_other_server) if found is not None and found.count]
        yield _backward(back)
    replicas = next((s for s in one.staleness if s.role == "replica" and s.server is None), None)
    if replicas is not None and not replicas.behind:
        yield say("staleness.none", total=replicas.reads)
    elif replicas is not None:
        yield say("staleness.worst", n=replicas.behind, total=replicas.reads, ms=replicas.behind_s.max * 1000)
    if one.read_then_lost is None:
        yield say("staleness.lost_unknown")
    else:
        yield say("staleness.read_then_lost", n=len(one.read_then_lost))


def _backward(back: Sequence[BackwardReads]) -> Sentence:
    if not back:
        return say("staleness.backward_none")
    worst = max(back, key=lambda found: found.worst_ns or 0)
    rows = shown_by(rows_of("operations", *(worst.worst_duration_ids or worst.operation_ids)))
    return say("staleness.backward", n=sum(found.count for found in back), seconds=seconds(worst.worst_ns), rows=rows)


def _staleness(one: ReadConsistency) -> Iterator[Row]:
    for stale in one.staleness:
        if stale.server is not None:
            counts = (Value(stale.reads), Value(stale.behind), Value(stale.writes.max))
            behind = (Value(value * 1000, "ms") for value in (stale.behind_s.p99, stale.behind_s.max))
            yield code(stale.server), Value(stale.role, "@role"), *counts, *behind


def _read_then_lost(reads: Sequence[ReadConsistency]) -> Blocks:
    found = [one for reads_of in reads for one in reads_of.read_then_lost or ()]
    rows = [
        (
            code(one.token),
            code(one.server),
            Value(one.read_utc, "clock"),
            Value(one.reads),
            rows_of("operations", *one.operation_ids[:SHOWN]),
        )
        for one in found[:SHOWN]
    ]
    summary = say("staleness.lost_table", n=len(found), shown=len(rows))
    return details(summary, *table("staleness.lost_columns", rows)) if rows else ()
