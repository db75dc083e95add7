"""The tables of the report: plain facts in, Markdown tables out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from reports.facts import (
    BlindnessFact,
    CaptureFact,
    CostFact,
    DurabilityFact,
    EvidenceFact,
    IncidentFact,
    LostFact,
    RecordingFact,
    ToldFact,
)
from reports.language import Language
from reports.markdown import code, escape, table
from reports.narrative import Part, cause_title, parts, phase_words

SHOWN_LOST = 20
SHOWN_BLINDNESS = 40


def cell(value: Any, language: Language, spec: str = "") -> str:
    """A value for a cell; what is not known is a dash."""
    return "" if value is None or value == "" else language.written(value, spec)


def number(value: float | None, language: Language, digits: int = 1) -> str:
    """A bare number for a column whose head names the unit."""
    return "" if value is None else language.number(value, digits)


def incidents(found: Iterable[IncidentFact], language: Language) -> str:
    """One row for each incident: when, what, and what it cost."""
    rows = [
        (
            str(incident["id"]),
            language.written(incident["began_utc"], "clock"),
            cause_title(incident, language),
            outage(incident["write"], language),
            outage(incident["read"], language),
            number(incident["lost_writes"], language, 0),
            _leaders(incident, language),
        )
        for incident in found
    ]
    return table(language.columns("summary.columns"), rows)


def outage(cost: CostFact, language: Language) -> str:
    """How long an action did not get through, in a cell."""
    seconds = cost["outage_s"]
    if seconds is not None and cost["open"]:
        return language.say("summary.open", seconds=seconds)
    return cell(seconds, language, "s")


def _leaders(incident: IncidentFact, language: Language) -> str:
    before, after = incident["leader"]["before"], incident["leader"]["after"]
    if before is None:
        return ""
    if before == after:
        return language.say("summary.leader_kept", before=before)
    return language.say(
        "summary.leader_none" if after is None else "summary.leader_changed", before=before, after=after
    )


def members(capture: CaptureFact, language: Language) -> str:
    """The rows of `patronictl list`."""
    rows = []
    for member in capture["members"]:
        host, port = member.get("host"), member.get("port")
        address = f"{host}:{port}" if host and port else host
        rows.append(
            (
                cell(member.get("name"), language, "code"),
                cell(address, language, "code"),
                cell(member.get("role"), language, "@role"),
                cell(member.get("state"), language),
                cell(member.get("timeline"), language),
                cell(member.get("lag"), language),
            )
        )
    return table(language.columns("cluster.members_columns"), rows)


def settings(live: Mapping[str, Any], language: Language) -> str:
    """The dynamic configuration, as far as it decides how fast the cluster fails over."""
    inner = live.get("postgresql")
    known = {**(inner if isinstance(inner, Mapping) else {}), **live}
    rows = []
    for key, meaning in language.phrases.items():
        name = key.removeprefix("setting.")
        if key.startswith("setting.") and name in known:
            rows.append((code(name), cell(known[name], language), meaning))
    return table(language.columns("cluster.settings_columns"), rows) if rows else ""


def pools(capture: CaptureFact, language: Language) -> str:
    """The proxy's pools as its stats page shows them."""
    rows = [
        (
            cell(row.get("pool"), language, "code"),
            cell(row.get("server"), language, "code"),
            cell(row.get("address"), language, "code"),
            cell(row.get("status"), language),
            cell(row.get("check_status"), language),
            cell(row.get("check_code"), language),
            cell(row.get("last_change_s"), language),
        )
        for row in capture["pools"]
        if row.get("server") not in ("FRONTEND", "BACKEND")  # the proxy's own sums
    ]
    return table(language.columns("cluster.pools_columns"), rows)


def totals(recording: RecordingFact, language: Language) -> str:
    """All operations of a recording, by action and outcome."""
    rows = [
        (
            language.written(total["action"], "@action"),
            *(number(n, language, 0) for n in (total["attempted"], total["ok"], total["failed"], total["unknown"])),
            _share(total["ok"], total["attempted"], language),
        )
        for total in recording["totals"]
    ]
    return table(language.columns("load.totals_columns"), rows)


def _share(part: float, whole: float, language: Language) -> str:
    """A share that is rounded down, so that 100 % means all."""
    if not whole:
        return ""
    return language.number(int(part / whole * 10_000) / 100, 2) + language.phrases["format.percent"]


