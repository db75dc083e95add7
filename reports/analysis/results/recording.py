"""What one recording holds beside its incidents: cluster, roles, load, lag, coverage."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Throughput:
    """Operations of one action in [at_s, at_s + width_s), and the slowest of them.

    `ok_ms`: the slowest of those that succeeded, 0 where none did; None where they are not told apart.
    Of a whole recording: those that finished then. Of an incident: those that were due then.
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
    """Something that lasted: a member's role as seen from outside, a pool's route to a server, a quorum that was lost.

    what: for a role "primary", "replica" or "away"; for a route "up"; for etcd "lost"; for a proxy that is full its
    sessions and their limit. `event_id` is the row that began it, `until_id` the one that ended it.
    """

    subject: str
    what: str
    from_ns: int
    to_ns: int
    event_id: int | None
    until_id: int | None


@dataclass(frozen=True, slots=True)
class Promotion:
    """When a member first said that it was a primary on a timeline, or its log that it selected that one."""

    member: str
    timeline: int
    at_ns: int
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the cluster. `inside`: addresses that the cluster itself uses; `outside`: those the observer used.

    `led_utc`: when it said that it leads its kind (etcd's own leader), at its first look; None: it did not.
    """

    kind: str
    name: str
    inside: tuple[str, ...]
    outside: tuple[str, ...]
    led_utc: str | None
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Dashboard:
    """A dashboard over a span: how many panels it has, which of them had no data, how many curves each of them had."""

    board: str
    panels: int
    empty: tuple[str, ...]
    series: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class DashboardSpan:
    """All dashboards over a span of the recording, seconds, and the row that tells it."""

    from_ns: int
    to_ns: int
    boards: tuple[Dashboard, ...]
    event_id: int | None


@dataclass(frozen=True, slots=True)
class ReplicaLag:
    """How far a replica was behind under load, by samples taken now and then; the row of the worst one.

    `unit` "bytes": as its primary said of it; "seconds": by the replica's own word, 0 where it had replayed all that
    it had received. `from_s`: samples since then, when the first operation was due.
    """

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
    """Operations that were not acknowledged, by what they met. `server`: who they reached, None where nobody said."""

    action: str
    outcome: str
    stage: str
    sqlstate: str | None
    message: str | None
    server: str | None
    operations: int


@dataclass(frozen=True, slots=True)
class ReadOnlyWrites:
    """Writes that met a server that takes none, by the number of the incident within the recording; None: outside.

    `replicas`: members that the proxy's page showed UP in the pool of the leader while they said that they were
    replicas, with the rows that began both; empty where it showed none. `beside`: who else was UP in it then. `sole`:
    how many of the writes a member certainly met, by its name: it alone was UP. `set_so`: how many met a server that
    alone was UP and said that it was a primary: its own setting forbade them.
    """

    incident: int | None
    operations: int
    replicas: tuple[str, ...]
    beside: tuple[str, ...]
    sole: Mapping[str, int]
    read_only_setting: int  # set_so
    event_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Reported:
    """What somebody said they did. kind: fault.told, repair.told or note.told."""

    kind: str
    at_ns: int
    utc: str
    detail: Mapping[str, Any]
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Baseline:
    """The calm spells of a recording, all together: `spells` are [from, to], seconds, exact to a millisecond.

    Latencies are of acknowledged operations, milliseconds; `p99_ms` None: too few to tell it from the worst.
    """

    action: str
    probe: str
    periods: tuple[tuple[int, int], ...]  # spells
    operations: int
    failed: int
    unknown: int
    rate_per_s: float
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None


@dataclass(frozen=True, slots=True)
class Served:
    """Acknowledged operations of one action, by who served them."""

    action: str
    probe: str
    server: str | None
    address: str | None
    in_recovery: bool | None
    timeline: int | None
    operations: int


@dataclass(frozen=True, slots=True)
class LeaderPeriod:
    """Who led, on which timeline, for how long. `to_s` None: to the end.

    `timelines` are all of the spell, where the leader was promoted anew within it; `timeline` is the last. `demoted`
    are the stretches of it in which the holder was a replica again.
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
    """A spell in which a source could not see its subject."""

    source: str
    subject: str
    how: str
    from_ns: int
    to_ns: int | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class NotObserved:
    """A stretch in which nobody saw what the application would have met: of the action nothing is known there."""

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
    """The cluster as it was captured at one moment: `members` are the rows of `patronictl list`.

    `pools` are the rows of the proxy's stats: pool, server, address, status, check_status, check_code, last_change_s.
    `members_id` and `pools_id` are the rows of events that hold them; a member's `lsn_id` is the row of its `lsn`.
    """

    at_ns: int
    utc: str
    members: tuple[Mapping[str, Any], ...]
    pools: tuple[Mapping[str, Any], ...]
    members_id: int | None
    pools_id: int | None
    event_ids: tuple[int, ...]
