"""The facts of one incident, as `--format json` prints them; times as in shape.py."""

from __future__ import annotations

from typing import Any, TypedDict

from reports.facts.pace import PaceFact
from reports.facts.returns import ReturnFact
from reports.facts.testimony import TestimonyFact


class EvidenceFact(TypedDict):
    """Rows of the timeline that show something. `says` is a phrase's key, `facts` what it is filled with."""

    table: str
    ids: list[int]
    says: str
    facts: dict[str, Any]


class RejectedFact(TypedDict):
    """A cause that was weighed and found wanting."""

    cause: str
    reason: str
    facts: dict[str, Any]


class OutageFact(TypedDict):
    """One outage of one action. The ids are rows of `operations`: the last acknowledgement before, the next after."""

    began_s: float
    ended_s: float
    seconds: float
    open: bool
    before_id: int | None
    after_id: int | None
    failed: int
    unknown: int


class CostFact(TypedDict):
    """What an incident cost one action, and on kept and fresh connections alone.

    `fresh_longer`: fresh ones were out for longer, by more than how seldom they are tried explains. `calm_id`: the row
    of `operations` after which five seconds passed without a failure. `within`: the incident whose outage of this
    action was not over when this one began; that outage is no part of this one's.
    """

    outage_s: float | None
    kept_outage_s: float | None
    fresh_outage_s: float | None
    kept_open: bool
    fresh_open: bool
    fresh_longer: bool
    stable_s: float | None
    calm_id: int | None
    within: int | None
    open: bool
    ok: int
    failed: int
    unknown: int
    outages: list[OutageFact]
    kept_outages: list[OutageFact]
    fresh_outages: list[OutageFact]


class PhaseFact(TypedDict):
    """One phase. `bound_s` is [shortest, longest] that the settings imply, None where they imply nothing."""

    name: str
    began_s: float
    ended_s: float
    seconds: float
    shortest_s: float
    longest_s: float
    bound_s: list[float] | None
    evidence: list[EvidenceFact]


class LeaderFact(TypedDict):
    """Who led before and after."""

    before: str | None
    after: str | None
    timeline_before: int | None
    timeline_after: int | None


class LostFact(TypedDict):
    """An acknowledged write that is not there."""

    token: str
    acknowledged_utc: str
    acknowledged_s: float
    server: str | None
    timeline: int | None
    operation_id: int | None
    audit_id: int | None


class ToldFact(TypedDict):
    """What somebody said they did. kind: fault.told, repair.told or note.told."""

    kind: str
    at_s: float
    utc: str
    detail: dict[str, Any]
    event_id: int | None


class IncidentFact(TypedDict):
    """One incident. `id` is unique in the document, `number` counts within its recording."""

    id: int
    number: int
    recording: int
    cause: str
    target: str | None
    targets: list[str]
    confidence: str
    evidence: list[EvidenceFact]
    rejected: list[RejectedFact]
    began_s: float
    ended_s: float
    began_utc: str
    ended_utc: str
    fault_to_write_s: float | None
    write: CostFact
    read: CostFact
    leader: LeaderFact
    phases: list[PhaseFact]
    brownout_s: float | None
    brownout_bound_s: list[float] | None
    lost_writes: int | None
    lost: list[LostFact]
    redundancy_back_s: float | None
    told: list[ToldFact]
    returns: list[ReturnFact]
    led_etcd: bool | None
    testimony: TestimonyFact
    pace: list[PaceFact]
