"""One incident with all that the analysis knows of it."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.findings import Evidence, Lost, Outage, Phase, Rejected
from reports.analysis.results.evidence import Rejoin, SupportingEvidence
from reports.analysis.results.recording import Reported, Throughput


@dataclass(frozen=True, slots=True)
class ActionCost:
    """What an incident cost one action, and on kept and fresh connections alone.

    `fresh_longer`: fresh ones were out for longer, by more than how seldom they are tried explains. `calm_id`: the row
    of `operations` after which five seconds passed without a failure. `within`: the incident whose outage of this
    action was not over when this one began; that outage is no part of this one's.
    """

    outage_ns: int | None
    persistent_outage_ns: int | None
    new_outage_ns: int | None
    persistent_open: bool  # kept_open
    new_open: bool  # fresh_open
    new_longer: bool  # fresh_longer
    stable_ns: int | None
    calm_id: int | None
    within: int | None
    open: bool
    ok: int
    failed: int
    unknown: int
    outages: tuple[Outage, ...]
    persistent_outages: tuple[Outage, ...]  # kept_outages
    new_outages: tuple[Outage, ...]  # fresh_outages


@dataclass(frozen=True, slots=True)
class LeaderChange:
    """Who led before and after."""

    before: str | None
    after: str | None
    timeline_before: int | None
    timeline_after: int | None


@dataclass(frozen=True, slots=True)
class IncidentResults:
    """One incident. `id` is unique in the document, `number` counts within its recording."""

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
    lost: tuple[Lost, ...]
    redundancy_back_ns: int | None
    injected: tuple[Reported, ...]  # told
    rejoins: tuple[Rejoin, ...]  # returns
    was_etcd_leader: bool | None  # led_etcd
    supporting: SupportingEvidence  # testimony
    throughput: tuple[Throughput, ...]  # pace
