"""What reads and audits showed: staleness, reads that went back, rows that were lost after being read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: median, 95th and 99th percentile, maximum."""

    median: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Staleness:
    """How far the reads of a role ("replica", "primary") were behind; `server` None: all of that role together.

    `writes`: acknowledged writes that a read did not see; `behind_s`: seconds since the first of them was acknowledged,
    when the read began. `behind`: how many of `reads` missed any.
    """

    role: str
    server: str | None
    reads: int
    behind: int
    writes: Spread
    behind_s: Spread  # seconds


@dataclass(frozen=True, slots=True)
class BackwardReads:
    """Reads that went back in time: how many, and the worst by writes and by seconds, with the rows of operations.

    `operation_ids`: the first of the reads themselves. None: none went back.
    """

    count: int
    worst_writes: int | None
    worst_writes_ids: tuple[int, ...]
    worst_ns: int | None
    worst_duration_ids: tuple[int, ...]
    operation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadThenLost:
    """A token that reads saw and a later audit did not find."""

    token: str
    server: str | None
    read_ns: int
    read_utc: str
    reads: int
    operation_ids: tuple[int, ...]
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class Appeared:
    """A write that failed, and so certainly had no effect, and that an audit found all the same."""

    recording: int
    token: str
    failed_utc: str
    failed_ns: int
    stage: str
    message: str | None
    operation_id: int | None
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class PossibleSplitBrain:
    """A spell in which looks cannot rule out that a former leader was a primary beside its successor.

    `thawed`: it was told to run on at `from_s`; else its successor led from then. `to_s` None: to the end.
    `committed_*`: when a look saw that its last transaction, on the old timeline, was so many seconds old, which it
    therefore committed after it ran on; None: nothing shows that it did.
    """

    recording: int
    member: str
    successor: str
    from_ns: int
    to_ns: int | None
    resumed: bool  # thawed
    event_ids: tuple[int, ...]
    committed_ns: int | None
    committed_age_ns: int | None
    committed_id: int | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """A log said that a member's history went on past where the cluster's forked. `rewound_id`: pg_rewind did well."""

    recording: int
    member: str
    text: str
    event_id: int | None
    rewound_id: int | None


@dataclass(frozen=True, slots=True)
class ReadConsistency:
    """What the reads of one recording tell. `looked_at` of `acknowledged` reads told what they saw and were looked at.

    `whole`: all of the recording was looked at. None: not observed.
    """

    recording: int
    acknowledged: int
    examined: int  # looked_at
    complete: bool  # whole
    back_same_server: BackwardReads | None
    back_other_server: BackwardReads | None
    staleness: tuple[Staleness, ...]
    read_then_lost: tuple[ReadThenLost, ...] | None


@dataclass(frozen=True, slots=True)
class LastStaleRead:
    """The last read on a new connection that a leader served so soon after a turn, seconds, with the rows of both.

    A turn is a replica that was seen to be a primary, or a proxy that was started: `turn_ids` are the rows of all.
    """

    duration_ns: int  # seconds
    event_id: int | None
    operation_id: int | None
    turn_ids: tuple[int, ...]
