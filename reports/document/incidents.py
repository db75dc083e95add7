"""The section of the incidents: the run as one table, then for each cause the chain of facts, phases and evidence."""

from collections.abc import Callable, Collection, Mapping, Sequence

from observer.model.causes import CAUSES
from reports.analysis.results.whole import IncidentResults, Results
from reports.document.blocks import Blocks, Heading, Picture, Profile, Section
from reports.document.build import details, numbers, paragraph, say
from reports.document.chain import chain
from reports.document.effects import effects_table
from reports.document.fault_tables import etcd_member_table, proxy_table, quorum_table
from reports.document.incident_details import evidence_blocks
from reports.document.incident_table import incident_table
from reports.document.kinds import Kind, by_cause
from reports.document.phases import phases_tables

# A drill's document with so few causes shows the phases at once.
FEW = 3
FACTS: Mapping[str, Callable[[Sequence[IncidentResults], Results], Blocks]] = {
    "quorum": quorum_table,
    "proxy": proxy_table,
    "etcd_member": etcd_member_table,
}
OUTSIDE = ("quorum", "proxy")
"""The facts that the homework asks for; those of other causes are folded."""


def incidents(results: Results, profile: Profile) -> Section | None:
    """Return the section of the incidents; None if there was none."""
    if not results.incidents:
        return None
    runs = tuple(Picture(f"{recording.id}-run", say("drawing.run")) for recording in results.recordings)
    blocks: Blocks = (*runs, *paragraph(say("incidents.note")), *incident_table(results))
    causes = by_cause(results)
    explained: set[str] = set()
    for kind in causes:
        blocks += _cause(kind, results, profile == "drill", len(causes) <= FEW, explained)
        explained |= {phase.name for i in kind.incidents for phase in i.phases}
    return Section("incidents", say("incidents.title"), blocks)


def _cause(kind: Kind, results: Results, drill: bool, few: bool, explained: Collection[str]) -> Blocks:
    """Return what the incidents of one cause have in common, and in its details the evidence of each."""
    own = kind.incidents
    sort = CAUSES[own[0].cause].paragraph
    phases = phases_tables(own, explained)
    facts = FACTS[sort](own, results) if sort in FACTS else ()
    pictures = tuple(Picture(f"incident-{i.id}", say("drawing.incident", id=i.id)) for i in own)
    outside, inside = facts, (*effects_table(own, results), *evidence_blocks(own), *pictures)
    if drill or sort not in OUTSIDE:
        outside, inside = (), (*facts, *inside)
    show_phases = len(phases) == 1 and (few or not drill)
    outside, inside = ((*phases, *outside), inside) if show_phases else (outside, (*phases, *inside))
    title = "incidents.kind" if len(own) == 1 else "incidents.kinds"
    return (
        Heading(say(title, ids=numbers(i.id for i in own), kind=kind.name)),
        *paragraph(*chain(own, explain=not drill, longest=not show_phases)),
        *outside,
        *details(say("incidents.evidence"), *inside),
    )
