"""What happened in the incidents of a kind, as a chain of facts: cause, evidence, longest phase, differences."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS
from reports.analysis.results.incident import IncidentResults
from reports.document.blocks import Inline, Link, Sentence, Value, incident_link, say, seconds
from reports.document.phases import name_of, out_of_bound, outage_phases

SEEN = 3
# Repeats whose phases differ by less than this are alike.
ALIKE_NS = SECOND_NS


def chain(incidents: Sequence[IncidentResults], explain: bool = True) -> tuple[Inline, ...]:
    """Return the sentences that tell the chain of facts, the meaning of the cause first if it is to be explained."""
    first = incidents[0]
    if first.cause == "unknown":
        told = [sentence for incident in incidents for sentence in _unknown(incident)]
    else:
        meaning = [say(f"cause.{first.cause}.meaning")] if explain else []
        told = [*meaning, *_decided(first, len(incidents) > 1)]
    return (*told, *_longest(incidents), *_outside(incidents), *_within(incidents))


def joined(parts: Sequence[Inline]) -> Inline:
    """Return parts joined by semicolons."""
    whole = parts[0]
    for part in parts[1:]:
        whole = say("incident_chain.and", left=whole, right=part)
    return whole


def _text(evidence: Evidence) -> Sentence:
    """Return the phrase of a piece of evidence that stands without its rows."""
    says = "evidence.operations_failed" if evidence.says == "evidence.many_failed" else evidence.says
    return Sentence(says, evidence.facts)


def _decided(incident: IncidentResults, repeated: bool) -> list[Inline]:
    """Return the two pieces of evidence that decided, of different kinds if there are."""
    if not incident.evidence:
        return []
    first, *others = incident.evidence
    second = next((e for e in others if e.says != first.says), others[0] if others else None)
    deciding = [first] if second is None else [first, second]
    signs = joined([_text(e) for e in deciding])
    confidence = say(f"incident_confidence.{incident.confidence}")
    key = "incident_chain.decided_first" if repeated else "incident_chain.decided"
    return [say(key, id=incident.id, confidence=confidence, signs=signs)]


def _unknown(incident: IncidentResults) -> list[Inline]:
    """Return what was seen, and which causes are excluded for which reason."""
    told: list[Inline] = []
    seen = incident.evidence[:SEEN]
    if seen:
        signs = joined([_text(e) for e in seen])
        confidence = say(f"incident_confidence.{incident.confidence}")
        told.append(say("incident_chain.seen", id=incident.id, confidence=confidence, signs=signs))
    excluded = incident.rejected[:SEEN]
    if excluded:
        reasons = joined(
            [
                say("incident_chain.excluded", cause=say(f"cause.{r.cause}.name"), reason=Sentence(r.reason, r.facts))
                for r in excluded
            ]
        )
        told.append(say("incident_chain.excludes", reasons=reasons))
    return told


def _longest(incidents: Sequence[IncidentResults]) -> list[Inline]:
    """Return the phase that took most of each outage, and the phase in which repeats differ most."""
    measured = [(i, max(outage_phases(i), key=lambda phase: phase.duration_ns)) for i in incidents if outage_phases(i)]
    if not measured:
        return []
    names = list(dict.fromkeys(phase.name for _, phase in measured))
    if len(names) > 1:
        parts = [
            say(
                "incident_chain.phase_in",
                phase=name_of(name),
                ids=[i.id for i, phase in measured if phase.name == name],
            )
            for name in names
        ]
        return [say("incident_chain.longest_mixed", phases=joined(parts)), *_differ(incidents)]
    shares = [phase.duration_ns / (sum(p.duration_ns for p in outage_phases(i)) or 1) for i, phase in measured]
    key = "incident_chain.longest" if len(shares) == 1 else "incident_chain.longest_each"
    return [say(key, phase=name_of(names[0]), low=min(shares), high=max(shares)), *_differ(incidents)]


def _differ(incidents: Sequence[IncidentResults]) -> list[Inline]:
    lasted: dict[str, list[int]] = {}
    for incident in incidents:
        for phase in outage_phases(incident):
            lasted.setdefault(phase.name, []).append(phase.duration_ns)
    spreads = {name: max(times) - min(times) for name, times in lasted.items() if len(times) > 1}
    if not spreads or max(spreads.values()) < ALIKE_NS:
        return []
    name = max(spreads, key=lambda phase: spreads[phase])
    low, high = seconds(min(lasted[name])), seconds(max(lasted[name]))
    return [say("incident_chain.differ", phase=name_of(name), low=low, high=high)]


def _outside(incidents: Sequence[IncidentResults]) -> list[Inline]:
    """Return the phases that were certainly shorter or longer than the settings imply."""
    outside = [
        say("incident_chain.phase_of", phase=name_of(p.name), incident=incident_link(i.id))
        for i in incidents
        for p in i.phases
        if out_of_bound(p)
    ]
    return [say("incident_chain.outside", phases=tuple(outside))] if outside else []


def _within(incidents: Sequence[IncidentResults]) -> list[Inline]:
    """Return whose outage incidents share that began while operations were already down."""
    told: list[Inline] = []
    for incident in incidents:
        writes, reads = incident.write.within, incident.read.within
        for action, other in (("both", writes if writes == reads else None), ("write", writes), ("read", reads)):
            if other is None or (action != "both" and writes == reads):
                continue
            facts: dict[str, Link | Value] = {"incident": incident_link(incident.id), "other": incident_link(other)}
            told.append(say(f"incident_chain.within_{action}", **facts))
    return told
