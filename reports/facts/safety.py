"""Safety of writes and reads: failed writes that are there, reads that went back, were stale, or of what was lost.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from typing import TypedDict

from observer.model.recording import SECOND_NS, Recording
from reports.analysis.appeared import appeared
from reports.analysis.index import build_index
from reports.analysis.reads import reads
from reports.analysis.results.reads import BackwardReads, Spread
from reports.analysis.split_brain import divergences, possible_split_brains
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
            "recording": one.recording,
            "token": one.token,
            "failed_utc": one.failed_utc,
            "failed_s": seconds(one.failed_ns),
            "stage": one.stage,
            "message": one.message,
            "operation_id": one.operation_id,
            "audit_id": one.audit_id,
        }
        for one in appeared(recording)
    ]


def hidden_of(recording: Recording) -> list[HiddenFact]:
    """The spells of a recording in which a former leader was not seen, though it may have run."""
    return [
        {
            "recording": one.recording,
            "member": one.member,
            "successor": one.successor,
            "from_s": seconds(one.from_ns),
            "to_s": None if one.to_ns is None else seconds(one.to_ns),
            "thawed": one.resumed,
            "event_ids": list(one.event_ids),
            "committed_s": None if one.committed_ns is None else seconds(one.committed_ns),
            "committed_age_s": None if one.committed_age_ns is None else one.committed_age_ns / SECOND_NS,
            "committed_id": one.committed_id,
        }
        for one in possible_split_brains(build_index(recording))
    ]


def forks_of(recording: Recording) -> list[ForkFact]:
    """Histories that members had of their own, as their logs told."""
    return [
        {
            "recording": one.recording,
            "member": one.member,
            "text": one.text,
            "event_id": one.event_id,
            "rewound_id": one.rewound_id,
        }
        for one in divergences(build_index(recording))
    ]


def reads_of(recording: Recording) -> ReadsFact:
    """What the reads of a recording tell, as facts."""
    found = reads(recording)
    return {
        "recording": found.recording,
        "acknowledged": found.acknowledged,
        "looked_at": found.examined,
        "whole": found.complete,
        "back_same_server": _back(found.back_same_server),
        "back_other_server": _back(found.back_other_server),
        "staleness": [
            {
                "role": one.role,
                "server": one.server,
                "reads": one.reads,
                "behind": one.behind,
                "writes": _spread(one.writes),
                "behind_s": _spread(one.behind_s),
            }
            for one in found.staleness
        ],
        "read_then_lost": None
        if found.read_then_lost is None
        else [
            {
                "token": one.token,
                "server": one.server,
                "read_s": seconds(one.read_ns),
                "read_utc": one.read_utc,
                "reads": one.reads,
                "operation_ids": list(one.operation_ids),
                "audit_id": one.audit_id,
            }
            for one in found.read_then_lost
        ],
    }


def _back(found: BackwardReads | None) -> BackFact | None:
    if found is None:
        return None
    return {
        "count": found.count,
        "worst_writes": found.worst_writes,
        "worst_writes_ids": list(found.worst_writes_ids),
        "worst_s": None if found.worst_ns is None else seconds(found.worst_ns),
        "worst_s_ids": list(found.worst_duration_ids),
        "operation_ids": list(found.operation_ids),
    }


def _spread(spread: Spread) -> SpreadFact:
    return {"median": spread.median, "p95": spread.p95, "p99": spread.p99, "max": spread.max}
