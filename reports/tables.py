"""The tables of a recording: the cluster, the load, durability, leadership, blindness. Facts in, Markdown out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reports.cells import between, cell, number, share
from reports.course import SpanFact
from reports.facts import BlindnessFact, CaptureFact, DurabilityFact, RecordingFact
from reports.language import Language
from reports.markdown import code, dashed, table

SHOWN_BLINDNESS = 40
SHOWN_APPEARED = 20
# What Patroni takes where the live configuration leaves it out: whether a write may be lost is always worth a row.
BY_DEFAULT: Mapping[str, Any] = {"synchronous_mode": False}


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
                cell(member.get("lsn"), language, "code"),
                cell(member.get("lag"), language),
            )
        )
    return table(language.columns("cluster.members_columns"), rows)


def settings(live: Mapping[str, Any], language: Language) -> str:
    """The dynamic configuration, as far as it decides how fast the cluster fails over."""
    inner = live.get("postgresql")
    known = {**BY_DEFAULT, **(inner if isinstance(inner, Mapping) else {}), **live}
    rows = []
    for key, meaning in language.phrases.items():
        name = key.removeprefix("setting.")
        if key.startswith("setting.") and name in known:
            unset = name in BY_DEFAULT and name not in live
            value = language.say("cluster.by_default", value=known[name]) if unset else cell(known[name], language)
            rows.append((code(name), value, meaning))
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
            share(total["ok"], total["attempted"], language),
        )
        for total in recording["totals"]
    ]
    return table(language.columns("load.totals_columns"), rows)


def baseline(recording: RecordingFact, language: Language) -> str:
    """The latencies of a quiet spell."""
    rows = [
        (
            language.written(quiet["action"], "@action"),
            language.written(quiet["probe"], "@probe"),
            between(quiet["from_s"], quiet["to_s"], language),
            number(quiet["operations"], language, 0),
            number(quiet["rate_per_s"], language),
            *(number(quiet[name], language) for name in ("p50_ms", "p95_ms", "p99_ms", "max_ms")),
        )
        for quiet in recording["baseline"]
    ]
    return table(language.columns("load.baseline_columns"), rows)


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
            share(operations, whole[action], language),
        )
        for (action, server, address, in_recovery), (operations, timelines) in groups.items()
    ]
    return table(language.columns("load.served_columns"), rows)


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


def appeared(fact: DurabilityFact, language: Language) -> str:
    """The first of the writes that failed and are there all the same."""
    rows = [
        (
            code(write["token"]),
            language.written(write["failed_utc"], "clock"),
            number(write["failed_s"], language),
            code(write["stage"]),
            cell(write["message"], language, "code"),
            cell(write["operation_id"], language, "id"),
            cell(write["audit_id"], language, "id"),
        )
        for write in fact["failed_but_present_writes"][:SHOWN_APPEARED]
    ]
    return table(language.columns("durability.appeared_columns"), rows)


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
                dashed(spell["timelines"]),
                language.written(spell["from_utc"], "clock"),
                number(spell["from_s"], language),
                language.say("leadership.to_end") if spell["to_s"] is None else number(spell["to_s"], language),
                language.span(until - spell["from_s"]),
                ", ".join(_without(span, language) for span in spell["demoted"]),
            )
        )
    return table(language.columns("leadership.columns"), rows)


def _without(span: SpanFact, language: Language) -> str:
    """How long the holder of the key was a replica, with the rows that show it."""
    ids = ", ".join(str(row) for row in (span["event_id"], span["until_id"]) if row is not None)
    return language.say("leadership.without", seconds=span["to_s"] - span["from_s"], ids=ids)


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
                cell(spell["event_id"], language, "id"),
            )
        )
    return table(language.columns("blindness.columns"), rows)


def longest_blindness(recording: RecordingFact) -> list[BlindnessFact]:
    """As many spells as the report shows, the longest, in order of time."""

    def length(spell: BlindnessFact) -> float:
        return (recording["duration_s"] if spell["to_s"] is None else spell["to_s"]) - spell["from_s"]

    longest = sorted(recording["blindness"], key=length, reverse=True)[:SHOWN_BLINDNESS]
    return sorted(longest, key=lambda spell: (spell["from_s"], spell["source"], spell["subject"]))
