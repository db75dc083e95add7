"""A whole recording on one time axis: incidents, leader key, roles, quorum, routes, writes and reads. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from reports.pictures.parts import (
    RIGHT,
    SMALL,
    WIDTH,
    Place,
    columns,
    drawn_from,
    filled,
    flowing,
    legend,
    per_second,
    rate_axis,
    top_of,
    unseen,
)
from reports.pictures.svg import (
    AMBER,
    BLUE,
    FAILED,
    FAINT,
    GONE,
    GREEN,
    GREY,
    GRID,
    INK,
    LIME,
    ORANGE,
    PURPLE,
    SKY,
    document,
    line,
    rect,
    step,
    wide,
    words,
)
from reports.render.escaping import dashed
from reports.render.language import Language
from reports.text.old_facts import IncidentFact, LeadershipFact, PromotionFact, RecordingFact

TOP, LANE, BAR, KEY, RATES = 44, 23, 12, 5, 46
ROLES = {"primary": BLUE, "replica": SKY, "away": GONE}
# A number that has to stand farther than this from what it names would name something else.
ASIDE = 14


def run(recording: RecordingFact, incidents: Sequence[IncidentFact], language: Language) -> str:
    """The picture of a recording."""
    whole_s = max(recording["duration_s"], 1.0)
    members = list(
        dict.fromkeys([s["subject"] for s in recording["roles"]] + [s["member"] for s in recording["leaderships"]])
    )
    etcd = [b for b in recording["blindness"] if b["source"] == "etcd" and b["subject"] != "watch"]
    named = {b["subject"]: f"etcd {language.names.get(b['subject']) or b['subject']}" for b in etcd}
    named = {subject: name.replace("etcd etcd", "etcd") for subject, name in sorted(named.items())}
    routes = list(dict.fromkeys(s["subject"] for s in recording["routes"]))
    names = [
        *(language.say(f"picture.{key}") for key in ("timeline", "faults", "quorum", "full", "writes", "reads")),
        *(name[:26] for name in (*members, *named.values(), *(f"UP {route}" for route in routes))),
    ]
    left = min(max(wide(name, SMALL) for name in names) + 14, 230)
    scale = (WIDTH - left - RIGHT) / whole_s
    parts: list[str] = []
    y = TOP + 16.0

    def x(at_s: float) -> float:
        return float(left + max(0.0, min(at_s, whole_s)) * scale)

    def bars(spans: Iterable[tuple[float, float | None, str]], down: float = 4, tall: float = BAR) -> Iterator[str]:
        for from_s, to_s, fill in spans:
            until = whole_s if to_s is None else to_s
            yield rect(x(from_s), y + down, max(x(until) - x(from_s), 1.5), tall, fill)

    def lane(name: str, drawn: Iterable[str], above: Iterable[str] = ()) -> None:
        nonlocal y
        parts.append(words(left - 8, y + 14, name[:26], SMALL, INK, "end"))
        parts.extend(drawn)
        parts.extend(unseen(((s["from_s"], s["to_s"]) for s in recording["slept"]), x, y + 2, LANE - 4))
        parts.extend(above)
        y += LANE

    def blind(source: str, subject: str | None = None) -> list[tuple[float, float | None]]:
        return [
            (b["from_s"], b["to_s"])
            for b in recording["blindness"]
            if b["source"] == source and subject in (None, b["subject"])
        ]

    if recording["leaderships"]:
        lane(
            language.say("picture.timeline"),
            *_timelines(recording["leaderships"], recording["promotions"], whole_s, x, y),
        )
    no_key = blind("etcd", "watch")
    for member in members:
        own = [s for s in recording["roles"] if s["subject"] == member]
        roles = [(s["from_s"], s["to_s"], ROLES.get(s["what"], GREY)) for s in own]
        held = [(s["from_s"], s["to_s"]) for s in recording["leaderships"] if s["member"] == member]
        lane(
            member,
            [
                *bars(roles),
                *bars(((from_s, to_s, ORANGE) for from_s, to_s in held), 4 + BAR, KEY),
                *unseen(_within(no_key, held, whole_s), x, y + 4 + BAR, KEY),
            ],
        )
    if recording["quorum"]:
        lane(language.say("picture.quorum"), bars((s["from_s"], s["to_s"], FAILED) for s in recording["quorum"]))
    for subject, name in named.items():
        lane(name, unseen(blind("etcd", subject), x, y + 4, BAR))
    for route in routes:
        up = [(s["from_s"], s["to_s"], LIME) for s in recording["routes"] if s["subject"] == route]
        lane(f"UP {route}", [*bars(up), *unseen(blind("haproxy"), x, y + 4, BAR)])
    if recording["crowds"]:
        lane(language.say("picture.full"), bars((s["from_s"], s["to_s"], PURPLE) for s in recording["crowds"]))
    y += 6
    top = top_of(per_second(p, whole_s) for p in recording["pace"])
    for action, name in (("write", "writes"), ("read", "reads")):
        pace = [p for p in recording["pace"] if p["action"] == action]
        gaps = [(u["from_s"], u["to_s"]) for u in recording["unobserved"] if u["action"] == action]
        parts.append(words(12, y + RATES / 2 + 4, language.say(f"picture.{name}"), SMALL))
        parts += rate_axis(top, left, y, RATES, language)
        parts += [*columns(pace, top, x, y, RATES, whole_s), *unseen(gaps, x, y, RATES)]
        y += RATES + 12
    bottom = y - 8
    marks = []
    every = step(whole_s, 12)
    for n in range(int(whole_s // every) + 1):
        place = x(n * every)
        marks.append(line(place, TOP + 12, place, bottom, GRID))
        text = language.number(n * every, 0 if every >= 1 else 1)
        marks.append(words(place, bottom + 14, text, SMALL, FAINT, "middle"))
    bands = []
    for one in incidents:
        broad = max(x(one["ended_s"]) - x(one["began_s"]), 1.5)
        bands.append(rect(x(one["began_s"]), TOP + 12, broad, bottom - TOP - 12, AMBER))
    bands += _beside([(x(one["began_s"]) + 2, str(one["id"])) for one in incidents], TOP + 9)
    fills = {"primary": BLUE, "replica": SKY, "away": GONE, "leader_key": ORANGE, "ok": GREEN, "failed": FAILED}
    fills |= {"server_up": LIME} if routes else {}
    keys = {**fills, **({"full": PURPLE} if recording["crowds"] else {}), **({"incident_band": AMBER} if bands else {})}
    shown, below = legend((filled(key, fill) for key, fill in keys.items()), bottom + 50, language)
    listed, below = flowing(_named(incidents, language), below + 22) if incidents else ([], below)
    head = [
        words(12, 22, language.say("picture.run"), 15, INK, bold=True),
        words(WIDTH - RIGHT, bottom + 29, language.say("picture.seconds"), SMALL, FAINT, "end"),
        words(12, below + 22, drawn_from(recording, language), SMALL, FAINT, longest=200),
    ]
    if incidents:
        head.append(words(left - 8, TOP + 9, language.say("picture.faults"), SMALL, INK, "end"))
    return document(WIDTH, below + 32, language.say("picture.run"), [*bands, *marks, *head, *parts, *shown, *listed])


def _timelines(
    spells: Sequence[LeadershipFact], promotions: Sequence[PromotionFact], whole_s: float, x: Place, y: float
) -> tuple[list[str], list[str]]:
    """A cell for each leader and each timeline of it, and their numbers; between the cells nobody held the key."""
    cells, numbers = [], []
    for spell in spells:
        until_s = whole_s if spell["to_s"] is None else spell["to_s"]
        own = [p for p in promotions if p["member"] == spell["member"] and spell["from_s"] < p["at_s"] < until_s]
        anew = {p["timeline"]: p["at_s"] for p in own if p["timeline"] in spell["timelines"][1:]}
        known = len(anew) == len(spell["timelines"][1:])  # where a promotion has no moment, one cell holds both
        bounds = [spell["from_s"], *(anew.values() if known else ()), until_s]
        names = [str(n) for n in spell["timelines"]] if known and anew else [dashed(spell["timelines"])]
        for from_s, to_s, text in zip(bounds, bounds[1:], names, strict=False):
            from_x, to_x = x(from_s), x(to_s)
            cells.append(rect(from_x, y + 2, max(to_x - from_x, 1.5), LANE - 7, "#eceff2", GREY))
            numbers.append((from_x + max(1.5, (to_x - from_x - _broad(text)) / 2), text))
    return cells, list(_beside(numbers, y + 14))


def _beside(texts: Sequence[tuple[float, str]], y: float) -> Iterator[str]:
    """Texts where they belong, or a little to the right of it where another stands there."""
    free = 0.0
    for wanted, text in texts:
        place = max(wanted, free)
        if text and place - wanted <= ASIDE and place + _broad(text) <= WIDTH - 2:
            yield words(place, y, text, SMALL, INK, bold=True)
            free = place + _broad(text) + 2


def _broad(number: str) -> float:
    return 0.62 * SMALL * len(number)


def _within(
    spans: Sequence[tuple[float, float | None]], held: Sequence[tuple[float, float | None]], end_s: float
) -> Iterator[tuple[float, float]]:
    """The parts of some spans that lie in others."""
    for from_s, to_s in spans:
        for began_s, ended_s in held:
            low, high = max(from_s, began_s), min(to_s or end_s, ended_s or end_s)
            if low < high:
                yield low, high


def _named(incidents: Sequence[IncidentFact], language: Language) -> list[str]:
    """The incidents' numbers by what happened."""
    found: dict[str, list[int]] = {}
    for one in incidents:
        key = "picture.cause_unknown" if one["cause"] == "unknown" else f"cause.{one['cause']}.name"
        found.setdefault(language.say(key), []).append(one["id"])
    return [f"{', '.join(map(str, ids))} — {name}" for name, ids in found.items()]
