"""An incident: rates and slowest answers by the second, injected faults, and phases beside what settings imply."""

from collections.abc import Iterator, Sequence
from math import log10

from observer.model.findings import Phase, Reported
from observer.model.recording import SECOND_NS
from reports.analysis.keys import is_inside
from reports.analysis.results.whole import IncidentResults, RecordingResults
from reports.document.phases import rounded
from reports.render.language import Language
from reports.render.svg import chart, svg

TOP, RATE, SLOW, ROW, LINE = 36, 66, 84, 27, 18
SLOWEST_MS = 10_000
INJECTED = {"fault.told": "fault", "repair.told": "repair"}
# Writes are drawn broad, reads narrow, dashed and over them, so both are visible where they run together.
LINES = (("write", svg.BLUE, 4.0, ""), ("read", svg.ORANGE, 1.8, "5 2"))


def is_drawn(incident: IncidentResults) -> bool:
    """Return whether there is something to draw: phases, or operations that did not succeed."""
    failed = any(cost.failed + cost.unknown for cost in (incident.write, incident.read))
    return bool(incident.throughput) and bool(incident.phases or failed)


def highest(incidents: Sequence[IncidentResults]) -> int:
    """Return where the axes of rates end: the same in all pictures, so that they can be compared."""
    return chart.top_of(
        chart.per_second(p, chart.in_seconds(p.at_ns + p.width_ns)) for one in incidents for p in one.throughput
    )


def incident(found: IncidentResults, recording: RecordingResults, top: int, language: Language) -> str:
    """Return the picture of an incident; `top`: operations per second where the axes of rates end."""
    apart = all(p.ok_ms is not None for p in found.throughput)
    slowest = language.say("drawing.slowest_ok" if apart else "drawing.slowest")
    ends = [chart.in_seconds(p.at_ns + p.width_ns) for p in found.throughput] + [_span(p)[1] for p in found.phases]
    names = [*(_name(phase, language) for phase in found.phases), slowest + " " * 8]
    left = min(max(map(svg.wide, names)) + 14, 260)
    axis = chart.Axis(min(chart.in_seconds(p.at_ns) for p in found.throughput), max(ends), left)
    said = [
        one for one in found.injected if one.kind in INJECTED and axis.first <= chart.in_seconds(one.at_ns) <= axis.last
    ]
    limits = [one for one in recording.connection_limits if axis.shows(*chart.times([one])[0])]
    shown: list[str] = []
    y = float(TOP)
    if said:
        shown.append(svg.words(12, y + 12, language.say("drawing.injected")))
        rows = list(_injected(said, y, axis, language))
        shown += [text for text, _ in rows]
        y = max(bottom for _, bottom in rows) + 8
    if limits:
        shown += [svg.words(12, y + 11, language.say("drawing.full"))]
        shown += axis.bars(chart.times(limits), svg.PURPLE, y + 1, 14, 2)
        for limit, (from_s, to_s) in zip(limits, chart.times(limits), strict=True):
            label = f"{limit.sessions} / {limit.limit}"
            if axis.x(to_s) - axis.x(from_s) > svg.wide(label) + 6:
                shown.append(svg.words(axis.x(from_s) + 4, y + 12, label))
        y += LINE + 6
    y += 4
    for action in ("write", "read"):
        shown += chart.rates(recording, found.throughput, action, top, axis, y, RATE, language)
        y += RATE + 14
    shown += [svg.words(12, y + SLOW / 2 + 4, slowest), *_slowest(found, y, axis, language)]
    y += SLOW + 12
    for phase, seconds in zip(found.phases, _rounded(found.phases), strict=True):
        shown += [svg.words(left - 8, y + 13, _name(phase, language), anchor="end")]
        shown += _phase(phase, seconds, y, axis, language)
        y += ROW
    lines = list(chart.time_axis(recording, axis, TOP - 4, y, language))
    marks = [axis.x(chart.in_seconds(one.at_ns)) for one in said]
    lines += [svg.line(place, TOP, place, y, svg.FAINT, 1, "3 3") for place in marks]
    for at_s, member in _demoted(recording, axis):
        place = axis.x(at_s)
        side, anchor = (-4, "end") if place > svg.WIDTH / 2 else (4, "start")
        text = language.say("drawing.demoted", member=member)
        lines.append(svg.line(place, TOP - 4, place, y, svg.PURPLE, 1.6, "2 2"))
        shown.append(svg.words(place + side, TOP - 3, text, anchor=anchor, halo=True))
    if found.throughput[0].width_ns == SECOND_NS:  # broader columns hold operations by the time of their end
        shown.append(svg.words(12, y + 46, language.say("drawing.by_due"), svg.FAINT))
    entries, height = chart.legend(_keys(found, said, bool(limits)), y + 66, language)
    title = language.say("drawing.incident" if found.phases else "drawing.incident_rates", id=found.id)
    return svg.document(height, title, [*lines, *shown, *entries])


def _span(phase: Phase) -> tuple[float, float]:
    return chart.in_seconds(phase.began.by_ns), chart.in_seconds(phase.ended.by_ns)


def _name(phase: Phase, language: Language) -> str:
    return language.phrases["format.and"].join(language.say(f"phase.{part}.name") for part in phase.name.split("+"))


def _rounded(phases: Sequence[Phase]) -> list[float]:
    """Return the durations in seconds to 0.01; those within the outage sum, as printed, to the printed outage."""
    inside = iter(rounded([phase for phase in phases if is_inside(phase.name)]))
    return [next(inside) if is_inside(p.name) else round(chart.in_seconds(p.duration_ns), 2) for p in phases]


