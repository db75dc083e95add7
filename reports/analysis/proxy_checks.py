"""HAProxy's health checks, as its statistics page showed them: settings, pauses, timeouts, stale backends."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from observer.model.recording import MS_NS, Event
from reports.analysis.index import Index
from reports.analysis.results.recording import CheckPauses, Measured, Period, ProxyChecks, ProxySettings, StaleUp
from reports.analysis.state_history import AWAY
from reports.analysis.topology import setting

ROUTES = ("route.up", "route.down", "route.changed")
# Checks with these statuses ended by their own timeout: no answer, or no connection.
TIMEOUTS = ("L7TOUT", "L4TOUT")
_STEP = re.compile(r"(UP|DOWN) (\d+)/(\d+)")


def proxy_settings(index: Index) -> ProxySettings:
    """Return how the proxy checks its servers, as its statistics and the observer's settings show."""
    inter_ms = _whole(setting(index.recording.header.settings, "haproxy", "inter_ms"))
    for event in index.of_kinds("pools.captured"):
        for row in event.detail.get("pools") or ():
            if isinstance(row, Mapping) and (rise := _whole(row.get("check_rise"))):
                fall, inter = _whole(row.get("check_fall")), inter_ms or _whole(row.get("inter_ms"))
                return ProxySettings(rise, fall, inter, inter_ms is not None, _ids(event))
    return ProxySettings(None, None, inter_ms, inter_ms is not None, ())


def proxy_checks(index: Index, routes: Iterable[Period], roles: Iterable[Period]) -> ProxyChecks:
    """Return what the statistics page showed of the checks themselves."""
    return ProxyChecks(check_pauses(index), check_timeouts(index), stale_up(index, routes, roles))


def check_pauses(index: Index) -> CheckPauses | None:
    """Return the pauses between the end of a check and the start of the next; None: the page showed none.

    While a server goes up or down, each check moves its count by one ("UP 2/3", "UP 1/3", "DOWN"), so that two
    neighbouring counts are two consecutive checks. A pause is exact to the interval between two polls of the page.
    """
    found = sorted(_pauses(index), key=lambda pause: pause.ms)
    return CheckPauses(len(found), found[0], found[len(found) // 2], found[-1]) if found else None


def _pauses(index: Index) -> Iterator[Measured]:
    last: dict[tuple[object, str], Event] = {}
    for event in index.of_kinds(*ROUTES, "proxy.restarted", "source.blind", "source.sees"):
        if event.kind not in ROUTES:
            if event.source == "haproxy":
                last.clear()  # checks may be missing in between
            continue
        key = (event.detail.get("page"), event.subject)
        before, last[key] = last.get(key), event
        if before is None or before.detail.get("initial"):
            continue
        # A server that was just started has a status before its first check.
        checked_ms, took_ms = (e.detail.get("check_duration_ms") for e in (before, event))
        if isinstance(checked_ms, int) and isinstance(took_ms, int) and _next_status(before) == event.detail["status"]:
            yield Measured(round((event.by_ns - before.by_ns) / MS_NS - took_ms, 3), _ids(before, event))


def _next_status(event: Event) -> str | None:
    """Return the status after one more check of the same result; None: the server is not changing its state."""
    step = _STEP.fullmatch(str(event.detail.get("status")))
    if step is None:
        return None
    way, count, total = step[1], int(step[2]), int(step[3])
    if way == "UP":
        return f"UP {count - 1}/{total}" if count > 1 else "DOWN"
    return f"DOWN {count + 1}/{total}" if count + 1 < total else "UP"


def check_timeouts(index: Index) -> dict[str, Measured]:
    """Return the longest check that ended by each kind of timeout, by its status."""
    found: dict[str, Measured] = {}
    for event in index.of_kinds(*ROUTES):
        status, ms = event.detail.get("check_status"), event.detail.get("check_duration_ms")
        if status in TIMEOUTS and isinstance(ms, int) and (status not in found or ms > found[status].ms):
            found[status] = Measured(ms, _ids(event))
    return {status: found[status] for status in TIMEOUTS if status in found}


def stale_up(index: Index, routes: Iterable[Period], roles: Iterable[Period]) -> tuple[StaleUp, ...]:
    """Return the servers that were still UP after their PostgreSQL stopped answering, the longest first."""
    since_ns = {e.id: e.detail.get("since_ns") for e in index.of_kinds("source.blind")}
    away = [role for role in roles if role.what == AWAY]
    unseen = [s for s in index.unreachable if s.source == "haproxy"]
    found: list[StaleUp] = []
    for route in routes:
        for role in (r for r in away if r.subject == route.subject.rpartition("/")[2]):
            if route.until_id is None or not route.from_ns < role.from_ns < route.to_ns <= role.to_ns:
                continue
            failed_ns = since_ns.get(role.event_id)
            silent_ns = min(role.from_ns, failed_ns) if isinstance(failed_ns, int) else role.from_ns
            if any(s.from_ns < route.to_ns and (s.until_ns is None or s.until_ns > silent_ns) for s in unseen):
                continue  # the page was unreachable, so the moment of the change is unknown
            rows = tuple(row for row in (role.event_id, route.until_id) if row is not None)
            found.append(StaleUp(route.subject, route.to_ns - silent_ns, rows))
    return tuple(sorted(found, key=lambda one: (-one.duration_ns, one.subject)))


def _ids(*events: Event) -> tuple[int, ...]:
    return tuple(event.id for event in events if event.id is not None)


def _whole(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None
