"""The table of an outage's phases: one column for each incident, beside what the settings imply."""

from collections.abc import Collection, Sequence
from itertools import pairwise

from observer.model.causes import CAUSES
from observer.model.findings import Phase
from observer.model.recording import SECOND_NS
from reports.analysis.keys import is_inside
from reports.analysis.results.whole import IncidentResults
from reports.analysis.theory import FORMS, SECOND, Form
from reports.document.blocks import Blocks, Cell, Inline, Sentence, Value
from reports.document.build import say, seconds, table

# So many incidents stand side by side; a table of more columns does not fit a page.
SIDE_BY_SIDE = 6
AFTER_OUTAGE = ("settling", "protection")


def outage_phases(incident: IncidentResults) -> tuple[Phase, ...]:
    """Return the phases that sum to the outage of writes: without the preface and without what follows the outage."""
    return tuple(phase for phase in incident.phases if is_inside(phase.name))


def rounded(phases: Sequence[Phase]) -> list[float]:
    """Return the durations in seconds to 0.01, as differences of rounded offsets: they sum to the rounded total."""
    offsets = [0]
    exact = 0
    for phase in phases:
        exact += phase.duration_ns
        offsets.append(round(exact * 100 / SECOND_NS))
    return [(end - begin) / 100 for begin, end in pairwise(offsets)]


def out_of_bound(phase: Phase) -> bool:
    """Return whether a phase was certainly shorter or longer than the settings imply."""
    if phase.bound_s is None:
        return False
    low, high = phase.bound_s
    return phase.longest_ns < low * SECOND_NS or phase.shortest_ns > high * SECOND_NS


def name_of(phase: str) -> Sentence:
    """Return the name of a phase; a phase of two names, joined by a plus, has both."""
    first, *rest = phase.split("+")
    name = say(f"phase.{first}.name")
    for other in rest:
        name = say("phase_table.plus", left=name, right=say(f"phase.{other}.name"))
    return name


def phases_tables(incidents: Sequence[IncidentResults], explained: Collection[str] = ()) -> Blocks:
    """Return the phases of incidents that have any, at most six incidents in a table.

    The bounds of phases in `explained` stand without their formula.
    """
    measured = [incident for incident in incidents if outage_phases(incident)]
    parts = [measured[i : i + SIDE_BY_SIDE] for i in range(0, len(measured), SIDE_BY_SIDE)]
    return tuple(block for part in parts for block in _table(part, explained))


def _table(incidents: Sequence[IncidentResults], explained: Collection[str]) -> Blocks:
    columns: tuple[Inline, ...] = (
        say("phase_table.phase"),
        *(say("phase_table.incident", id=incident.id) for incident in incidents),
        say("phase_table.bound"),
    )
    names: list[str] = []
    for incident in incidents:
        names += [phase.name for phase in incident.phases if phase.name not in (*names, *AFTER_OUTAGE)]
    prefaces = [name for name in names if all(name == CAUSES[i.cause].preface for i in incidents)]
    titles = {name: say("phase_table.before", phase=name_of(name)) for name in prefaces}
    titles |= {name: name_of(name) for name in names if name not in prefaces}
    rows = [
        (title, *(_measured(name, i) for i in incidents), _bound(name, incidents, name not in explained))
        for name, title in titles.items()
    ]
    totals = [Value(sum(round(s * 100) for s in rounded(outage_phases(i))) / 100, "hundredths") for i in incidents]
    rows.append((say("phase_table.sum"), *totals, None))
    return table(columns, rows)


def _bound(name: str, incidents: Sequence[IncidentResults], explain: bool) -> Cell:
    bounds = [p.bound_s for i in incidents for p in i.phases if p.name == name and p.bound_s is not None]
    if not bounds:
        return None
    formula = formula_of(name) if explain else None
    key = "phase_table.range" if formula is None else "phase_table.range_of"
    return say(key, low=min(low for low, _ in bounds), high=max(high for _, high in bounds), formula=formula)


def _measured(name: str, incident: IncidentResults) -> Cell:
    own = outage_phases(incident)
    values = dict(zip((phase.name for phase in own), rounded(own), strict=True))
    phase = next((phase for phase in incident.phases if phase.name == name), None)
    if phase is None:
        return None
    value = values.get(name, seconds(phase.duration_ns))
    return say("phase_table.outside", seconds=value) if out_of_bound(phase) else Value(value, "hundredths")


def formula_of(phase: str) -> Sentence | None:
    """Return the settings that bound a phase, as the analysis sums them; None if no single formula does."""
    if phase not in FORMS:
        return None
    low, high = FORMS[phase]
    return say("phase_table.formula", low=_sum(low), high=_sum(high))


def _sum(form: Form) -> Inline:
    total: Inline | None = None
    for name, times in form.items():
        term: Inline = say("phase_table.seconds", n=abs(times)) if name == SECOND else Value(name)
        if total is None:
            total = term
        else:
            total = say("phase_table.minus" if times < 0 else "phase_table.plus", left=total, right=term)
    return Value(0) if total is None else total
