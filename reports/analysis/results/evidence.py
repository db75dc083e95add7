"""What supports an incident's cause and cost: logs, container engine, etcd, reads, replication."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplicationSample:
    """When replication was sampled, seconds since the incident began, and the row."""

    duration_ns: int  # seconds
    event_id: int | None


@dataclass(frozen=True, slots=True)
class LogQuote:
    """A line of a log as it stands there, and the row that holds it."""

    text: str
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Rejoin:
    """What came of a node after its incident, seconds since the incident began; None: not seen.

    `replayed`: from when on it streams, the first look at it that found all it had received replayed, with no lag;
    `level`: the first at its primary that found it 0 bytes behind. `diverged`: its log's word that it had gone past the
    fork of the new timeline. `answered_s`: it answered again; `streaming_s`: its primary said that it streams. `how`:
    "rewound" or "copied", as its log says; "plain" where its log was read and says neither; None where no log was read.
    """

    member: str
    role: str | None
    timeline: int | None
    answered_ns: int | None
    streaming_ns: int | None
    streaming_id: int | None
    replayed: ReplicationSample | None
    level: ReplicationSample | None
    diverged: LogQuote | None
    how: str | None
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ContainerStart:
    """A container that was started, thawed or connected again, as its engine told; `address` where it has one."""

    name: str
    address: str | None
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class StalledReplication:
    """Which replicas had stopped by when, and by when all of these streamed again (None: not in the incident)."""

    members: tuple[str, ...]
    by_ns: int
    event_ids: tuple[int, ...]
    back_ns: int | None
    back_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FailedReads:
    """Reads that failed: on how many new connections of all, on how many kept ones, and when.

    `first_id` and `last_id` are the rows between which all those on new connections lie.
    """

    new: int  # fresh
    tried: int
    persistent: int  # kept
    from_ns: int
    to_ns: int
    last_began_ns: int
    message: str | None
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class ReaderMove:
    """The reads went to another server: the last success on the old one, the first on the new.

    `seconds` from the one to the other, `failed` of those that were due in between; the ids are rows of `operations`.
    """

    server: str
    duration_ns: int  # seconds
    before_id: int | None
    after_id: int | None
    failed: int


@dataclass(frozen=True, slots=True)
class LeaderReads:
    """Reads that a primary answered: how many, when the first of them ended, and its row."""

    server: str
    n: int
    at_ns: int
    id: int | None


@dataclass(frozen=True, slots=True)
class ReadsServed:
    """Who answered the reads while writes were down: how many came from replicas, from primaries, and from whom not."""

    replicas: int
    leaders: tuple[LeaderReads, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class PersistentReads:
    """Who answered the persistent reads of the last two seconds before a fault, and what became of them.

    `hit`: one of them is the member that failed. `primary`: one of them was a primary then. `moved` None: no success
    on another server in the incident, or they came from several servers, of which any may be the next.
    """

    servers: tuple[str, ...]
    hit: bool
    primary: bool
    moved: ReaderMove | None


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a member's log about its own role, as it stands there."""

    member: str
    says: str
    text: str
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """A container that ended, as its engine told."""

    name: str
    code: int | None
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class RefusedWrites:
    """Writes that a server in recovery refused (SQLSTATE 25006): how many, when, the first and the last row."""

    count: int
    from_ns: int
    to_ns: int
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Interval:
    """Something that certainly happened between two moments, with the rows that show it."""

    after_ns: int
    by_ns: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EtcdOutage:
    """A member of etcd that did not answer, and the operations meanwhile. `to_s` None: not back in the recording.

    It came back between `after_s` and `to_s`.
    """

    endpoint: str
    from_ns: int
    after_ns: int | None
    to_ns: int | None
    blind_id: int | None
    sees_id: int | None
    writes: int
    reads: int
    failed: int


@dataclass(frozen=True, slots=True)
class EtcdElection:
    """An election within etcd, between two looks. `start`: the start before which it could not be."""

    before: str | None
    leader: str | None
    term_before: int | None
    term: int | None
    after_ns: int
    by_ns: int
    event_id: int | None
    start: ContainerStart | None


@dataclass(frozen=True, slots=True)
class EtcdLeader:
    """Who led etcd, and the row that tells."""

    endpoint: str
    event_id: int | None


@dataclass(frozen=True, slots=True)
class SessionPeak:
    """The server that held more than half of the proxy's sessions at once, by the two looks between which it did."""

    pool: str
    server: str
    most: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SupportingEvidence:
    """All of it for one incident. `majority_gone`: when most of etcd was gone; `brownout`: how long it may have been.

    `failsafe_mode` as it was set when the incident began, told by the row `config_id`.
    `timeline_ids`: where the leader after the incident first said its new timeline, by SQL and in its log.
    """

    lines: tuple[LogLine, ...]
    ended: tuple[ContainerExit, ...]
    started: tuple[ContainerStart, ...]
    read_only: RefusedWrites | None
    majority_gone: Interval | None
    etcd_outages: tuple[EtcdOutage, ...]  # etcd_away
    etcd_led: EtcdLeader | None
    elections: tuple[EtcdElection, ...]
    session_peak: SessionPeak | None  # peak
    brownout: Interval | None
    failed_reads: FailedReads | None  # unlucky_reads
    persistent_reads: PersistentReads | None  # kept_reads
    reads_served: ReadsServed  # answered
    stalled_replication: StalledReplication | None  # halted
    failsafe_mode: bool
    config_id: int | None
    timeline_ids: tuple[int, ...]
