"""Scores the inference against what was told: which cause each told fault should have been given, and which it was."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from observer.model.findings import Confidence, Findings, Incident, Leadership
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.injected import EARLY_NS, LATE_NS, cause_injected, deeds
from reports.analysis.leadership import leader_at

# Faults told this close together are one: a host with its etcd, two members of etcd.
TOGETHER_NS = 5 * SECOND_NS
# True wherever they are found, and no wrong cause: a frozen primary that wakes finds another in its place, or
# takes the key back from it, and the observer knows that it did not run.
BY_THE_WAY = ("two_primaries", "leader.taken_back", "observer.blind")
# These are not of anybody.
OF_NOBODY = ("two_primaries", "etcd.election", "unknown")
_ETCD_FAULTS = ("kill", "stop", "freeze", "pause", "disconnect")


@dataclass(frozen=True, slots=True)
class Expected:
    """Faults told together: the cause and the targets (None: any) that should be found; no cause where all is well."""

    at_ns: int
    causes: tuple[tuple[str, frozenset[str] | None], ...]


@dataclass(frozen=True, slots=True)
class Score:
    """One group of told faults, or what was found though nothing was told.

    `told` and `found` are causes; `targets` says whether those of the incident are those told.
    """

    at_ns: int
    told: tuple[str, ...]
    found: str | None
    confidence: Confidence | None
    targets: bool
    incident: Incident | None

    @property
    def right(self) -> bool:
        """Whether the judge said what was done, and of whom."""
        return self.found in self.told and self.targets if self.told else self.found is None

    @property
    def wrongly_sure(self) -> bool:
        """Whether a wrong cause was stated with high confidence: the worst that a judge can do."""
        return not self.right and self.found not in (None, "unknown") and self.confidence == "high"


def scores(recording: Recording, findings: Findings) -> list[Score]:
    """One score for each group of told faults, and one for each incident that none of them explains, in order."""
    groups = expected(recording.events, findings.leaderships, _endpoints(recording))
    left = list(findings.incidents)
    found: list[Score] = []
    for index, group in enumerate(groups):
        until_ns = groups[index + 1].at_ns - EARLY_NS if index + 1 < len(groups) else group.at_ns + LATE_NS
        until_ns = min(max(until_ns, group.at_ns + SECOND_NS), group.at_ns + LATE_NS)
        own = [i for i in left if group.at_ns - EARLY_NS <= i.began_ns <= until_ns]
        if not group.causes:
            continue  # nothing should be found; what is found stays among those that nothing explains
        best = min(own, key=lambda i: not _names(i, group), default=None)
        if best is not None:
            left.remove(best)
        elif any(_belongs(group, incident) for incident in findings.incidents):
            continue
        found.append(_score(group, best))
    for incident in left:
        if not (groups and incident.cause in BY_THE_WAY):
            found.append(Score(incident.began_ns, (), incident.cause, incident.confidence, False, incident))
    if not found:
        found.append(Score(0, (), None, None, True, None))
    return sorted(found, key=lambda score: score.at_ns)


def expected(events: Iterable[Event], led: Sequence[Leadership], endpoints: int) -> list[Expected]:
    """What was told, as causes. `endpoints`: how many members etcd has, to know its majority."""
    down: set[str] = set()
    guarded = False
    groups: list[list[Event]] = []
    quorum: list[str | None] = []  # what a fault of etcd was, when the last of its group was told
    for event in deeds(events):
        detail = event.detail
        if detail.get("action") in ("guard", "unguard"):
            guarded = detail["action"] == "guard"
        if event.kind == "repair.told":
            down.discard(event.subject)
            continue
        if detail.get("component") == "etcd" and detail.get("action") in _ETCD_FAULTS:
            down.add(event.subject)
        if not groups or event.by_ns - groups[-1][0].by_ns > TOGETHER_NS:
            groups.append([])
            quorum.append(None)
        groups[-1].append(event)
        lost = "failsafe" if guarded else "etcd.quorum_lost"
        quorum[-1] = None if endpoints - len(down) > endpoints // 2 else lost
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
            # A switchover or failover is asked of the leader, whomever it favours.
            who = leader if component == "cluster" else event.detail.get("address")
            targets.setdefault(cause, set()).add(str(who or event.subject))
    return tuple((cause, None if cause in OF_NOBODY else frozenset(who)) for cause, who in targets.items())


def _belongs(group: Expected, incident: Incident) -> bool:
    """Whether it was done to a target of an incident that was still open: it is a part of that one."""
    within = incident.began_ns < group.at_ns <= incident.ended_ns
    return within and all(who is not None and who <= set(incident.targets) for _, who in group.causes)


def _names(incident: Incident, group: Expected) -> bool:
    return any(cause == incident.cause for cause, _ in group.causes)


def _score(group: Expected, incident: Incident | None) -> Score:
    told = tuple(cause for cause, _ in group.causes)
    if incident is None:
        return Score(group.at_ns, told, None, None, False, None)
    targets = any(cause == incident.cause and who in (None, set(incident.targets)) for cause, who in group.causes)
    return Score(group.at_ns, told, incident.cause, incident.confidence, targets, incident)


def _endpoints(recording: Recording) -> int:
    etcd = recording.header.settings.get("etcd")
    endpoints = etcd.get("endpoints") if isinstance(etcd, dict) else None
    return len(endpoints) if endpoints else 3
