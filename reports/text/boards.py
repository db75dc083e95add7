"""What the dashboards showed, which panels were empty at a fault, and why. Facts in, Markdown out. Pure."""

from __future__ import annotations

from reports.render.escaping import escape, table
from reports.render.language import Language
from reports.text.old_facts import ASKED_S, JUDGED, ROUND_TRIP, RecordingFact, ShownFact


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
