"""What more than one picture is made of: the time axis, the legend, columns of operations, injected faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from observer.model.recording import SECOND_NS
from reports.analysis.results.recording import Throughput
from reports.analysis.results.whole import RecordingResults
from reports.render.language import Language
from reports.render.svg.svg import FAILED, FAINT, GONE, GREEN, GREY, GRID, RED, line, rect, shape, step, wide, words

# As wide as GitHub shows a picture in a document, so that letters are as large as they are drawn.
WIDTH, RIGHT = 830, 14
TEXT, SMALL = 13, 12
TICKS = 8
TOPS = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80)

Place = Callable[[float], float]
Swatch = Callable[[float, float], str]
Gaps = Sequence[tuple[float, float | None]]
"""Periods of a recording, seconds since it began; no end: to the end."""


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: what is drawn at a place, and the phrase that says what it is."""

    phrase: str
    swatch: Swatch


def in_seconds(ns: int) -> float:
    """Return nanoseconds as seconds."""
    return ns / SECOND_NS


def filled(phrase: str, fill: str) -> Key:
    """Return an entry for an area."""
    return Key(phrase, lambda x, y: rect(x, y - 9, 14, 10, fill, GREY))


def drawn(phrase: str, stroke: str, width: float, dashes: str = "") -> Key:
    """Return an entry for a line."""
    return Key(phrase, lambda x, y: line(x, y - 4, x + 14, y - 4, stroke, width, dashes))


def injected(phrase: str, kind: str) -> Key:
    """Return an entry for the mark of an injected fault or repair."""
    return Key(phrase, lambda x, y: mark(kind, x + 7, y - 4))


def mark(kind: str, x: float, y: float) -> str:
    """Return the mark of a fault (down, red) or of a repair (up, green): they differ in shape, not only in colour."""
    tip, fill = (5, RED) if kind == "fault.told" else (-5, GREEN)
    return shape([(x - 5, y - tip), (x + 5, y - tip), (x, y + tip)], fill)


def legend(keys: Iterable[Key], y: float, language: Language) -> tuple[list[str], float]:
    """Return the entries in as many lines as they need, and where the last line stands."""
    found: list[str] = []
    place = 12.0
    for key in keys:
        text = language.say(f"drawing.{key.phrase}")
        if place > 12 and place + 19 + wide(text, SMALL) > WIDTH - RIGHT:
            place, y = 12.0, y + 18
        found += [key.swatch(place, y), words(place + 19, y, text, SMALL)]
        place += 19 + wide(text, SMALL) + 10
    return found, y


def time_axis(
    recording: RecordingResults, first: float, last: float, x: Place, top: float, bottom: float, language: Language
) -> tuple[list[str], float]:
    """Return vertical lines with seconds since the recording began and UTC below them, and where the axis ends."""
    began = datetime.fromisoformat(recording.began_utc)
    every = step(last - first, TICKS)
    found = []
    n = -int(-first // every)
    while n * every <= last:
        place = x(n * every)
        found.append(line(place, top, place, bottom, GRID))
        anchor = "end" if place > WIDTH - RIGHT - 26 else "middle"
        seconds = language.number(n * every, 0 if every >= 1 else 1)
        clock = (began + timedelta(seconds=n * every)).strftime("%H:%M:%S")
        found.append(words(place, bottom + 14, seconds, SMALL, FAINT, anchor))
        found.append(words(place, bottom + 29, clock, SMALL, FAINT, anchor))
        n += 1
    unit = language.say("drawing.axis", day=recording.began_utc)
    found.append(words(WIDTH - RIGHT, bottom + 46, unit, SMALL, FAINT, "end"))
    return found, bottom + 46


def per_second(pace: Throughput, until_s: float) -> float:
    """Return operations per second in the part of a column that was recorded."""
    width_s = min(in_seconds(pace.width_ns), until_s - in_seconds(pace.at_ns))
    return (pace.ok + pace.failed + pace.unknown) / max(width_s, 0.001)


def top_of(rates: Iterable[float]) -> int:
    """Return where an axis ends: a round number that no rate exceeds."""
    most, scale = max(rates, default=1.0), 1
    while True:
        found = next((top * scale for top in TOPS if top * scale >= most), None)
        if found is not None:
            return found
        scale *= 10


def columns(own: Sequence[Throughput], top: int, x: Place, y: float, tall: float, until_s: float) -> Iterator[str]:
    """Yield a column for each stretch of time, as high as its rate: failures stand on top of successes."""
    for pace in own:
        rate, many = per_second(pace, until_s), pace.ok + pace.failed + pace.unknown
        if not many:
            continue
        left = x(in_seconds(pace.at_ns))
        gap = 1 if pace.width_ns == SECOND_NS else 0.4
        broad = max(x(in_seconds(pace.at_ns + pace.width_ns)) - left - gap, 0.8)
        whole = min(rate / top, 1) * tall
        good = whole * pace.ok / many
        if good:
            yield rect(left, y + tall - good, broad, good, GREEN)
        if good < whole:
            yield rect(left, y + tall - whole, broad, whole - good, FAILED)


def rate_axis(top: int, left: float, y: float, tall: float, language: Language) -> Iterator[str]:
    """Yield the axis of a rate, from zero to its top, with its unit."""
    for at, text in ((y, language.say("drawing.per_second", n=top)), (y + tall, "0")):
        yield line(left, at, WIDTH - RIGHT, at, GREY if text == "0" else GRID)
        yield words(left - 6, at + 4, text, SMALL, FAINT, "end")


def not_observed(gaps: Gaps, x: Place, y: float, tall: float) -> Iterator[str]:
    """Yield hatched stretches that were not observed, drawn over everything else there."""
    for from_s, to_s in gaps:
        yield rect(x(from_s), y, max(x(float("inf") if to_s is None else to_s) - x(from_s), 1.5), tall, GONE)


def gaps_of(recording: RecordingResults, action: str) -> Gaps:
    """Return when the operations of an action were not observed."""
    own = (gap for gap in recording.not_observed if gap.action == action)
    return [(in_seconds(gap.from_ns), in_seconds(gap.to_ns)) for gap in own]
