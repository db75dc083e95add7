"""Incidents grouped by kind of fault: the cause, and what broke if the cause alone does not show it."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.causes import CAUSES
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Sentence, say


@dataclass(frozen=True, slots=True)
class Kind:
    """Incidents of one kind, in the order of the document."""

    name: Sentence
    incidents: tuple[IncidentResults, ...]


def by_kind(results: Results) -> tuple[Kind, ...]:
    """Return the incidents by kind, the kind of the first incident first."""
    groups: list[tuple[Sentence, list[IncidentResults]]] = []
    for incident in results.incidents:
        name = kind_of(incident, results)
        own = next((members for known, members in groups if known == name), None)
        if own is None:
            groups.append((name, [incident]))
        else:
            own.append(incident)
    return tuple(Kind(name, tuple(members)) for name, members in groups)


def kind_of(incident: IncidentResults, results: Results) -> Sentence:
    """Return the name of an incident's kind: its cause, and a variant if incidents of the cause can differ in kind."""
    if incident.cause == "unknown":
        return say("kind.unknown")
    cause = say(f"cause.{incident.cause}.name")
    variant = _variant(incident, recording_of(incident, results))
    return cause if variant is None else say("kind.of", cause=cause, variant=variant)


def recording_of(incident: IncidentResults, results: Results) -> RecordingResults:
    """Return the recording that holds an incident."""
    return next(recording for recording in results.recordings if recording.id == incident.recording)


def leader_changed(incident: IncidentResults) -> bool:
    """Return whether the leader key went to another member, even if it came back within the incident."""
    elected = any("election" in phase.name for phase in incident.phases)
    return elected or incident.leader_before != incident.leader_after


def _variant(incident: IncidentResults, recording: RecordingResults) -> Sentence | None:
    cause = CAUSES[incident.cause]
    if cause.paragraph == "etcd_member":
        led = {True: "kind.etcd_leader", False: "kind.etcd_follower", None: None}[incident.was_etcd_leader]
        return None if led is None else say(led)
    if cause.paragraph == "quorum":
        total = len({part.name for part in recording.parts if part.kind == "etcd"})
        down = len(incident.targets)
        return None if not 0 < down <= total else say("kind.part_of", down=down, total=total)
    if cause.layer == "replica" and len(incident.targets) > 1:
        return say("kind.at_once", n=len(incident.targets))
    if cause.layer in ("postgres", "patroni"):
        return say("kind.on_leader" if incident.target == incident.leader_before else "kind.on_replica")
    if cause.lease_expires and incident.write.within is None and not leader_changed(incident):
        return say("kind.leader_kept")
    return None
