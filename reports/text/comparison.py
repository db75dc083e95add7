"""The faults of a run beside each other: how often, how long, which were not tried. Facts in, Markdown out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from reports.render.escaping import table
from reports.render.language import Language
from reports.text.answering import link
from reports.text.cells import number
from reports.text.narrative import own_outage_s
from reports.text.old_answers import all_etcd_gone, untested
from reports.text.old_facts import CostFact, Facts, IncidentFact

SPREAD = 3
"""From so many repeats on there is a middle to speak of."""

LEADERS = ("leader.stopped", "leader.killed", "leader.frozen")

AT_LEAST = "≥\u00a0"


def comparison(facts: Facts, language: Language) -> str:
    """A row for each fault: the least, the middle and the longest outage of writes; a middle of three or more.

    One that was not over has no length yet: it counts for neither least nor middle, and the longest is at least that.
    """
    kinds: dict[str, list[IncidentFact]] = {}
    for incident in facts["incidents"]:
        kinds.setdefault(kind(incident, facts, language), []).append(incident)
    rows = []
    for name, own in kinds.items():
        writes, reads = ([i["write"] for i in own], [i["read"] for i in own])
        over = [s for cost in writes if (s := own_outage_s(cost)) is not None and not cost["open"]]
        lost = [i["lost_writes"] for i in own]
        rows.append(
            (
                name,
                language.say("comparison.one") if len(own) == 1 else number(len(own), language, 0),
                number(min(over, default=None), language),
                number(median(over) if over and len(own) >= SPREAD else None, language),
                *(cell for costs in (writes, reads) for cell in (_longest(costs, language), _fresh(costs, language))),
                _lost(lost, language),
                ", ".join(link(incident, language) for incident in own[:12]),
            )
        )
    return table(language.columns("comparison.columns"), rows)


def kind(incident: IncidentFact, facts: Facts, language: Language) -> str:
    """What broke, told apart where the cause alone does not: how much of etcd went, and whether that led it."""
    if incident["cause"] == "unknown":
        return language.say("comparison.unknown")
    name = language.say(f"cause.{incident['cause']}.name")
    recording = next(r for r in facts["recordings"] if r["id"] == incident["recording"])
    seen = incident["led_etcd"] or recording["etcd_leader"] is not None  # that nobody was elected is no proof alone
    if incident["cause"] == "etcd.member_down" and incident["led_etcd"] is not None and seen:
        return language.say(f"comparison.etcd_{'leader' if incident['led_etcd'] else 'follower'}", name=name)
    if incident["cause"] in ("etcd.quorum_lost", "failsafe"):
        known = len({part["name"] for part in recording["parts"] if part["kind"] == "etcd"})
        gone = known if all_etcd_gone(incident, facts) else min(len(incident["targets"]), known - 1)
        return language.say("comparison.etcd_gone", name=name, gone=gone, of=known) if gone > 0 else name
    return name


def _longest(costs: Sequence[CostFact], language: Language) -> str:
    return _longest_of([(own_outage_s(cost), cost["open"]) for cost in costs], language)


def _longest_of(outages: Sequence[tuple[float | None, bool]], language: Language) -> str:
    """The longest of those that are known; at least that where one was not over."""
    known = [(seconds, is_open) for seconds, is_open in outages if seconds is not None]
    if not known:
        return ""
    longest = number(max(seconds for seconds, _ in known), language)
    return AT_LEAST + longest if any(is_open for _, is_open in known) else longest


def _fresh(costs: Sequence[CostFact], language: Language) -> str:
    own = [(cost["fresh_outage_s"] if own_outage_s(cost) is not None else None, cost["fresh_open"]) for cost in costs]
    return _longest_of(own, language)


def _lost(counts: Sequence[int | None], language: Language) -> str:
    """What is known to be lost; where some was not read back, at least that, and nothing is no number."""
    known = sum(count for count in counts if count is not None)
    if None in counts:
        return AT_LEAST + number(known, language, 0) if known else ""
    return number(known, language, 0)


def leaders(facts: Facts, language: Language) -> str:
    """How faults of the leader differ; empty where fewer than two of them were tried."""
    tried = {incident["cause"] for incident in facts["incidents"]} & set(LEADERS)
    return language.say("comparison.leader") if len(tried) > 1 else ""


def missing_faults(facts: Facts, language: Language) -> str:
    """Which of the faults that the homework asks about nobody tried, with the command for each; empty where all were.

    etcd's own leader, where nobody knows who that is, takes more than one command: the answers give them.
    """
    items = [
        language.say(
            "answers.variant",
            what=language.phrases[f"fault.{answer['question']}"],
            command=answer["commands"][:-1],  # without the mend
        )
        for answer in facts["answers"]
        if not answer["incidents"]
    ]
    items += [
        language.say("answers.variant", what=language.phrases[f"variant.{name}"], command=command)
        for name, command in untested(facts)
    ]
    return language.say("comparison.missing", list="; ".join(items)) if items else ""
