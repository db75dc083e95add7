"""Why a cause is sure, where bounds come from, and who else confirms an incident. Facts in, sentences out. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from reports.analysis.theory import FORMS, SECOND, Form
from reports.render.language import Language
from reports.text.cells import between
from reports.text.incident_tables import deed, runs
from reports.text.narrative import parts, phase_words, sentence_case
from reports.text.old_facts import EvidenceFact, IncidentFact

# What decides a cause, the most telling first: the first two of these that an incident has are named.
DECIDING = (
    "two_primaries",
    "failover_asked",
    "failsafe",
    "quorum_lost",
    "quorum_gone",
    "demoted",
    "timeline_older",
    "lease_expired",
    "leader_key_deleted",
    "proxy_restarted",
    "member_state",
    "route_down",
    "sql_primary",
    "member_key_lost",
    "rest_answers",
    "ran_on",
    "rest_failed",
    "sql_replica",
    "postgres_started",
    "sql_failed",
    "proxy_failed",
    "etcd_failed",
    "raft_elected",
    "quorum_kept",
)
NAMED = 2


def confidence(incident: IncidentFact, language: Language) -> str:
    """How sure the cause is, and by which signs."""
    told: dict[str, EvidenceFact] = {}
    for fact in incident["evidence"] if incident["cause"] != "unknown" else ():
        told.setdefault(fact["says"].removeprefix("evidence."), fact)
    signs = [language.say(told[name]["says"], **told[name]["facts"]) for name in DECIDING if name in told]
    if f"confidence.{incident['confidence']}" not in language.phrases:
        return language.written(incident["confidence"], "@confidence")
    if not signs:
        return language.say(f"confidence.{incident['confidence']}_bare")
    return language.say(f"confidence.{incident['confidence']}", signs="; ".join(signs[:NAMED]))


def fault_to_write(incident: IncidentFact, language: Language) -> list[str]:
    """From each command that broke something to the first acknowledged write, where it came before that."""
    seconds = incident["fault_to_write_s"]
    faults = [t for t in incident["told"] if t["kind"] == "fault.told"]
    if seconds is None or not faults:
        return []
    write_s = faults[0]["at_s"] + seconds
    return [
        language.say(
            "incident.fault_also" if i else "incident.fault_to_write",
            deed=deed({k: v for k, v in fault["detail"].items() if k != "role"}, language),
            at_s=fault["at_s"],
            id=fault["event_id"],
            seconds=write_s - fault["at_s"],
        )
        for i, fault in enumerate(faults)
        if fault["at_s"] < write_s
    ]


def once(incident: IncidentFact, language: Language) -> str:
    """That nothing like it was measured again, and what that leaves open."""
    if not incident["write"]["outages"] and not incident["read"]["outages"]:
        return language.say("incident.once_kept")
    bounded = any(phase["bound_s"] is not None for phase in incident["phases"])
    return language.say("incident.once_bounded" if bounded else "incident.once")


def formulas(incidents: Sequence[IncidentFact], language: Language) -> list[str]:
    """Where the bounds of the document's phases come from, and why the others have none."""
    phases = [phase for incident in incidents for phase in incident["phases"]]
    bound = {name for phase in phases if phase["bound_s"] is not None for name in phase["name"].split("+")}
    bare = {name for phase in phases if phase["bound_s"] is None for name in phase["name"].split("+")}
    items = [
        language.say("incident.formula", name=phase_words(name, "name", language), low=low, high=high)
        for name, forms in FORMS.items()
        if name in bound
        for low, high in [(_written(forms[0], language), _written(forms[1], language))]
    ]
    said = []
    if items:
        said.append(language.say("incident.formulas", list="; ".join(items)))
        said.append(language.say("incident.formula_settings"))
        if any(SECOND in form for name in bound if name in FORMS for form in FORMS[name]):
            said.append(language.say("incident.formula_second"))
    unbound = [
        language.say(
            "incident.unbounded_item", name=phase_words(name, "name", language), why=language.phrases[f"unbound.{name}"]
        )
        for name in dict.fromkeys(name for phase in phases for name in phase["name"].split("+"))
        if name in bare and (name not in bound or name == "detection")
    ]
    return [*said, language.say("incident.unbounded", list="; ".join(unbound))] if unbound else said


