"""What a judge finds in a timeline: incidents with their causes, phases, costs and evidence; who led; what was lost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from observer.model.recording import Action, Event, Probe, Window

Verdict = Literal["HOLDS", "BROKEN", "UNKNOWN"]
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows that show something. `says` is the key of a phrase, `facts` what the phrase is filled with."""

    table: Literal["events", "operations", "audits"]
    ids: tuple[int, ...]
    says: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rejected:
    """A cause that was considered and does not hold; `reason` is the key of a phrase."""

    cause: str
    reason: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outage:
    """The time between two consecutive acknowledged operations of an action that holds a failure (DESIGN, section 3).

    `before_id` and `after_id` are the rows of those two operations. An open outage had not ended when the recording
    did. `first_failure_ns` is when the first operation that failed in it was due.
    """

    action: Action
    began_ns: int
    ended_ns: int
    open: bool
    before_id: int | None
    after_id: int | None
    first_failure_ns: int
    failed: int
    unknown: int

    @property
    def duration_ns(self) -> int:
        """From the last acknowledgement to the next."""
        return self.ended_ns - self.began_ns


@dataclass(frozen=True, slots=True)
class Cost:
    """What an incident cost one action. `outage_ns` 0: no outage; None: not observed.

    `stable_ns` runs from the outage's start until 5 s have passed without a failure. The counts are of the operations
    of the action that finished within the incident.
    """

    action: Action
    outages: tuple[Outage, ...]
    outage_ns: int | None
    stable_ns: int | None
    open: bool
    ok: int
    failed: int
    unknown: int


@dataclass(frozen=True, slots=True)
class Alone:
    """What an incident cost an action on one kind of connection. `outage_ns` 0: no outage; None: not observed."""

    action: Action
    probe: Probe
    outage_ns: int | None
    open: bool
    outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of an incident, between two boundaries, each a window with `by_ns` as the chosen moment.

    `bound_s` is the shortest and longest time that the cluster's settings imply, None where they imply nothing.
    """

    name: str
    began: Window
    ended: Window
    began_by: Evidence | None = None
    ended_by: Evidence | None = None
    bound_s: tuple[float, float] | None = None

    @property
    def duration_ns(self) -> int:
        """Between the chosen moments."""
        return self.ended.by_ns - self.began.by_ns

    @property
    def shortest_ns(self) -> int:
        """What the windows leave at the least."""
        return max(0, self.ended.after_ns - self.began.by_ns)

    @property
    def longest_ns(self) -> int:
        """What the windows leave at the most."""
        return self.ended.by_ns - self.began.after_ns


@dataclass(frozen=True, slots=True)
class Leadership:
    """Who led, on which timeline, from when to when. `until_ns` None: to the end of the recording."""

    member: str
    timeline: int | None
    from_ns: int
    until_ns: int | None


@dataclass(frozen=True, slots=True)
class Lost:
    """An acknowledged write whose token an audit did not find."""

    token: str
    acknowledged_ns: int
    server: str | None
    timeline: int | None
    operation_id: int | None
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class Incident:
    """Something that happened to the cluster or to the application, with its cause, its phases and its cost."""

    number: int
    cause: str
    target: str | None
    targets: tuple[str, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejected, ...]
    began_ns: int
    ended_ns: int
    write: Cost
    read: Cost
    leader_before: str | None
    leader_after: str | None
    timeline_before: int | None
    timeline_after: int | None
    phases: tuple[Phase, ...]
    brownout_ns: int | None
    lost: tuple[Lost, ...] | None
    redundancy_back_ns: int | None
    fault_to_write_ns: int | None
    told: tuple[Event, ...] = ()
    alone: tuple[Alone, ...] = ()


@dataclass(frozen=True, slots=True)
class Blindness:
    """A spell in which a source could not see its subject. `until_ns` None: to the end. `how`: refused, silent, ..."""

    source: str
    subject: str
    how: str
    from_ns: int
    until_ns: int | None
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Findings:
    """All that the judge found in one recording.

    `lost` None: nothing was audited. `unaudited` counts acknowledged writes that no audit covers.
    """

    incidents: tuple[Incident, ...]
    leaderships: tuple[Leadership, ...]
    blindness: tuple[Blindness, ...]
    lost: tuple[Lost, ...] | None
    unaudited: int
