"""What happened in the incidents of a cause, as a chain of facts: meaning, evidence, longest phase, values in doubt."""

from collections.abc import Iterator, Sequence

from observer.model.causes import CAUSES
from observer.model.findings import Evidence
from reports.analysis.results.whole import IncidentResults
from reports.document.blocks import Inline, Sentence
from reports.document.build import incident_link, say
from reports.document.phases import name_of, out_of_bound, outage_phases

SEEN = 3


def chain(incidents: Sequence[IncidentResults], explain: bool, longest: bool) -> Iterator[Inline]:
    """Yield the sentences that tell the chain of facts; on request with the meaning of the cause, the longest phase."""
    first = incidents[0]
    if first.cause == "unknown":
        for incident in incidents:
            yield from _unknown(incident)
    else:
        if explain:
            yield say(f"cause.{first.cause}.meaning")
        if first.evidence:
            signs = joined([_text(one) for one in _deciding(first)])
            yield say("incident_chain.decided", id=first.id, confidence=_confidence(first), signs=signs)
    if longest:
        yield from _longest(incidents)
    outside = [
        say("incident_chain.phase_of", phase=name_of(p.name), incident=incident_link(i.id))
        for i in incidents
        for p in i.phases
        if out_of_bound(p)
    ]
    if outside:
        yield say("incident_chain.outside", phases=outside)
    if CAUSES[first.cause].paragraph == "quorum" and _read_only_window(incidents):
        yield say("quorum_fault.read_only_window")
    for incident in incidents:
        yield from _within(incident)


def joined(parts: Sequence[Inline]) -> Inline:
    """Return parts joined by semicolons."""
    whole = parts[0]
    for part in parts[1:]:
        whole = say("incident_chain.and", left=whole, right=part)
    return whole


def _deciding(incident: IncidentResults) -> list[Evidence]:
    """Return the first evidence, and the one that shows how a part failed, else another kind of evidence."""
    first, *others = incident.evidence
    how = next((e for e in others if "how" in e.facts), None) if "how" not in first.facts else None
    return [first, *[one for one in (how or next((e for e in others if e.says != first.says), None),) if one]]


def _text(evidence: Evidence) -> Sentence:
    """Return the phrase of a piece of evidence that stands without its rows."""
    says = "evidence.operations_failed" if evidence.says == "evidence.many_failed" else evidence.says
    return Sentence(says, evidence.facts)


def _confidence(incident: IncidentResults) -> Sentence:
    return say(f"incident_confidence.{incident.confidence}")


def _unknown(incident: IncidentResults) -> Iterator[Inline]:
    """Yield what was seen, and which causes are excluded for which reason."""
    seen = incident.evidence[:SEEN]
    if seen:
        signs = joined([_text(e) for e in seen])
        yield say("incident_chain.seen", id=incident.id, confidence=_confidence(incident), signs=signs)
    excluded = incident.rejected[:SEEN]
    if excluded:
        reasons = [
            say("incident_chain.excluded", cause=say(f"cause.{r.cause}.name"), reason=Sentence(r.reason, r.facts))
            for r in excluded
        ]
        yield say("incident_chain.excludes", reasons=joined(reasons))


def _longest(incidents: Sequence[IncidentResults]) -> Iterator[Inline]:
    """Yield the phase that took most of each outage."""
    measured = [(i, max(outage_phases(i), key=lambda phase: phase.duration_ns)) for i in incidents if outage_phases(i)]
    names = list(dict.fromkeys(phase.name for _, phase in measured))
    if len(names) == 1:
        shares = [phase.duration_ns / (sum(p.duration_ns for p in outage_phases(i)) or 1) for i, phase in measured]
        key = "incident_chain.longest" if len(shares) == 1 else "incident_chain.longest_each"
        yield say(key, phase=name_of(names[0]), low=min(shares), high=max(shares))
    elif names:
        ids = {name: [i.id for i, phase in measured if phase.name == name] for name in names}
        parts = [say("incident_chain.phase_in", phase=name_of(name), ids=ids[name]) for name in names]
        yield say("incident_chain.longest_mixed", phases=joined(parts))


def _read_only_window(incidents: Sequence[IncidentResults]) -> bool:
    """Return whether replicas served reads while writes were down."""
    return any(i.supporting.reads_served.replicas and i.write.outage_ns for i in incidents)


def _within(incident: IncidentResults) -> Iterator[Inline]:
    """Yield whose outage an incident shares that began while operations were already down."""
    writes, reads = incident.write.within, incident.read.within
    shared = {"both": writes} if writes == reads else {"write": writes, "read": reads}
    for action, other in shared.items():
        if other is not None:
            facts = {"incident": incident_link(incident.id), "other": incident_link(other)}
            yield say(f"incident_chain.within_{action}", **facts)