def baseline(recording: RecordingFact, language: Language) -> str:
    """The latencies of a quiet spell."""
    rows = [
        (
            language.written(quiet["action"], "@action"),
            language.written(quiet["probe"], "@probe"),
            _range(quiet["from_s"], quiet["to_s"], language),
            number(quiet["operations"], language, 0),
            number(quiet["rate_per_s"], language),
            *(number(quiet[name], language) for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
        )
        for quiet in recording["baseline"]
    ]
    return table(language.columns("load.baseline_columns"), rows)


def _range(low: float, high: float, language: Language) -> str:
    return language.say("incident.range", low=language.number(low, 1), high=language.number(high, 1))


def served(recording: RecordingFact, language: Language) -> str:
    """Who acknowledged operations, in which role, and their share of the action's; kept and fresh together."""
    whole: dict[str, int] = {}
    groups: dict[tuple[str, str | None, str | None, bool | None], tuple[int, set[int]]] = {}
    for row in sorted(recording["served"], key=lambda row: row["action"], reverse=True):
        whole[row["action"]] = whole.get(row["action"], 0) + row["operations"]
        key = (row["action"], row["server"], row["address"], row["in_recovery"])
        operations, timelines = groups.get(key, (0, set()))
        own = set() if row["timeline"] is None else {row["timeline"]}
        groups[key] = (operations + row["operations"], timelines | own)
    rows = [
        (
            language.written(action, "@action"),
            cell(server, language, "code"),
            cell(address, language, "code"),
            "" if in_recovery is None else language.say("recovery.yes" if in_recovery else "recovery.no"),
            ", ".join(str(timeline) for timeline in sorted(timelines)),
            number(operations, language, 0),
            _share(operations, whole[action], language),
        )
        for (action, server, address, in_recovery), (operations, timelines) in groups.items()
    ]
    return table(language.columns("load.served_columns"), rows)


def effect(incident: IncidentFact, language: Language) -> str:
    """What an incident cost writes and reads, with the rows that bound the longest outage of each."""
    rows = []
    for action, cost in (("write", incident["write"]), ("read", incident["read"])):
        longest = max(cost["outages"], key=lambda o: o["seconds"], default=None)
        bounds = (
            [] if longest is None else [str(i) for i in (longest["before_id"], longest["after_id"]) if i is not None]
        )
        rows.append(
            (
                language.written(action, "@action"),
                outage(cost, language),
                cell(cost["stable_s"] if cost["outage_s"] else None, language, "s"),
                *(number(n, language, 0) for n in (cost["ok"], cost["failed"], cost["unknown"])),
                " → ".join(bounds),
            )
        )
    return table(language.columns("incident.effect_columns"), rows)


def phases(incident: IncidentFact, language: Language) -> str:
    """The phases of an incident: those of the outage, their sum, and those after it."""
    found = parts(incident)
    inside = [part for part in found if part.inside]
    total = sum(part.phase["seconds"] for part in inside)
    rows = [_phase(part, total, language) for part in found if not part.inside and _before(part, inside)]
    rows += [_phase(part, total, language) for part in inside]
    if inside:
        seconds = language.number(total, 1)
        rows.append((language.say("incident.phases_total"), "", f"**{seconds}**", _percent(1, 1, language), "", "", ""))
    rows += [_phase(part, total, language) for part in found if not part.inside and not _before(part, inside)]
    return table(language.columns("incident.phases_columns"), rows)


def _before(part: Part, inside: Sequence[Part]) -> bool:
    return bool(inside) and part.phase["ended_s"] <= inside[0].phase["began_s"]


def _phase(part: Part, total: float, language: Language) -> tuple[str, ...]:
    phase = part.phase
    bound = phase["bound_s"]
    return (
        phase_words(phase["name"], "name", language),
        phase_words(phase["name"], "meaning", language),
        language.number(part.seconds, 1),
        _percent(phase["seconds"], total, language) if part.inside else "",
        _range(phase["shortest_s"], phase["longest_s"], language),
        "" if bound is None else _range(bound[0], bound[1], language),
        _rows_of_all(phase["evidence"], language),
    )


def _rows_of_all(evidence: Iterable[EvidenceFact], language: Language) -> str:
    """The rows behind several pieces of evidence, each table named once."""
    ids: dict[str, list[int]] = {}
    for fact in evidence:
        known = ids.setdefault(fact["table"], [])
        known += [i for i in fact["ids"] if i not in known]
    said = (language.say("incident.rows", table=name, ids=", ".join(map(str, own))) for name, own in ids.items() if own)
    return "; ".join(said)


def _percent(part: float, whole: float, language: Language) -> str:
    return language.written(part / whole, "percent") if whole else ""


def rows_of(fact: EvidenceFact, language: Language) -> str:
    """The rows behind a piece of evidence: the table and the ids."""
    ids = ", ".join(str(i) for i in fact["ids"])
    return language.say("incident.rows", table=fact["table"], ids=ids)


def lost(writes: Sequence[LostFact], language: Language) -> str:
    """The first of the writes that were acknowledged and are not there."""
    rows = [
        (
            code(write["token"]),
            language.written(write["acknowledged_utc"], "clock"),
            number(write["acknowledged_s"], language),
            cell(write["server"], language, "code"),
            cell(write["timeline"], language),
            cell(write["operation_id"], language),
            cell(write["audit_id"], language),
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
            _detail(fact["detail"]),
        )
        for fact in facts
    ]
    return table(language.columns("incident.told_columns"), rows)


def _detail(detail: Mapping[str, Any]) -> str:
    if "text" in detail:
        return escape(detail["text"])
    return ", ".join(f"{escape(key)} {code(value)}" for key, value in detail.items() if value is not None)


def durability(fact: DurabilityFact, language: Language) -> str:
    """The writes by what became of them."""
    counts: list[tuple[str, int | None]] = [
        ("acknowledged", fact["acknowledged"]),
        ("audited", fact["audited"]),
        ("unaudited", fact["unaudited"]),
        ("lost", fact["lost"]),
        ("unknown", fact["unknown"]),
        ("unknown_took_effect", fact["unknown_took_effect"]),
        ("failed_but_present", fact["failed_but_present"]),
    ]
    rows = [(language.say(f"durability.{name}"), number(count, language, 0)) for name, count in counts]
    return table(language.columns("durability.columns"), rows)


def two_primaries(spells: Iterable[Mapping[str, Any]], language: Language) -> str:
    """The spells in which two members were primaries at once."""
    rows = [
        (
            cell(spell.get("recording"), language),
            cell(spell.get("members"), language, "code"),
            number(spell.get("from_s"), language),
            number(spell.get("to_s"), language),
            cell(spell.get("seconds"), language, "s"),
            ", ".join(str(i) for i in spell.get("event_ids", ())),
        )
        for spell in spells
    ]
    return table(language.columns("consistency.columns"), rows)


def leaderships(recording: RecordingFact, language: Language) -> str:
    """Who led, from when to when."""
    rows = []
    for spell in recording["leaderships"]:
        until = recording["duration_s"] if spell["to_s"] is None else spell["to_s"]
        rows.append(
            (
                code(spell["member"]),
                cell(spell["timeline"], language),
                language.written(spell["from_utc"], "clock"),
                number(spell["from_s"], language),
                language.say("leadership.to_end") if spell["to_s"] is None else number(spell["to_s"], language),
                language.span(until - spell["from_s"]),
            )
        )
    return table(language.columns("leadership.columns"), rows)


def blindness(recording: RecordingFact, language: Language) -> str:
    """The longest spells of blindness, in order of time."""
    rows = []
    for spell in longest_blindness(recording):
        until = recording["duration_s"] if spell["to_s"] is None else spell["to_s"]
        rows.append(
            (
                language.written(spell["source"], "@source"),
                code(spell["subject"]),
                language.written(spell["how"], "@how"),
                number(spell["from_s"], language),
                language.say("blindness.to_end") if spell["to_s"] is None else number(spell["to_s"], language),
                language.span(until - spell["from_s"]),
                cell(spell["event_id"], language),
            )
        )
    return table(language.columns("blindness.columns"), rows)


def longest_blindness(recording: RecordingFact) -> list[BlindnessFact]:
    """As many spells as the report shows, the longest, in order of time."""

    def length(spell: BlindnessFact) -> float:
        return (recording["duration_s"] if spell["to_s"] is None else spell["to_s"]) - spell["from_s"]

    longest = sorted(recording["blindness"], key=length, reverse=True)[:SHOWN_BLINDNESS]
    return sorted(longest, key=lambda spell: (spell["from_s"], spell["source"], spell["subject"]))
