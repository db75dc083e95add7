"""The tables of a recording: the cluster, durability, leadership, blindness. Facts in, Markdown out. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from reports.render.escaping import code, dashed, table
from reports.render.language import Language
from reports.text.cells import cell, number
from reports.text.old_facts import BlindnessFact, CaptureFact, DurabilityFact, Facts, RecordingFact, SpanFact

SHOWN_BLINDNESS = 40
SHOWN_APPEARED = 20
# What Patroni takes where the live configuration leaves it out: whether a write may be lost is always worth a row.
# Whether a leader may go on without etcd, likewise.
BY_DEFAULT: Mapping[str, Any] = {"synchronous_mode": False, "failsafe_mode": False}


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
                _ids([capture["members_id"], member.get("lsn_id")]),
            )
        )
    return table(language.columns("cluster.members_columns"), rows)


def _ids(rows: Iterable[int | None]) -> str:
    return ", ".join(str(row) for row in rows if row is not None)


def settings(recording: RecordingFact, language: Language) -> str:
    """What decides how fast the cluster fails over: its dynamic configuration and the proxy's checks, with the rows."""
    live = recording["live"] or {}
    inner = live.get("postgresql")
    known = {**(BY_DEFAULT if live else {}), **(inner if isinstance(inner, Mapping) else {}), **live}
    rows = []
    for key, meaning in language.phrases.items():
        name = key.removeprefix("setting.")
        if key.startswith("setting.") and name in known:
            unset = name in BY_DEFAULT and name not in live
            value = language.say("cluster.by_default", value=known[name]) if unset else cell(known[name], language)
            rows.append((code(name), value, meaning, _events([recording["live_id"]])))
    rows += _proxy_settings(recording, language)
    return table(language.columns("cluster.settings_columns"), rows) if rows else ""


def _proxy_settings(recording: RecordingFact, language: Language) -> list[tuple[str, str, str, str]]:
    proxy, pauses = recording["proxy"], recording["checks"]["pauses"]
    rows = []
    if proxy["inter_ms"] is not None:
        told = f"`recordings` {recording['id']}" if proxy["inter_told"] else _events(proxy["event_ids"])
        meaning = language.say("proxy_setting.inter_told" if proxy["inter_told"] else "proxy_setting.inter")
        rows.append((code("inter"), language.written(proxy["inter_ms"], "ms"), meaning, told))
    measured = language.written(None if pauses is None else pauses["median"]["ms"], "ms")
    meaning = language.say("proxy_setting.inter_measured")
    if pauses is not None or proxy["fall"] is not None:
        ids = [] if pauses is None else pauses["median"]["event_ids"]
        rows.append((language.say("proxy_setting.measured", name="inter"), measured, meaning, _events(ids)))
    for name, count in (("fall", proxy["fall"]), ("rise", proxy["rise"])):
        if count is not None:
            meaning = language.say(f"proxy_setting.{name}")
            rows.append((code(name), cell(count, language), meaning, _events(proxy["event_ids"])))
    return rows


def _events(rows: Iterable[int | None]) -> str:
    ids = _ids(rows)
    return f"`events` {ids}" if ids else ""


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


def without_proxy(facts: Facts, recording: RecordingFact, language: Language) -> str:
    """Where it is told how long clients went without a proxy whose page was not seen."""
    spells = [b for b in recording["blindness"] if b["source"] == "haproxy"]
    own = [
        f"[{i['id']}](#incident-{i['id']})"
        for i in facts["incidents"]
        if i["recording"] == recording["id"] and i["cause"].startswith("proxy.")
        if any(b["from_s"] <= i["ended_s"] and (b["to_s"] is None or i["began_s"] <= b["to_s"]) for b in spells)
    ]
    told = language.say("blindness.proxy_no_incident")
    if own:
        told = language.say("blindness.proxy_incident", n=len(own), list=", ".join(own))
    return language.say("blindness.proxy", list=told)


def longest_blindness(recording: RecordingFact) -> list[BlindnessFact]:
    """As many spells as the report shows, the longest, in order of time."""

    def length(spell: BlindnessFact) -> float:
        return float((recording["duration_s"] if spell["to_s"] is None else spell["to_s"]) - spell["from_s"])

    longest = sorted(recording["blindness"], key=length, reverse=True)[:SHOWN_BLINDNESS]
    return sorted(longest, key=lambda spell: (spell["from_s"], spell["source"], spell["subject"]))
