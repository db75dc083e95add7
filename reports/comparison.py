"""The faults of a run beside each other: how often, how long, which were not tried. Facts in, Markdown out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from reports.answering import link
from reports.cells import number
from reports.facts import CostFact, Facts, IncidentFact
from reports.language import Language
from reports.markdown import table
from reports.narrative import parts, phase_words
from reports.resilience import advice_key

AT_LEAST = "≥\u00a0"


def comparison(facts: Facts, language: Language) -> str:
    """A row for each cause: the least, the middle and the longest outage of writes.

    One that was not over has no length yet: it counts for neither least nor middle, and the longest is at least that.
    """
    causes: dict[str, list[IncidentFact]] = {}
    for incident in facts["incidents"]:
        causes.setdefault(incident["cause"], []).append(incident)
    rows = []
    for cause, own in causes.items():
        writes, reads = ([i["write"] for i in own], [i["read"] for i in own])
        over = [cost["outage_s"] for cost in writes if cost["outage_s"] is not None and not cost["open"]]
        lost = [i["lost_writes"] for i in own]
        rows.append(
            (
                language.say(f"cause.{cause}.name"),
                number(len(own), language, 0),
                *(number(of(over) if over else None, language) for of in (min, median)),
                *(_longest(costs, language) for costs in (writes, reads)),
                _longest_of([(i["read"]["fresh_outage_s"], i["read"]["fresh_open"]) for i in own], language),
                _lost(lost, language),
                ", ".join(link(incident, language) for incident in own[:12]),
            )
        )
    return table(language.columns("comparison.columns"), rows)


def _longest(costs: Sequence[CostFact], language: Language) -> str:
    return _longest_of([(cost["outage_s"], cost["open"]) for cost in costs], language)


def _longest_of(outages: Sequence[tuple[float | None, bool]], language: Language) -> str:
    """The longest of those that are known; at least that where one was not over."""
    known = [(seconds, is_open) for seconds, is_open in outages if seconds is not None]
    if not known:
        return ""
    longest = number(max(seconds for seconds, _ in known), language)
    return AT_LEAST + longest if any(is_open for _, is_open in known) else longest


def _lost(counts: Sequence[int | None], language: Language) -> str:
    """What is known to be lost; where some was not read back, at least that, and nothing is no number."""
    known = sum(count for count in counts if count is not None)
    if None in counts:
        return AT_LEAST + number(known, language, 0) if known else ""
    return number(known, language, 0)


def missing_leader_faults(facts: Facts, language: Language) -> str:
    """Which of the three ways to lose a leader nobody tried, with the command for each; empty where all were."""
    names = {"leader_stopped": "leader.stopped", "leader_killed": "leader.killed", "leader_frozen": "leader.frozen"}
    items = []
    for answer in facts["answers"]:
        if answer["question"] in names and not answer["incidents"]:
            name = language.say(f"cause.{names[answer['question']]}.name")
            items.append(f"{name} ({language.written(answer['commands'][:1], 'code')})")
    return language.say("comparison.leader_missing", list=", ".join(items)) if items else ""


def dominated(facts: Facts, language: Language) -> list[str]:
    """The phase that outages of writes spend most in, and what to change about it."""
    seconds: dict[str, float] = {}
    for incident in facts["incidents"]:
        for part in parts(incident):
            if part.inside:
                seconds[part.phase["name"]] = seconds.get(part.phase["name"], 0.0) + part.phase["seconds"]
    total = sum(seconds.values())
    if not total:
        return []
    name = max(seconds, key=lambda phase: (seconds[phase], phase))
    said = language.say(
        "objectives.dominated", name=phase_words(name, "name", language), seconds=seconds[name], total=total
    )
    return [said, language.say("objectives.advice", advice=language.phrases[advice_key(name)])]


def objectives(facts: Facts, language: Language) -> str:
    """The objectives with what was measured and the verdict."""
    rows = [
        (
            language.say(f"objectives.{held['name']}"),
            number(held["measured"], language),
            number(held["limit"], language),
            language.say(f"verdict.{held['verdict']}"),
        )
        for held in facts["objectives"]
    ]
    return table(language.columns("objectives.columns"), rows)
