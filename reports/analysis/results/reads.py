"""What reads and audits showed: stale reads, reads that went back in time, lost rows, possible split brain."""

from dataclasses import dataclass

from observer.model.findings import Lost


@dataclass(frozen=True, slots=True)
class Spread:
    """A distribution: median, 95th and 99th percentile, maximum."""

    median: float
    p95: float
    p99: float
    max: float


@dataclass(frozen=True, slots=True)
class Staleness:
    """How many reads from a role missed an acknowledged write, and how many writes. `server` None: all of the role.

    `behind_s`: seconds from the acknowledgement of the first missed write to the start of the read.
    """

    role: str
    server: str | None
    reads: int
    behind: int
    writes: Spread
    behind_s: Spread


@dataclass(frozen=True, slots=True)
class BackwardReads:
    """Reads that went back in time, the worst by writes and by duration, and the rows of the first ones."""

    count: int
    worst_writes: int | None
    worst_writes_ids: tuple[int, ...]
    worst_ns: int | None
    worst_duration_ids: tuple[int, ...]
    operation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ReadThenLost:
    """A token that reads returned and a later audit did not find."""

    token: str
    server: str | None
    read_ns: int
    read_utc: str
    reads: int
    operation_ids: tuple[int, ...]
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class ReadConsistency:
    """What the reads of one recording showed. `complete`: all operations were examined.

    `read_then_lost` None: no audit covers what reads saw.
    """

    recording: int
    acknowledged: int
    examined: int
    complete: bool
    back_same_server: BackwardReads | None
    back_other_server: BackwardReads | None
    staleness: tuple[Staleness, ...]
    read_then_lost: tuple[ReadThenLost, ...] | None


@dataclass(frozen=True, slots=True)
class LastStaleRead:
    """The last read on a new connection that a leader served soon after a role change; `turn_ids`: all changes."""

    duration_ns: int
    event_id: int | None
    operation_id: int | None
    turn_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Appeared:
    """A write that failed, so it had certainly no effect, and that an audit found nevertheless."""

    recording: int
    token: str
    failed_utc: str
    failed_ns: int
    stage: str
    message: str | None
    operation_id: int | None
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class TwoPrimaries:
    """A period in which two members were certainly primaries at once, by direct SQL, and the rows that show it."""

    recording: int
    members: tuple[str, str]
    from_ns: int
    to_ns: int
    event_ids: tuple[int, ...]

    @property
    def duration_ns(self) -> int:
        """Return the length of the period."""
        return self.to_ns - self.from_ns


@dataclass(frozen=True, slots=True)
class PossibleSplitBrain:
    """A period in which a former leader may have been a primary beside its successor: no poll rules it out.

    `resumed`: the engine resumed the member at `from_ns`; otherwise the successor led from then. `committed_ns`: a poll
    saw a transaction on the old timeline, `committed_age_ns` old, so the member committed it after it was resumed.
    """

    recording: int
    member: str
    successor: str
    from_ns: int
    to_ns: int | None
    resumed: bool
    event_ids: tuple[int, ...]
    committed_ns: int | None
    committed_age_ns: int | None
    committed_id: int | None


@dataclass(frozen=True, slots=True)
class Divergence:
    """A log line: a member's WAL went past the fork of the cluster's timeline. `rewound_id`: pg_rewind succeeded."""

    recording: int
    member: str
    text: str
    event_id: int | None
    rewound_id: int | None


@dataclass(frozen=True, slots=True)
class DurabilityTotals:
    """The writes of all recordings. `lost` counts the known losses, beside `unaudited` writes; None: not audited."""

    acknowledged: int
    audited: int
    unaudited: int
    lost: int | None
    lost_writes: tuple[Lost, ...]
    unknown: int
    unknown_took_effect: int | None
    failed_but_present: int | None
    failed_but_present_writes: tuple[Appeared, ...]


@dataclass(frozen=True, slots=True)
class Consistency:
    """Split brain and consistency of reads in all recordings.

    `observed`: each recording polled PostgreSQL of two members or more directly, so an empty `two_primaries` means that
    there were none; `possible_split_brain` holds what these polls could not see.
    """

    observed: bool
    two_primaries: tuple[TwoPrimaries, ...]
    possible_split_brain: tuple[PossibleSplitBrain, ...]
    forks: tuple[Divergence, ...]
    reads: tuple[ReadConsistency, ...]
