"""Injected faults: the incidents to which they belong, the causes that they should have, and the score."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from observer.model.causes import CAUSES
from observer.model.findings import Confidence, Findings, Incident, Leadership, Reported
from observer.model.recording import SECOND_NS, Event, Recording, RecordingHeader
from reports.analysis.incidents import Span
from reports.analysis.leadership import leader_at
from reports.analysis.reachability import endpoints

# How long after its report a fault may take to show.
LATE_NS = 30 * SECOND_NS
# An operator who reports a fault by hand may be a little late.
EARLY_NS = 2 * SECOND_NS

# The container engine reports a fault action too: a stop or a kill at once, a start or a new connection when it is
# done, which may take seconds on a busy machine.
BEFORE_NS, AFTER_NS = SECOND_NS, 10 * SECOND_NS
# What the engine reports of an action that it does not know by name.
PARTS: Mapping[str, tuple[str, ...]] = {"reboot": ("kill", "start")}
ETCD_FAULTS = ("kill", "stop", "freeze", "pause", "disconnect")


def cause_injected(component: str, action: str, led: bool, majority: bool = True) -> str | None:
    """Return the cause to score a fault against; None: the table of causes has none.

    `led`: the target held the leader key then. `majority`: etcd kept its quorum.
    """
    if component == "etcd" and action in ETCD_FAULTS:
        return "etcd.member_down" if majority else "etcd.quorum_lost"
    fault = (component, action)
    on_replica = next((cause.name for cause in CAUSES.values() if fault in cause.injected_on_replica), None)
    on_leader = next((cause.name for cause in CAUSES.values() if fault in cause.injected_by), None)
    return on_leader if led or on_replica is None else on_replica


def injected(events: Iterable[Event]) -> list[Event]:
    """Return the reported faults and repairs, each once: the drill reports more than the container engine."""
    reports = [event for event in events if event.kind in ("fault.told", "repair.told")]
    of_engine = [event for event in reports if event.source == "docker"]
    for report in reports:
        if report.source != "docker":
            action = str(report.detail.get("action"))
            for part in PARTS.get(action, (action,)):
                same = next((one for one in of_engine if _is_same(one, report, part)), None)
                if same is not None:
                    of_engine.remove(same)
    return [event for event in reports if event.source != "docker" or event in of_engine]


def reported(header: RecordingHeader, event: Event) -> Reported:
    """Return a reported fault, repair or note for the report."""
    return Reported(event.kind, event.by_ns, header.utc(event.by_ns).isoformat(), event.detail, event.id)


def _is_same(of_engine: Event, report: Event, action: str) -> bool:
    return (
        -BEFORE_NS <= of_engine.by_ns - report.by_ns <= AFTER_NS
        and of_engine.subject == report.subject
        and of_engine.detail.get("component") == report.detail.get("component")
        and of_engine.detail.get("action") == action
    )


def injected_in(spans: Sequence[Span], events: Sequence[Event]) -> dict[int, tuple[Event, ...]]:
    """Return the reports by the index of the incident to which they belong; some belong to none.

    A fault belongs to the incident that it shortly precedes, else to the one in which it lies. A repair belongs to the
    last incident that began before it.
    """
    found: dict[int, list[Event]] = {}
    for event in injected(events):
        if event.kind == "fault.told":
            index = _of_fault(spans, event.by_ns)
        else:
            index = next((i for i in reversed(range(len(spans))) if spans[i].began_ns <= event.by_ns), None)
        if index is not None:
            found.setdefault(index, []).append(event)
    return {index: tuple(own) for index, own in found.items()}


def _of_fault(spans: Sequence[Span], at_ns: int) -> int | None:
    soon = [i for i, span in enumerate(spans) if at_ns - EARLY_NS <= span.began_ns <= at_ns + LATE_NS]
    if soon:
        return min(soon, key=lambda i: abs(spans[i].began_ns - at_ns))
    return next((i for i, span in enumerate(spans) if span.began_ns <= at_ns <= span.ended_ns), None)


# Faults reported this close together are one: a host with its etcd, two members of etcd.
TOGETHER_NS = 5 * SECOND_NS
MEMBERS = 3  # of etcd, if the settings name none


@dataclass(frozen=True, slots=True)
class Expected:
    """Faults injected together: the causes to find with their targets (None: any); no cause if nothing should fail."""

    at_ns: int
    causes: tuple[tuple[str, frozenset[str] | None], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """One group of injected faults, or an incident that no injected fault explains.

    `injected` and `found` are causes; `targets` is whether the incident has the targets of the fault.
    """

    at_ns: int
    injected: tuple[str, ...]
    found: str | None
    confidence: Confidence | None
    targets: bool
    incident: Incident | None

    @property
    def right(self) -> bool:
        """Return whether the analysis found the cause and the targets."""
        return self.found in self.injected and self.targets if self.injected else self.found is None

    @property
    def wrongly_sure(self) -> bool:
        """Return whether a wrong cause was stated with high confidence: the worst that the analysis can do."""
        return not self.right and self.found not in (None, "unknown") and self.confidence == "high"


def scores(recording: Recording, findings: Findings) -> list[Score]:
    """Return one score for each group of injected faults and each incident that none of them explains, in order."""
    groups = expected(recording.events, findings.leaderships, len(endpoints(recording)) or MEMBERS)
    left = list(findings.incidents)
    found: list[Score] = []
    for index, group in enumerate(groups):
        until_ns = groups[index + 1].at_ns - EARLY_NS if index + 1 < len(groups) else group.at_ns + LATE_NS
        until_ns = min(max(until_ns, group.at_ns + SECOND_NS), group.at_ns + LATE_NS)
        own = [i for i in left if group.at_ns - EARLY_NS <= i.began_ns <= until_ns]
        if not group.causes:
            continue  # nothing should be found; what is found stays among the unexplained
        best = min(own, key=lambda i: not _names(i, group), default=None)
        if best is not None:
            left.remove(best)
        elif any(_belongs(group, incident) for incident in findings.incidents):
            continue
        found.append(_score(group, best))
    for incident in left:
        if not (groups and CAUSES[incident.cause].may_follow):
            found.append(Score(incident.began_ns, (), incident.cause, incident.confidence, False, incident))
    if not found:
        found.append(Score(0, (), None, None, True, None))
    return sorted(found, key=lambda score: score.at_ns)


def expected(events: Iterable[Event], led: Sequence[Leadership], members: int) -> list[Expected]:
    """Return the causes of the injected faults. `members`: how many members etcd has, to know its majority."""
    down: set[str] = set()
    guarded = False
    groups: list[list[Event]] = []
    quorum: list[str | None] = []  # the cause of a fault of etcd, after the last one of its group
    for event in injected(events):
        detail = event.detail
        if detail.get("action") in ("guard", "unguard"):
            guarded = detail["action"] == "guard"
        if event.kind == "repair.told":
            down.discard(event.subject)
            continue
        if detail.get("component") == "etcd" and detail.get("action") in ETCD_FAULTS:
            down.add(event.subject)
        if not groups or event.by_ns - groups[-1][0].by_ns > TOGETHER_NS:
            groups.append([])
            quorum.append(None)
        groups[-1].append(event)
        lost = "failsafe" if guarded else "etcd.quorum_lost"
        quorum[-1] = None if members - len(down) > members // 2 else lost
    return [
        Expected(own[0].by_ns, _causes(own, leader_at(led, own[0].by_ns), lost))
        for own, lost in zip(groups, quorum, strict=True)
    ]


def _causes(
    events: Sequence[Event], leader: str | None, lost: str | None
) -> tuple[tuple[str, frozenset[str] | None], ...]:
    targets: dict[str, set[str]] = {}
    for event in events:
        component, action = str(event.detail.get("component")), str(event.detail.get("action"))
        role = event.detail.get("role")
        led = role == "leader" if role is not None else event.subject == leader
        cause = cause_injected(component, action, led)
        if cause == "etcd.member_down" and lost is not None:
            cause = lost
        if cause is not None:
            # A switchover or failover is requested of the leader, whichever candidate it names.
            target = leader if component == "cluster" else event.detail.get("address")
            targets.setdefault(cause, set()).add(str(target or event.subject))
    return tuple((cause, frozenset(own) if CAUSES[cause].has_target else None) for cause, own in targets.items())


def _belongs(group: Expected, incident: Incident) -> bool:
    """Return whether a fault was injected into a target of an incident that was open: it is a part of that one."""
    within = incident.began_ns < group.at_ns <= incident.ended_ns
    return within and all(targets is not None and targets <= set(incident.targets) for _, targets in group.causes)


def _names(incident: Incident, group: Expected) -> bool:
    return any(cause == incident.cause for cause, _ in group.causes)


def _score(group: Expected, incident: Incident | None) -> Score:
    causes = tuple(cause for cause, _ in group.causes)
    if incident is None:
        return Score(group.at_ns, causes, None, None, False, None)
    targets = any(cause == incident.cause and own in (None, set(incident.targets)) for cause, own in group.causes)
    return Score(group.at_ns, causes, incident.cause, incident.confidence, targets, incident)
