"""All results of one or more recordings: what a document is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Incident, Reported, Verdict
from observer.model.recording import Served
from reports.analysis.results import recording as one
from reports.analysis.results.evidence import Rejoin, SupportingEvidence
from reports.analysis.results.reads import Consistency, DurabilityTotals, LastStaleRead


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentResults(Incident):
    """An incident with what else its recording shows about it.

    `id` is unique among all recordings; `number` counts within one; `within` of a cost is an `id`. `was_etcd_leader`:
    the failed etcd member led etcd; None: unknown, or another cause. `brownout_bound_s`: shortest and longest brownout
    that the proxy's settings imply, seconds.
    """

    id: int
    recording: int
    began_utc: str
    ended_utc: str
    brownout_bound_s: tuple[float, float] | None
    rejoins: tuple[Rejoin, ...]
    was_etcd_leader: bool | None
    supporting: SupportingEvidence
    throughput: tuple[one.Throughput, ...]


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
    captures: tuple[one.Capture, ...]
    totals: tuple[one.Totals, ...]
    failures: tuple[one.FailureGroup, ...]
    read_only: tuple[one.ReadOnlyWrites, ...]
    baseline: tuple[one.Baseline, ...]
    served: tuple[Served, ...]
    last_stale_read: LastStaleRead | None
    persistent_on_leader: tuple[tuple[int, ...], ...] | None
    leaderships: tuple[one.LeaderPeriod, ...]
    unreachable: tuple[one.Unreachable, ...]
    not_observed: tuple[one.NotObserved, ...]
    notes: tuple[Reported, ...]
    parts: tuple[one.Part, ...]
    watchers: tuple[one.Part, ...]
    names: Mapping[str, str]
    etcd_leader: str | None
    proxy: one.ProxySettings
    checks: one.ProxyChecks
    replica_lags: tuple[one.ReplicaLag, ...]
    lag_samples_excluded: tuple[int, ...]
    roles: tuple[one.Period, ...]
    routes: tuple[one.Period, ...]
    promotions: tuple[one.Promotion, ...]
    connection_limits: tuple[one.ConnectionLimit, ...]
    quorum: tuple[one.Period, ...]
    dashboards: tuple[one.DashboardSpan, ...]
    observer_suspended: tuple[one.Period, ...]
    direct_writes: tuple[one.Period, ...]
    throughput: tuple[one.Throughput, ...]


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
