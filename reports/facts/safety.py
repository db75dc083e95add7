"""Safety of writes and reads: failed writes that are there, reads that went back, were stale, or of what was lost.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from typing import TypedDict

from observer.model.recording import SECOND_NS, Recording
from reports.analysis.appeared import appeared
from reports.analysis.reads import Backs, ReadThenLost, Spread, Staleness, reads
from reports.analysis.split_brain import forks, hidden
from reports.facts.moments import seconds


class SpreadFact(TypedDict):
    """A distribution: median, 95th and 99th percentile, maximum."""

    median: float
    p95: float
    p99: float
    max: float


class StalenessFact(TypedDict):
    """How far the reads of a role ("replica", "primary") were behind; `server` None: all of that role together.

    `writes`: acknowledged writes that a read did not see; `behind_s`: seconds since the first of them was acknowledged,
    when the read began. `behind`: how many of `reads` missed any.
    """

    role: str
    server: str | None
    reads: int
    behind: int
    writes: SpreadFact
    behind_s: SpreadFact


class BackFact(TypedDict):
    """Reads that went back in time: how many, and the worst by writes and by seconds, with the rows of operations.

    `operation_ids`: the first of the reads themselves. None: none went back.
    """

    count: int
    worst_writes: int | None
    worst_writes_ids: list[int]
    worst_s: float | None
    worst_s_ids: list[int]
    operation_ids: list[int]


class ReadThenLostFact(TypedDict):
    """A token that reads saw and a later audit did not find."""

    token: str
    server: str | None
    read_s: float
    read_utc: str
    reads: int
    operation_ids: list[int]
    audit_id: int | None


class AppearedFact(TypedDict):
    """A write that failed, and so certainly had no effect, and that an audit found all the same."""

    recording: int
    token: str
    failed_utc: str
    failed_s: float
    stage: str
    message: str | None
    operation_id: int | None
    audit_id: int | None


class HiddenFact(TypedDict):
    """A spell in which looks cannot rule out that a former leader was a primary beside its successor.

    `thawed`: it was told to run on at `from_s`; else its successor led from then. `to_s` None: to the end.
    `committed_*`: when a look saw that its last transaction, on the old timeline, was so many seconds old, which it
    therefore committed after it ran on; None: nothing shows that it did.
    """

    recording: int
    member: str
    successor: str
    from_s: float
    to_s: float | None
    thawed: bool
    event_ids: list[int]
    committed_s: float | None
    committed_age_s: float | None
    committed_id: int | None


class ForkFact(TypedDict):
    """A log said that a member's history went on past where the cluster's forked. `rewound_id`: pg_rewind did well."""

    recording: int
    member: str
    text: str
    event_id: int | None
    rewound_id: int | None


class ReadsFact(TypedDict):
    """What the reads of one recording tell. `looked_at` of `acknowledged` reads told what they saw and were looked at.

    `whole`: all of the recording was looked at. None: not observed.
    """

    recording: int
    acknowledged: int
    looked_at: int
    whole: bool
    back_same_server: BackFact | None
    back_other_server: BackFact | None
    staleness: list[StalenessFact]
    read_then_lost: list[ReadThenLostFact] | None


def appeared_of(recording: Recording) -> list[AppearedFact]:
    """The writes of a recording that failed and are there all the same."""
    return [
        {
            "recording": recording.header.id,
            "token": one.write.token,
            "failed_utc": recording.header.utc(one.write.finished_ns).isoformat(),
            "failed_s": seconds(one.write.finished_ns),
            "stage": one.write.stage,
            "message": one.write.message,
            "operation_id": one.write.id,
            "audit_id": one.audit_id,
        }
        for one in appeared(recording)
    ]


def hidden_of(recording: Recording) -> list[HiddenFact]:
    """The spells of a recording in which a former leader was not seen, though it may have run."""
    return [
        {
            "recording": recording.header.id,
            "member": one.member,
            "successor": one.successor,
            "from_s": seconds(one.from_ns),
            "to_s": None if one.until_ns is None else seconds(one.until_ns),
            "thawed": one.thawed,
            "event_ids": [event.id for event in one.events if event.id is not None],
            "committed_s": None if one.committed is None else seconds(one.committed.by_ns),
            "committed_age_s": None if one.committed is None else float(one.committed.detail["lag_s"]),
            "committed_id": None if one.committed is None else one.committed.id,
        }
        for one in hidden(recording)
    ]


def forks_of(recording: Recording) -> list[ForkFact]:
    """Histories that members had of their own, as their logs told."""
    return [
        {
            "recording": recording.header.id,
            "member": one.told.subject,
            "text": str(one.told.detail["text"]),
            "event_id": one.told.id,
            "rewound_id": None if one.rewound is None else one.rewound.id,
        }
        for one in forks(recording)
    ]


def reads_of(recording: Recording) -> ReadsFact:
    """What the reads of a recording tell, as facts."""
    found = reads(recording)
    return {
        "recording": recording.header.id,
        "acknowledged": found.acknowledged,
        "looked_at": found.looked_at,
        "whole": found.whole,
        "back_same_server": _back(found.back_same),
        "back_other_server": _back(found.back_other),
        "staleness": [_staleness(one) for one in found.staleness],
        "read_then_lost": None if found.lost is None else [_lost(recording, one) for one in found.lost],
    }


def _back(found: Backs | None) -> BackFact | None:
    if found is None:
        return None
    by_writes, by_time = found.by_writes, found.by_time
    return {
        "count": found.count,
        "worst_writes": None if by_writes is None else by_writes.writes,
        "worst_writes_ids": [] if by_writes is None else list(by_writes.operation_ids),
        "worst_s": None if by_time is None else seconds(by_time.since_ns),
        "worst_s_ids": [] if by_time is None else list(by_time.operation_ids),
        "operation_ids": [back.operation_ids[-1] for back in found.first if back.operation_ids],
    }


def _staleness(one: Staleness) -> StalenessFact:
    return {
        "role": "replica" if one.in_recovery else "primary",
        "server": one.server,
        "reads": one.reads,
        "behind": one.behind,
        "writes": _spread(one.writes, 1),
        "behind_s": _spread(one.behind_ns, SECOND_NS),
    }


def _spread(spread: Spread, unit: int) -> SpreadFact:
    values = (spread.median, spread.p95, spread.p99, spread.most)
    median, p95, p99, most = values if unit == 1 else (round(value / unit, 6) for value in values)
    return {"median": median, "p95": p95, "p99": p99, "max": most}


def _lost(recording: Recording, one: ReadThenLost) -> ReadThenLostFact:
    return {
        "token": one.token,
        "server": one.server,
        "read_s": seconds(one.read_ns),
        "read_utc": recording.header.utc(one.read_ns).isoformat(),
        "reads": one.reads,
        "operation_ids": list(one.operation_ids),
        "audit_id": one.audit_id,
    }
