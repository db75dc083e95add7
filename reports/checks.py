"""The report's checks of itself: what should add up and does not becomes a warning, one sentence each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from reports.analysis.keys import PHASES
from reports.facts import Facts, IncidentFact

SLACK_S = 0.002


def warnings_of(document: Facts) -> list[str]:
    """Every check that does not hold. Empty: the document agrees with itself."""
    return [
        *_of_totals(document),
        *(text for i in document["incidents"] for text in _of_incident(i)),
        *_of_leaders(document),
        *_of_order(document),
    ]


def _of_totals(document: Facts) -> Iterator[str]:
    """Every failure belongs to an incident."""
    for recording in document["recordings"]:
        own = [i for i in document["incidents"] if i["recording"] == recording["id"]]
        for totals in recording["totals"]:
            costs = [i["write"] if totals["action"] == "write" else i["read"] for i in own]
            told = sum(cost["failed"] + cost["unknown"] for cost in costs)
            if told != totals["failed"] + totals["unknown"]:
                failed = totals["failed"] + totals["unknown"]
                yield (
                    f"Recording {recording['id']}: of {failed} {totals['action']}s that were not acknowledged, {told}"
                    " belong to incidents."
                )


def _of_incident(incident: IncidentFact) -> Iterator[str]:
    number, outage_s = incident["id"], incident["write"]["outage_s"]
    counted = [p for p in incident["phases"] if all(PHASES.get(name, False) for name in p["name"].split("+"))]
    sum_s = sum(phase["seconds"] for phase in counted)
    if counted and outage_s is not None and abs(sum_s - outage_s) > SLACK_S:
        yield f"Incident {number}: its phases sum to {sum_s:.3f} s, its outage is {outage_s:.3f} s."
    for phase in incident["phases"]:
        if not phase["shortest_s"] - SLACK_S <= phase["seconds"] <= phase["longest_s"] + SLACK_S:
            yield f"Incident {number}: the phase {phase['name']} does not lie within its own window."
    for cost in (incident["write"], incident["read"]):
        for outage in cost["outages"]:
            if outage["ended_s"] < outage["began_s"]:
                yield f"Incident {number}: an outage ends before it begins."
            if abs(outage["ended_s"] - outage["began_s"] - outage["seconds"]) > SLACK_S:
                yield f"Incident {number}: an outage is not as long as the time between the rows quoted for it."
    if incident["cause"] not in ("unknown", "observer.blind") and not any(e["ids"] for e in incident["evidence"]):
        yield f"Incident {number}: its cause, {incident['cause']}, has no row to show for it."


def _of_leaders(document: Facts) -> Iterator[str]:
    """A timeline never falls, and rises by one at a promotion."""
    for incident in document["incidents"]:
        leader = incident["leader"]
        before, after = leader["timeline_before"], leader["timeline_after"]
        if before is None or after is None:
            continue
        if after < before:
            yield f"Incident {incident['id']}: the timeline falls from {before} to {after}."
        elif leader["before"] != leader["after"] and after == before:
            yield f"Incident {incident['id']}: the leader changed and the timeline stayed {before}."
    for recording in document["recordings"]:
        spells = recording["leaderships"]
        for one, other in pairwise(spells):
            if other["from_s"] < one["from_s"]:
                yield f"Recording {recording['id']}: leaderships are not in the order of time."


def _of_order(document: Facts) -> Iterator[str]:
    """The text follows the run, and everyone it names is known."""
    for one, other in pairwise(document["incidents"]):
        if one["recording"] == other["recording"] and other["began_s"] < one["began_s"]:
            yield f"Incident {other['id']} stands after incident {one['id']} and began before it."
    for recording in document["recordings"]:
        known = {part["name"] for part in recording["parts"]} | {span["subject"] for span in recording["roles"]}
        named = {spell["member"] for spell in recording["leaderships"]}
        if known:
            yield from (f"Recording {recording['id']}: nothing is known of {name}." for name in sorted(named - known))
