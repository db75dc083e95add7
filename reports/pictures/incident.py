"""An incident: rate and slowest answer by the second, what was told, and phases beside what settings imply. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import log10

from reports.pictures.parts import (
    RIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Key,
    Place,
    columns,
    drawn,
    drawn_from,
    filled,
    legend,
    mark,
    per_second,
    rate_axis,
    told,
    top_of,
    unseen,
)
from reports.pictures.svg import (
    BLUE,
    FAILED,
    FAINT,
    GREEN,
    GRID,
    INK,
    ORANGE,
    PURPLE,
    SKY,
    document,
    line,
    path,
    rect,
    step,
    wide,
    words,
)
from reports.render.language import Language
from reports.text.narrative import Part, cause_title, parts, phase_words
from reports.text.old_facts import IncidentFact, RecordingFact, ToldFact

TOP, RATE, SLOW, ROW, LINE = 56, 66, 84, 25, 17
SLOWEST_MS = 10_000
# Writes are drawn broad, reads narrow, dashed and over them: both are seen where they run together.
LINES = (("write", BLUE, 4.0, ""), ("read", ORANGE, 1.8, "5 2"))


def title(fact: IncidentFact, language: Language) -> str:
    """What the picture of an incident shows."""
    return language.say("picture.incident" if fact["phases"] else "picture.incident_pace", id=fact["id"])


def is_drawn(fact: IncidentFact) -> bool:
    """Whether there is something to see: phases, or operations that did not succeed."""
    failed = any(cost["failed"] + cost["unknown"] for cost in (fact["write"], fact["read"]))
    return bool(fact["pace"]) and bool(fact["phases"] or failed)


def highest(incidents: Sequence[IncidentFact]) -> int:
    """Where the axes of rates end: at the same rate in the pictures of all incidents, so that they compare."""
    return top_of(per_second(p, p["at_s"] + p["width_s"]) for one in incidents for p in one["pace"])


def incident(fact: IncidentFact, recording: RecordingFact, top: int, language: Language) -> str:
    """The picture of an incident; `top`: operations a second where the axes of rates end."""
    zero = fact["began_s"]
    phases = parts(fact)
    first = min(p["at_s"] for p in fact["pace"])
    last = max([*(p["at_s"] + p["width_s"] for p in fact["pace"]), *(p.phase["ended_s"] for p in phases)])
    names = {p.phase["name"]: phase_words(p.phase["name"], "name", language) for p in phases}
    apart = all(p["ok_ms"] is not None for p in fact["pace"])
    slowest = language.say("picture.slowest_ok" if apart else "picture.slowest")
    left = min(max(wide(name, SMALL) for name in (*names.values(), slowest + " " * 8)) + 14, 260)
    scale = (WIDTH - left - RIGHT) / max(last - first, 1.0)

    def x(at_s: float) -> float:
        return float(left + (min(max(at_s, first), last) - first) * scale)

    shown: list[str] = []
    marks: list[str] = []
    y = float(TOP)
    said = [t for t in fact["told"] if t["kind"] in ("fault.told", "repair.told") and first <= t["at_s"] <= last]
    if said:
        shown.append(words(12, y + 12, language.say("picture.told"), SMALL))
        rows = list(_told(said, y, x, left, language))
        shown += [text for text, _ in rows]
        told_at = [(t["at_s"], y) for t in said]
        y = max(bottom for _, bottom in rows) + 8
    crowds = [c for c in recording["crowds"] if c["to_s"] > first and c["from_s"] < last]
    if crowds:
        shown.append(words(12, y + 11, language.say("picture.full"), SMALL))
        for crowd in crowds:
            broad = max(x(crowd["to_s"]) - x(crowd["from_s"]), 2)
            shown.append(rect(x(crowd["from_s"]), y + 1, broad, 13, PURPLE))
            if broad > wide(crowd["what"], SMALL) + 6:
                shown.append(words(x(crowd["from_s"]) + 4, y + 11, crowd["what"], SMALL))
        y += LINE + 6
    y += 4
    for action in ("write", "read"):
        own = [p for p in fact["pace"] if p["action"] == action]
        gaps = [(u["from_s"], u["to_s"]) for u in recording["unobserved"] if u["action"] == action]
        gaps = [(from_s, to_s) for from_s, to_s in gaps if to_s > first and from_s < last]
        shown.append(words(12, y + RATE / 2 + 4, language.say(f"picture.{action}s"), TEXT, INK, bold=True))
        shown += rate_axis(top, left, y, RATE, language)
        shown += [*columns(own, top, x, y, RATE, last), *unseen(gaps, x, y, RATE)]
        y += RATE + 14
    shown.append(words(12, y + SLOW / 2 + 4, slowest, SMALL))
    shown += _slowest(fact, y, x, left, language)
    y += SLOW + 12
    for part in phases:
        shown.append(words(left - 8, y + 13, names[part.phase["name"]], SMALL, INK, "end"))
        shown += _phase(part, last, y, x, language)
        y += ROW
    every = step(last - first, 12)
    n = -int((zero - first) // every)
    while zero + n * every <= last:
        place = x(zero + n * every)
        marks.append(line(place, TOP - 4, place, y, GRID))
        text = language.number(n * every, 0 if every >= 1 else 1)
        marks.append(words(place, y + 14, text, SMALL, FAINT, "middle"))
        n += 1
    if said:
        marks += [line(x(at_s), top_y, x(at_s), y, FAINT, 1, "3 3") for at_s, top_y in told_at]
    demoted = _demoted(recording, first, last)
    marks += [line(x(at_s), TOP - 4, x(at_s), y, PURPLE, 1.6, "2 2") for at_s, _ in demoted]
    for at_s, member in demoted:
        text, near = language.say("picture.demoted_at", member=member), x(at_s) > WIDTH / 2
        marks.append(words(x(at_s) + (-4 if near else 4), TOP - 1, text, SMALL, INK, "end" if near else "start"))
    entries, below = legend(_keys(fact, said, bool(crowds), phases), y + 50, language)
    head = [
        words(12, 22, title(fact, language), 15, INK, bold=True),
        words(12, 41, cause_title(fact, language), TEXT, FAINT),
        words(WIDTH - RIGHT, y + 29, language.say("picture.seconds_incident"), SMALL, FAINT, "end"),
        words(12, below + 22, drawn_from(fact, language), SMALL, FAINT, longest=200),
    ]
    if fact["pace"][0]["width_s"] == 1:  # broader columns are of when operations ended
        head.append(words(12, y + 29, language.say("picture.by_due"), SMALL, FAINT))
    return document(WIDTH, below + 32, title(fact, language), [*marks, *head, *shown, *entries])


def _demoted(recording: RecordingFact, first: float, last: float) -> list[tuple[float, str]]:
    """When the holder of the leader key was first seen to be a replica, without having given the key away."""
    return [
        (span["from_s"], spell["member"])
        for spell in recording["leaderships"]
        for span in spell["demoted"]
        if first <= span["from_s"] <= last
    ]


def _keys(fact: IncidentFact, said: Sequence[ToldFact], full: bool, phases: Sequence[Part]) -> Iterator[Key]:
    """The legend: what is in the picture, and nothing else."""
    yield from (filled("ok", GREEN), filled("failed", FAILED))
    yield from (drawn(f"slowest_{action}", stroke, width, dashes) for action, stroke, width, dashes in LINES)
    for kind in ("fault.told", "repair.told"):
        if any(t["kind"] == kind for t in said):
            yield told(kind.replace(".", "_"), kind)
    if full:
        yield filled("full", PURPLE)
    if any(p.inside for p in phases):
        yield filled("measured", BLUE)
    if any(not p.inside for p in phases):
        yield filled("outside", SKY)
    if any(p.phase["bound_s"] is not None for p in phases):
        yield filled("bound", ORANGE)


def _told(said: Sequence[ToldFact], y: float, x: Place, left: float, language: Language) -> Iterator[tuple[str, float]]:
    """The marks of what was told with their words, in as many lines as they need; and where each line ends."""
    taken: list[float] = []
    for fact in said:
        text = _deed(fact, language)[:60]
        place, broad = x(fact["at_s"]), wide(text, SMALL)
        before = place + 10 + broad > WIDTH - RIGHT and place - 10 - broad > left
        from_x = place - 10 - broad if before else place - 6
        row = next((n for n, free in enumerate(taken) if free < from_x), len(taken))
        taken[row : row + 1] = [place + 10 + (0 if before else broad)]
        tall = y + row * LINE + 8
        yield mark(fact["kind"], place, tall), tall + 8
        aside, anchor = (-10, "end") if before else (10, "start")
        yield words(place + aside, tall + 4, text, SMALL, INK, anchor), tall + 8


def _deed(fact: ToldFact, language: Language) -> str:
    """What was done to whom; where there are no words for it, what it was told to be."""
    detail = fact["detail"]
    key = f"deed.{detail.get('component')}.{detail.get('action')}"
    if key in language.phrases:
        return language.say(key, target=detail.get("target"))
    return " ".join(str(detail[name]) for name in ("component", "action", "target", "text") if detail.get(name))


def _phase(part: Part, last: float, y: float, x: Place, language: Language) -> Iterator[str]:
    """A bar with its seconds, and under it what the settings imply; what goes on past the picture ends in an arrow."""
    phase = part.phase
    began, ended = x(phase["began_s"]), x(phase["ended_s"])
    yield rect(began, y + 3, max(ended - began, 2), 12, BLUE if part.inside else SKY)
    if phase["bound_s"] is not None:
        low, high = (phase["began_s"] + bound for bound in phase["bound_s"])
        yield rect(x(low), y + 17, max(x(high) - x(low), 2), 5, ORANGE)
        if high > last:
            yield words(x(high) + 1, y + 24, "→", TEXT, INK)
    text = language.written(part.seconds, "fine")
    after = max(ended, began + 2) + 5
    near = after + wide(text, SMALL) > WIDTH - RIGHT
    yield words(began - 5 if near else after, y + 13, text, SMALL, INK, "end" if near else "start")


def _slowest(fact: IncidentFact, y: float, x: Place, left: float, language: Language) -> Iterator[str]:
    """The slowest answer of each second, on a logarithmic scale from 1 ms to 10 s.

    Of those that succeeded, where they are told apart: a fast refusal is no fast answer. Where none did, the line ends.
    """
    second, millisecond = (language.phrases[f"format.{unit}"] for unit in ("second", "millisecond"))
    for ms in (1, 10, 100, 1000, SLOWEST_MS):
        tall = y + SLOW - log10(ms) / log10(SLOWEST_MS) * SLOW
        yield line(left, tall, WIDTH - RIGHT, tall, GRID)
        text = f"{ms // 1000} {second}" if ms >= 1000 else f"{ms} {millisecond}"
        yield words(left - 6, tall + 4, text, SMALL, FAINT, "end")
    for action, stroke, width, dashes in LINES:
        points: list[tuple[float, float]] = []
        for p in (p for p in fact["pace"] if p["action"] == action):
            took_ms = p["max_ms"] if p["ok_ms"] is None else p["ok_ms"]
            if took_ms > 0:
                high = y + SLOW - log10(min(max(took_ms, 1.0), SLOWEST_MS)) / log10(SLOWEST_MS) * SLOW
                points.append((x(p["at_s"] + p["width_s"] / 2), high))
            elif p["ok_ms"] is not None:
                yield from _joined(points, stroke, width, dashes)
                points = []
        yield from _joined(points, stroke, width, dashes)


def _joined(points: Sequence[tuple[float, float]], stroke: str, width: float, dashes: str) -> Iterator[str]:
    """A line through points; of a single one a short stroke."""
    if points:
        (x, y), alone = points[0], len(points) == 1
        yield path([(x - 3, y), (x + 3, y)] if alone else points, stroke, width, dashes)
