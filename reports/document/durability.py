"""What became of the writes, whether two primaries ran at once, and what the reads showed."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from typing import Literal

from observer.model.findings import Lost
from observer.model.recording import SECOND_NS
from reports.analysis.results.reads import BackwardReads, PossibleSplitBrain, ReadConsistency, TwoPrimaries
from reports.analysis.results.whole import Results
from reports.document.blocks import (
    Block,
    Cell,
    Code,
    Inline,
    Profile,
    Rows,
    Section,
    Sentence,
    Value,
    details,
    paragraph,
    say,
    seconds,
    table,
)
from reports.document.each_recording import events, shown_by

SHOWN = 10


def durability(results: Results, profile: Profile) -> Section | None:
    """Return the section on lost writes, on two primaries and on the consistency of reads."""
    blocks = (
        *paragraph(*_writes(results)),
        *_lost(results),
        *_failed_but_present(results),
        *_primaries(results),
        *_reads(results),
    )
    return Section("durability", say("writes.title"), blocks) if blocks else None


def _writes(results: Results) -> Iterator[Sentence]:
    totals = results.durability
    if not totals.acknowledged and not totals.unknown:
        yield say("writes.none")
        return
    if totals.lost is None:
        yield say("writes.not_audited", acknowledged=totals.acknowledged)
        return
    yield say("writes.audited", acknowledged=totals.acknowledged, audited=totals.audited, lost=totals.lost)
    if totals.unaudited:
        yield say("writes.unaudited", n=totals.unaudited)
    if totals.unknown:
        yield say("writes.unknown", n=totals.unknown, effect=totals.unknown_took_effect)
    if totals.failed_but_present:
        yield say("writes.failed_but_present", n=totals.failed_but_present)
    yield say("writes.gaps")


def _lost(results: Results) -> tuple[Block, ...]:
    """Return the lost writes in groups of one server and timeline, with the query that lists each."""
    lost = sorted(results.durability.lost_writes, key=_server)
    rows: list[tuple[Cell, ...]] = []
    for _, group in groupby(lost, key=_server):
        own = sorted(group, key=lambda one: one.acknowledged_ns)
        span = (own[0].acknowledged_ns / SECOND_NS, own[-1].acknowledged_ns / SECOND_NS)
        operations = tuple(one.operation_id for one in own if one.operation_id is not None)
        audits = tuple(dict.fromkeys(one.audit_id for one in own if one.audit_id is not None))
        rows.append(
            (
                Value(own[0].server, "code"),
                Value(own[0].timeline),
                Value(len(own)),
                say("writes.from_to", from_s=span[0], to_s=span[1]),
                (Rows("operations", operations[:SHOWN]), Rows("audits", audits)),
            )
        )
    if not rows:
        return ()
    query = 'observer query "select * from lost_writes"'
    return details(say("writes.lost", n=len(lost)), *table("writes.lost_columns", rows), Code(query, "sh"))


def _server(lost: Lost) -> tuple[str, int]:
    return lost.server or "", lost.timeline or 0


def _failed_but_present(results: Results) -> tuple[Block, ...]:
    found = results.durability.failed_but_present_writes
    rows = [
        (
            Value(one.token, "code"),
            Value(one.failed_utc, "clock"),
            Value(one.message, "code"),
            (*_row("operations", one.operation_id), *_row("audits", one.audit_id)),
        )
        for one in found[:SHOWN]
    ]
    return details(say("writes.appeared", n=len(found)), *table("writes.appeared_columns", rows)) if rows else ()


def _row(name: Literal["operations", "audits"], row: int | None) -> tuple[Rows, ...]:
    return () if row is None else (Rows(name, (row,)),)


def _primaries(results: Results) -> tuple[Block, ...]:
    found = results.consistency
    rows = [_two_primaries(one) for one in found.two_primaries]
    rows += [_possible(one) for one in found.possible_split_brain]
    said: list[Inline] = []
    if found.two_primaries:
        longest = seconds(max(one.duration_ns for one in found.two_primaries))
        said.append(say("primaries.two", n=len(found.two_primaries), seconds=longest))
    elif found.observed:
        said.append(say("primaries.not_seen"))
    else:
        said.append(say("primaries.unknown"))
    if found.possible_split_brain:
        said.append(say("primaries.possible", n=len(found.possible_split_brain)))
    if found.forks:
        rewound = sum(one.rewound_id is not None for one in found.forks)
        rows_shown = shown_by(events(*(one.event_id for one in found.forks)))
        said.append(say("primaries.forks", n=len(found.forks), rewound=rewound, rows=rows_shown))
    return (*paragraph(*said), *details(say("primaries.table"), *table("primaries.columns", rows)))


def _two_primaries(found: TwoPrimaries) -> tuple[Cell, ...]:
    return (
        tuple(Value(name, "code") for name in found.members),
        say("writes.from_to", from_s=seconds(found.from_ns), to_s=seconds(found.to_ns)),
        say("primaries.was"),
        events(*found.event_ids),
    )


def _possible(found: PossibleSplitBrain) -> tuple[Cell, ...]:
    if found.committed_ns is None:
        what = say("primaries.may_have", successor=found.successor)
    else:
        what = say("primaries.committed", successor=found.successor, age=seconds(found.committed_age_ns))
    until = None if found.to_ns is None else seconds(found.to_ns)
    return (
        Value(found.member, "code"),
        say("writes.from_on", from_s=seconds(found.from_ns))
        if until is None
        else say("writes.from_to", from_s=seconds(found.from_ns), to_s=until),
        what,
        events(*found.event_ids, found.committed_id),
    )


def _reads(results: Results) -> tuple[Block, ...]:
    reads = [one for one in results.consistency.reads if one.acknowledged]
    if not reads:
        return ()
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


def _backward(back: list[BackwardReads]) -> Sentence:
    if not back:
        return say("staleness.backward_none")
    worst = max(back, key=lambda found: found.worst_ns or 0)
    ids = worst.worst_duration_ids or worst.operation_ids
    total = sum(found.count for found in back)
    rows = shown_by(Rows("operations", ids))
    return say("staleness.backward", n=total, seconds=seconds(worst.worst_ns), rows=rows)


def _staleness(one: ReadConsistency) -> Iterator[tuple[Cell, ...]]:
    for stale in one.staleness:
        if stale.server is not None:
            yield (
                Value(stale.server, "code"),
                Value(stale.role, "@role"),
                Value(stale.reads),
                Value(stale.behind),
                Value(stale.writes.max),
                *(Value(value * 1000, "ms") for value in (stale.behind_s.p99, stale.behind_s.max)),
            )


def _read_then_lost(reads: list[ReadConsistency]) -> tuple[Block, ...]:
    found = [one for reads_of in reads for one in reads_of.read_then_lost or ()]
    rows = [
        (
            Value(one.token, "code"),
            Value(one.server, "code"),
            Value(one.read_utc, "clock"),
            Value(one.reads),
            Rows("operations", one.operation_ids[:SHOWN]),
        )
        for one in found[:SHOWN]
    ]
    summary = say("staleness.lost_table", n=len(found), shown=len(rows))
    return details(summary, *table("staleness.lost_columns", rows)) if rows else ()
