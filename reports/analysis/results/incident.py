"""One incident with everything that the analysis knows about it."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.findings import Evidence, Lost, Outage, Phase, Rejected
from reports.analysis.results.evidence import Rejoin, SupportingEvidence
from reports.analysis.results.recording import Reported, Throughput


@dataclass(frozen=True, slots=True)
class ActionCost:
    """What an incident cost writes or reads: over all connections, and over persistent and new ones apart.

    `new_longer`: new connections were out for longer than their lower rate explains. `calm_id`: the row of `operations`
    after which 5 s passed without a failure. `within`: the `id` of an earlier incident whose outage of this action was
    still open when this incident began; that outage is not counted here.
    """

    outage_ns: int | None
    persistent_outage_ns: int | None
    new_outage_ns: int | None
    persistent_open: bool
    new_open: bool
    new_longer: bool
    stable_ns: int | None
    calm_id: int | None
    within: int | None
    open: bool
    ok: int
    failed: int
    unknown: int
    outages: tuple[Outage, ...]
    persistent_outages: tuple[Outage, ...]
    new_outages: tuple[Outage, ...]


@dataclass(frozen=True, slots=True)
class LeaderChange:
    """The leader and its timeline before and after an incident."""

    before: str | None
    after: str | None
    timeline_before: int | None
    timeline_after: int | None


@dataclass(frozen=True, slots=True)
class LostWrite(Lost):
    """A lost write, with the UTC time of its acknowledgement."""

    acknowledged_utc: str


@dataclass(frozen=True, slots=True)
class IncidentResults:
    """One incident. `id` is unique among all recordings; `number` counts within one.

    `injected`: the reported faults and repairs. `was_etcd_leader`: the failed etcd member led etcd; None: unknown, or
    another cause. `brownout_bound_s`: shortest and longest brownout that the proxy's settings imply, seconds.
    """

    id: int
    number: int
    recording: int
    cause: str
    target: str | None
    targets: tuple[str, ...]
    confidence: str
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejected, ...]
    began_ns: int
    ended_ns: int
    began_utc: str
    ended_utc: str
    fault_to_write_ns: int | None
    write: ActionCost
    read: ActionCost
    leader: LeaderChange
    phases: tuple[Phase, ...]
    brownout_ns: int | None
    brownout_bound_s: tuple[float, float] | None
    lost_writes: int | None
    lost: tuple[LostWrite, ...]
    redundancy_back_ns: int | None
    injected: tuple[Reported, ...]
    rejoins: tuple[Rejoin, ...]
    was_etcd_leader: bool | None
    supporting: SupportingEvidence
    throughput: tuple[Throughput, ...]
