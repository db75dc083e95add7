"""The results of the analysis of one recording: incidents with causes, phases, costs and evidence; leaders; losses."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from observer.model.recording import SECOND_NS, Action, Event, Window

Verdict = Literal["HOLDS", "BROKEN", "UNKNOWN"]
Confidence = Literal["high", "medium", "low"]


@dataclass(frozen=True, slots=True)
class Evidence:
    """Rows that show something. `says` is the key of a phrase; `facts` fill it."""

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
    """The time between two consecutive acknowledged operations of an action that holds a failure.

    docs/explanation/analysis.md defines it. `before_id` and `after_id` are the rows of those two operations. An open
    outage lasts to the end of the recording.
    `first_failure_ns` is when the first operation that failed in it was due.
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
        """Return the time from the last acknowledgement to the next."""
        return self.ended_ns - self.began_ns


@dataclass(frozen=True, slots=True)
class Cost:
    """The cost of an incident for one action: over all connections, and on persistent and new ones apart.

    `outage_ns` 0: no outage; None: not observed. `stable_ns` runs from the start of the first outage until 5 s have
    passed without a failure; `calm_id` is the row of the operation from which those 5 s are counted. The counts are of
    the operations of the action that finished within the incident. `new_longer`: new connections were out for longer
    than their lower rate explains. `within`: the number of an earlier incident whose outage of this action was still
    open when this incident began; that outage is not counted here.
    """

    action: Action
    outages: tuple[Outage, ...]
    outage_ns: int | None
    stable_ns: int | None
    open: bool
    ok: int
    failed: int
    unknown: int
    calm_id: int | None = None
    persistent_outage_ns: int | None = None
    new_outage_ns: int | None = None
    persistent_open: bool = False
    new_open: bool = False
    new_longer: bool = False
    within: int | None = None
    persistent_outages: tuple[Outage, ...] = ()
    new_outages: tuple[Outage, ...] = ()


@dataclass(frozen=True, slots=True)
class Phase:
    """A part of an incident, between two boundaries, each a window with `by_ns` as the chosen moment.

    `bound_s` is the shortest and longest time that the cluster's settings imply; None: they imply nothing.
    """

    name: str
    began: Window
    ended: Window
    began_by: Evidence | None = None
    ended_by: Evidence | None = None
    bound_s: tuple[float, float] | None = None

    @property
    def duration_ns(self) -> int:
        """Return the time between the chosen moments."""
        return self.ended.by_ns - self.began.by_ns

    @property
    def shortest_ns(self) -> int:
        """Return the shortest time that the windows allow."""
        return max(0, self.ended.after_ns - self.began.by_ns)

    @property
    def longest_ns(self) -> int:
        """Return the longest time that the windows allow."""
        return self.ended.by_ns - self.began.after_ns


@dataclass(frozen=True, slots=True)
class Brownout:
    """The time in which the old leader's route was still up beside the new one, while new connections failed.

    `duration_ns` 0: there was none. `length` holds the shortest and the longest time that the polls of the proxy allow.
    `event_ids`: the new route that came up, and the old one that went down; `length` is None if it stayed up.
    """

    duration_ns: int
    length: Window | None = None
    event_ids: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Leadership:
    """A period in which one member held the leader key. `until_ns` None: to the end of the recording.

    `timeline` is the last one that the member reported in it. `from_id` is the row of the event that took the key.
    """

    member: str
    timeline: int | None
    from_ns: int
    until_ns: int | None
    from_id: int | None = None


@dataclass(frozen=True, slots=True)
class Lost:
    """An acknowledged write whose token an audit did not find."""

    token: str
    acknowledged_ns: int
    server: str | None
    timeline: int | None
    operation_id: int | None
    audit_id: int | None
    acknowledged_utc: str = ""


@dataclass(frozen=True, slots=True)
class Reported:
    """A fault, repair or note that an operator, a drill or the container engine reported: kind `fault.told`, ..."""

    kind: str
    at_ns: int
    utc: str
    detail: Mapping[str, Any]
    event_id: int | None


