"""Score the inference: compare the cause that each injected fault should have with the cause that was found."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from observer.model.causes import CAUSES
from observer.model.findings import Confidence, Findings, Incident, Leadership
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.injected import EARLY_NS, ETCD_FAULTS, LATE_NS, cause_injected, injected
from reports.analysis.leadership import leader_at
from reports.analysis.quorum import endpoints

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
