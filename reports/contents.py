"""The table of contents of the report: one tuple. A new section is one file and its phrases."""

from collections.abc import Callable

from reports.analysis.results.whole import Results
from reports.document.about import about, notes
from reports.document.actions import actions
from reports.document.blocks import Details, Profile, Section
from reports.document.cluster import cluster
from reports.document.dashboards import dashboards
from reports.document.durability import durability
from reports.document.incidents import incidents
from reports.document.leadership import leadership
from reports.document.load import load
from reports.document.not_observed import not_observed
from reports.document.objectives import objectives
from reports.document.overview import overview
from reports.document.proxy import proxy
from reports.document.resilience import resilience
from reports.homework.section import homework

Make = Callable[[Results, Profile], Section | None]

SECTIONS: tuple[Make, ...] = (
    overview,
    objectives,
    homework,
    actions,
    cluster,
    proxy,
    load,
    incidents,
    durability,
    leadership,
    resilience,
    dashboards,
    notes,
    not_observed,
    about,
)
# A post-mortem opens with what failed; how the cluster was built and loaded is folded.
FOLDED_IN_DRILL = frozenset({"cluster", "proxy", "load", "durability", "leadership", "resilience", "about"})


def document(results: Results, profile: Profile) -> tuple[Section, ...]:
    """Return the sections that have something to say, in the order of the document."""
    made = (make(results, profile) for make in SECTIONS)
    return tuple(_folded(one) if profile == "drill" and one.name in FOLDED_IN_DRILL else one for one in made if one)


def _folded(section: Section) -> Section:
    if section.title is None:
        return section
    return Section(section.name, None, (Details(section.title, section.blocks),))
