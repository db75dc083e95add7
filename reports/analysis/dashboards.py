"""The Grafana dashboards over spans of a recording: which panels had data, as Prometheus answered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from observer.model.recording import SECOND_NS
from reports.analysis.index import Index
from reports.analysis.results.recording import Dashboard, DashboardSpan

ASKED_NS = SECOND_NS
"""A capture belongs to the incident with which it begins, within this time: incidents are found while they go on."""


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
