"""Compare the facts of a report with [objectives]: sentences, JUnit XML, exit code. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

from observer.config.settings import Objectives
from observer.model.errors import ConfigError
from observer.model.findings import Verdict
from reports.facts.incident_shape import CostFact
from reports.facts.shape import Facts, ObjectiveFact

NO_WRITES_S = 60.0
"""A failover may pass unseen in such a time without writes: whether it would have lost any is unknown."""


@dataclass(frozen=True, slots=True)
class Result:
    """The result for one objective. `measured` is None if the value was not observed."""

    name: str
    limit: float
    verdict: Verdict
    sentence: str
    measured: float | None


def must_be_set(limits: Objectives) -> None:
    """Raise ConfigError if no objective is set."""
    if not limits.model_dump(exclude_none=True):
        names = ", ".join(Objectives.model_fields)
        raise ConfigError(f"objectives is empty; set at least one of {names} in [objectives] for --check.")


def results(facts: Facts, limits: Objectives) -> list[Result]:
    """Return one result for each objective that is set. The verdict is UNKNOWN if the value was not observed."""
    found: list[Result] = []
    if limits.write_outage_s is not None:
        found.append(_outage(facts, "write", limits.write_outage_s))
    if limits.read_outage_s is not None:
        found.append(_outage(facts, "read", limits.read_outage_s))
    if limits.lost_writes is not None:
        found.append(_lost(facts, limits.lost_writes))
    return found


def as_facts(facts: Facts, limits: Objectives) -> list[ObjectiveFact]:
    """Return the results as the documents show them."""
    return [
        {"name": one.name, "limit": float(one.limit), "measured": one.measured, "verdict": one.verdict}
        for one in results(facts, limits)
    ]


def exit_code(found: Sequence[Result]) -> int:
    """Return 1 if an objective was missed, else 2 if one is unknown, else 0."""
    verdicts = {one.verdict for one in found}
    return 1 if "BROKEN" in verdicts else 2 if "UNKNOWN" in verdicts else 0


def junit(found: Sequence[Result]) -> str:
    """Return the results as JUnit XML for CI systems: BROKEN is a failure, UNKNOWN an error."""
    root = ElementTree.Element("testsuites")
    counts = {verdict: str(sum(one.verdict == verdict for one in found)) for verdict in ("BROKEN", "UNKNOWN")}
    suite = ElementTree.SubElement(
        root,
        "testsuite",
        {"name": "observer", "tests": str(len(found)), "failures": counts["BROKEN"], "errors": counts["UNKNOWN"]},
    )
    for one in found:
        case = ElementTree.SubElement(suite, "testcase", {"classname": "observer.objectives", "name": one.name})
        if one.verdict == "HOLDS":
            ElementTree.SubElement(case, "system-out").text = one.sentence
        else:
            kind = "failure" if one.verdict == "BROKEN" else "error"
            ElementTree.SubElement(case, kind, {"message": one.sentence, "type": one.verdict})
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'


def _outage(facts: Facts, action: str, limit_s: float) -> Result:
    costs = [incident["write" if action == "write" else "read"] for incident in facts["incidents"]]
    longest_s = max((outage["seconds"] for cost in costs for outage in cost["outages"]), default=0.0)
    gap = _gap(facts, costs, action, limit_s)
    measured = longest_s if longest_s > limit_s or gap is None else None
    if gap is None and any(cost["open"] for cost in costs):
        gap = "an outage had not ended when the recording did"

    def result(verdict: Verdict, why: str) -> Result:
        name = f"{action}_outage_s"
        return Result(name, limit_s, verdict, f"{name}: {verdict}, {why}.", measured)

    if longest_s > limit_s:
        return result("BROKEN", f"{longest_s:.3f} s is more than {limit_s:g} s")
    if gap is not None:
        return result("UNKNOWN", f"{gap} (the limit is {limit_s:g} s)")
    return result("HOLDS", f"{longest_s:.3f} s is at most {limit_s:g} s")


def _gap(facts: Facts, costs: Sequence[CostFact], action: str, limit_s: float) -> str | None:
    """Return why an outage longer than the limit may have been missed, or None if the observation has no such gap."""
    for recording in facts["recordings"]:
        # An outage begins with an acknowledged operation: a recording without any cannot show one.
        if not any(total["action"] == action and total["ok"] for total in recording["totals"]):
            return f"recording {recording['id']} has no acknowledged {action}"
    if any(cost["outage_s"] is None for cost in costs):
        return "not all of it was observed"
    return _unobserved(facts, action, limit_s)


def _unobserved(facts: Facts, action: str, limit_s: float) -> str | None:
    """Return the first period longer than the limit in which the action was not observed."""
    for recording in facts["recordings"]:
        for period in recording["unobserved"]:
            if period["action"] == action and period["to_s"] - period["from_s"] > limit_s:
                span = f"{period['from_s']:.1f} to {period['to_s']:.1f} s"
                return f"{action}s were not observed from {span} of recording {recording['id']}"
    return None


def _lost(facts: Facts, limit: int) -> Result:
    lost, unaudited = facts["durability"]["lost"], facts["durability"]["unaudited"]

    def result(verdict: Verdict, why: str) -> Result:
        measured = lost if lost or not unaudited else None
        return Result("lost_writes", limit, verdict, f"lost_writes: {verdict}, {why}.", measured)

    if lost is not None and lost > limit:
        return result("BROKEN", f"{lost} is more than {limit}")
    if lost is None or unaudited:
        return result("UNKNOWN", f"{unaudited} acknowledged writes were not read back")
    gap = _unobserved(facts, "write", NO_WRITES_S)
    if gap is not None:
        return result("UNKNOWN", f"{gap}; {lost} of the others were lost")
    return result("HOLDS", f"{lost} is at most {limit}")
