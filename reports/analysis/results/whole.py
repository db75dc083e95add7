"""All results of one or more recordings: what a document is made from."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Incident, Reported, Verdict
from observer.model.recording import Served
from reports.analysis.results import recording as of_recording
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
    throughput: tuple[of_recording.Throughput, ...]


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
    captures: tuple[of_recording.Capture, ...]
    totals: tuple[of_recording.Totals, ...]
    failures: tuple[of_recording.FailureGroup, ...]
    read_only: tuple[of_recording.ReadOnlyWrites, ...]
    baseline: tuple[of_recording.Baseline, ...]
    served: tuple[Served, ...]
    last_stale_read: LastStaleRead | None
    persistent_on_leader: tuple[tuple[int, ...], ...] | None
    leaderships: tuple[of_recording.LeaderPeriod, ...]
    unreachable: tuple[of_recording.Unreachable, ...]
    not_observed: tuple[of_recording.NotObserved, ...]
    notes: tuple[Reported, ...]
    parts: tuple[of_recording.Part, ...]
    watchers: tuple[of_recording.Part, ...]
    names: Mapping[str, str]
    etcd_leader: str | None
    proxy: of_recording.ProxySettings
    checks: of_recording.ProxyChecks
    replica_lags: tuple[of_recording.ReplicaLag, ...]
    lag_samples_excluded: tuple[int, ...]
    roles: tuple[of_recording.Period, ...]
    routes: tuple[of_recording.Period, ...]
    promotions: tuple[of_recording.Promotion, ...]
    connection_limits: tuple[of_recording.ConnectionLimit, ...]
    quorum: tuple[of_recording.Period, ...]
    dashboards: tuple[of_recording.DashboardSpan, ...]
    observer_suspended: tuple[of_recording.Period, ...]
    direct_writes: tuple[of_recording.Period, ...]
    throughput: tuple[of_recording.Throughput, ...]


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
