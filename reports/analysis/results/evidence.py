"""What supports the cause and the cost of an incident: logs, container engine, etcd, proxy, reads, replication."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReplicationSample:
    """A sample of replication: its time since the incident began, and its row."""

    duration_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class LogQuote:
    """A line of a log, verbatim, and the row that holds it."""

    text: str
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Rejoin:
    """How a member came back after its incident. Times are since the incident began; None: not observed.

    `replayed`: the first sample since it streamed with all received WAL replayed; `level`: with 0 bytes behind on the
    primary. `diverged`: its WAL went past the fork of the new timeline. `how`: "rewound", "copied" or "plain" by its
    log.
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
    """A container that its engine started, resumed or reconnected."""

    name: str
    address: str | None
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class ContainerExit:
    """A container that exited, with its exit code."""

    name: str
    code: int | None
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class StalledReplication:
    """Replicas that had stopped streaming by `by_ns`. `back_ns`: all of them streamed again; None: not in time."""

    members: tuple[str, ...]
    by_ns: int
    event_ids: tuple[int, ...]
    back_ns: int | None
    back_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class FailedReads:
    """Failed reads: `new` of `tried` on new connections, which lie between two rows, and those on persistent ones.

    `message` None: they differ.
    """

    new: int
    tried: int
    persistent: int
    from_ns: int
    to_ns: int
    last_began_ns: int
    message: str | None
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class ReaderMove:
    """Reads that moved to another server: the last success on the old one and the first on the new, with the time and
    the failures between.
    """

    server: str
    duration_ns: int
    before_id: int | None
    after_id: int | None
    failed: int


@dataclass(frozen=True, slots=True)
class PersistentReads:
    """The servers of the persistent reads just before a fault: whether one failed (`hit`) or was a primary.

    `moved` None: no read succeeded on another server in the incident, or the reads had come from several servers.
    """

    servers: tuple[str, ...]
    hit: bool
    primary: bool
    moved: ReaderMove | None


@dataclass(frozen=True, slots=True)
class LeaderReads:
    """Reads that a primary served: how many, when the first of them finished, and its row of `operations`."""

    server: str
    n: int
    at_ns: int
    id: int | None


@dataclass(frozen=True, slots=True)
class ReadsServed:
    """Reads that succeeded while writes were down: by replicas, by primaries, and by servers of unknown role."""

    replicas: int
    leaders: tuple[LeaderReads, ...]
    unknown: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line of a member's log about its own role, verbatim. `says` is its meaning."""

    member: str
    says: str
    text: str
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class RefusedWrites:
    """Writes that failed with SQLSTATE 25006 (read_only_sql_transaction): how many, when, the first and last row."""

    count: int
    from_ns: int
    to_ns: int
    first_id: int | None
    last_id: int | None


@dataclass(frozen=True, slots=True)
class Interval:
    """The earliest and the latest possible moment or length of something, and the rows that show it."""

    after_ns: int
    by_ns: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class EtcdOutage:
    """An etcd member that did not answer until a moment in (after_ns, to_ns], and the operations meanwhile."""

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
    """An election within etcd, between two polls. `start`: the container start that made it possible."""

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
    """The leader of etcd, and the row that shows it."""

    endpoint: str
    event_id: int | None


@dataclass(frozen=True, slots=True)
class SessionPeak:
    """A server whose peak of sessions rose above half of its limit between two captures of the proxy's statistics."""

    pool: str
    server: str
    most: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class SupportingEvidence:
    """Everything that supports one incident beside the evidence of its cause.

    `brownout`: its shortest and longest possible length. `config_id` shows `failsafe_mode` as it was at the beginning.
    `timeline_ids`: the new leader's first reports of its new timeline, by SQL and in its log.
    """

    lines: tuple[LogLine, ...]
    ended: tuple[ContainerExit, ...]
    started: tuple[ContainerStart, ...]
    read_only: RefusedWrites | None
    majority_gone: Interval | None
    etcd_outages: tuple[EtcdOutage, ...]
    etcd_led: EtcdLeader | None
    elections: tuple[EtcdElection, ...]
    session_peak: SessionPeak | None
    brownout: Interval | None
    failed_reads: FailedReads | None
    persistent_reads: PersistentReads | None
    reads_served: ReadsServed
    stalled_replication: StalledReplication | None
    failsafe_mode: bool
    config_id: int | None
    timeline_ids: tuple[int, ...]
