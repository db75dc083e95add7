"""What more than one picture is made of: its frame, its legend, columns of operations, marks of what was told. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from reports.pictures.svg import FAILED, FAINT, GONE, GREEN, GREY, GRID, RED, line, rect, shape, wide, words
from reports.render.language import Language
from reports.text.old_facts import IncidentFact, PaceFact, RecordingFact

# As wide as GitHub shows a picture in a document, so that letters are seen as large as they are drawn.
WIDTH, RIGHT = 860, 16
TEXT, SMALL = 12, 11
TOPS = (1, 2, 5, 10, 15, 20, 25, 30, 40, 50, 60, 80)

Place = Callable[[float], float]
Swatch = Callable[[float, float], str]


@dataclass(frozen=True, slots=True)
class Key:
    """An entry of a legend: what is drawn at a place, and the phrase that says what it is."""

    phrase: str
    swatch: Swatch


def filled(phrase: str, fill: str) -> Key:
    """An entry for what is drawn as an area."""
    return Key(phrase, lambda x, y: rect(x, y - 9, 14, 10, fill, GREY))


def drawn(phrase: str, stroke: str, width: float, dashes: str = "") -> Key:
    """An entry for what is drawn as a line."""
    return Key(phrase, lambda x, y: line(x, y - 4, x + 14, y - 4, stroke, width, dashes))


def told(phrase: str, kind: str) -> Key:
    """An entry for a mark of what was told."""
    return Key(phrase, lambda x, y: mark(kind, x + 7, y - 4))


def mark(kind: str, x: float, y: float) -> str:
    """The mark of a fault (down, red) or of a repair (up, green): told apart by shape, not by colour alone."""
    tip, fill = (5, RED) if kind == "fault.told" else (-5, GREEN)
    return shape([(x - 5, y - tip), (x + 5, y - tip), (x, y + tip)], fill)


def legend(keys: Iterable[Key], y: float, language: Language) -> tuple[list[str], float]:
    """The entries in as many lines as they need, and where the last of them stands."""
    found: list[str] = []
    place = 12.0
    for key in keys:
        text = language.say(f"picture.{key.phrase}")
        if place > 12 and place + 19 + wide(text, SMALL) > WIDTH - RIGHT:
            place, y = 12.0, y + 18
        found += [key.swatch(place, y), words(place + 19, y, text, SMALL)]
        place += 19 + wide(text, SMALL) + 10
    return found, y


def flowing(texts: Sequence[str], y: float) -> tuple[list[str], float]:
    """Texts one after the other in as many lines as they need, and where the last of them stands."""
    found: list[str] = []
    place = 12.0
    for text in texts:
        if place > 12 and place + wide(text, SMALL) > WIDTH - RIGHT:
            place, y = 12.0, y + 16
        found.append(words(place, y, text, SMALL))
        place += wide(text, SMALL) + 12
    return found, y


def per_second(pace: PaceFact, until_s: float) -> float:
    """Operations a second in the part of a column that was recorded."""
    return float(
        (pace["ok"] + pace["failed"] + pace["unknown"]) / max(min(pace["width_s"], until_s - pace["at_s"]), 0.001)
    )


def top_of(rates: Iterable[float]) -> int:
    """A round number that no rate is above: where an axis ends."""
    most, scale = max(rates, default=1.0), 1
    while True:
        found = next((top * scale for top in TOPS if top * scale >= most), None)
        if found is not None:
            return found
        scale *= 10


def columns(own: Sequence[PaceFact], top: int, x: Place, y: float, tall: float, until_s: float) -> Iterator[str]:
    """A column for each stretch of time, as high as its rate: what failed stands on top of what succeeded."""
    for pace in own:
        rate, many = per_second(pace, until_s), pace["ok"] + pace["failed"] + pace["unknown"]
        if not many:
            continue
        left = x(pace["at_s"])
        broad = max(x(pace["at_s"] + pace["width_s"]) - left - (1 if pace["width_s"] == 1 else 0.4), 0.8)
        whole = min(rate / top, 1) * tall
        good = whole * pace["ok"] / many
        if good:
            yield rect(left, y + tall - good, broad, good, GREEN)
        if good < whole:
            yield rect(left, y + tall - whole, broad, whole - good, FAILED)


def rate_axis(top: int, left: float, y: float, tall: float, language: Language) -> Iterator[str]:
    """From zero to its top, with its unit."""
    for at, text in ((y, language.say("picture.a_second", n=top)), (y + tall, "0")):
        yield line(left, at, WIDTH - RIGHT, at, GREY if text == "0" else GRID)
        yield words(left - 6, at + 4, text, SMALL, FAINT, "end")


def unseen(spans: Iterable[tuple[float, float | None]], x: Place, y: float, tall: float) -> Iterator[str]:
    """Stretches of which nothing is known, over whatever else was drawn there. No end: to the end."""
    for from_s, to_s in spans:
        yield rect(x(from_s), y, max(x(float("inf") if to_s is None else to_s) - x(from_s), 1.5), tall, GONE)


def drawn_from(fact: RecordingFact | IncidentFact, language: Language) -> str:
    """What a picture says of itself: that it is drawn, and from data of which time."""
    return language.say("picture.drawn_run", began_utc=fact["began_utc"], ended_utc=fact["ended_utc"])
