"""A whole recording on one time axis: incidents, timelines, roles, quorum, pools, writes and reads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.recording import ConnectionLimit, LeaderPeriod, Period, Promotion
from reports.analysis.results.whole import RecordingResults
from reports.render.escaping import dashed
from reports.render.language import Language
from reports.render.svg.parts import (
    RIGHT,
    SMALL,
    WIDTH,
    Gaps,
    Key,
    Place,
    columns,
    filled,
    gaps_of,
    in_seconds,
    legend,
    not_observed,
    per_second,
    rate_axis,
    time_axis,
    top_of,
)
from reports.render.svg.svg import (
    AMBER,
    BLUE,
    FAILED,
    GONE,
    GREEN,
    GREY,
    INK,
    LIME,
    ORANGE,
    PURPLE,
    SKY,
    document,
    rect,
    wide,
    words,
)

TOP, LANE, BAR, KEY, RATES = 40, 24, 12, 5, 46
ROLES = {"primary": BLUE, "replica": SKY, "away": GONE}
LONGEST_NAME = 26
# A number that stands farther than this from its bar would name another one.
ASIDE = 14


def run(recording: RecordingResults, incidents: Sequence[IncidentResults], language: Language) -> str:
    """Return the picture of a recording."""
    whole_s = max(in_seconds(recording.duration_ns), 1.0)
    members = list(dict.fromkeys([s.subject for s in recording.roles] + [s.member for s in recording.leaderships]))
    etcd = _etcd_names(recording, language)
    routes = list(dict.fromkeys(s.subject for s in recording.routes))
    names = [
        *(language.say(f"drawing.{key}") for key in ("timeline", "incidents", "quorum", "full", "writes", "reads")),
        *(name[:LONGEST_NAME] for name in (*members, *etcd.values(), *(f"UP {route}" for route in routes))),
    ]
    left = min(max(wide(name, SMALL) for name in names) + 14, 240)
    scale = (WIDTH - left - RIGHT) / whole_s
    parts: list[str] = []
    y = TOP + 16.0

    def x(at_s: float) -> float:
        return left + max(0.0, min(at_s, whole_s)) * scale

    def bars(gaps: Gaps, fill: str, down: float = 4, tall: float = BAR) -> list[str]:
        ends = [(from_s, whole_s if to_s is None else to_s) for from_s, to_s in gaps]
        return [rect(x(from_s), y + down, max(x(to_s) - x(from_s), 1.5), tall, fill) for from_s, to_s in ends]

    def lane(name: str, content: Iterable[str], above: Iterable[str] = ()) -> None:
        nonlocal y
        parts.append(words(left - 8, y + 14, name[:LONGEST_NAME], SMALL, INK, "end"))
        parts.extend(content)
        parts.extend(not_observed(_times(recording.observer_suspended), x, y + 2, LANE - 4))
        parts.extend(above)
        y += LANE

    if recording.leaderships:
        cells, numbers = _timelines(recording.leaderships, recording.promotions, whole_s, x, y)
        lane(language.say("drawing.timeline"), cells, numbers)
    no_watch = _unreachable(recording, "etcd", "watch")
    for member in members:
        own = [period for period in recording.roles if period.subject == member]
        roles = [bar for period in own for bar in bars(_times([period]), ROLES.get(period.what, GREY))]
        held = _times([period for period in recording.leaderships if period.member == member])
        unknown = list(not_observed(list(_within(no_watch, held, whole_s)), x, y + 4 + BAR, KEY))
        lane(member, [*roles, *bars(held, ORANGE, 4 + BAR, KEY), *unknown])
    if recording.quorum:
        lane(language.say("drawing.quorum"), bars(_times(recording.quorum), FAILED))
    for subject, name in etcd.items():
        lane(name, not_observed(_unreachable(recording, "etcd", subject), x, y + 4, BAR))
    for route in routes:
        up = bars(_times([period for period in recording.routes if period.subject == route]), LIME)
        lane(f"UP {route}", [*up, *not_observed(_unreachable(recording, "haproxy"), x, y + 4, BAR)])
    if recording.connection_limits:
        lane(language.say("drawing.full"), bars(_times(recording.connection_limits), PURPLE))
    y += 6
    top = top_of(per_second(one, whole_s) for one in recording.throughput)
    for action in ("write", "read"):
        own_rates = [one for one in recording.throughput if one.action == action]
        parts.append(words(12, y + RATES / 2 + 4, language.say(f"drawing.{action}s"), SMALL))
        parts += rate_axis(top, left, y, RATES, language)
        parts += columns(own_rates, top, x, y, RATES, whole_s)
        parts += not_observed(gaps_of(recording, action), x, y, RATES)
        y += RATES + 12
    bottom = y - 8
    axis, end = time_axis(recording, 0.0, whole_s, x, TOP + 12, bottom, language)
    bands = []
    for one in incidents:
        began, ended = in_seconds(one.began_ns), in_seconds(one.ended_ns)
        bands.append(rect(x(began), TOP + 12, max(x(ended) - x(began), 1.5), bottom - TOP - 12, AMBER))
    bands += _beside([(x(in_seconds(one.began_ns)) + 2, str(one.id)) for one in incidents], TOP + 9)
    shown, below = legend(_keys(recording, bool(incidents)), end + 20, language)
    title = language.say("drawing.run")
    head = [words(12, 20, title, 15, INK, bold=True)]
    if incidents:
        head.append(words(left - 8, TOP + 9, language.say("drawing.incidents"), SMALL, INK, "end"))
    return document(WIDTH, below + 14, title, [*bands, *axis, *head, *parts, *shown])


def _keys(recording: RecordingResults, has_incidents: bool) -> Iterator[Key]:
    """Yield the legend: only what is in the picture."""
    yield from (filled("primary", BLUE), filled("replica", SKY), filled("away", GONE), filled("leader_key", ORANGE))
    yield from (filled("ok", GREEN), filled("failed", FAILED))
    if recording.routes:
        yield filled("server_up", LIME)
    if recording.connection_limits:
        yield filled("full", PURPLE)
    if has_incidents:
        yield filled("incident_band", AMBER)


def _times(periods: Iterable[Period | LeaderPeriod | ConnectionLimit]) -> Gaps:
    return [(in_seconds(p.from_ns), None if p.to_ns is None else in_seconds(p.to_ns)) for p in periods]


def _unreachable(recording: RecordingResults, source: str, subject: str | None = None) -> Gaps:
    return [
        (in_seconds(one.from_ns), None if one.to_ns is None else in_seconds(one.to_ns))
        for one in recording.unreachable
        if one.source == source and subject in (None, one.subject)
    ]


def _etcd_names(recording: RecordingResults, language: Language) -> dict[str, str]:
    """Return the members of etcd that were unreachable at some time, with their names."""
    subjects = sorted({one.subject for one in recording.unreachable if one.source == "etcd"} - {"watch"})
    named = {subject: language.names.get(subject) or subject for subject in subjects}
    return {subject: name if name.startswith("etcd") else f"etcd {name}" for subject, name in named.items()}


def _timelines(
    periods: Sequence[LeaderPeriod], promotions: Sequence[Promotion], whole_s: float, x: Place, y: float
) -> tuple[list[str], list[str]]:
    """Return a cell for each leader and each of its timelines, and their numbers; gaps: no member held the key."""
    cells, numbers = [], []
    for period in periods:
        from_s, until_s = in_seconds(period.from_ns), whole_s if period.to_ns is None else in_seconds(period.to_ns)
        own = [p for p in promotions if p.member == period.member and from_s < in_seconds(p.at_ns) < until_s]
        again = {p.timeline: in_seconds(p.at_ns) for p in own if p.timeline in period.timelines[1:]}
        known = len(again) == len(period.timelines[1:])  # if a promotion has no moment, one cell holds both timelines
        bounds = [from_s, *(again.values() if known else ()), until_s]
        names = [str(n) for n in period.timelines] if known and again else [dashed(period.timelines)]
        for begin, end, text in zip(bounds, bounds[1:], names, strict=False):
            from_x, to_x = x(begin), x(end)
            cells.append(rect(from_x, y + 2, max(to_x - from_x, 1.5), LANE - 7, "#eceff2", GREY))
            numbers.append((from_x + max(1.5, (to_x - from_x - _number_width(text)) / 2), text))
    return cells, list(_beside(numbers, y + 14))


def _beside(texts: Sequence[tuple[float, str]], y: float) -> Iterator[str]:
    """Yield texts at their places, or a little to the right of another text."""
    free = 0.0
    for wanted, text in texts:
        place = max(wanted, free)
        if text and place - wanted <= ASIDE and place + _number_width(text) <= WIDTH - 2:
            yield words(place, y, text, SMALL, INK, bold=True)
            free = place + _number_width(text) + 2


def _number_width(number: str) -> float:
    return 0.62 * SMALL * len(number)


def _within(gaps: Gaps, held: Gaps, end_s: float) -> Iterator[tuple[float, float]]:
    """Yield the parts of some periods that lie in others."""
    for from_s, to_s in gaps:
        for began_s, ended_s in held:
            low = max(from_s, began_s)
            high = min(end_s if to_s is None else to_s, end_s if ended_s is None else ended_s)
            if low < high:
                yield low, high
