"""What one recording shows beside its incidents: cluster, roles, load, replica lag, coverage."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Throughput:
    """Operations of one action in [at_ns, at_ns + width_ns): those that finished then, in an incident those due then.

    `max_ms`: the latency of the slowest. `ok_ms`: of the slowest that succeeded, 0: none did; None: not known apart.
    """

    action: str
    at_ns: int
    width_ns: int
    ok: int
    failed: int
    unknown: int
    max_ms: float
    ok_ms: float | None


@dataclass(frozen=True, slots=True)
class Period:
    """A state that lasted, between the rows that began and that ended it.

    `what`: a member is "primary", "replica" or "away", a route "up", the quorum "lost"; the observer "slept"; a direct
    write was "written".
    """

    subject: str
    what: str
    from_ns: int
    to_ns: int
    event_id: int | None
    until_id: int | None


@dataclass(frozen=True, slots=True)
class ConnectionLimit:
    """A period in which a proxy was at its connection limit, so that new clients had to wait."""

    subject: str
    sessions: int | None
    limit: int | None
    from_ns: int
    to_ns: int
    event_id: int | None
    until_id: int | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """A member's first report that it is a primary on a timeline, or its log line that it selected the timeline."""

    member: str
    timeline: int
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the cluster: the addresses that the cluster and the observer used; `led_utc`: it first led etcd."""

    kind: str
    name: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    led_utc: str | None
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard over a span: its panels, those that were empty, and the number of series of each."""

    board: str
    panels: int
    empty: tuple[str, ...]
    series: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DashboardSpan:
    """All dashboards over a span of the recording, and the row that shows them."""

    from_ns: int
    to_ns: int
    boards: tuple[Dashboard, ...]
    event_id: int | None


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """How far a replica was behind under load: in bytes by its primary, in seconds by itself (0: all WAL replayed)."""

    member: str
    unit: str
    from_ns: int
    samples: int
    median: float
    worst: float
    worst_at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class FailureGroup:
    """Operations that failed in the same way. `server`: the member that they reached; None: unknown."""

    action: str
    outcome: str
    stage: str
    sqlstate: str | None
    message: str | None
    server: str | None
    operations: int


@dataclass(frozen=True, slots=True)
class ReadOnlyWrites:
    """Writes that a server refused as read-only, by the incident's number in its recording; None: outside of any.

    `replicas` were UP in the leader's pool, `beside` other members. `sole`: writes by the only member that was UP,
    which therefore refused them. `read_only_setting`: writes that a certain primary refused by its own setting.
    """

    incident: int | None
    operations: int
    replicas: tuple[str, ...]
    beside: tuple[str, ...]
    sole: Mapping[str, int]
    read_only_setting: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Baseline:
    """One action on one kind of connection over calm periods; latencies of what was acknowledged. None: too few."""

    action: str
    probe: str
    periods: tuple[tuple[int, int], ...]
    operations: int
    failed: int
    unknown: int
    rate_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class LeaderPeriod:
    """A period of one leader with its timelines, the last one apart, and the periods in which it was a replica again.

    `to_ns` None: to the end of the recording.
    """

    member: str
    timeline: int | None
    timelines: tuple[int, ...]
    from_ns: int
    to_ns: int | None
    from_utc: str
    demoted: tuple[Period, ...]


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A period in which a source could not reach its subject. `to_ns` None: to the end. `how`: refused, silent, ..."""

    source: str
    subject: str
    how: str
    from_ns: int
    to_ns: int | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class NotObserved:
    """A period in which nothing is known of an action, because no operation or no record was made."""

    action: str
    from_ns: int
    to_ns: int


@dataclass(frozen=True, slots=True)
class Totals:
    """All operations of one action in a recording."""

    action: str
    attempted: int
    ok: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Capture:
    """The cluster at one moment: the rows of `patronictl list`, each with the row of its `lsn`, and of the pools."""

    at_ns: int
    utc: str
    members: tuple[Mapping[str, Any], ...]
    pools: tuple[Mapping[str, Any], ...]
    members_id: int | None
    pools_id: int | None
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProxySettings:
    """HAProxy's health checks. None: not observed. `inter_from_settings`: the observer's settings give `inter_ms`."""

    rise: int | None
    fall: int | None
    inter_ms: int | None
    inter_from_settings: bool
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Measured:
    """A measured duration in milliseconds, and the rows of events that show it."""

    ms: float
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class CheckPauses:
    """Pauses between consecutive checks of one server."""

    count: int
    shortest: Measured
    median: Measured
    longest: Measured


@dataclass(frozen=True, slots=True)
class StaleUp:
    """How long a server stayed UP after its PostgreSQL stopped answering: since the first failed poll began."""

    subject: str
    duration_ns: int
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ProxyChecks:
    """What was measured of the health checks. `timeouts`: the longest check of each kind of timeout, by its status."""

    pauses: CheckPauses | None
    timeouts: Mapping[str, Measured]
    stale_up: tuple[StaleUp, ...]
