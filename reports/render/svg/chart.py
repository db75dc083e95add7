"""What both pictures are made of: the time axis, bars on it, the legend, columns of operations, injected faults."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from observer.model.recording import SECOND_NS
from reports.analysis.results.recording import Throughput
from reports.analysis.results.whole import RecordingResults
from reports.render.language import Language
from reports.render.svg import svg

RIGHT = svg.WIDTH - 14
TICKS = 8
STEPS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 28800, 86400)
TOPS = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80)
FOREVER = float("inf")

Times = Sequence[tuple[float, float]]
"""Periods of a recording, seconds since it began; FOREVER: to the end."""


class Lasting(Protocol):
    """Anything with a beginning and an end; None: it lasts to the end of the recording."""

    @property
    def from_ns(self) -> int:
        """Return the beginning."""

    @property
    def to_ns(self) -> int | None:
        """Return the end."""


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: the phrase that says what is drawn, and what draws it at a place."""

    phrase: str
    swatch: Callable[[float, float], str]


@dataclass(frozen=True, slots=True)
class Axis:
    """The time that a picture shows, seconds since the recording began, and its left edge in pixels."""

    first: float
    last: float
    left: float

    def x(self, at_s: float) -> float:
        """Return the place of a moment, within the picture."""
        scale = (RIGHT - self.left) / max(self.last - self.first, 1.0)
        return self.left + (min(max(at_s, self.first), self.last) - self.first) * scale

    def bars(
        self, times: Times, fill: str, y: float, tall: float, least: float = 1.5, stroke: str = ""
    ) -> Iterator[str]:
        """Yield a bar for each period, at least so many pixels wide."""
        for from_s, to_s in times:
            x = self.x(from_s)
            yield svg.rect(x, y, max(self.x(to_s) - x, least), tall, fill, stroke)

    def shows(self, from_s: float, to_s: float) -> bool:
        """Return whether a part of a period is in the picture."""
        return to_s > self.first and from_s < self.last


def in_seconds(ns: int) -> float:
    """Return nanoseconds as seconds."""
    return ns / SECOND_NS


def times(periods: Iterable[Lasting]) -> Times:
    """Return the beginning and the end of each period, in seconds."""
    return [(in_seconds(p.from_ns), FOREVER if p.to_ns is None else in_seconds(p.to_ns)) for p in periods]


def filled(phrase: str, fill: str) -> Key:
    """Return an entry for an area."""
    return Key(phrase, lambda x, y: svg.rect(x, y - 9, 14, 10, fill, svg.GREY))


def drawn(phrase: str, stroke: str, width: float, dashes: str) -> Key:
    """Return an entry for a line."""
    return Key(phrase, lambda x, y: svg.line(x, y - 4, x + 14, y - 4, stroke, width, dashes))


def injected(phrase: str, kind: str) -> Key:
    """Return an entry for the mark of an injected fault or repair."""
    return Key(phrase, lambda x, y: mark(kind, x + 7, y - 4))


def mark(kind: str, x: float, y: float) -> str:
    """Return the mark of a fault (down, red) or of a repair (up, green): they differ in shape, not only in colour."""
    tip, fill = (5, svg.RED) if kind == "fault.told" else (-5, svg.GREEN)
    return svg.shape([(x - 5, y - tip), (x + 5, y - tip), (x, y + tip)], fill)


def legend(keys: Iterable[Key], y: float, language: Language) -> tuple[list[str], float]:
    """Return the entries in as many lines as they need, and the height of the picture that ends with them."""
    found: list[str] = []
    place = 12.0
    for key in keys:
        text = language.say(f"drawing.{key.phrase}")
        if place > 12 and place + 19 + svg.wide(text) > RIGHT:
            place, y = 12.0, y + 18
        found += [key.swatch(place, y), svg.words(place + 19, y, text)]
        place += 29 + svg.wide(text)
    return found, y + 14


def time_axis(recording: RecordingResults, axis: Axis, top: float, bottom: float, language: Language) -> Iterator[str]:
    """Yield vertical lines with seconds since the recording began and UTC in the 46 pixels below them."""
    began, span = datetime.fromisoformat(recording.began_utc), axis.last - axis.first
    every = next((size for size in STEPS if span / size <= TICKS), span / TICKS)
    for n in range(-int(-axis.first // every), int(axis.last // every) + 1):
        place = axis.x(n * every)
        yield svg.line(place, top, place, bottom)
        anchor = "end" if place > RIGHT - 26 else "middle"
        seconds = language.number(n * every, 0 if every >= 1 else 1)
        clock = (began + timedelta(seconds=n * every)).strftime("%H:%M:%S")
        yield svg.words(place, bottom + 14, seconds, svg.FAINT, anchor)
        yield svg.words(place, bottom + 29, clock, svg.FAINT, anchor)
    yield svg.words(RIGHT, bottom + 46, language.say("drawing.axis", day=recording.began_utc), svg.FAINT, "end")


def per_second(pace: Throughput, until_s: float) -> float:
    """Return operations per second in the part of a column that was recorded."""
    width_s = min(in_seconds(pace.width_ns), until_s - in_seconds(pace.at_ns))
    return (pace.ok + pace.failed + pace.unknown) / max(width_s, 0.001)


def top_of(rates: Iterable[float]) -> int:
    """Return where an axis ends: a round number that no rate exceeds."""
    most, scale = max(rates, default=1.0), 1
    while most > TOPS[-1] * scale:
        scale *= 10
    return next(top * scale for top in TOPS if top * scale >= most)


def rates(
    recording: RecordingResults,
    own: Iterable[Throughput],
    action: str,
    top: int,
    axis: Axis,
    y: float,
    tall: float,
    language: Language,
) -> Iterator[str]:
    """Yield the rate of an action over time, with its own axis; what was not observed is hatched over it.

    Each stretch of time has a column as high as its rate: failures stand on top of successes.
    """
    yield svg.words(12, y + tall / 2 + 4, language.say(f"drawing.{action}s"))
    for at, text in ((y, language.say("drawing.per_second", n=top)), (y + tall, "0")):
        yield svg.line(axis.left, at, RIGHT, at, svg.GREY if text == "0" else svg.GRID)
        yield svg.words(axis.left - 6, at + 4, text, svg.FAINT, "end")
    for pace in own:
        many = pace.ok + pace.failed + pace.unknown
        if pace.action != action or not many:
            continue
        left, gap = axis.x(in_seconds(pace.at_ns)), 1 if pace.width_ns == SECOND_NS else 0.4
        broad = max(axis.x(in_seconds(pace.at_ns + pace.width_ns)) - left - gap, 0.8)
        whole = min(per_second(pace, axis.last) / top, 1) * tall
        good = whole * pace.ok / many
        if good:
            yield svg.rect(left, y + tall - good, broad, good, svg.GREEN)
        if good < whole:
            yield svg.rect(left, y + tall - whole, broad, whole - good, svg.FAILED)
    gaps = times(gap for gap in recording.not_observed if gap.action == action)
    yield from axis.bars([gap for gap in gaps if axis.shows(*gap)], svg.GONE, y, tall)
