"""Incidents grouped by kind of fault: the cause, and what broke if the cause alone does not show it."""

from dataclasses import dataclass

from observer.model.causes import CAUSES
from observer.model.findings import Reported
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.document.blocks import Sentence
from reports.document.build import say


@dataclass(frozen=True, slots=True)
class Kind:
    """Incidents of one kind, in the order of the document."""

    name: Sentence
    incidents: tuple[IncidentResults, ...]


def by_kind(results: Results) -> tuple[Kind, ...]:
    """Return the incidents by kind, the kind of the first incident first."""
    groups: dict[str, Kind] = {}
    for incident in results.incidents:
        name = kind_of(incident, results)
        known = groups.get(repr(name), Kind(name, ()))
        groups[repr(name)] = Kind(name, (*known.incidents, incident))
    return tuple(groups.values())


def by_cause(results: Results) -> tuple[Kind, ...]:
    """Return the incidents by cause, the cause of the first incident first."""
    causes = dict.fromkeys(incident.cause for incident in results.incidents)
    return tuple(Kind(cause_name(c), tuple(i for i in results.incidents if i.cause == c)) for c in causes)


def cause_name(cause: str) -> Sentence:
    """Return the name of a cause."""
    return say("kind.unknown" if cause == "unknown" else f"cause.{cause}.name")


def kind_of(incident: IncidentResults, results: Results) -> Sentence:
    """Return the name of an incident's kind: its cause, and a variant if incidents of the cause can differ in kind."""
    variant = _variant(incident, recording_of(incident, results))
    cause = cause_name(incident.cause)
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
    if cause.paragraph == "etcd_member" and incident.was_etcd_leader is not None:
        return say("kind.etcd_leader" if incident.was_etcd_leader else "kind.etcd_follower")
    down = len(incident.targets)
    if cause.paragraph == "quorum":
        total = len({part.name for part in recording.parts if part.kind == "etcd"})
        return say("kind.part_of", down=down, total=total) if 0 < down <= total else None
    if cause.layer == "replica" and down > 1:
        return say("kind.at_once", n=down)
    if cause.layer in ("postgres", "patroni"):
        return say("kind.on_leader" if incident.target == incident.leader_before else "kind.on_replica")
    if cause.lease_expires and incident.write.within is None and not leader_changed(incident):
        return say("kind.leader_kept")
    return None


def repairs_before_write(incident: IncidentResults, results: Results) -> tuple[Reported, ...]:
    """Return the repairs up to the first write after an outage, also those reported under other open incidents.

    The restart of a leader whose successor took over is none: writes do not wait for it.
    """
    if not incident.write.outages:
        return ()
    back_ns = incident.write.outages[-1].ended_ns
    replaced = incident.target if leader_changed(incident) else None
    reported = [a for i in results.incidents if i.recording == incident.recording for a in i.injected]
    repairs = [a for a in reported if a.kind == "repair.told" and a.detail.get("target", "") != replaced]
    own = [a for a in repairs if incident.began_ns <= a.at_ns <= back_ns]
    return tuple(sorted(own, key=lambda action: action.at_ns))
