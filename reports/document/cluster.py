"""The cluster: members as `patronictl list` shows them, live settings, versions, and all parts with their addresses."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reports.analysis.results.recording import Capture, Part
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import (
    Block,
    Cell,
    Code,
    Inline,
    Paragraph,
    Profile,
    Section,
    Sentence,
    Value,
    details,
    paragraph,
    say,
    table,
)
from reports.document.commands import cluster_kind
from reports.document.each_recording import events, of_each, shown_by

COLUMNS = (
    ("Member", "name"),
    ("Host", "host"),
    ("Role", "role"),
    ("State", "state"),
    ("TL", "timeline"),
    ("Lag in MB", "lag"),
    ("LSN", "lsn"),
)
NUMBERS = ("TL", "Lag in MB")
COMPONENTS = ("postgres", "patroni", "etcd", "haproxy", "libpq", "host")
POSTGRES_PORT = "5432"
MEGABYTE = 1024 * 1024


def cluster(results: Results, profile: Profile) -> Section | None:
    """Return the section on the cluster, one part for each recording."""
    docker = cluster_kind(results.recordings) == "docker"
    blocks = of_each(results, lambda recording: _recording(recording, docker))
    return Section("cluster", say("topology.title"), blocks) if blocks else None


def _recording(recording: RecordingResults, docker: bool) -> tuple[Block, ...]:
    return (
        *_members(recording),
        *_settings(recording),
        *paragraph(say("topology.versions", list=_versions(recording), rows=_version_rows(recording))),
        *_parts(recording, docker),
    )


def _members(recording: RecordingResults) -> tuple[Block, ...]:
    captures = [capture for capture in recording.captures if capture.members]
    if not captures:
        return paragraph(say("topology.no_capture"))
    first, last = captures[0], captures[-1]
    blocks: tuple[Block, ...] = (
        *paragraph(say("topology.captured", utc=first.utc, rows=shown_by(events(first.members_id)))),
        Code(patronictl_list(first, recording), "text"),
    )
    if last is first:
        return blocks
    if _state(first) == _state(last):
        return blocks + paragraph(say("topology.same_at_end", utc=last.utc, rows=shown_by(events(last.members_id))))
    summary = say("topology.at_end", utc=last.utc, rows=shown_by(events(last.members_id)))
    return blocks + details(summary, Code(patronictl_list(last, recording), "text"))


def _state(capture: Capture) -> list[tuple[Any, ...]]:
    return sorted(
        (str(m.get("name")), str(m.get("role")), str(m.get("state")), m.get("timeline") or 0) for m in capture.members
    )


def patronictl_list(capture: Capture, recording: RecordingResults) -> str:
    """Return the members in the shape of `patronictl list`, with a column for the LSN."""
    members = sorted(capture.members, key=lambda member: str(member.get("name")))
    hosts = {member.get("host") for member in members}
    ports = {str(member.get("port") or POSTGRES_PORT) for member in members}
    with_port = len(hosts) < len(members) or ports != {POSTGRES_PORT}
    rows = [[_shown(member, key, with_port) for _, key in COLUMNS] for member in members]
    widths = [max(len(head), *(len(row[n]) for row in rows)) for n, (head, _) in enumerate(COLUMNS)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    title = f"+ Cluster: {recording.scope or '?'} ({recording.cluster_id or '?'}) "
    lines = [title + rule[len(title) :], _line([head for head, _ in COLUMNS], widths), rule]
    return "\n".join([*lines, *(_line(row, widths) for row in rows), rule])


def _shown(member: Mapping[str, Any], key: str, with_port: bool) -> str:
    value = member.get(key)
    if value is None:
        return ""
    if key == "role":
        return str(value).replace("_", " ").title()
    if key == "host" and with_port and member.get("port"):
        return f"{value}:{member['port']}"
    if key == "lag" and isinstance(value, (int, float)):
        return str(round(value / MEGABYTE))
    return " ".join(str(value).split())


def _line(cells: list[str], widths: list[int]) -> str:
    shown = (
        f"{cell:>{width}}" if head in NUMBERS else f"{cell:<{width}}"
        for cell, width, (head, _) in zip(cells, widths, COLUMNS, strict=True)
    )
    return "| " + " | ".join(shown) + " |"


def _settings(recording: RecordingResults) -> tuple[Block, ...]:
    """Return the settings that decide how fast the cluster fails over, as one row."""
    live, proxy = recording.live, recording.proxy
    cells: list[Cell] = []
    for name in ("ttl", "loop_wait", "retry_timeout"):
        value = None if live is None else live.get(name)
        cells.append(Value(value) if value is None else say("topology.whole_seconds", n=value))
    for name in ("synchronous_mode", "failsafe_mode"):
        value = None if live is None else live.get(name, False)
        cells.append(Value(value) if not isinstance(value, bool) else say(f"topology.{'on' if value else 'off'}"))
    cells.append(Value(proxy.inter_ms, "ms"))
    cells += [Value(proxy.fall), Value(proxy.rise)]
    pauses = recording.checks.pauses
    measured = None
    if pauses is not None:
        measured = say(
            "topology.inter_measured",
            ms=pauses.median.ms,
            n=pauses.count,
            rows=shown_by(events(*pauses.median.event_ids)),
        )
    source = say("topology.settings", rows=shown_by(events(recording.live_id, *proxy.event_ids)))
    configured = say("topology.inter_configured") if proxy.inter_from_settings else None
    return (*paragraph(source, configured, measured), *table("topology.settings_columns", [cells]))


def _versions(recording: RecordingResults) -> list[Sentence]:
    return [say(f"topology.version_{name}", version=recording.versions.get(name)) for name in COMPONENTS]


def _version_rows(recording: RecordingResults) -> Inline:
    return shown_by(events(*(one for name in COMPONENTS for one in sorted(recording.version_ids.get(name, ())))))


def _parts(recording: RecordingResults, docker: bool) -> tuple[Block, ...]:
    parts = (*recording.parts, *recording.watchers)
    rows = [_part(part, recording) for part in parts]
    others = say("topology.others", command="docker ps -a --format '{{.Names}} {{.Ports}}'") if docker else None
    notes = (Paragraph((say("topology.parts_note"), *((others,) if others else ()))),)
    return details(say("topology.parts", n=len(parts)), *table("topology.parts_columns", rows), *notes) if rows else ()


def _part(part: Part, recording: RecordingResults) -> tuple[Cell, ...]:
    name = "haproxy" if part.kind == "haproxy" else part.name
    return (
        Value(part.kind, "@part_kind"),
        Value(name, "code"),
        _role(part, recording),
        _addresses(part.inside),
        _addresses(part.outside),
        events(*part.event_ids),
    )


def _addresses(addresses: tuple[str, ...]) -> Cell:
    # Not as code: code is shown by the name of what has the address, and here the address itself matters.
    return tuple(Value(address) for address in addresses) or None


def _role(part: Part, recording: RecordingResults) -> Cell:
    if part.kind == "haproxy":
        return say(f"topology.port_{part.name}")
    if part.kind == "etcd" and part.led_utc is not None:
        return say("topology.led_etcd", utc=part.led_utc)
    if part.kind == "postgres":
        capture = next((one for one in recording.captures if one.members), None)
        role = next((m.get("role") for m in (capture.members if capture else ()) if m.get("name") == part.name), None)
        return Value(role, "@role") if role is not None else None
    return say(f"topology.role_{part.kind}")
