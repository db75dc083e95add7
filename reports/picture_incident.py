"""An incident: rate and slowest answer by the second, and its phases beside what the settings imply. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from math import log10

from reports.facts import IncidentFact
from reports.language import Language
from reports.narrative import cause_title, parts, phase_words
from reports.picture_run import drawn_from
from reports.svg import (
    BLUE,
    FAILED,
    FAINT,
    GREEN,
    GREY,
    GRID,
    INK,
    ORANGE,
    SKY,
    document,
    line,
    path,
    rect,
    step,
    words,
)

WIDTH, LEFT, RIGHT, TOP = 1000, 190, 24, 56
RATE, SLOW, ROW = 70, 60, 22
SLOWEST_MS = 10_000


def incident(fact: IncidentFact, language: Language) -> str:
    """The picture of an incident."""
    own = fact["pace"]
    zero = fact["began_s"]
    first = min(p["at_s"] for p in own)
    last = max(p["at_s"] + p["width_s"] for p in own)
    phases = parts(fact)
    last = max([last, *(p.phase["ended_s"] for p in phases)])
    scale = (WIDTH - LEFT - RIGHT) / max(last - first, 1.0)

    def x(at_s: float) -> float:
        return LEFT + (min(max(at_s, first), last) - first) * scale

    drawn: list[str] = []
    y = float(TOP)
    for action in ("write", "read"):
        drawn.append(words(LEFT - 8, y + RATE / 2, language.say(f"picture.{action}s"), 12, INK, "end", bold=True))
        drawn.append(words(LEFT - 8, y + RATE / 2 + 15, language.say("picture.rate"), 10, FAINT, "end"))
        drawn += _rate(fact, action, y, x)
        y += RATE + 8
    drawn.append(words(LEFT - 8, y + SLOW / 2 + 4, language.say("picture.slowest"), 10, FAINT, "end"))
    for action, stroke, down in (("write", BLUE, 19), ("read", ORANGE, 33)):
        drawn.append(line(LEFT - 28, y + SLOW / 2 + down - 4, LEFT - 8, y + SLOW / 2 + down - 4, stroke, 2))
        drawn.append(words(LEFT - 34, y + SLOW / 2 + down, language.say(f"picture.{action}s"), 10, FAINT, "end"))
    drawn += _slowest(fact, y, x, language)
    y += SLOW + 12
    for part in phases:
        phase = part.phase
        name = phase_words(phase["name"], "name", language)
        drawn.append(words(LEFT - 8, y + 14, name, 11, INK, "end"))
        began, ended = x(phase["began_s"]), x(phase["ended_s"])
        drawn.append(rect(began, y + 3, max(ended - began, 2), 11, BLUE if part.inside else SKY))
        if phase["bound_s"] is not None:
            low, high = (x(phase["began_s"] + bound) for bound in phase["bound_s"])
            drawn += [rect(low, y + 16, max(high - low, 2), 4, ORANGE)]
        text = language.written(part.seconds, "fine")
        after = max(ended, began + 2) + 5
        near = after + 7 * len(text) > WIDTH - RIGHT
        drawn.append(words(began - 5 if near else after, y + 13, text, 11, INK, "end" if near else "start"))
        y += ROW
    every = step(last - first, 12)
    marks = []
    n = -int((zero - first) // every)
    while zero + n * every <= last:
        place = x(zero + n * every)
        marks.append(line(place, TOP - 6, place, y, GRID))
        marks.append(words(place, y + 14, language.number(n * every, 0 if every >= 1 else 1), 10, FAINT, "middle"))
        n += 1
    head = [
        words(12, 22, language.say("picture.incident", id=fact["id"]), 15, INK, bold=True),
        words(12, 40, cause_title(fact, language), 12, FAINT),
        words(WIDTH - RIGHT, y + 30, language.say("picture.seconds_incident"), 10, FAINT, "end"),
        words(12, y + 56, drawn_from(fact, language), 11, FAINT),
    ]
    legend = []
    place = 12.0
    for fill, key in ((GREEN, "ok"), (FAILED, "failed"), (BLUE, "measured"), (ORANGE, "bound")):
        text = language.say(f"picture.{key}")
        legend += [rect(place, y + 27, 14, 10, fill, GREY), words(place + 19, y + 36, text, 11, INK)]
        place += 19 + 7 * len(text) + 18
    return document(WIDTH, y + 68, language.say("picture.incident", id=fact["id"]), [*marks, *head, *drawn, *legend])


def _rate(fact: IncidentFact, action: str, y: float, x: object) -> Iterator[str]:
    assert callable(x)
    own = [p for p in fact["pace"] if p["action"] == action]
    most = max((p["ok"] + p["failed"] + p["unknown"] for p in own), default=1) or 1
    yield line(LEFT, y + RATE, WIDTH - RIGHT, y + RATE, GREY)
    for pace in own:
        left = x(pace["at_s"])
        wide = max(x(pace["at_s"] + pace["width_s"]) - left - 1, 0.8)
        bad = (pace["failed"] + pace["unknown"]) / most * RATE
        good = pace["ok"] / most * RATE
        if good:
            yield rect(left, y + RATE - good, wide, good, GREEN)
        if bad:
            yield rect(left, y + RATE - good - bad, wide, bad, FAILED)
    if own:
        top = round(most / own[0]["width_s"])
        yield words(WIDTH - RIGHT + 2, y + 8, top, 9, FAINT)


def _slowest(fact: IncidentFact, y: float, x: object, language: Language) -> Iterator[str]:
    """The slowest answer of each second, on a logarithmic scale from 1 ms to 10 s."""
    assert callable(x)
    for ms in (1, 10, 100, 1000, SLOWEST_MS):
        tall = y + SLOW - log10(ms) / log10(SLOWEST_MS) * SLOW
        yield line(LEFT, tall, WIDTH - RIGHT, tall, GRID)
        yield words(
            WIDTH - RIGHT + 2,
            tall + 3,
            f"{ms // 1000} {language.phrases['format.second']}" if ms >= 1000 else ms,
            8,
            FAINT,
        )
    for action, stroke in (("write", BLUE), ("read", ORANGE)):
        points = [
            (
                x(p["at_s"] + p["width_s"] / 2),
                y + SLOW - log10(min(max(p["max_ms"], 1.0), SLOWEST_MS)) / log10(SLOWEST_MS) * SLOW,
            )
            for p in fact["pace"]
            if p["action"] == action and p["max_ms"] > 0
        ]
        if len(points) > 1:
            yield path(points, stroke)
