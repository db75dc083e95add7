"""HAProxy: where its ports lead, which servers its pools hold, and how its checks decide that."""

from collections.abc import Iterator, Mapping
from typing import Any

from reports.analysis.results.recording import Capture
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Profile, Row, Section, Sentence, Value
from reports.document.build import (
    code,
    details,
    events,
    incident_link,
    paragraph,
    rows_of,
    say,
    seconds,
    shown_by,
    table,
)
from reports.document.each_recording import count, of_each, port_of

HOMEWORK_PORTS = {"write": "5001", "read": "5002"}
NOT_SERVERS = ("FRONTEND", "BACKEND")
SHOWN_STALE = 3


def proxy(results: Results, profile: Profile) -> Section | None:
    """Return the section on HAProxy, one part for each recording; None if no recording has a proxy."""
    numbers = {(i.recording, i.number): i.id for i in results.incidents}

    def blocks_of(recording: RecordingResults) -> Blocks:
        captured = next((capture for capture in recording.captures if capture.pools), None)
        if captured is None and not any(p.kind == "haproxy" for p in recording.parts):
            return ()
        return (
            *_ports(recording, profile),
            *paragraph(_pools(captured)),
            *details(
                say("pools.proof"),
                *paragraph(*_checks(recording)),
                *paragraph(*_refused(recording, numbers), *_full(recording)),
                *table("pools.proof_columns", _proof(recording)),
                *table("pools.columns", map(_server, servers_of(captured))),
                *table("pools.measured_columns", _measured(recording)),
            ),
        )

    blocks = of_each(results, blocks_of)
    return Section("proxy", say("pools.title"), blocks) if blocks else None


def servers_of(capture: Capture | None) -> list[Mapping[str, Any]]:
    """Return the servers of the pools as they were captured."""
    return [] if capture is None else [row for row in capture.pools if row.get("server") not in NOT_SERVERS]


def is_up(server: Mapping[str, Any]) -> bool:
    """Return whether a server was UP; a number of checks may follow the word."""
    return str(server.get("status")).startswith("UP")


def _ports(recording: RecordingResults, profile: Profile) -> Blocks:
    served = [row for row in recording.served if row.in_recovery is not None]
    if not served:
        return paragraph(say("pools.ports_unknown"))
    rows: list[Row] = []
    for action in ("write", "read"):
        for probe in ("fresh", "kept"):
            roles = [count(served, action, probe, in_recovery) for in_recovery in (False, True)]
            if any(roles):
                port = Value(port_of(recording, action))
                rows.append((port, Value(action, "@action"), Value(probe, "@probe"), *map(Value, roles)))
    contradiction = _contradiction(recording) if profile == "homework" else ()
    return (
        *paragraph(say("pools.ports_lead")),
        *table("pools.ports_columns", rows),
        *paragraph(*contradiction, *_on_leader(recording)),
    )


def _contradiction(recording: RecordingResults) -> Iterator[Sentence]:
    """Yield what the homework says of its ports, beside what was measured."""
    ports = {action: (port_of(recording, action) or "").rpartition(":")[2] for action in HOMEWORK_PORTS}
    writes_on_replica = count(recording.served, "write", None, True)
    reads_on_leader = count(recording.served, "read", "fresh", False)
    if ports != HOMEWORK_PORTS:
        yield say("pools.other_ports", write=ports["write"] or None, read=ports["read"] or None)
    elif not writes_on_replica and not reads_on_leader:
        yield say("pools.text_holds")
    else:
        total = count(recording.served, "read", "fresh")
        yield say("pools.text_contradicted", n=reads_on_leader, total=total, writes=writes_on_replica)


def _on_leader(recording: RecordingResults) -> Iterator[Sentence]:
    """Yield why a leader served reads, as far as that was observed."""
    last = recording.last_stale_read
    if last is not None:
        rows = shown_by(events(last.event_id), rows_of("operations", last.operation_id))
        yield say("pools.last_on_leader", seconds=seconds(last.duration_ns), rows=rows)
    if count(recording.served, "read", "kept", False):
        yield say("pools.persistent_on_leader")


