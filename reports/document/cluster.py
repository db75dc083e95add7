"""The cluster: members as `patronictl list` shows them, live settings, versions, and all parts with their addresses."""

from collections.abc import Mapping
from typing import Any

from reports.analysis.results.recording import Capture, Part
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Cell, Code, Profile, Row, Section, Value
from reports.document.build import code, details, events, paragraph, say, shown_by, table
from reports.document.each_recording import cluster_kind, of_each

COLUMNS = {
    "Member": "name",
    "Host": "host",
    "Role": "role",
    "State": "state",
    "TL": "timeline",
    "Lag in MB": "lag",
    "LSN": "lsn",
}
NUMBERS = ("TL", "Lag in MB")
COMPONENTS = ("postgres", "patroni", "etcd", "haproxy", "libpq", "host")
POSTGRES_PORT = "5432"
MEGABYTE = 1024 * 1024


def cluster(results: Results, profile: Profile) -> Section | None:
    """Return the section on the cluster, one part for each recording."""
    docker = cluster_kind(results.recordings) == "docker"

    def blocks_of(recording: RecordingResults) -> Blocks:
        return (*_members(recording), *_settings(recording), *_parts(recording, docker))

    blocks = of_each(results, blocks_of)
    return Section("cluster", say("topology.title"), blocks) if blocks else None


def _members(recording: RecordingResults) -> Blocks:
    captures = [capture for capture in recording.captures if capture.members]
    if not captures:
        return paragraph(say("topology.no_capture"))
    first, last = captures[0], captures[-1]
    begun = say("topology.captured", utc=first.utc, rows=shown_by(events(first.members_id)))
    blocks: Blocks = (*paragraph(begun), Code(patronictl_list(first, recording), "text"))
    if last is first:
        return blocks
    ended: dict[str, Any] = {"utc": last.utc, "rows": shown_by(events(last.members_id))}
    if _state(first) == _state(last):
        return blocks + paragraph(say("topology.same_at_end", **ended))
    return blocks + details(say("topology.at_end", **ended), Code(patronictl_list(last, recording), "text"))


def _state(capture: Capture) -> list[str]:
    return sorted(str([m.get(key) for key in ("name", "role", "state", "timeline")]) for m in capture.members)


def patronictl_list(capture: Capture, recording: RecordingResults) -> str:
    """Return the members in the shape of `patronictl list`, with a column for the LSN."""
    members = sorted(capture.members, key=lambda member: str(member.get("name")))
    hosts = {member.get("host") for member in members}
    ports = {str(member.get("port") or POSTGRES_PORT) for member in members}
    with_port = len(hosts) < len(members) or ports != {POSTGRES_PORT}
    rows = [list(COLUMNS), *([_shown(member, key, with_port) for key in COLUMNS.values()] for member in members)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    title = " ".join(f"+ Cluster: {recording.scope or '?'} ({recording.cluster_id or '?'})".split()) + " "
    head, *body = (_line(row, widths) for row in rows)
    return "\n".join([title + rule[len(title) :], head, rule, *body, rule])


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
        for cell, width, head in zip(cells, widths, COLUMNS, strict=True)
    )
    return "| " + " | ".join(shown) + " |"


def _settings(recording: RecordingResults) -> Blocks:
    """Return the settings that decide how fast the cluster fails over, as one row."""
    live, proxy, pauses = recording.live, recording.proxy, recording.checks.pauses
    cells: list[Cell] = []
    for name in ("ttl", "loop_wait", "retry_timeout"):
        value = None if live is None else live.get(name)
        cells.append(Value(value) if value is None else say("topology.whole_seconds", n=value))
    for name in ("synchronous_mode", "failsafe_mode"):
        value = None if live is None else live.get(name, False)
        cells.append(Value(value) if not isinstance(value, bool) else say(f"topology.{'on' if value else 'off'}"))
    cells += [Value(proxy.inter_ms, "ms"), Value(proxy.fall), Value(proxy.rise)]
    said = [say("topology.settings", rows=shown_by(events(recording.live_id, *proxy.event_ids)))]
    if proxy.inter_from_settings:
        said.append(say("topology.inter_configured"))
    if pauses is not None:
        median = pauses.median
        rows = shown_by(events(*median.event_ids))
        said.append(say("topology.inter_measured", ms=median.ms, n=pauses.count, rows=rows))
    return (*paragraph(*said), *table("topology.settings_columns", [cells]))


def _parts(recording: RecordingResults, docker: bool) -> Blocks:
    ids = [one for name in COMPONENTS for one in sorted(recording.version_ids.get(name, ()))]
    known = [say(f"topology.version_{name}", version=recording.versions.get(name)) for name in COMPONENTS]
    parts = (*recording.parts, *recording.watchers)
    command = "docker ps -a --format '{{.Names}} {{.Ports}}'"
    others = say("topology.others", command=code(command)) if docker else None
    return details(
        say("topology.parts", n=len(parts)),
        *paragraph(say("topology.versions", list=known, rows=shown_by(events(*ids)))),
        *table("topology.parts_columns", [_part(part, recording) for part in parts]),
        *paragraph(say("topology.parts_note"), others),
    )


def _part(part: Part, recording: RecordingResults) -> Row:
    # Addresses are no code: code is shown by the name of what has the address, and here the address itself matters.
    return (
        Value(part.kind, "@part_kind"),
        code("haproxy" if part.kind == "haproxy" else part.name),
        _role(part, recording),
        tuple(map(Value, part.inside)) or None,
        tuple(map(Value, part.outside)) or None,
        events(*part.event_ids),
    )


def _role(part: Part, recording: RecordingResults) -> Cell:
    if part.kind == "haproxy":
        return say(f"topology.port_{part.name}")
    if part.kind == "etcd" and part.led_utc is not None:
        return say("topology.led_etcd", utc=part.led_utc)
    if part.kind == "postgres":
        members = next((one.members for one in recording.captures if one.members), ())
        role = next((m.get("role") for m in members if m.get("name") == part.name), None)
        return Value(role, "@role") if role is not None else None
    return say(f"topology.role_{part.kind}")
