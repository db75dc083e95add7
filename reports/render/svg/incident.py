"""An incident: rates and slowest answers by the second, injected faults, and phases beside what settings imply."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import log10

from observer.model.findings import Phase, Reported
from observer.model.recording import SECOND_NS
from reports.analysis.keys import is_inside
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import RecordingResults
from reports.document.phases import rounded
from reports.render.language import Language
from reports.render.svg.parts import (
    RIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Key,
    Place,
    columns,
    drawn,
    filled,
    gaps_of,
    in_seconds,
    injected,
    legend,
    mark,
    not_observed,
    per_second,
    rate_axis,
    time_axis,
    top_of,
)
from reports.render.svg.svg import (
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
    wide,
    words,
)

TOP, RATE, SLOW, ROW, LINE = 36, 66, 84, 27, 18
SLOWEST_MS = 10_000
INJECTED = ("fault.told", "repair.told")
# Writes are drawn broad, reads narrow, dashed and over them, so both are visible where they run together.
LINES = (("write", BLUE, 4.0, ""), ("read", ORANGE, 1.8, "5 2"))


@dataclass(frozen=True, slots=True)
class Frame:
    """From when to when a picture shows an incident, seconds since the recording began, and its left edge."""

    first: float
    last: float
    left: float

    def x(self, at_s: float) -> float:
        """Return the place of a moment, within the frame."""
        scale = (WIDTH - self.left - RIGHT) / max(self.last - self.first, 1.0)
        return self.left + (min(max(at_s, self.first), self.last) - self.first) * scale


def title(incident: IncidentResults, language: Language) -> str:
    """Return what the picture of an incident shows."""
    return language.say("drawing.incident" if incident.phases else "drawing.incident_rates", id=incident.id)


def is_drawn(incident: IncidentResults) -> bool:
    """Return whether there is something to draw: phases, or operations that did not succeed."""
    failed = any(cost.failed + cost.unknown for cost in (incident.write, incident.read))
    return bool(incident.throughput) and bool(incident.phases or failed)


def highest(incidents: Sequence[IncidentResults]) -> int:
    """Return where the axes of rates end: the same in all pictures, so that they can be compared."""
    return top_of(per_second(p, in_seconds(p.at_ns + p.width_ns)) for one in incidents for p in one.throughput)


def incident(found: IncidentResults, recording: RecordingResults, top: int, language: Language) -> str:
    """Return the picture of an incident; `top`: operations per second where the axes of rates end."""
    apart = all(p.ok_ms is not None for p in found.throughput)
    slowest = language.say("drawing.slowest_ok" if apart else "drawing.slowest")
    names = [*(_name(phase, language) for phase in found.phases), slowest + " " * 8]
    frame = Frame(
        min(in_seconds(p.at_ns) for p in found.throughput),
        max([in_seconds(p.at_ns + p.width_ns) for p in found.throughput] + [_span(p)[1] for p in found.phases]),
        min(max(wide(name, SMALL) for name in names) + 14, 260),
    )
    first, last, left, x = frame.first, frame.last, frame.left, frame.x
    said = [one for one in found.injected if one.kind in INJECTED and first <= in_seconds(one.at_ns) <= last]
    shown: list[str] = []
    y = float(TOP)
    said_y = y
    if said:
        shown.append(words(12, y + 12, language.say("drawing.injected"), SMALL))
        rows = list(_injected(said, y, frame, language))
        shown += [text for text, _ in rows]
        y = max(bottom for _, bottom in rows) + 8
    limits = [one for one in recording.connection_limits if in_seconds(one.to_ns) > first]
    limits = [one for one in limits if in_seconds(one.from_ns) < last]
    if limits:
        shown.append(words(12, y + 11, language.say("drawing.full"), SMALL))
        for limit in limits:
            from_x, to_x = x(in_seconds(limit.from_ns)), x(in_seconds(limit.to_ns))
            shown.append(rect(from_x, y + 1, max(to_x - from_x, 2), 14, PURPLE))
            label = f"{limit.sessions} / {limit.limit}"
            if to_x - from_x > wide(label, SMALL) + 6:
                shown.append(words(from_x + 4, y + 12, label, SMALL))
        y += LINE + 6
    y += 4
    for action in ("write", "read"):
        own = [p for p in found.throughput if p.action == action]
        gaps = [gap for gap in gaps_of(recording, action) if (gap[1] or 0) > first and gap[0] < last]
        shown.append(words(12, y + RATE / 2 + 4, language.say(f"drawing.{action}s"), TEXT, INK, bold=True))
        shown += rate_axis(top, left, y, RATE, language)
        shown += [*columns(own, top, x, y, RATE, last), *not_observed(gaps, x, y, RATE)]
        y += RATE + 14
    shown.append(words(12, y + SLOW / 2 + 4, slowest, SMALL))
    shown += _slowest(found, y, frame, language)
    y += SLOW + 12
    for phase, seconds in zip(found.phases, _rounded(found.phases), strict=True):
        shown.append(words(left - 8, y + 13, _name(phase, language), SMALL, INK, "end"))
        shown += _phase(phase, seconds, last, y, x, language)
        y += ROW
    lines, end = time_axis(recording, first, last, x, TOP - 4, y, language)
    lines += [line(x(in_seconds(one.at_ns)), said_y, x(in_seconds(one.at_ns)), y, FAINT, 1, "3 3") for one in said]
    demoted = _demoted(recording, first, last)
    lines += [line(x(at_s), TOP - 4, x(at_s), y, PURPLE, 1.6, "2 2") for at_s, _ in demoted]
    over = []
    for at_s, member in demoted:
        text, near = language.say("drawing.demoted", member=member), x(at_s) > WIDTH / 2
        side, anchor = (-4, "end") if near else (4, "start")
        over.append(words(x(at_s) + side, TOP - 3, text, SMALL, INK, anchor, halo=True))
    entries, below = legend(_keys(found, said, bool(limits)), end + 20, language)
    head = [words(12, 20, title(found, language), 15, INK, bold=True)]
    if found.throughput[0].width_ns == SECOND_NS:  # broader columns hold operations by the time of their end
        head.append(words(12, end, language.say("drawing.by_due"), SMALL, FAINT))
    return document(WIDTH, below + 14, title(found, language), [*lines, *head, *shown, *over, *entries])


def _span(phase: Phase) -> tuple[float, float]:
    return in_seconds(phase.began.by_ns), in_seconds(phase.ended.by_ns)


def _name(phase: Phase, language: Language) -> str:
    return language.phrases["format.and"].join(language.say(f"phase.{part}.name") for part in phase.name.split("+"))


def _rounded(phases: Sequence[Phase]) -> list[float]:
    """Return the durations in seconds to 0.01; those within the outage sum, as printed, to the printed outage."""
    inside = iter(rounded([phase for phase in phases if is_inside(phase.name)]))
    return [next(inside) if is_inside(p.name) else round(in_seconds(p.duration_ns), 2) for p in phases]


def _demoted(recording: RecordingResults, first: float, last: float) -> list[tuple[float, str]]:
    """Return when the holder of the leader key was first observed as a replica while it kept the key."""
    periods = [(in_seconds(span.from_ns), own.member) for own in recording.leaderships for span in own.demoted]
    return [(at_s, member) for at_s, member in periods if first <= at_s <= last]


def _keys(found: IncidentResults, said: Sequence[Reported], full: bool) -> Iterator[Key]:
    """Yield the legend: only what is in the picture."""
    yield from (filled("ok", GREEN), filled("failed", FAILED))
    yield from (drawn(f"slowest_{action}", stroke, width, dashes) for action, stroke, width, dashes in LINES)
    for kind, phrase in zip(INJECTED, ("fault", "repair"), strict=True):
        if any(one.kind == kind for one in said):
            yield injected(phrase, kind)
    if full:
        yield filled("full", PURPLE)
    if any(is_inside(phase.name) for phase in found.phases):
        yield filled("inside", BLUE)
    if any(not is_inside(phase.name) for phase in found.phases):
        yield filled("outside", SKY)
    if any(phase.bound_s is not None for phase in found.phases):
        yield filled("bound", ORANGE)


def _injected(said: Sequence[Reported], y: float, frame: Frame, language: Language) -> Iterator[tuple[str, float]]:
    """Yield the marks of injected faults with their words, in as many lines as they need, and where each line ends."""
    taken: list[float] = []
    for one in said:
        text = injected_text(one, language)[:60]
        place, broad = frame.x(in_seconds(one.at_ns)), wide(text, SMALL)
        before = place + 10 + broad > WIDTH - RIGHT and place - 10 - broad > frame.left
        from_x = place - 10 - broad if before else place - 6
        row = next((n for n, free in enumerate(taken) if free < from_x), len(taken))
        taken[row : row + 1] = [place + 10 + (0 if before else broad)]
        tall = y + row * LINE + 8
        yield mark(one.kind, place, tall), tall + 8
        aside, anchor = (-10, "end") if before else (10, "start")
        yield words(place + aside, tall + 4, text, SMALL, INK, anchor, halo=True), tall + 8


def injected_text(one: Reported, language: Language) -> str:
    """Return what was injected; without a phrase for it, its own detail."""
    key = f"fault_action.{one.detail.get('component')}.{one.detail.get('action')}"
    if key in language.phrases:
        return language.say(key, target=one.detail.get("target"))
    return " ".join(str(one.detail[name]) for name in ("component", "action", "target", "text") if one.detail.get(name))


def _phase(phase: Phase, seconds: float, last: float, y: float, x: Place, language: Language) -> Iterator[str]:
    """Yield a bar with its seconds, and under it what the settings imply; an arrow: it goes on past the picture."""
    began_s, ended_s = _span(phase)
    began, ended = x(began_s), x(ended_s)
    yield rect(began, y + 3, max(ended - began, 2), 12, BLUE if is_inside(phase.name) else SKY)
    if phase.bound_s is not None:
        low, high = (began_s + bound for bound in phase.bound_s)
        yield rect(x(low), y + 18, max(x(high) - x(low), 2), 5, ORANGE)
        if high > last:
            yield words(x(high) + 1, y + 25, "→", TEXT, INK)
    text = language.written(seconds, "fine")
    after = max(ended, began + 2) + 6
    near = after + wide(text, SMALL) > WIDTH - RIGHT
    yield words(began - 6 if near else after, y + 13, text, SMALL, INK, "end" if near else "start", halo=True)


def _slowest(found: IncidentResults, y: float, frame: Frame, language: Language) -> Iterator[str]:
    """Yield the slowest answer of each second, on a logarithmic scale from 1 ms to 10 s.

    Only successes count where they are known apart, because a fast refusal is no fast answer; without a success the
    line ends.
    """
    second, millisecond = (language.phrases[f"format.{unit}"] for unit in ("second", "millisecond"))
    for ms in (1, 10, 100, 1000, SLOWEST_MS):
        tall = y + SLOW - log10(ms) / log10(SLOWEST_MS) * SLOW
        yield line(frame.left, tall, WIDTH - RIGHT, tall, GRID)
        text = f"{ms // 1000} {second}" if ms >= 1000 else f"{ms} {millisecond}"
        yield words(frame.left - 6, tall + 4, text, SMALL, FAINT, "end")
    for action, stroke, width, dashes in LINES:
        points: list[tuple[float, float]] = []
        for p in (p for p in found.throughput if p.action == action):
            took_ms = p.max_ms if p.ok_ms is None else p.ok_ms
            if took_ms > 0:
                high = y + SLOW - log10(min(max(took_ms, 1.0), SLOWEST_MS)) / log10(SLOWEST_MS) * SLOW
                points.append((frame.x(in_seconds(p.at_ns) + in_seconds(p.width_ns) / 2), high))
            elif p.ok_ms is not None:
                yield from _joined(points, stroke, width, dashes)
                points = []
        yield from _joined(points, stroke, width, dashes)


def _joined(points: Sequence[tuple[float, float]], stroke: str, width: float, dashes: str) -> Iterator[str]:
    """Yield a line through points; for a single point a short stroke."""
    if points:
        (x, y), alone = points[0], len(points) == 1
        yield path([(x - 3, y), (x + 3, y)] if alone else points, stroke, width, dashes)
