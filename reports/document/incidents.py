"""The section of the incidents: for each kind of fault one table, the chain of facts, the phases, and the evidence."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from observer.model.causes import CAUSES
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results
from reports.document.blocks import Block, Heading, Inline, Profile, Section, Sentence, Value, details, paragraph, say
from reports.document.chain import chain
from reports.document.effects import effects_table
from reports.document.etcd_member import etcd_member_blocks
from reports.document.incident_details import evidence_blocks
from reports.document.incident_rows import incidents_table
from reports.document.kinds import Kind, by_kind
from reports.document.phases import phases_tables
from reports.document.proxy_fault import proxy_blocks
from reports.document.quorum import has_read_only_window, quorum_blocks

# A drill's document with so few kinds of fault shows the phases at once.
FEW_KINDS = 3

Facts = Callable[[Sequence[IncidentResults], Results], tuple[Block, ...]]
PARAGRAPHS: Mapping[str, Facts] = {
    "quorum": quorum_blocks,
    "proxy": proxy_blocks,
    "etcd_member": etcd_member_blocks,
}


@dataclass(frozen=True, slots=True)
class Layout:
    """What the text about a kind leaves out: causes and phases explained before, and what a drill's reader knows."""

    explained: frozenset[str]
    drill: bool
    few: bool


def incidents(results: Results, profile: Profile) -> Section | None:
    """Return the section of the incidents; None if there was none."""
    if not results.incidents:
        return None
    blocks: list[Block] = [*paragraph(say("incidents.outage"), _losses(results))]
    kinds = by_kind(results)
    explained: set[str] = set()
    for kind in kinds:
        layout = Layout(frozenset(explained), profile == "drill", len(kinds) <= FEW_KINDS)
        blocks += _kind(kind, results, layout)
        explained |= {kind.incidents[0].cause, *(phase.name for i in kind.incidents for phase in i.phases)}
    return Section("incidents", say("incidents.title"), tuple(blocks))


def _losses(results: Results) -> Inline:
    """Return how lost writes are counted, or that they are unknown."""
    audited = any(incident.lost_writes is not None for incident in results.incidents)
    return say("incidents.lost" if audited else "incidents.not_audited")


def _kind(kind: Kind, results: Results, layout: Layout) -> tuple[Block, ...]:
    cause = kind.incidents[0].cause
    phases = phases_tables(kind.incidents, layout.explained)
    facts = _own_facts(kind, results, cause in layout.explained)
    effects = effects_table(kind.incidents, results)
    evidence = evidence_blocks(kind.incidents)
    outside: tuple[Block, ...]
    # The drill's document keeps to tables and chains: what differs by cause stands in its details.
    if layout.drill:
        outside, inside = (phases, ()) if layout.few else ((), phases)
        inside = (*inside, *facts, *effects, *evidence)
    elif CAUSES[cause].paragraph == "replica":
        outside, inside = (*phases, *facts, *effects), evidence
    else:
        outside, inside = (*phases, *facts), (*effects, *evidence)
    return (
        Heading(_title(kind)),
        *incidents_table(kind.incidents, results),
        *paragraph(*chain(kind.incidents, explain=not layout.drill and cause not in layout.explained)),
        *outside,
        *details(say("incidents.evidence"), *inside),
    )


def _title(kind: Kind) -> Sentence:
    ids = tuple(Value(incident.id) for incident in kind.incidents)
    return say("incidents.kind" if len(ids) == 1 else "incidents.kinds", ids=ids, kind=kind.name)


def _own_facts(kind: Kind, results: Results, explained: bool) -> tuple[Block, ...]:
    """Return the table that only this kind of cause has, and before the first such table what it means."""
    paragraph_of = CAUSES[kind.incidents[0].cause].paragraph
    facts = PARAGRAPHS.get(paragraph_of)
    if facts is None:
        return ()
    window = paragraph_of == "quorum" and not explained and has_read_only_window(kind.incidents)
    meaning = paragraph(say("quorum_fault.read_only_window") if window else None)
    return (*meaning, *facts(kind.incidents, results))