def _refused(recording: RecordingResults, numbers: dict[tuple[int, int], int]) -> Iterator[Sentence]:
    """Yield how many writes a server in recovery refused, by incident."""
    refused = [one for one in recording.read_only if one.operations]
    items = []
    for one in refused:
        number = None if one.incident is None else numbers.get((recording.id, one.incident))
        where = say("pools.outside_incidents") if number is None else incident_link(number)
        items.append(say("pools.refused_item", where=where, n=one.operations))
    if items:
        yield say("pools.refused", n=sum(one.operations for one in refused), list=items)


def _full(recording: RecordingResults) -> Iterator[Sentence]:
    limits = recording.connection_limits
    if limits:
        lasted = seconds(sum(one.to_ns - one.from_ns for one in limits))
        rows = shown_by(events(*(one.event_id for one in limits)))
        yield say("pools.full", limit=limits[0].limit, n=len(limits), seconds=lasted, rows=rows)


def _proof(recording: RecordingResults) -> Iterator[Row]:
    found: dict[tuple[bool, str, str, bool], int] = {}
    for row in recording.served:
        if row.in_recovery is not None:
            key = (row.action != "write", row.server or "", row.address or "", row.in_recovery)
            found[key] = found.get(key, 0) + row.operations
    for reads, server, address, in_recovery in sorted(found):
        port = port_of(recording, "read" if reads else "write")
        role = code("t" if in_recovery else "f")
        operations = found[reads, server, address, in_recovery]
        yield Value(port), code(server or None), Value(address or None), role, Value(operations)


def _pools(capture: Capture | None) -> Sentence:
    """Return which servers were UP when the pools were captured first."""
    if capture is None:
        return say("pools.not_captured")
    up: dict[str, list[Value]] = {}
    for row in servers_of(capture):
        up.setdefault(str(row.get("pool")), []).extend([code(row.get("server"))] if is_up(row) else [])
    items = [say("pools.up_in", pool=pool, servers=names) for pool, names in up.items()]
    return say("pools.up", utc=capture.utc, list=items, rows=shown_by(events(capture.pools_id)))


def _server(row: Mapping[str, Any]) -> Row:
    return (
        code(row.get("pool")),
        code(row.get("server")),
        Value(row.get("address")) if row.get("address") else None,
        Value(row.get("status")),
        Value(row.get("check_status")),
        Value(row.get("check_code"), "id"),
        Value(row.get("last_change_s")),
    )


def _checks(recording: RecordingResults) -> Iterator[Sentence]:
    """Yield who decides what a pool holds, and how long a dead server stays in it."""
    settings, stale = recording.proxy, recording.checks.stale_up
    yield say("pools.decides")
    if settings.fall is not None and settings.rise is not None:
        rows = shown_by(events(*settings.event_ids))
        yield say("pools.counts", fall=settings.fall, rise=settings.rise, inter=settings.inter_ms, rows=rows)
    if stale:
        worst = max(stale, key=lambda one: one.duration_ns)
        rows = shown_by(events(*worst.event_ids))
        yield say("pools.stale_up", server=worst.subject, seconds=seconds(worst.duration_ns), rows=rows)
    else:
        yield say("pools.stale_unknown")
    yield say("pools.vanishes")


def _measured(recording: RecordingResults) -> Iterator[Row]:
    """Yield how long checks took to fail and how long servers stayed UP."""
    for status, one in sorted(recording.checks.timeouts.items()):
        yield say("pools.check_took", status=status), Value(one.ms / 1000, "s"), events(*one.event_ids)
    for up in sorted(recording.checks.stale_up, key=lambda one: -one.duration_ns)[:SHOWN_STALE]:
        yield say("pools.stayed_up", server=up.subject), Value(seconds(up.duration_ns), "s"), events(*up.event_ids)