def _demoted(recording: RecordingResults, axis: chart.Axis) -> list[tuple[float, str]]:
    """Return when the holder of the leader key was first observed as a replica while it kept the key."""
    periods = [(chart.in_seconds(span.from_ns), own.member) for own in recording.leaderships for span in own.demoted]
    return [(at_s, member) for at_s, member in periods if axis.first <= at_s <= axis.last]


def _keys(found: IncidentResults, said: Sequence[Reported], full: bool) -> Iterator[chart.Key]:
    """Yield the legend: only what is in the picture."""
    yield from (chart.filled("ok", svg.GREEN), chart.filled("failed", svg.FAILED))
    yield from (chart.drawn(f"slowest_{action}", stroke, width, dashes) for action, stroke, width, dashes in LINES)
    yield from (chart.injected(INJECTED[kind], kind) for kind in INJECTED if any(one.kind == kind for one in said))
    inside = {is_inside(phase.name) for phase in found.phases}
    bounds = any(phase.bound_s is not None for phase in found.phases)
    entries = (("full", svg.PURPLE, full), ("inside", svg.BLUE, True in inside))
    for phrase, fill, drawn in (*entries, ("outside", svg.SKY, False in inside), ("bound", svg.ORANGE, bounds)):
        if drawn:
            yield chart.filled(phrase, fill)


def _injected(said: Sequence[Reported], y: float, axis: chart.Axis, language: Language) -> Iterator[tuple[str, float]]:
    """Yield the marks of injected faults with their words, in as many lines as they need, and where each line ends."""
    taken: list[float] = []
    for one in said:
        text = injected_text(one, language)[:60]
        place, broad = axis.x(chart.in_seconds(one.at_ns)), svg.wide(text)
        before = place + 10 + broad > chart.RIGHT and place - 10 - broad > axis.left
        from_x = place - 10 - broad if before else place - 6
        row = next((n for n, free in enumerate(taken) if free < from_x), len(taken))
        taken[row : row + 1] = [place + 10 + (0 if before else broad)]
        tall = y + row * LINE + 8
        yield chart.mark(one.kind, place, tall), tall + 8
        aside, anchor = (-10, "end") if before else (10, "start")
        yield svg.words(place + aside, tall + 4, text, anchor=anchor, halo=True), tall + 8


def injected_text(one: Reported, language: Language) -> str:
    """Return what was injected; without a phrase for it, its own detail."""
    key = f"fault_action.{one.detail.get('component')}.{one.detail.get('action')}"
    if key in language.phrases:
        return language.say(key, target=one.detail.get("target"))
    return " ".join(str(one.detail[name]) for name in ("component", "action", "target", "text") if one.detail.get(name))


def _phase(phase: Phase, seconds: float, y: float, axis: chart.Axis, language: Language) -> Iterator[str]:
    """Yield a bar with its seconds, and under it what the settings imply; an arrow: it goes on past the picture."""
    span = _span(phase)
    began, ended = map(axis.x, span)
    yield from axis.bars([span], svg.BLUE if is_inside(phase.name) else svg.SKY, y + 3, 12, 2)
    if phase.bound_s is not None:
        bound = (span[0] + phase.bound_s[0], span[0] + phase.bound_s[1])
        yield from axis.bars([bound], svg.ORANGE, y + 18, 5, 2)
        if bound[1] > axis.last:
            yield svg.words(axis.x(bound[1]) + 1, y + 25, "→")
    text = language.written(seconds, "fine")
    after = max(ended, began + 2) + 6
    near = after + svg.wide(text) > chart.RIGHT
    yield svg.words(began - 6 if near else after, y + 13, text, anchor="end" if near else "start", halo=True)


def _slowest(found: IncidentResults, y: float, axis: chart.Axis, language: Language) -> Iterator[str]:
    """Yield the slowest answer of each second, on a logarithmic scale from 1 ms to 10 s.

    Only successes count where they are known apart, because a fast refusal is no fast answer; without a success the
    line ends.
    """

    def tall(ms: float) -> float:
        return y + SLOW - log10(min(max(ms, 1.0), SLOWEST_MS)) / log10(SLOWEST_MS) * SLOW

    second, millisecond = (language.phrases[f"format.{unit}"] for unit in ("second", "millisecond"))
    for ms in (1, 10, 100, 1000, SLOWEST_MS):
        yield svg.line(axis.left, tall(ms), chart.RIGHT, tall(ms))
        text = f"{ms // 1000} {second}" if ms >= 1000 else f"{ms} {millisecond}"
        yield svg.words(axis.left - 6, tall(ms) + 4, text, svg.FAINT, "end")
    for action, stroke, width, dashes in LINES:
        joined: list[list[tuple[float, float]]] = [[]]
        for p in (p for p in found.throughput if p.action == action):
            took_ms = p.max_ms if p.ok_ms is None else p.ok_ms
            if took_ms > 0:
                joined[-1].append((axis.x(chart.in_seconds(p.at_ns) + chart.in_seconds(p.width_ns) / 2), tall(took_ms)))
            elif p.ok_ms is not None:
                joined.append([])
        for points in filter(None, joined):  # a single point is a short stroke
            (x, middle), alone = points[0], len(points) == 1
            yield svg.path([(x - 3, middle), (x + 3, middle)] if alone else points, stroke, width, dashes)
