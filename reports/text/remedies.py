"""Objectives: what breaks them, and for each fault what to change, with what the change gives. Facts in, Markdown out.

What a change gives is computed by the formulas of the bounds (analysis/theory.py), never measured. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping

from reports.analysis.theory import bound, effective
from reports.render.escaping import table
from reports.render.language import Language
from reports.text.answering import link
from reports.text.cells import between, number
from reports.text.comparison import kind
from reports.text.narrative import Part, crowded, parts, phase_words, sentence_case
from reports.text.old_facts import Facts, IncidentFact, ObjectiveFact, RecordingFact

QUICKER: Mapping[str, int] = {"ttl": 20, "loop_wait": 5, "retry_timeout": 5}
"""The least ttl that Patroni takes, with a pair that fits: loop_wait + 2 x retry_timeout is at most ttl."""

INTER_MS = 1000
ADVICE = ("detection", "routing", "election", "quorumless", "absence")
PROXY = ("proxy.down", "proxy.frozen")


def objectives(facts: Facts, language: Language) -> str:
    """The objectives with what was measured, the verdict, and the incidents that break them; new connections beside."""
    rows: list[tuple[str, ...]] = []
    for held in facts["objectives"]:
        digits = 0 if held["name"] == "lost_writes" else 1
        rows.append(
            (
                language.say(f"objectives.{held['name']}"),
                number(held["measured"], language, digits),
                number(held["limit"], language, digits),
                language.say(f"verdict.{held['verdict']}"),
                _links([i for i in facts["incidents"] if _breaks(i, held)], language),
            )
        )
        if held["name"] != "lost_writes":
            rows.append(_on_new_connections(held, facts, language))
    return table(language.columns("objectives.columns"), rows)


def _breaks(incident: IncidentFact, held: ObjectiveFact) -> bool:
    """Whether an incident alone is more than an objective allows."""
    if held["name"] == "lost_writes":
        return bool((incident["lost_writes"] or 0) > held["limit"])
    cost = incident["write" if held["name"].startswith("write") else "read"]
    return any(outage["seconds"] > held["limit"] for outage in cost["outages"])


def _on_new_connections(held: ObjectiveFact, facts: Facts, language: Language) -> tuple[str, ...]:
    """What new connections alone met: no objective of its own, held against the same limit."""
    action = "write" if held["name"].startswith("write") else "read"
    costs = [(incident, incident["write" if action == "write" else "read"]) for incident in facts["incidents"]]
    known = [cost["fresh_outage_s"] for _, cost in costs if cost["fresh_outage_s"] is not None]
    over = [incident for incident, cost in costs if (cost["fresh_outage_s"] or 0.0) > held["limit"]]
    verdict = "over" if over else "within" if len(known) == len(costs) else "unknown"
    return (
        language.say(f"objectives.{action}_fresh"),
        number(max(known, default=None), language),
        number(held["limit"], language),
        language.say(f"objectives.{verdict}"),
        _links(over, language),
    )


def _links(incidents: list[IncidentFact], language: Language) -> str:
    return ", ".join(link(incident, language) for incident in incidents)


def dominated(facts: Facts, language: Language) -> str:
    """The phase that outages of writes spent most in; empty where they have none."""
    seconds: dict[str, float] = {}
    for incident in facts["incidents"]:
        for part in parts(incident):
            if part.inside:
                seconds[part.phase["name"]] = seconds.get(part.phase["name"], 0.0) + part.phase["seconds"]
    total = sum(seconds.values())
    if not total:
        return ""
    name = max(seconds, key=lambda phase: (seconds[phase], phase))
    words = phase_words(name, "name", language)
    return language.say("objectives.dominated", name=words, seconds=seconds[name], total=total)


def remedies(facts: Facts, language: Language) -> str:
    """A row for each fault that stopped writes: the worst case, what took longest in it, what to change, what it gives.

    Then one for each fault in which new connections alone could not read. Empty where there was neither.
    """
    rows = [*_of_writes(facts, language), *_of_fresh_reads(facts, language)]
    return table(language.columns("objectives.remedies"), rows) if rows else ""


def _of_writes(facts: Facts, language: Language) -> list[tuple[str, ...]]:
    worst: dict[str, IncidentFact] = {}
    for incident in facts["incidents"]:
        if incident["write"]["outage_s"] and any(part.inside for part in parts(incident)):
            name = kind(incident, facts, language)
            if name not in worst or incident["write"]["outage_s"] > (worst[name]["write"]["outage_s"] or 0.0):
                worst[name] = incident
    rows: list[tuple[str, ...]] = []
    for name, incident in worst.items():
        longest = max((part for part in parts(incident) if part.inside), key=lambda part: part.seconds)
        recording = next(r for r in facts["recordings"] if r["id"] == incident["recording"])
        rows.append(
            (
                name,
                f"{number(incident['write']['outage_s'], language)} ({link(incident, language)})",
                f"{phase_words(longest.phase['name'], 'name', language)}, "
                f"{language.written(longest.phase['seconds'], 's')}",
                sentence_case(language.say(_advice(incident, longest))),
                _gives(incident, longest, recording, language),
            )
        )
    return rows


def _of_fresh_reads(facts: Facts, language: Language) -> list[tuple[str, ...]]:
    """Reads on new connections, where they alone were out, or for longer: what is known of these is a full proxy."""
    worst: dict[str, IncidentFact] = {}
    for incident in facts["incidents"]:
        seconds = incident["read"]["fresh_outage_s"]
        if seconds and incident["read"]["fresh_longer"]:
            name = kind(incident, facts, language)
            if name not in worst or seconds > (worst[name]["read"]["fresh_outage_s"] or 0.0):
                worst[name] = incident
    rows: list[tuple[str, ...]] = []
    for name, incident in worst.items():
        seconds = incident["read"]["fresh_outage_s"] or 0.0
        full_s, limit = _full(incident, next(r for r in facts["recordings"] if r["id"] == incident["recording"]))
        known = full_s > seconds / 2
        rows.append(
            (
                language.say("objectives.fresh_reads", name=name),
                f"{number(seconds, language)} ({link(incident, language)})",
                language.say("objectives.full", limit=limit, seconds=full_s) if known else language.written(None),
                sentence_case(language.say("advice.full" if known else "advice.unseen")),
                _without_wait(seconds, full_s, language) if known else "",
            )
        )
    return rows


def _full(incident: IncidentFact, recording: RecordingFact) -> tuple[float, str]:
    """For how many seconds of the outages of reads on new connections the proxy was at its limit, and that limit."""
    seconds, limit = 0.0, ""
    for outage in incident["read"]["fresh_outages"]:
        for crowd in recording["crowds"]:
            both_s = min(outage["ended_s"], crowd["to_s"]) - max(outage["began_s"], crowd["from_s"])
            if both_s > 0:
                seconds, limit = seconds + both_s, crowd["what"].rpartition(" / ")[2]
    return seconds, limit


def _without_wait(outage_s: float, wait_s: float, language: Language, brownout_s: float | None = None) -> str:
    """What is left of an outage without the wait at the proxy's limit; of the numbers as they are printed.

    At best: while the former leader stays in the pool, a try may still be led to it.
    """
    outage, wait = round(outage_s, 2), round(wait_s, 2)
    told = {"seconds": max(0.0, outage - wait), "outage": outage, "wait": wait}
    return language.say("gives.room_brownout" if brownout_s else "gives.room", brownout=brownout_s, **told)


def _advice(incident: IncidentFact, part: Part) -> str:
    """The key of what to change about the phase that took longest."""
    name = part.phase["name"]
    if name == "detection" and part.phase["bound_s"] is None:
        return "advice.other"  # nothing ran out: it was handed over
    if incident["cause"] in PROXY:
        return "advice.proxy"
    if name == "recovery" and crowded(incident, part.phase):
        return "advice.full"
    return next((f"advice.{key}" for key in name.split("+") if key in ADVICE), "advice.other")


def _gives(incident: IncidentFact, part: Part, recording: RecordingFact, language: Language) -> str:
    """What the phase may take with quicker settings, and with those of the recording, by the formulas; and the outage
    then, with this phase at its longest and the others as they were measured.
    """
    name, now = part.phase["name"], part.phase["bound_s"]
    outage_s = incident["write"]["outage_s"] or 0.0
    if incident["cause"] not in PROXY and name == "recovery" and crowded(incident, part.phase):
        return _without_wait(outage_s, part.seconds, language, incident["brownout_s"])
    if now is None:
        return ""
    live = effective(recording["live"], recording["versions"].get("patroni"))
    rise, was_ms = recording["proxy"]["rise"], recording["proxy"]["inter_ms"]
    proxy = {"inter_ms": INTER_MS, "rise": rise}
    then = bound(name, "detection" in name, QUICKER if live else None, proxy if rise else None)
    if then is None or then[1] >= now[1]:
        return ""
    words = phase_words(name, "name", language)
    ranges = {"name": words, "then": between(*then, language, 0), "now": between(now[0], now[1], language, 0)}
    if name == "routing":
        said = language.say("gives.routing", inter_ms=INTER_MS, was_ms=was_ms, **ranges)
    else:
        said = language.say("gives.quicker", **QUICKER, **ranges)
    most = {"then": then[1] + outage_s - part.phase["seconds"], "most": then[1]}
    rounded = {key: number(seconds, language, 0) for key, seconds in most.items()}
    return f"{said}; {language.say('gives.outage', name=words, measured=outage_s, **rounded)}"
