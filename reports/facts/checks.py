"""The report's checks of itself: what does not hold is not stated, and a sentence says why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, cast

from reports.analysis.keys import PHASES
from reports.facts.incident_shape import CostFact, IncidentFact
from reports.facts.shape import Facts, RecordingFact, WarningFact

SLACK_S = 0.002

# What a check that does not hold says, with the facts that its phrase is filled with.
CHECKS: Mapping[str, tuple[str, ...]] = {
    "check.failures": ("recording", "action", "failed", "told"),
    "check.phases_sum": ("incident", "sum_s", "outage_s"),
    "check.phase_window": ("incident", "phase"),
    "check.outage_backwards": ("incident", "action"),
    "check.outage_rows": ("incident", "action"),
    "check.moments": ("incident", "row", "one_s", "other_s"),
    "check.cause_rows": ("incident", "cause"),
    "check.timeline_falls": ("incident", "before", "after"),
    "check.timeline_stayed": ("incident", "before"),
    "check.leaders_order": ("recording",),
    "check.incident_order": ("incident", "other"),
    "check.nobody": ("recording", "member"),
}
UNKNOWN: Mapping[str, Any] = {"cause": "unknown", "target": None, "targets": [], "confidence": "low", "rejected": []}


@dataclass(frozen=True, slots=True)
class Failed:
    """A check that does not hold, and what takes the place of what it forbids to state in its incident or recording."""

    key: str
    facts: Mapping[str, Any]
    instead: Mapping[str, Any] = field(default_factory=dict)


def checked(document: Facts) -> Facts:
    """The document without what does not hold, and with a warning for each check that failed."""
    told: list[Failed] = []

    def held(own: dict[str, Any], failed: list[Failed]) -> dict[str, Any]:
        told.extend(failed)
        return {**own, **{name: value for one in failed for name, value in one.instead.items()}}

    recordings = [held(dict(r), [*_of_totals(document, r), *_of_leaders(r)]) for r in document["recordings"]]
    incidents = [held(dict(i), list(_of_incident(i))) for i in document["incidents"]]
    told += _of_order(document)
    return {
        **document,
        "recordings": cast(list[RecordingFact], recordings),
        "incidents": cast(list[IncidentFact], incidents),
        "warnings": [_warning(failed) for failed in told],
    }


def _warning(failed: Failed) -> WarningFact:
    return {"key": failed.key, "facts": dict(failed.facts)}


def _of_totals(document: Facts, recording: RecordingFact) -> Iterator[Failed]:
    """Every failure belongs to an incident. Where not, the table of totals says so."""
    own = [i for i in document["incidents"] if i["recording"] == recording["id"]]
    for totals in recording["totals"]:
        costs = [i["write"] if totals["action"] == "write" else i["read"] for i in own]
        told, failed = sum(cost["failed"] + cost["unknown"] for cost in costs), totals["failed"] + totals["unknown"]
        if told != failed:
            facts = {"recording": recording["id"], "action": totals["action"], "failed": failed, "told": told}
            yield Failed("check.failures", facts)


def _of_incident(incident: IncidentFact) -> Iterator[Failed]:
    one = {"incident": incident["id"]}
    yield from _of_phases(incident)
    for action in ("write", "read"):
        cost = incident["write" if action == "write" else "read"]
        # Phases that take such an outage apart do not hold either.
        instead: dict[str, Any] = {action: _unknown(cost)} | ({"phases": []} if action == "write" else {})
        for outage in cost["outages"]:
            if outage["ended_s"] < outage["began_s"]:
                yield Failed("check.outage_backwards", {**one, "action": action}, instead)
            elif abs(outage["ended_s"] - outage["began_s"] - outage["seconds"]) > SLACK_S:
                yield Failed("check.outage_rows", {**one, "action": action}, instead)
    if incident["cause"] not in ("unknown", "observer.blind") and not any(e["ids"] for e in incident["evidence"]):
        yield Failed("check.cause_rows", {**one, "cause": incident["cause"]}, UNKNOWN)
    yield from _of_moments(incident)
    leader = incident["leader"]
    before, after = leader["timeline_before"], leader["timeline_after"]
    if before is None or after is None:
        return
    untold = {"leader": {**leader, "timeline_before": None, "timeline_after": None}}
    if after < before and incident["cause"] != "leader.taken_back":  # there the old history is what came back
        yield Failed("check.timeline_falls", {**one, "before": before, "after": after}, untold)
    elif leader["before"] != leader["after"] and after == before:
        yield Failed("check.timeline_stayed", {**one, "before": before}, untold)


def _of_moments(incident: IncidentFact) -> Iterator[Failed]:
    """A row of events that is quoted twice in an incident has the same moment both times."""
    proofs = (*incident["evidence"], *(e for phase in incident["phases"] for e in phase["evidence"]))
    quoted = [
        *(
            (e["ids"][0], e["facts"]["at_s"])
            for e in proofs
            if e["table"] == "events" and _has_moment(e["facts"], e["ids"])
        ),
        *((told["event_id"], told["at_s"]) for told in incident["told"]),
        *((line["event_id"], line["at_s"]) for line in incident["testimony"]["lines"]),
        *((ended["event_id"], ended["at_s"]) for ended in incident["testimony"]["ended"]),
    ]
    moments: dict[int, float] = {}
    for row, at_s in quoted:
        if row is not None and abs(moments.setdefault(row, at_s) - at_s) > SLACK_S:
            facts = {"incident": incident["id"], "row": row, "one_s": moments[row], "other_s": at_s}
            yield Failed("check.moments", facts)


def _has_moment(facts: Mapping[str, Any], ids: Sequence[int]) -> bool:
    return len(ids) == 1 and facts.get("at_s") is not None


def _of_phases(incident: IncidentFact) -> Iterator[Failed]:
    one, outage_s = {"incident": incident["id"]}, incident["write"]["outage_s"]
    counted = [p for p in incident["phases"] if all(PHASES.get(name, False) for name in p["name"].split("+"))]
    sum_s = sum(phase["seconds"] for phase in counted)
    if counted and outage_s is not None and abs(sum_s - outage_s) > SLACK_S:
        yield Failed("check.phases_sum", {**one, "sum_s": sum_s, "outage_s": outage_s}, {"phases": []})
    for phase in incident["phases"]:
        if not phase["shortest_s"] - SLACK_S <= phase["seconds"] <= phase["longest_s"] + SLACK_S:
            yield Failed("check.phase_window", {**one, "phase": phase["name"]}, {"phases": []})


def _unknown(cost: CostFact) -> dict[str, Any]:
    """What an action cost, without how long it did not get through."""
    return {**cost, "outage_s": None, "stable_s": None, "open": False, "outages": []}


def _of_leaders(recording: RecordingFact) -> Iterator[Failed]:
    """Leaderships are in the order of time, and everyone they name is known."""
    spells = recording["leaderships"]
    if any(other["from_s"] < one["from_s"] for one, other in pairwise(spells)):
        yield Failed("check.leaders_order", {"recording": recording["id"]}, {"leaderships": []})
    known = {part["name"] for part in recording["parts"]} | {span["subject"] for span in recording["roles"]}
    for name in sorted({spell["member"] for spell in spells} - known) if known else ():
        yield Failed("check.nobody", {"recording": recording["id"], "member": name})


def _of_order(document: Facts) -> Iterator[Failed]:
    """The text follows the run."""
    for one, other in pairwise(document["incidents"]):
        if one["recording"] == other["recording"] and other["began_s"] < one["began_s"]:
            yield Failed("check.incident_order", {"incident": other["id"], "other": one["id"]})
