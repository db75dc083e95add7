"""A whole recording on one time axis: incidents, leader key, roles, quorum, routes, writes and reads. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from reports.facts import IncidentFact, RecordingFact
from reports.language import Language
from reports.markdown import dashed
from reports.svg import (
    BLUE,
    FAILED,
    FAINT,
    GONE,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    SKY,
    document,
    line,
    rect,
    step,
    words,
)

WIDTH, LEFT, RIGHT, TOP = 1000, 150, 20, 44
LANE, BARS = 22, 46
ROLES = {"primary": BLUE, "replica": SKY, "away": GONE}


def run(recording: RecordingFact, incidents: Sequence[IncidentFact], language: Language) -> str:
    """The picture of a recording."""
    whole_s = max(recording["duration_s"], 1.0)
    scale = (WIDTH - LEFT - RIGHT) / whole_s
    parts: list[str] = []
    y = TOP + 16.0
    lanes: list[tuple[str, list[str]]] = []

    def x(at_s: float) -> float:
        return LEFT + max(0.0, min(at_s, whole_s)) * scale

    def bar(from_s: float, to_s: float, fill: str, text: str = "", ink: str = "#ffffff") -> Iterator[str]:
        wide = max(x(to_s) - x(from_s), 1.5)
        yield rect(x(from_s), y + 3, wide, LANE - 6, fill)
        if text and wide > 6.6 * len(text) + 6:
            yield words(x(from_s) + 4, y + LANE - 7, text, 11, ink)

    def lane(name: str, drawn: Iterator[str] | list[str]) -> None:
        nonlocal y
        lanes.append((name, list(drawn)))
        parts.append(words(LEFT - 8, y + LANE - 7, name, 11, INK, "end"))
        parts.extend(lanes[-1][1])
        y += LANE

    def leaders() -> Iterator[str]:
        for spell in recording["leaderships"]:
            until = whole_s if spell["to_s"] is None else spell["to_s"]
            number = f" · TL {dashed(spell['timelines'])}" if spell["timelines"] else ""
            wide = x(until) - x(spell["from_s"])
            text = next((t for t in (f"{spell['member']}{number}", number[3:]) if wide > 6.6 * len(t) + 6), "")
            yield from bar(spell["from_s"], until, ORANGE, text, INK)
            yield line(x(spell["from_s"]), y + 3, x(spell["from_s"]), y + LANE - 3, INK)

    lane(language.say("picture.leader_key"), leaders())
    for member in dict.fromkeys(span["subject"] for span in recording["roles"]):
        spans = [s for s in recording["roles"] if s["subject"] == member]
        lane(member, [b for s in spans for b in bar(s["from_s"], s["to_s"], ROLES.get(s["what"], GREY))])
    if recording["quorum"]:
        lost = [b for s in recording["quorum"] for b in bar(s["from_s"], s["to_s"], FAILED)]
        lane(language.say("picture.quorum"), lost)
    for subject in dict.fromkeys(span["subject"] for span in recording["routes"]):
        spans = [s for s in recording["routes"] if s["subject"] == subject]
        lane(f"UP {subject}"[:24], [b for s in spans for b in bar(s["from_s"], s["to_s"], GREEN)])
    for action, name in (("write", "picture.writes"), ("read", "picture.reads")):
        parts.append(words(LEFT - 8, y + BARS / 2 + 6, language.say(name), 11, INK, "end"))
        parts += _bars(recording, action, y, x)
        y += BARS + 6
    bottom = y
    marks = []
    every = step(whole_s, 12)
    for n in range(int(whole_s // every) + 1):
        marks.append(line(x(n * every), TOP + 12, x(n * every), bottom, GRID))
        marks.append(
            words(x(n * every), bottom + 14, language.number(n * every, 0 if every >= 1 else 1), 10, FAINT, "middle")
        )
    bands = []
    last_x = -99.0
    for one in incidents:
        bands.append(
            rect(
                x(one["began_s"]),
                TOP + 12,
                max(x(one["ended_s"]) - x(one["began_s"]), 1.5),
                bottom - TOP - 12,
                "#fff3d6",
            )
        )
        place = max(x(one["began_s"]) + 3, last_x + 16)
        bands.append(words(place, TOP + 9, one["id"], 10, INK, bold=True))
        last_x = place
    legend = _legend(bottom + 34, language)
    head = [
        words(12, 22, language.say("picture.run"), 15, INK, bold=True),
        words(LEFT - 8, TOP + 9, language.say("picture.faults"), 11, INK, "end"),
        words(WIDTH - RIGHT, bottom + 30, language.say("picture.seconds"), 10, FAINT, "end"),
        words(12, bottom + 54, drawn_from(recording, language), 11, FAINT),
    ]
    return document(WIDTH, bottom + 66, language.say("picture.run"), [*bands, *marks, *head, *parts, *legend])


def drawn_from(fact: RecordingFact | IncidentFact, language: Language) -> str:
    """What a picture says of itself: that it is drawn, and from data of which time."""
    return language.say("picture.drawn_run", began_utc=fact["began_utc"], ended_utc=fact["ended_utc"])


def _bars(recording: RecordingFact, action: str, y: float, x: object) -> Iterator[str]:
    """A column for each stretch of time: failures stand on top of what succeeded."""
    assert callable(x)
    own = [p for p in recording["pace"] if p["action"] == action]
    most = max((p["ok"] + p["failed"] + p["unknown"] for p in own), default=1) or 1
    yield line(LEFT, y + BARS, WIDTH - RIGHT, y + BARS, GREY)
    for pace in own:
        left = x(pace["at_s"])
        wide = max(x(pace["at_s"] + pace["width_s"]) - left - 0.4, 0.8)
        bad = pace["failed"] + pace["unknown"]
        good_tall, bad_tall = pace["ok"] / most * BARS, bad / most * BARS
        if pace["ok"]:
            yield rect(left, y + BARS - good_tall, wide, good_tall, GREEN)
        if bad:
            yield rect(left, y + BARS - good_tall - bad_tall, wide, bad_tall, FAILED)


def _legend(y: float, language: Language) -> Iterator[str]:
    place = 12.0
    for fill, key in ((BLUE, "primary"), (SKY, "replica"), (GONE, "away"), (GREEN, "ok"), (FAILED, "failed")):
        text = language.say(f"picture.{key}")
        yield rect(place, y - 9, 14, 10, fill, GREY)
        yield words(place + 19, y, text, 11, INK)
        place += 19 + 7 * len(text) + 18
