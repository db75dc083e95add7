"""Print the verdicts on [objectives]: sentences, JUnit XML, exit code."""

from collections.abc import Sequence
from xml.etree import ElementTree

from observer.config.settings import Objectives
from observer.model.errors import ConfigError
from reports.analysis.results.whole import Objective
from reports.render.language import language


def must_be_set(limits: Objectives) -> None:
    """Raise ConfigError if no objective is set."""
    if not limits.model_dump(exclude_none=True):
        names = ", ".join(Objectives.model_fields)
        raise ConfigError(f"objectives is empty; set at least one of {names} in [objectives] for --check.")


def sentence(one: Objective) -> str:
    """Return a verdict in one English sentence, for a terminal and for CI systems."""
    if one.verdict == "UNKNOWN":
        why = language("en").plain().say(one.reason or "unmeasured.partly", **one.facts)
        return f"{one.name}: UNKNOWN, {why} (the limit is {one.limit:g})."
    relation = "more than" if one.verdict == "BROKEN" else "at most"
    measured = f"{one.measured or 0:.3f}".rstrip("0").rstrip(".")
    return f"{one.name}: {one.verdict}, {measured} is {relation} {one.limit:g}."


def exit_code(found: Sequence[Objective]) -> int:
    """Return 1 if an objective was missed, else 2 if one is unknown, else 0."""
    verdicts = {one.verdict for one in found}
    return 1 if "BROKEN" in verdicts else 2 if "UNKNOWN" in verdicts else 0


def junit(found: Sequence[Objective]) -> str:
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
            ElementTree.SubElement(case, "system-out").text = sentence(one)
        else:
            kind = "failure" if one.verdict == "BROKEN" else "error"
            ElementTree.SubElement(case, kind, {"message": sentence(one), "type": one.verdict})
    ElementTree.indent(root)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(root, encoding="unicode")}\n'
