"""All results of one or more recordings: what a document is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Reported, Verdict
from observer.model.recording import Served
from reports.analysis.results import recording
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.reads import Consistency, DurabilityTotals, LastStaleRead


@dataclass(frozen=True, slots=True)
class RecordingResults:
    """One recording beside its incidents.

    `live`: the cluster's dynamic configuration (ttl, loop_wait, ...); None: not observed. `names`: the name for each
    address of an etcd member; "" for the only proxy. `watchers`: what monitors the cluster. `persistent_on_leader`:
    for each leader that began to serve persistent reads, the rows of the read before and of its first; None: there was
    none, or one without such a read before. `lag_samples_excluded`: samples of replicas that did not follow the leader.
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
    captures: tuple[recording.Capture, ...]
    totals: tuple[recording.Totals, ...]
    failures: tuple[recording.FailureGroup, ...]
    read_only: tuple[recording.ReadOnlyWrites, ...]
    baseline: tuple[recording.Baseline, ...]
    served: tuple[Served, ...]
    last_stale_read: LastStaleRead | None
    persistent_on_leader: tuple[tuple[int, ...], ...] | None
    leaderships: tuple[recording.LeaderPeriod, ...]
    unreachable: tuple[recording.Unreachable, ...]
    not_observed: tuple[recording.NotObserved, ...]
    notes: tuple[Reported, ...]
    parts: tuple[recording.Part, ...]
    watchers: tuple[recording.Part, ...]
    names: Mapping[str, str]
    etcd_leader: str | None
    proxy: recording.ProxySettings
    checks: recording.ProxyChecks
    replica_lags: tuple[recording.ReplicaLag, ...]
    lag_samples_excluded: tuple[int, ...]
    roles: tuple[recording.Period, ...]
    routes: tuple[recording.Period, ...]
    promotions: tuple[recording.Promotion, ...]
    connection_limits: tuple[recording.ConnectionLimit, ...]
    quorum: tuple[recording.Period, ...]
    dashboards: tuple[recording.DashboardSpan, ...]
    observer_suspended: tuple[recording.Period, ...]
    direct_writes: tuple[recording.Period, ...]
    throughput: tuple[recording.Throughput, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """A question of the homework, and the ids of the incidents that answer it. `commands` test it on this cluster."""

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
    verdict: Verdict
    reason: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """A self-check that failed: the key of its phrase, and the values of the phrase."""

    key: str
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Results:
    """All results. `answers` and `objectives` are empty until the homework and the objectives fill them.

    `observer`: the version of the observer. `warnings`: self-checks that failed.
    """

    observer: str
    recordings: tuple[RecordingResults, ...]
    incidents: tuple[IncidentResults, ...]
    durability: DurabilityTotals
    consistency: Consistency
    answers: tuple[Answer, ...] = ()
    objectives: tuple[Objective, ...] = ()
    warnings: tuple[FailedCheck, ...] = ()
