"""A whole recording on one time axis: incidents, timelines, roles, quorum, pools, writes and reads."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from reports.analysis.results.whole import IncidentResults, RecordingResults
from reports.render.escaping import dashed
from reports.render.language import Language
from reports.render.svg import chart, svg

TOP, LANE, BAR, KEY, RATES = 52, 24, 12, 5, 46
ROLES = {"primary": svg.BLUE, "replica": svg.SKY, "away": svg.GONE}
LONGEST_NAME = 26
# A number that stands farther than this from its bar would name another one.
ASIDE = 14


@dataclass(frozen=True, slots=True)
class Bars:
    """Periods of one colour in a lane, in pixels below its top; `labels`: a text within each bar."""

    times: chart.Times
    fill: str
    down: float = 4
    tall: float = BAR
    stroke: str = ""
    labels: Sequence[str] = ()


Lane = tuple[str, Sequence[Bars]]
"""The name of a lane, and its bars: the later ones stand over the earlier ones."""


def run(recording: RecordingResults, incidents: Sequence[IncidentResults], language: Language) -> str:
    """Return the picture of a recording."""
    whole_s = max(chart.in_seconds(recording.duration_ns), 1.0)
    lanes = [(name[:LONGEST_NAME], bars) for name, bars in _lanes(recording, whole_s, language)]
    headings = [language.say(f"drawing.{key}") for key in ("incidents", "writes", "reads")]
    left = min(max(map(svg.wide, (*headings, *(name for name, _ in lanes)))) + 14, 240)
    axis, y, drawn = chart.Axis(0.0, whole_s, left), TOP + 4.0, list[str]()
    for name, bars in lanes:
        drawn += [svg.words(left - 8, y + 14, name, anchor="end"), *_drawn(bars, recording, axis, y)]
        y += LANE
    y += 6
    top = chart.top_of(chart.per_second(one, whole_s) for one in recording.throughput)
    for action in ("write", "read"):
        drawn += chart.rates(recording, recording.throughput, action, top, axis, y, RATES, language)
        y += RATES + 12
    bottom = y - 8
    spans = [(chart.in_seconds(one.began_ns), chart.in_seconds(one.ended_ns)) for one in incidents]
    bands = [*axis.bars(spans, svg.AMBER, TOP, bottom - TOP)]
    bands += _beside([(axis.x(span[0]) + 2, str(one.id)) for span, one in zip(spans, incidents, strict=True)], TOP - 3)
    if incidents:
        bands.append(svg.words(left - 8, TOP - 3, headings[0], anchor="end"))
    shown, height = chart.legend(_keys(recording, bool(incidents)), bottom + 66, language)
    scale = chart.time_axis(recording, axis, TOP, bottom, language)
    return svg.document(height, language.say("drawing.run"), [*bands, *scale, *drawn, *shown])


def _lanes(recording: RecordingResults, whole_s: float, language: Language) -> Iterator[Lane]:
    """Yield the lanes from top to bottom: only those with something to show."""
    away = recording.unreachable
    if recording.leaderships:
        yield language.say("drawing.timeline"), [_timelines(recording, whole_s)]
    no_watch = chart.times(one for one in away if (one.source, one.subject) == ("etcd", "watch"))
    for member in dict.fromkeys([s.subject for s in recording.roles] + [s.member for s in recording.leaderships]):
        own = [period for period in recording.roles if period.subject == member]
        roles = [Bars(chart.times([period]), ROLES.get(period.what, svg.GREY)) for period in own]
        held = chart.times(period for period in recording.leaderships if period.member == member)
        both = [(max(a[0], b[0]), min(a[1], b[1])) for a in no_watch for b in held]
        unknown = Bars([part for part in both if part[0] < part[1]], svg.GONE, 4 + BAR, KEY)
        yield member, [*roles, Bars(held, svg.ORANGE, 4 + BAR, KEY), unknown]
    if recording.quorum:
        yield language.say("drawing.quorum"), [Bars(chart.times(recording.quorum), svg.FAILED)]
    for endpoint in sorted({one.subject for one in away if one.source == "etcd"} - {"watch"}):
        name = language.names.get(endpoint) or endpoint
        own_away = chart.times(one for one in away if (one.source, one.subject) == ("etcd", endpoint))
        yield name if name.startswith("etcd") else f"etcd {name}", [Bars(own_away, svg.GONE)]
    proxy_away = Bars(chart.times(one for one in away if one.source == "haproxy"), svg.GONE)
    for route in dict.fromkeys(s.subject for s in recording.routes):
        up = chart.times(period for period in recording.routes if period.subject == route)
        yield f"UP {route}", [Bars(up, svg.LIME), proxy_away]
    if recording.connection_limits:
        yield language.say("drawing.full"), [Bars(chart.times(recording.connection_limits), svg.PURPLE)]


def _timelines(recording: RecordingResults, whole_s: float) -> Bars:
    """Return a cell for each leader and each of its timelines, with their numbers; gaps: no member held the key."""
    cells: list[tuple[float, float]] = []
    names: list[str] = []
    for period, (from_s, to_s) in zip(recording.leaderships, chart.times(recording.leaderships), strict=True):
        until_s = min(to_s, whole_s)
        own = [p for p in recording.promotions if p.member == period.member]
        again = {p.timeline: chart.in_seconds(p.at_ns) for p in own if p.timeline in period.timelines[1:]}
        again = {number: at_s for number, at_s in again.items() if from_s < at_s < until_s}
        known = len(again) == len(period.timelines[1:])  # if a promotion has no moment, one cell holds both timelines
        bounds = [from_s, *(again.values() if known else ()), until_s]
        cells += pairwise(bounds)
        names += [str(n) for n in period.timelines] if known and again else [dashed(period.timelines)]
    return Bars(cells, svg.PALE, 2, LANE - 7, svg.GREY, names)


def _drawn(lane: Sequence[Bars], recording: RecordingResults, axis: chart.Axis, y: float) -> Iterator[str]:
    """Yield the bars of a lane; hatched over them the periods in which the observer was suspended; then their labels.

    Each label stands in the middle of its bar.
    """
    for bars in lane:
        yield from axis.bars(bars.times, bars.fill, y + bars.down, bars.tall, stroke=bars.stroke)
    yield from axis.bars(chart.times(recording.observer_suspended), svg.GONE, y + 2, LANE - 4)
    for bars in lane:
        ends = [
            (axis.x(from_s), axis.x(to_s), text) for (from_s, to_s), text in zip(bars.times, bars.labels, strict=False)
        ]
        yield from _beside([(a + max(1.5, (b - a - _number_width(text)) / 2), text) for a, b, text in ends], y + 14)


def _keys(recording: RecordingResults, has_incidents: bool) -> Iterator[chart.Key]:
    """Yield the legend: only what is in the picture."""
    always = {"primary": svg.BLUE, "replica": svg.SKY, "away": svg.GONE, "leader_key": svg.ORANGE}
    for phrase, fill in (*always.items(), ("ok", svg.GREEN), ("failed", svg.FAILED)):
        yield chart.filled(phrase, fill)
    if recording.routes:
        yield chart.filled("server_up", svg.LIME)
    if recording.connection_limits:
        yield chart.filled("full", svg.PURPLE)
    if has_incidents:
        yield chart.filled("incident_band", svg.AMBER)


def _beside(texts: Sequence[tuple[float, str]], y: float) -> Iterator[str]:
    """Yield texts at their places, or a little to the right of another text."""
    free = 0.0
    for wanted, text in texts:
        place = max(wanted, free)
        if text and place - wanted <= ASIDE and place + _number_width(text) <= svg.WIDTH - 2:
            yield svg.words(place, y, text, bold=True)
            free = place + _number_width(text) + 2


def _number_width(number: str) -> float:
    return 0.62 * svg.SIZE * len(number)