def _written(form: Form, language: Language) -> str:
    """A form as a sum: ttl − loop_wait."""
    text = ""
    for name, times in form.items():
        sign = " − " if times < 0 else " + "
        size = abs(times)
        term = (
            f"{size:g}\u00a0{language.phrases['format.second']}"
            if name == SECOND
            else name
            if size == 1
            else f"{size:g} × {name}"
        )
        text += (sign if text else sign.strip(" +")) + term
    return text or language.written(0.0, "s")


def outside_bounds(incident: IncidentFact, language: Language) -> list[str]:
    """The phases that were shorter or longer than the settings imply: for certain, or as far as the looks can tell."""
    said = []
    for part in parts(incident):
        phase, bound = part.phase, part.phase["bound_s"]
        if bound is None or bound[0] <= part.seconds <= bound[1]:
            continue
        name = sentence_case(phase_words(phase["name"], "name", language))
        low, high = bound
        if phase["longest_s"] >= low and phase["shortest_s"] <= high:
            said.append(
                language.say(
                    "incident.phases_near",
                    name=name,
                    seconds=part.seconds,
                    bound=between(low, high, language),
                    window=between(phase["shortest_s"], phase["longest_s"], language, 2),
                )
            )
        else:
            said.append(language.say("incident.phases_out", name=name, seconds=phase["seconds"], low=low, high=high))
    return said


def brownout(incident: IncidentFact, language: Language) -> list[str]:
    """How long the old route lingered beside the new one, its rows, and what the settings imply."""
    seconds, bound, known = incident["brownout_s"], incident["brownout_bound_s"], incident["testimony"]["brownout"]
    if not seconds:
        return []
    said = [
        language.say(
            "incident.brownout", seconds=seconds, rows=_listed([] if known is None else known["event_ids"], language)
        )
    ]
    if bound:
        said.append(language.say("incident.brownout_bound", seconds=bound[1]))
        if known is not None and seconds > bound[1]:
            said.append(language.say("incident.brownout_over", low=known["after_s"], high=known["by_s"]))
    return said


def redundancy_kept(incident: IncidentFact, language: Language) -> str:
    """That replicas stopped receiving WAL for a while and when they were back, or that no row tells of fewer."""
    fact, outages = incident["testimony"]["halted"], incident["write"]["outages"]
    if fact is None:
        return language.say("incident.redundancy_kept")
    told = {"n": len(fact["members"]), "members": fact["members"], "by_s": fact["by_s"], "ids": fact["event_ids"]}
    said = [language.say("incident.redundancy_halted", **told)]
    if fact["back_s"] is not None:
        said.append(language.say("incident.redundancy_resumed", back_s=fact["back_s"], ids=fact["back_ids"]))
        if outages and not incident["write"]["open"] and fact["back_s"] <= outages[-1]["ended_s"]:
            said.append(language.say("incident.redundancy_level", at_s=outages[-1]["ended_s"]))
    return " ".join(said)


def rows(ids: Sequence[int], language: Language) -> str:
    """Rows of events in brackets, with a space before; nothing where there are none."""
    return f" ({language.say('incident.rows', table='events', ids=runs(ids))})" if ids else ""


def _listed(ids: Sequence[int], language: Language) -> str:
    """The same behind a comma, for what stands in brackets already."""
    return f", {language.say('incident.rows', table='events', ids=runs(ids))}" if ids else ""


def confirmed(incident: IncidentFact, language: Language) -> list[str]:
    """What the container engine and the members' logs say of the incident, in order of time."""
    testimony = incident["testimony"]
    said: list[tuple[float, str]] = []
    for ended in testimony["ended"]:
        key = f"incident.ended_{ended['code']}"
        meaning = language.phrases.get(key, "")
        sentence = language.say(
            "incident.confirmed_ended",
            at_s=ended["at_s"],
            name=ended["name"],
            code=ended["code"],
            meaning=meaning,
            id=ended["event_id"],
        )
        said.append((ended["at_s"], sentence))
    for line in testimony["lines"]:
        sentence = language.say(
            "incident.confirmed_line", at_s=line["at_s"], member=line["member"], text=line["text"], id=line["event_id"]
        )
        said.append((line["at_s"], sentence))
    return [sentence for _, sentence in sorted(said)]


def confirming_ids(incident: IncidentFact) -> list[int]:
    """The rows behind that."""
    testimony = incident["testimony"]
    ids = [fact["event_id"] for fact in (*testimony["ended"], *testimony["lines"])]
    return sorted(row for row in ids if row is not None)


def phases_query(incident: IncidentFact) -> str:
    """The command that prints the exact seconds of an incident's phases."""
    return f'observer query "select * from phases where recording_id = {incident["recording"]}"'
