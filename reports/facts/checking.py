"""How a proxy's checks went, as its stats page was seen to change: pauses, how long a check took, who stayed UP.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import TypedDict

from observer.model.recording import MS_NS, SECOND_NS, Event, Recording
from reports.analysis.reachability import unreachable
from reports.facts import course

ROUTES = ("route.up", "route.down", "route.changed")
# A check that ends so went on until its own timeout: nobody answered it, or nobody let it connect.
TIMEOUTS = ("L7TOUT", "L4TOUT")
_STEP = re.compile(r"(UP|DOWN) (\d+)/(\d+)")


class MomentFact(TypedDict):
    """A measured length, milliseconds, with the rows of events that show it."""

    ms: float
    event_ids: list[int]


class PausesFact(TypedDict):
    """Pauses between two checks of one server in a row: how many were measured, and three of them with their rows."""

    count: int
    shortest: MomentFact
    median: MomentFact
    longest: MomentFact


class LingerFact(TypedDict):
    """How long a server stayed UP after the first look that its PostgreSQL did not answer began."""

    subject: str
    seconds: float
    event_ids: list[int]


class ChecksFact(TypedDict):
    """What was measured of a proxy's checks. `timeouts`: the longest check of each kind, by its status."""

    pauses: PausesFact | None
    timeouts: dict[str, MomentFact]
    lingering: list[LingerFact]


def checks_of(recording: Recording) -> ChecksFact:
    """All that the stats page showed of the checks themselves."""
    return {
        "pauses": pauses_of(recording),
        "timeouts": timeouts_of(recording),
        "lingering": lingering_of(recording),
    }


def pauses_of(recording: Recording) -> PausesFact | None:
    """Pauses between the end of a check and the beginning of the next, where the page showed both; None: nowhere.

    While a server goes up or down each check moves its count by one ("UP 2/3", "UP 1/3", "DOWN"), so two neighbouring
    counts are two checks in a row. A look more or less makes each pause that much uncertain.
    """
    found = sorted(_pauses(recording), key=lambda pause: pause["ms"])
    if not found:
        return None
    return {"count": len(found), "shortest": found[0], "median": found[len(found) // 2], "longest": found[-1]}


def _pauses(recording: Recording) -> Iterator[MomentFact]:
    last: dict[tuple[object, str], Event] = {}
    for event in recording.events:
        if event.kind in ("proxy.restarted", "source.blind", "source.sees") and event.source == "haproxy":
            last.clear()  # whatever came between was not seen
        if event.kind not in ROUTES:
            continue
        key = (event.detail.get("page"), event.subject)
        before, last[key] = last.get(key), event
        if before is None or before.detail.get("initial"):
            continue
        # After a start there is a status before there was a check.
        checked_ms, took_ms = (e.detail.get("check_duration_ms") for e in (before, event))
        if isinstance(checked_ms, int) and isinstance(took_ms, int) and _next_to(before) == event.detail.get("status"):
            yield {"ms": round((event.by_ns - before.by_ns) / MS_NS - took_ms, 3), "event_ids": _ids(before, event)}


def _next_to(event: Event) -> str | None:
    """What a server's status becomes by one more check of the same kind; None: it is not on its way anywhere."""
    step = _STEP.fullmatch(str(event.detail.get("status")))
    if step is None:
        return None
    way, count, whole = step[1], int(step[2]), int(step[3])
    if way == "UP":
        return f"UP {count - 1}/{whole}" if count > 1 else "DOWN"
    return f"DOWN {count + 1}/{whole}" if count + 1 < whole else "UP"


def timeouts_of(recording: Recording) -> dict[str, MomentFact]:
    """The longest check that each kind of timeout ended, by the check's status."""
    found: dict[str, MomentFact] = {}
    for event in recording.events:
        status, ms = event.detail.get("check_status"), event.detail.get("check_duration_ms")
        if event.kind not in ROUTES or status not in TIMEOUTS or not isinstance(ms, int):
            continue
        if status not in found or ms > found[status]["ms"]:
            found[status] = {"ms": ms, "event_ids": _ids(event)}
    return {status: found[status] for status in TIMEOUTS if status in found}


def lingering_of(recording: Recording) -> list[LingerFact]:
    """Servers that were UP in a pool when their PostgreSQL fell silent and went while it was, the longest first."""
    since = {
        event.id: event.detail["since_ns"]
        for event in recording.events
        if event.kind == "source.blind" and isinstance(event.detail.get("since_ns"), int)
    }
    away = [span for span in course.roles_of(recording) if span["what"] == "away"]
    unseen = [(s.from_ns, s.until_ns) for s in unreachable(recording) if s.source == "haproxy"]
    found: list[LingerFact] = []
    for route in course.routes_of(recording):
        for span in away:
            own = span["subject"] == route["subject"].rpartition("/")[2]
            if (
                own
                and route["until_id"] is not None
                and route["from_s"] < span["from_s"] < route["to_s"] <= span["to_s"]
            ):
                silent_s = min(span["from_s"], since.get(span["event_id"], span["from_s"] * SECOND_NS) / SECOND_NS)
                silent_ns, gone_ns = silent_s * SECOND_NS, route["to_s"] * SECOND_NS
                if any(from_ns < gone_ns and (to_ns is None or to_ns > silent_ns) for from_ns, to_ns in unseen):
                    continue  # the page was away, or the proxy itself: nobody saw when the server went
                rows = [row for row in (span["event_id"], route["until_id"]) if row is not None]
                seconds = round(route["to_s"] - silent_s, 6)
                found.append({"subject": route["subject"], "seconds": seconds, "event_ids": rows})
    return sorted(found, key=lambda fact: (-fact["seconds"], fact["subject"]))


def _ids(*events: Event) -> list[int]:
    return [event.id for event in events if event.id is not None]


def longest_up_s(fall: int, pause_ms: float, timeouts: Sequence[float]) -> float:
    """How long a dead server may stay UP, seconds: `fall` pauses and `fall` checks, the first the longest measured.

    `timeouts`: the measured lengths of checks, ms, the first that of a server that still lets connect. Later checks
    are taken to last as the last of these.
    """
    return (fall * pause_ms + max(timeouts) + (fall - 1) * timeouts[-1]) / 1000
