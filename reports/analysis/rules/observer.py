"""The cause that lies with the observer: it did not run."""

from __future__ import annotations

from reports.analysis.incident_context import IncidentContext, shows
from reports.analysis.rule import RuleResult, found


def observer_blind(context: IncidentContext) -> RuleResult:
    """Find a time in which the observer itself did not run, and nothing of the cluster changed."""
    slept = context.first("observer.slept")
    if slept is None:
        return None
    seconds = (slept.detail.get("for_ms") or 0) / 1000
    return found("observer.blind", (), "medium", shows("evidence.observer_slept", slept, seconds=seconds))
