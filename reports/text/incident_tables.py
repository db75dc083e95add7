"""The tables of an incident, and of all of them: plain facts in, Markdown tables out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.render.escaping import code, escape, table
from reports.render.language import Language
from reports.text.cells import between, cell, number
from reports.text.narrative import Part, booked, cause_title, leader_kept, parts, phase_words, runs_of
from reports.text.old_facts import CostFact, EvidenceFact, Facts, IncidentFact, LostFact, OutageFact, ToldFact

# What the words of a deed say of its detail; the address is in the table of parts.
IN_WORDS = ("component", "action", "target", "role", "address")
SHOWN_LOST = 20


def incidents(found: Iterable[IncidentFact], language: Language) -> str:
    """One row for each incident: when, what, and what it cost."""
    rows = [
        (
            f"[{incident['id']}](#incident-{incident['id']})",
            language.written(incident["began_utc"], "clock"),
            cause_title(incident, language),
            outage(incident["write"], language),
            outage(incident["read"], language),
            _fresh(incident, language),
            number(incident["lost_writes"], language, 0),
            _leaders(incident, language),
        )
        for incident in found
    ]
    return table(language.columns("summary.columns"), rows)


def fresh_step(facts: Facts, language: Language) -> str:
    """How often new connections were tried, and what difference that may make; nothing where nobody told."""
    traffic = [r["settings"].get("traffic") for r in facts["recordings"]]
    rates = {t.get("fresh_per_s") if isinstance(t, dict) else None for t in traffic}
    rate = rates.pop() if len(rates) == 1 else None
    if not isinstance(rate, (int, float)) or rate <= 0:
        return ""
    return language.say("summary.fresh_step", rate=rate, seconds=2 / rate)


def outage(cost: CostFact, language: Language) -> str:
    """How long an action did not get through, in a cell."""
    return _down(cost, cost["outage_s"], cost["open"], language)


def _down(cost: CostFact, seconds: float | None, is_open: bool, language: Language) -> str:
    """The same of any connections; where an action was down already, for which incident."""
    if not seconds and (earlier := booked(cost)) is not None:
        return language.say("summary.within", id=earlier)
    return _lasted(seconds, is_open, language)


def _lasted(seconds: float | None, is_open: bool, language: Language) -> str:
    if seconds is not None and is_open:
        return language.say("summary.open", seconds=seconds)
    return cell(seconds, language, "s")


def _fresh(incident: IncidentFact, language: Language) -> str:
    """What new connections alone met, where it is another number."""
    items = [
        language.say("summary.fresh", action=action, cost=fresh)
        for action, cost in (("write", incident["write"]), ("read", incident["read"]))
        if (fresh := _down(cost, cost["fresh_outage_s"], cost["fresh_open"], language)) != outage(cost, language)
        and fresh
    ]
    observed = incident["write"]["fresh_outage_s"] is not None or incident["read"]["fresh_outage_s"] is not None
    return ", ".join(items) or (language.say("summary.fresh_same") if observed else "")


def _leaders(incident: IncidentFact, language: Language) -> str:
    before, after = incident["leader"]["before"], incident["leader"]["after"]
    if before is None:
        return ""
    if before == after:
        demoted = any(fact["says"] == "evidence.demoted" for fact in incident["evidence"])
        kept = leader_kept(incident)
        key = "demoted" if kept == "again" and demoted else kept
        return language.say(f"summary.leader_{key}", before=before)
    return language.say(
        "summary.leader_none" if after is None else "summary.leader_changed", before=before, after=after
    )


def effect(incident: IncidentFact, language: Language) -> str:
    """What an incident cost writes and reads, together and on kept and fresh connections alone.

    With the rows that bound the longest outage of each.
    """
    rows = []
    for action, cost in (("write", incident["write"]), ("read", incident["read"])):
        rows.append(
            (
                language.written(action, "@action"),
                outage(cost, language),
                _down(cost, cost["kept_outage_s"], cost["kept_open"], language),
                _down(cost, cost["fresh_outage_s"], cost["fresh_open"], language),
                cell(cost["stable_s"] if cost["outage_s"] else None, language, "s"),
                *(number(count, language, 0) for count in counts(cost)),
                _bounds(cost, language),
            )
        )
    return table(language.columns("incident.effect_columns"), rows)


def _bounds(cost: CostFact, language: Language) -> str:
    """The rows that bound the longest outage, that of new connections, and the one since which all was well."""
    bounds, fresh, kept = (_bounding(cost[name]) for name in ("outages", "fresh_outages", "kept_outages"))
    said = [bounds] if bounds else []
    if kept and kept != bounds:
        said.append(language.say("incident.kept_rows", kept=kept))
    if fresh and fresh != bounds:
        said.append(language.say("incident.fresh_rows", fresh=fresh))
    if cost["calm_id"] is not None:
        said.append(language.say("incident.calm_rows", id=cost["calm_id"]))
    return "; ".join(said)


def first_on_new(cost: CostFact) -> bool:
    """Whether an outage was over for new connections before it was for persistent ones, so that it ends with those."""
    if not cost["outages"] or not cost["kept_outages"] or not cost["fresh_outages"]:
        return False
    ends = [cost[name][-1]["after_id"] for name in ("outages", "fresh_outages")]
    return bool(ends[0] == ends[1] is not None and cost["kept_outages"][-1]["ended_s"] > cost["outages"][-1]["ended_s"])


def _bounding(outages: Sequence[OutageFact]) -> str:
    longest = max(outages, key=lambda o: o["seconds"], default=None)
    return (
        ""
        if longest is None
        else " → ".join(str(i) for i in (longest["before_id"], longest["after_id"]) if i is not None)
    )


def counts(cost: CostFact) -> tuple[int | None, int | None, int | None]:
    """How many operations succeeded, failed and ended unknown; None: the action was not driven."""
    if cost["outage_s"] is None:
        return None, None, None
    return cost["ok"], cost["failed"], cost["unknown"]


def phases(incident: IncidentFact, language: Language) -> str:
    """The phases of an incident: those of the outage, their sum, and those after it."""
    found = parts(incident)
    inside = [part for part in found if part.inside]
    total = sum(part.phase["seconds"] for part in inside)
    rows = [
        _phase(part, total, incident["cause"], language) for part in found if not part.inside and _before(part, inside)
    ]
    rows += [_phase(part, total, incident["cause"], language) for part in inside]
    if inside:
        seconds = language.number(total, 2)
        rows.append((language.say("incident.phases_total"), "", f"**{seconds}**", _percent(1, 1, language), "", "", ""))
    rows += [
        _phase(part, total, incident["cause"], language)
        for part in found
        if not part.inside and not _before(part, inside)
    ]
    return table(language.columns("incident.phases_columns"), rows)


def _before(part: Part, inside: Sequence[Part]) -> bool:
    return bool(inside) and part.phase["ended_s"] <= inside[0].phase["began_s"]


def _meaning(name: str, cause: str, language: Language) -> str:
    """What goes on in a phase; a proxy that has just come back may answer and not route right yet."""
    if name == "recovery" and cause in ("proxy.down", "proxy.frozen"):
        return language.say("phase.recovery.meaning_proxy")
    return phase_words(name, "meaning", language)


def _phase(part: Part, total: float, cause: str, language: Language) -> tuple[str, ...]:
    phase = part.phase
    bound = phase["bound_s"]
    return (
        phase_words(phase["name"], "name", language),
        _meaning(phase["name"], cause, language),
        language.number(part.seconds, 2),
        _percent(phase["seconds"], total, language) if part.inside else "",
        between(phase["shortest_s"], phase["longest_s"], language, 2),
        "" if bound is None else between(bound[0], bound[1], language),
        _rows_of_all(phase["evidence"], language),
    )


def _rows_of_all(evidence: Iterable[EvidenceFact], language: Language) -> str:
    """The rows behind several pieces of evidence, each table named once."""
    ids: dict[str, list[int]] = {}
    for fact in evidence:
        known = ids.setdefault(fact["table"], [])
        known += [i for i in fact["ids"] if i not in known]
    said = (language.say("incident.rows", table=name, ids=runs(own)) for name, own in ids.items() if own)
    return "; ".join(said)


def _percent(part: float, whole: float, language: Language) -> str:
    return language.written(part / whole, "percent") if whole else ""


def rows_of(fact: EvidenceFact, language: Language) -> str:
    """The rows behind a piece of evidence: the table and the ids."""
    return language.say("incident.rows", table=fact["table"], ids=runs(fact["ids"]))


def runs(ids: Sequence[int]) -> str:
    """Ids as they are, and three or more in a row as "first–last"."""
    return ", ".join(f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs_of(ids))


def lost(writes: Sequence[LostFact], language: Language) -> str:
    """The first of the writes that were acknowledged and are not there."""
    rows = [
        (
            code(write["token"]),
            language.written(write["acknowledged_utc"], "clock"),
            number(write["acknowledged_s"], language),
            cell(write["server"], language, "code"),
            cell(write["timeline"], language),
            cell(write["operation_id"], language, "id"),
            cell(write["audit_id"], language, "id"),
        )
        for write in writes[:SHOWN_LOST]
    ]
    return table(language.columns("incident.lost_columns"), rows)


def told(facts: Sequence[ToldFact], language: Language) -> str:
    """What somebody said they did."""
    rows = [
        (
            language.written(fact["utc"], "clock"),
            number(fact["at_s"], language),
            language.written(fact["kind"], "@told"),
            deed(fact["detail"] if fact["kind"] == "fault.told" else _without_role(fact["detail"]), language),
            cell(fact["event_id"], language, "id"),
        )
        for fact in facts
    ]
    return table(language.columns("incident.told_columns"), rows)


def _without_role(detail: Mapping[str, Any]) -> dict[str, Any]:
    """The role is the one that the target had when the fault was injected: at its repair another may lead."""
    return {key: value for key, value in detail.items() if key != "role"}


def deed(detail: Mapping[str, Any], language: Language) -> str:
    """What was done to whom, in words; what there are no words for, as it was told."""
    key = f"deed.{detail.get('component')}.{detail.get('action')}"
    if "text" in detail:
        return escape(detail["text"])
    if key not in language.phrases:
        return _listed(detail)
    role = f"played.{detail.get('role')}"
    said = language.say(key, target=detail.get("target"))
    said += f" ({language.phrases[role]})" if role in language.phrases else ""
    rest = _listed({name: value for name, value in detail.items() if name not in IN_WORDS})
    return f"{said}; {rest}" if rest else said


def _listed(detail: Mapping[str, Any]) -> str:
    return ", ".join(f"{escape(key)} {code(value)}" for key, value in detail.items() if value is not None)
