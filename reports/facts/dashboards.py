"""What the dashboards showed, as Prometheus was asked: which panels had data over the run, which lost it at a fault.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict

from observer.model.recording import Recording
from reports.facts.moments import seconds

ASKED_S = 1.0
"""A capture is that of an incident where it begins with it; it was asked for while the incident was judged live."""


LOST = ("Observer", "Writes lost")
JUDGED = (LOST, ("Observer", "Incidents by cause"))
"""Panels of what the judge says: without a curve until it spoke first (observer/metrics.py)."""

ROUND_TRIP = ("HAProxy and etcd", "Round trip between members, 99th percentile")


class BoardFact(TypedDict):
    """A dashboard over a span: how many panels it has, which of them had no data, how many curves each of them had."""

    board: str
    panels: int
    empty: list[str]
    series: dict[str, int]


class ShownFact(TypedDict):
    """All dashboards over a span of the recording, seconds, and the row that tells it."""

    from_s: float
    to_s: float
    boards: list[BoardFact]
    event_id: int | None


def shown(recording: Recording) -> list[ShownFact]:
    """Every span that was asked for, the longest first; of an incident asked for again, its longest alone."""
    found: list[ShownFact] = []
    for event in recording.events:
        if event.kind != "dashboards.captured":
            continue
        boards: dict[str, BoardFact] = {}
        for row in event.detail.get("panels") or ():
            if isinstance(row, Mapping):
                name = str(row.get("board"))
                board = boards.setdefault(name, {"board": name, "panels": 0, "empty": [], "series": {}})
                board["panels"] += 1
                board["series"][str(row.get("panel"))] = int(row.get("series") or 0)
                board["empty"] += [] if row.get("data") else [str(row.get("panel"))]
        from_s, to_s = (seconds(int(event.detail.get(key) or 0)) for key in ("from_ns", "to_ns"))
        # From 0 on the whole recording was asked for, which stands for no incident.
        found = [f for f in found if not (min(f["from_s"], from_s) > 0 and abs(f["from_s"] - from_s) <= ASKED_S)]
        found.append({"from_s": from_s, "to_s": to_s, "boards": list(boards.values()), "event_id": event.id})
    return sorted(found, key=lambda fact: (fact["from_s"] - fact["to_s"], fact["from_s"]))
