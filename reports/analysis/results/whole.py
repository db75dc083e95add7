"""All results of one or more recordings: what a document is made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from observer.model.findings import Lost
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.proxy import ProxyChecks, ProxySettings
from reports.analysis.results.reads import Appeared, Divergence, LastStaleRead, PossibleSplitBrain, ReadConsistency
from reports.analysis.results.recording import (
    Baseline,
    Capture,
    DashboardSpan,
    FailureGroup,
    LeaderPeriod,
    NotObserved,
    Part,
    Period,
    Promotion,
    ReadOnlyWrites,
    ReplicaLag,
    Reported,
    Served,
    Throughput,
    Totals,
    Unreachable,
)


@dataclass(frozen=True, slots=True)
class RecordingResults:
    """One recording. `live` is the cluster's dynamic configuration (ttl, loop_wait, ...), None where never seen.

    `live_id` is the row of events that holds it. `versions` maps a component (postgres, patroni, etcd, haproxy, libpq,
    host, observer) to its version, `version_ids` to the rows that told it; `names` an address to the name to call it
    by: members of etcd, and "" for the only proxy. `watchers` are what watches the cluster, beside its `parts`.
    `turned`: how late after a change of role a leader served a read on a new connection, `kept_led`: where leaders
    began to serve persistent reads, both of turns.py.
    `lags_apart` are the rows of samples that are in no lag: their replica did not follow the leader.
    """

    id: int
    began_utc: str
    ended_utc: str
    duration_ns: int
    ended: str | None
    scope: str | None
    cluster_id: str | None
    settings: Mapping[str, Any]
    live: Mapping[str, Any] | None
    live_id: int | None
    versions: Mapping[str, str]
    version_ids: Mapping[str, tuple[int, ...]]
    captures: tuple[Capture, ...]
    totals: tuple[Totals, ...]
    failures: tuple[FailureGroup, ...]
    read_only: tuple[ReadOnlyWrites, ...]
    baseline: tuple[Baseline, ...]
    served: tuple[Served, ...]
    last_stale_read: LastStaleRead | None  # turned
    persistent_on_leader: tuple[tuple[int, ...], ...] | None  # kept_led
    leaderships: tuple[LeaderPeriod, ...]
    unreachable: tuple[Unreachable, ...]  # blindness
    not_observed: tuple[NotObserved, ...]  # unobserved
    notes: tuple[Reported, ...]
    parts: tuple[Part, ...]
    watchers: tuple[Part, ...]
    names: Mapping[str, str]
    etcd_leader: str | None
    proxy: ProxySettings
    checks: ProxyChecks
    replica_lags: tuple[ReplicaLag, ...]  # lags
    lag_samples_excluded: tuple[int, ...]  # lags_apart
    roles: tuple[Period, ...]
    routes: tuple[Period, ...]
    promotions: tuple[Promotion, ...]
    connection_limits: tuple[Period, ...]  # crowds
    quorum: tuple[Period, ...]
    dashboards: tuple[DashboardSpan, ...]
    observer_suspended: tuple[Period, ...]  # slept
    direct_writes: tuple[Period, ...]  # proofs
    throughput: tuple[Throughput, ...]  # pace


@dataclass(frozen=True, slots=True)
class DurabilityTotals:
    """What became of the writes. None: not audited. `lost` counts what is known, beside what is `unaudited`."""

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
class Answer:
    """A question of the homework, and which incidents answer it. None of them: not tested; `commands` would test it."""

    question: str
    incidents: tuple[int, ...]
    commands: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Objective:
    """An objective and whether the recordings meet it: HOLDS, BROKEN or UNKNOWN. `measured` None: not observed.

    `reason` and `facts`: the phrase that says why the verdict is unknown.
    """

    name: str
    limit: float
    measured: float | None
    verdict: Literal["HOLDS", "BROKEN", "UNKNOWN"]
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Consistency:
    """Whether two members were primaries at once, and whether reads told the truth, a fact for each recording.

    A spell of two primaries holds members, from_s, to_s, seconds, event_ids. `observed`: PostgreSQL of two members or
    more was asked directly, so that no spell means that none was seen; `hidden` is what it could not see.
    """

    observed: bool
    two_primaries: tuple[Mapping[str, Any], ...]
    possible_split_brain: tuple[PossibleSplitBrain, ...]  # hidden
    forks: tuple[Divergence, ...]
    reads: tuple[ReadConsistency, ...]


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A check of the report that did not hold: the key of a phrase, and what it is filled with (checks.py)."""

    key: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """The whole document, of one or more recordings. `warnings` are checks of the report that did not hold."""

    observer: str
    recordings: tuple[RecordingResults, ...]
    incidents: tuple[IncidentResults, ...]
    durability: DurabilityTotals
    consistency: Consistency
    answers: tuple[Answer, ...]
    objectives: tuple[Objective, ...]
    warnings: tuple[FailedCheck, ...]
