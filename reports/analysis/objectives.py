"""Objectives: whether the recordings meet the limits that a user set, and why that is not known."""

from collections.abc import Mapping
from typing import Any, get_args

from observer.model.findings import Cost
from observer.model.recording import Action
from reports.analysis.results.whole import Objective, Results

# So long without writes, a failover may pass that has none to lose: whether it would lose any is not known.
UNWRITTEN_NS = 60_000_000_000
Unknown = tuple[str, Mapping[str, Any]]


def objectives(results: Results, limits: Mapping[str, float | None]) -> tuple[Objective, ...]:
    """Return a verdict for each limit that is set: write_outage_s, read_outage_s, lost_writes.

    What was not observed is UNKNOWN, with the phrase that says why.
    """
    actions: tuple[Action, ...] = get_args(Action)
    given = [(action, limit_s) for action in actions if (limit_s := limits.get(f"{action}_outage_s")) is not None]
    found = [_outage(results, action, limit_s) for action, limit_s in given]
    limit = limits.get("lost_writes")
    return tuple(found) if limit is None else (*found, _lost(results, limit))


def breaks(objective: Objective, cost: Cost | None, lost_writes: int | None) -> bool:
    """Return whether one incident alone is more than an objective allows."""
    if cost is None:
        return (lost_writes or 0) > objective.limit
    return any(outage.duration_ns > objective.limit * 1e9 for outage in cost.outages)


def _outage(results: Results, action: Action, limit_s: float) -> Objective:
    name, costs = f"{action}_outage_s", _costs(results, action)
    measured = max((outage.duration_ns for cost in costs for outage in cost.outages), default=0) / 1e9
    if measured > limit_s:
        return Objective(name, limit_s, measured, "BROKEN")
    unseen = _unseen(results, action, limit_s)
    if unseen is not None:
        return Objective(name, limit_s, None, "UNKNOWN", *unseen)
    if any(cost.open for cost in costs):
        return Objective(name, limit_s, measured, "UNKNOWN", "unmeasured.open")
    return Objective(name, limit_s, measured, "HOLDS")


def _lost(results: Results, limit: float) -> Objective:
    lost, unaudited = results.durability.lost, results.durability.unaudited
    measured = lost if lost or not unaudited else None
    if lost is not None and lost > limit:
        return Objective("lost_writes", limit, measured, "BROKEN")
    if lost is None or unaudited:
        return Objective("lost_writes", limit, measured, "UNKNOWN", "unmeasured.unaudited", {"n": unaudited})
    unseen = _unobserved(results, "write", UNWRITTEN_NS)
    if unseen is not None:
        return Objective("lost_writes", limit, measured, "UNKNOWN", *unseen)
    return Objective("lost_writes", limit, measured, "HOLDS")


def _costs(results: Results, action: Action) -> list[Cost]:
    return [incident.write if action == "write" else incident.read for incident in results.incidents]


def _unseen(results: Results, action: Action, limit_s: float) -> Unknown | None:
    """Return why an outage longer than the limit may have gone unseen; None: none did."""
    for recording in results.recordings:
        # A recording that had no acknowledged operation at all saw no outage begin, and proves nothing.
        if not any(total.action == action and total.ok for total in recording.totals):
            return "unmeasured.no_operation", {"recording": recording.id, "action": action}
    if any(cost.outage_ns is None for cost in _costs(results, action)):
        return "unmeasured.partly", {"action": action}
    return _unobserved(results, action, round(limit_s * 1e9))


def _unobserved(results: Results, action: Action, limit_ns: int) -> Unknown | None:
    """Return the first stretch longer than the limit in which what the application would have met is not known."""
    for recording in results.recordings:
        for stretch in recording.not_observed:
            if stretch.action == action and stretch.to_ns - stretch.from_ns > limit_ns:
                span = {"from_s": stretch.from_ns / 1e9, "to_s": stretch.to_ns / 1e9}
                return "unmeasured.stretch", {"recording": recording.id, "action": action, **span}
    return None