@dataclass(frozen=True, slots=True)
class Incident:
    """A fault of the cluster or of the application's route, with its cause, its phases and its cost.

    `injected`: the faults and repairs that an operator or a drill reported.
    """

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
    brownout: Brownout | None
    lost: tuple[Lost, ...] | None
    redundancy_back_ns: int | None
    fault_to_write_ns: int | None
    injected: tuple[Reported, ...] = ()

    @property
    def lost_writes(self) -> int | None:
        """Return how many acknowledged writes were lost; None: not audited."""
        return None if self.lost is None else len(self.lost)

    @property
    def fault_ns(self) -> int:
        """Return when the first fault was reported, or when the incident began if that was earlier."""
        return min([self.began_ns, *(one.at_ns for one in self.injected if one.kind == "fault.told")])

    @property
    def brownout_ns(self) -> int | None:
        """Return how long the brownout lasted; 0: there was none; None: not observed."""
        return None if self.brownout is None else self.brownout.duration_ns


# A poll without an answer may be a hiccup of the observer or its machine: a period of such polls that is this short
# shows nothing by itself.
NOISE_NS = 4 * SECOND_NS
HICCUPS = ("silent", "connect_timeout", "error")


@dataclass(frozen=True, slots=True)
class Unreachable:
    """A period in which a source did not reach its subject.

    `failures` holds one event for each way in which polls failed; `back` is the event of the first answer, None: there
    was none. `initial`: the source had never reached this subject. `woke_ns`: when the observer last woke before it.
    """

    source: str
    subject: str
    failures: tuple[Event, ...]
    back: Event | None
    initial: bool
    woke_ns: int = 0

    @property
    def from_ns(self) -> int:
        """Return when the first poll failed."""
        since_ns = self.failures[0].detail.get("since_ns")
        return since_ns if isinstance(since_ns, int) else self.began_ns

    @property
    def began_ns(self) -> int:
        """Return when the failure was known: a source reports it after more than one poll."""
        return self.failures[0].by_ns

    @property
    def until_ns(self) -> int | None:
        """Return when the subject answered again; None: it did not."""
        return None if self.back is None else self.back.by_ns

    def ended_ns(self, end_ns: int) -> int:
        """Return when the subject answered again, or `end_ns`."""
        return end_ns if self.back is None else self.back.by_ns

    @property
    def event(self) -> Event:
        """Return the event that decides how the polls failed.

        A persistent connection that was cut, or an error, is passed over if a later poll shows more: the first poll on
        a new connection decides.
        """
        return next((e for e in self.failures if _how(e) not in ("closed", "error")), self.failures[0])

    @property
    def how(self) -> str:
        """Return how the polls failed: refused, silent, ..."""
        return _how(self.event)

    @property
    def noise(self) -> bool:
        """Return whether it is too short to show anything alone, with no answer that names a fault."""
        if self.back is None or any(e.detail.get("sqlstate") or e.detail.get("http") for e in self.failures):
            return False
        mute = all(event.detail.get("how") in HICCUPS for event in self.failures)
        # A poll that was under way while the observer slept is late for that reason alone.
        return mute and self.back.by_ns - max(self.failures[0].window.after_ns, self.woke_ns) < NOISE_NS

    @property
    def etcd_member(self) -> bool:
        """Return whether the subject is a member of etcd, by its endpoint; the other subjects of etcd are watches."""
        return self.source == "etcd" and ":" in self.subject


def _how(event: Event) -> str:
    return str(event.detail.get("how", "error"))


@dataclass(frozen=True, slots=True)
class Findings:
    """The results of the analysis of one recording.

    `lost` None: no audit was made. `unaudited` counts acknowledged writes that no audit covers.
    """

    incidents: tuple[Incident, ...]
    leaderships: tuple[Leadership, ...]
    unreachable: tuple[Unreachable, ...]
    lost: tuple[Lost, ...] | None
    unaudited: int
