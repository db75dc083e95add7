"""HAProxy: where its ports lead, which servers its pools hold, and how its checks decide that."""

from __future__ import annotations

from collections.abc import Iterator

from observer.model.recording import Served
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import (
    Block,
    Cell,
    Inline,
    Paragraph,
    Profile,
    Rows,
    Section,
    Sentence,
    Value,
    details,
    incident_link,
    paragraph,
    say,
    seconds,
    table,
)
from reports.document.each_recording import count, events, of_each, port_of, shown_by

HOMEWORK_PORTS = {"write": "5001", "read": "5002"}
NOT_SERVERS = ("FRONTEND", "BACKEND")
SHOWN_STALE = 3


def proxy(results: Results, profile: Profile) -> Section | None:
    """Return the section on HAProxy, one part for each recording; None if no recording has a proxy."""
    numbers = {(i.recording, i.number): i.id for i in results.incidents}

    def blocks_of(recording: RecordingResults) -> tuple[Block, ...]:
        return (
            *_ports(recording, profile, numbers),
            *_pools(recording),
            *_checks(recording),
        )

    blocks = of_each(results, lambda recording: blocks_of(recording) if _has_proxy(recording) else ())
    return Section("proxy", say("pools.title"), blocks) if blocks else None


def _has_proxy(recording: RecordingResults) -> bool:
    return any(p.kind == "haproxy" for p in recording.parts) or any(c.pools for c in recording.captures)


def _ports(recording: RecordingResults, profile: Profile, numbers: dict[tuple[int, int], int]) -> tuple[Block, ...]:
    served = [row for row in recording.served if row.in_recovery is not None]
    if not served:
        return paragraph(say("pools.ports_unknown"))
    rows = []
    for action in ("write", "read"):
        for probe in ("fresh", "kept"):
            primary = count(recording.served, action, probe, False)
            replica = count(recording.served, action, probe, True)
            if primary + replica:
                port = Value(port_of(recording, action))
                rows.append((port, Value(action, "@action"), Value(probe, "@probe"), Value(primary), Value(replica)))
    return (
        *paragraph(say("pools.ports_lead")),
        *table("pools.ports_columns", rows),
        *paragraph(*(_contradiction(recording) if profile == "homework" else ()), *_on_leader(recording)),
        *paragraph(*_refused(recording, numbers)),
        *details(say("pools.proof"), *table("pools.proof_columns", _proof(recording, served))),
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
        operation = Rows("operations", () if last.operation_id is None else (last.operation_id,))
        rows = shown_by(events(last.event_id), operation)
        yield say("pools.last_on_leader", seconds=seconds(last.duration_ns), rows=rows)
    if count(recording.served, "read", "kept", False):
        yield say("pools.persistent_on_leader")


def _refused(recording: RecordingResults, numbers: dict[tuple[int, int], int]) -> Iterator[Sentence]:
    """Yield how many writes a server in recovery refused, by incident."""
    refused = [one for one in recording.read_only if one.operations]
    if not refused:
        return
    items: list[Inline] = []
    for one in refused:
        number = None if one.incident is None else numbers.get((recording.id, one.incident))
        where: Inline = say("pools.outside_incidents") if number is None else incident_link(number)
        items.append(say("pools.refused_item", where=where, n=one.operations))
    yield say("pools.refused", n=sum(one.operations for one in refused), list=items)


def _proof(recording: RecordingResults, served: list[Served]) -> list[tuple[Cell, ...]]:
    found: dict[tuple[str, str, str, bool], int] = {}
    for row in served:
        key = (row.action, row.server or "", row.address or "", bool(row.in_recovery))
        found[key] = found.get(key, 0) + row.operations
    order = sorted(found, key=lambda key: (key[0] != "write", *key[1:]))
    return [
        (
            Value(port_of(recording, action)),
            Value(server or None, "code"),
            Value(address or None),
            Value("t" if in_recovery else "f", "code"),
            Value(found[action, server, address, in_recovery]),
        )
        for action, server, address, in_recovery in order
    ]


def _pools(recording: RecordingResults) -> tuple[Block, ...]:
    captures = [capture for capture in recording.captures if capture.pools]
    if not captures:
        return paragraph(say("pools.not_captured"))
    first = captures[0]
    servers = [row for row in first.pools if row.get("server") not in NOT_SERVERS]
    up: dict[str, list[Inline]] = {}
    for row in servers:
        own = up.setdefault(str(row.get("pool")), [])
        if str(row.get("status")).startswith("UP"):
            own.append(Value(row.get("server"), "code"))
    items = [say("pools.up_in", pool=pool, servers=names) for pool, names in up.items()]
    rows = [
        (
            Value(row.get("pool"), "code"),
            Value(row.get("server"), "code"),
            Value(row.get("address")) if row.get("address") else None,
            Value(row.get("status")),
            Value(row.get("check_status")),
            Value(row.get("check_code"), "id"),
            Value(row.get("last_change_s")),
        )
        for row in servers
    ]
    return (
        *paragraph(say("pools.up", utc=first.utc, list=items, rows=shown_by(events(first.pools_id)))),
        *details(say("pools.table", utc=first.utc), *table("pools.columns", rows)),
    )


def _checks(recording: RecordingResults) -> tuple[Block, ...]:
    settings, checks = recording.proxy, recording.checks
    said: list[Sentence] = [say("pools.decides")]
    if settings.fall is not None and settings.rise is not None:
        rows = shown_by(events(*settings.event_ids))
        said.append(say("pools.counts", fall=settings.fall, rise=settings.rise, inter=settings.inter_ms, rows=rows))
    said += [] if checks.stale_up else [say("pools.stale_unknown")]
    if checks.stale_up:
        worst = max(checks.stale_up, key=lambda one: one.duration_ns)
        rows = shown_by(events(*worst.event_ids))
        said.append(say("pools.stale_up", server=worst.subject, seconds=seconds(worst.duration_ns), rows=rows))
    said.append(say("pools.vanishes"))
    limits = recording.connection_limits
    if limits:
        total = sum(one.to_ns - one.from_ns for one in limits)
        rows = shown_by(events(*(one.event_id for one in limits)))
        said.append(say("pools.full", limit=limits[0].limit, n=len(limits), seconds=seconds(total), rows=rows))
    return (Paragraph(tuple(said)), *_measured_checks(recording))


def _measured_checks(recording: RecordingResults) -> tuple[Block, ...]:
    """Return how long checks took to fail and how long servers stayed UP, as a table that a click opens."""
    checks = recording.checks
    rows: list[tuple[Cell, ...]] = [
        (say("pools.check_took", status=status), Value(one.ms / 1000, "s"), events(*one.event_ids))
        for status, one in sorted(checks.timeouts.items())
    ]
    longest = sorted(checks.stale_up, key=lambda one: -one.duration_ns)[:SHOWN_STALE]
    rows += [
        (say("pools.stayed_up", server=one.subject), Value(seconds(one.duration_ns), "s"), events(*one.event_ids))
        for one in longest
    ]
    return details(say("pools.measured"), *table("pools.measured_columns", rows)) if rows else ()
