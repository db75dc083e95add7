"""The objectives: what was asked for, what was measured, and which incidents miss it."""

from reports.analysis.objectives import breaks
from reports.analysis.results.whole import IncidentResults, Objective, Results
from reports.document.blocks import Profile, Section, Value
from reports.document.build import numbers, say, table


def objectives(results: Results, profile: Profile) -> Section | None:
    """Return a row for each objective that is set."""
    rows = [
        (
            say(f"objective.{one.name}"),
            Value(one.measured),
            Value(one.limit),
            say(f"objective.{one.verdict}")
            if one.reason is None
            else say("objective.UNKNOWN_why", why=say(one.reason, **one.facts)),
            numbers(i.id for i in results.incidents if _breaks(one, i)) or None,
        )
        for one in results.objectives
    ]
    return Section("objectives", say("objective.title"), table("objective.columns", rows)) if rows else None


def _breaks(objective: Objective, incident: IncidentResults) -> bool:
    if objective.name == "lost_writes":
        return breaks(objective, None, incident.lost_writes)
    return breaks(objective, incident.write if objective.name.startswith("write") else incident.read, None)
