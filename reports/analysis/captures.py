"""Captures of the cluster, of the proxy's pools and of the dashboards; the versions of all components."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from observer.model.recording import SECOND_NS
from reports.analysis.index import Index
from reports.analysis.results.recording import Capture, Dashboard, DashboardSpan

# The components of a `versions.captured` event.
COMPONENTS = ("observer", "python", "host", "libpq", "psycopg2", "patroni", "etcd", "haproxy", "postgres")
LSN_WITHIN_NS = 15 * SECOND_NS
TOGETHER_NS = 2 * SECOND_NS
# A capture belongs to the incident with which it begins, within this time: incidents are found while they go on.
ASKED_NS = SECOND_NS


def captures(index: Index) -> tuple[Capture, ...]:
    """Return the captures; those of members and of pools within 2 s of each other are one."""
    found: list[Capture] = []
    for event in index.of_kinds("cluster.captured", "pools.captured"):
        name = "members" if event.kind == "cluster.captured" else "pools"
        rows = [dict(row) for row in event.detail.get(name) or () if isinstance(row, Mapping)]
        ids = [] if event.id is None else [event.id]
        if name == "members":
            ids += _add_positions(index, event.by_ns, rows)
        last = found[-1] if found else None
        if last is not None and not getattr(last, name) and event.by_ns - last.at_ns < TOGETHER_NS:
            capture = found.pop()
        else:
            utc = index.recording.header.utc(event.by_ns).isoformat()
            capture = Capture(event.by_ns, utc, (), (), None, None, ())
        both = (*capture.event_ids, *ids)
        if name == "members":
            found.append(replace(capture, members=tuple(rows), members_id=event.id, event_ids=both))
        else:
            found.append(replace(capture, pools=tuple(rows), pools_id=event.id, event_ids=both))
    return tuple(found)


def _add_positions(index: Index, at_ns: int, rows: list[dict[str, Any]]) -> list[int]:
    """Add the nearest sampled WAL position to each member's row; return the rows of the samples."""
    ids = []
    for member, (position, row_id) in sorted(_positions(index, at_ns).items()):
        for row in rows:
            if row.get("name") == member and "lsn" not in row:
                row |= {"lsn": lsn(position), "lsn_id": row_id}
                ids += [] if row_id is None else [row_id]
    return ids


def _positions(index: Index, at_ns: int) -> dict[str, tuple[int, int | None]]:
    nearest: dict[str, tuple[int, int, int | None]] = {}
    for event in index.between(at_ns - LSN_WITHIN_NS, at_ns + LSN_WITHIN_NS):
        if event.kind == "replication.sampled" and event.source == "postgres":
            replayed, position = event.detail.get("replay_lsn"), event.detail.get("lsn")
            if event.detail.get("in_recovery") and replayed is not None:
                position = replayed
            away_ns, known = abs(event.by_ns - at_ns), nearest.get(event.subject)
            if isinstance(position, int) and (known is None or away_ns < known[0]):
                nearest[event.subject] = (away_ns, position, event.id)
    return {member: (position, row) for member, (_, position, row) in nearest.items()}


def lsn(position: int) -> str:
    """Return a WAL position as PostgreSQL writes it: 0/5051970."""
    return f"{position >> 32:X}/{position & 0xFFFFFFFF:X}"


def versions(index: Index) -> dict[str, dict[str, list[int]]]:
    """Return the versions of each component that its members reported last, each with the rows of first report."""
    reported: dict[str, dict[str, tuple[str, int | None]]] = {}
    for event in index.of_kinds("versions.captured", "member.changed"):
        if event.kind == "versions.captured":
            own, reporter = [(name, event.detail.get(name)) for name in COMPONENTS], f"{event.source} {event.subject}"
        elif event.source == "patroni":
            own, reporter = [("patroni", event.detail.get("patroni_version"))], event.subject
        else:
            continue
        for name, version in own:
            known = reported.setdefault(name, {})
            if version and (reporter not in known or known[reporter][0] != str(version)):
                known[reporter] = (str(version), event.id)
    found: dict[str, dict[str, list[int]]] = {name: {} for name in COMPONENTS if reported.get(name)}
    for name, rows in found.items():
        for version, row in reported[name].values():
            rows.setdefault(version, []).extend([] if row is None else [row])
    return found


def dashboards(index: Index) -> tuple[DashboardSpan, ...]:
    """Return all captured spans, the longest first; of repeated captures of one incident only the last."""
    found: list[DashboardSpan] = []
    for event in index.of_kinds("dashboards.captured"):
        from_ns, to_ns = (int(event.detail.get(key) or 0) for key in ("from_ns", "to_ns"))
        # A span from 0 covers the whole recording and belongs to no incident.
        found = [f for f in found if not (min(f.from_ns, from_ns) > 0 and abs(f.from_ns - from_ns) <= ASKED_NS)]
        found.append(DashboardSpan(from_ns, to_ns, _boards(event.detail.get("panels") or ()), event.id))
    return tuple(sorted(found, key=lambda span: (span.from_ns - span.to_ns, span.from_ns)))


def _boards(panels: Iterable[Any]) -> tuple[Dashboard, ...]:
    rows: dict[str, list[Mapping[str, Any]]] = {}
    for row in panels:
        if isinstance(row, Mapping):
            rows.setdefault(str(row.get("board")), []).append(row)
    return tuple(
        Dashboard(
            board=board,
            panels=len(own),
            empty=tuple(str(row.get("panel")) for row in own if not row.get("data")),
            series={str(row.get("panel")): int(row.get("series") or 0) for row in own},
        )
        for board, own in rows.items()
    )
