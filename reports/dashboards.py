"""What the dashboards showed, as Prometheus was asked: which panels had data over the run, which lost it at a fault.

Timeline in, plain facts out; facts in, Markdown out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypedDict

from observer.timeline import SECOND_NS, Timeline
from reports.language import Language
from reports.markdown import escape, table

if TYPE_CHECKING:
    from reports.facts import RecordingFact


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


def shown(timeline: Timeline) -> list[ShownFact]:
    """Every span that was asked for, the longest first; of an incident asked for again, its longest alone."""
    found: list[ShownFact] = []
    for event in timeline.events:
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
        from_s, to_s = (round(int(event.detail.get(key) or 0) / SECOND_NS, 6) for key in ("from_ns", "to_ns"))
        # From 0 on the whole recording was asked for, which stands for no incident.
        found = [f for f in found if not (min(f["from_s"], from_s) > 0 and abs(f["from_s"] - from_s) <= ASKED_S)]
        found.append({"from_s": from_s, "to_s": to_s, "boards": list(boards.values()), "event_id": event.id})
    return sorted(found, key=lambda fact: (fact["from_s"] - fact["to_s"], fact["from_s"]))


def whole(captures: list[ShownFact], language: Language) -> str:
    """Each dashboard over the longest span: panels with data, and those without by name."""
    rows = [
        (
            escape(board["board"]),
            f"{board['panels'] - len(board['empty'])} / {board['panels']}",
            ", ".join(escape(name) for name in board["empty"]),
        )
        for board in captures[0]["boards"]
    ]
    return table(language.columns("grafana.panels_columns"), rows)


def emptied(recording: RecordingFact, language: Language) -> list[str]:
    """Which panels had data over the longest span and none in a shorter one: none any more, or none so far; and why."""
    said = []
    captures = recording["dashboards"]
    always = {(b["board"], name) for b in captures[0]["boards"] for name in b["empty"]}
    shorter = sorted(captures[1:], key=lambda fact: fact["from_s"])
    for n, capture in enumerate(shorter):
        gone = [
            (b["board"], name) for b in capture["boards"] for name in b["empty"] if (b["board"], name) not in always
        ]
        lost = [panel for panel in gone if _had_data(panel, shorter[:n])]
        for key, own in (("emptied", lost), ("not_yet", [panel for panel in gone if panel not in lost])):
            if own:
                names = ", ".join(f"{escape(board)}: {escape(name)}" for board, name in own)
                span = {"from_s": capture["from_s"], "to_s": capture["to_s"]}
                text = language.say(f"grafana.{key}", names=names, ids=capture["event_id"], **span)
                said.append(" ".join([text, *_reasons(own, capture, recording, language)]))
    return said


def _reasons(
    panels: list[tuple[str, str]], capture: ShownFact, recording: RecordingFact, language: Language
) -> list[str]:
    """Why panels were empty, where what they ask for and the recording tell."""
    said = []
    if own := [panel for panel in panels if panel in JUDGED]:
        said.append(language.say("grafana.judged", names=", ".join(escape(name) for _, name in own)))
    if ROUND_TRIP in panels and (ids := _alone(capture, recording)):
        said.append(language.say("grafana.alone", name=ROUND_TRIP[1], ids=ids))
    return said


def _alone(capture: ShownFact, recording: RecordingFact) -> list[int | None]:
    """The rows that show that no two members of etcd answered in all of a span; none where two may have."""
    known = {a for part in recording["parts"] if part["kind"] == "etcd" for a in part["outside"]}
    from_s, to_s = capture["from_s"] + ASKED_S, capture["to_s"]
    away = [
        b
        for b in recording["blindness"]
        if b["source"] == "etcd" and b["subject"] in known
        if b["from_s"] <= from_s and (b["to_s"] is None or b["to_s"] >= to_s)
    ]
    return [b["event_id"] for b in away] if known and len({b["subject"] for b in away}) >= len(known) - 1 else []


def _had_data(panel: tuple[str, str], captures: list[ShownFact]) -> bool:
    board, name = panel
    return any(b["board"] == board and name not in b["empty"] for c in captures for b in c["boards"])
