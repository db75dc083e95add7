"""The dashboards: the query of every panel, run in Prometheus over a span of the recording."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from observer.model.recording import SECOND_NS, Event, Window
from observer.model.redaction import without_credentials
from observer.sources.polling import Now, PollFailed, Reachability, Record
from observer.sources.web import Target

DEADLINE_S = 3.0
STEP_S = 5.0  # the scrape interval of the stack's Prometheus
POINTS = 250  # of a series, at most
# Variables that Grafana fills in, for a time range of 15 minutes.
BUILT_IN = {"__rate_interval": "20s", "__interval": "5s", "__range": "15m"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query with its dashboard and panel."""

    board: str
    panel: str
    expr: str


def boards() -> list[dict[str, Any]]:
    """Return our dashboards: from the package if it is installed, from the checkout otherwise."""
    places = [Path(__file__).parents[up] / "grafana_dashboards" for up in (1, 2)]
    return [json.loads(path.read_text("utf-8")) for place in places for path in sorted(place.glob("*.json"))]


def panels(board: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield every panel of a dashboard, including those within rows."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries(board: Mapping[str, Any]) -> Iterator[Query]:
    """Yield the queries of all panels."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield Query(board["title"], panel["title"], target["expr"])


def filled(expr: str) -> str:
    """Return a query as Grafana sends it with "All" chosen everywhere."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: BUILT_IN.get(found.group(1), ".*"), expr)


class Dashboards:
    """Our dashboards in one Prometheus. `began_s`: when the recording began, seconds since 1970."""

    def __init__(self, url: str, began_s: float, record: Record, now_ns: Now) -> None:
        self._url, self._began_s, self._record, self._now_ns = url.rstrip("/"), began_s, record, now_ns
        self._reachability = Reachability("prometheus", without_credentials(self._url), record)
        self._queries = [query for board in boards() for query in queries(board)]

    def capture(self, from_ns: int, to_ns: int) -> bool:
        """Record which panels had data in a span of the recording. Return whether Prometheus answered.

        dashboards.captured {from_ns, to_ns, panels: [{board, panel, data: bool, series}]}.
        """
        began_ns = self._now_ns()
        try:
            with closing(Target(deadline_s=DEADLINE_S)) as target:
                counts = [(query, self._series(target, query, from_ns, to_ns)) for query in self._queries]
        except PollFailed as failure:
            if failure.how != self._reachability.how:
                self._reachability.lost(failure, began_ns, Window(began_ns, self._now_ns()))
            return False
        window = Window(began_ns, self._now_ns())
        self._reachability.back(window)
        detail = {"from_ns": from_ns, "to_ns": to_ns, "panels": summary(counts)}
        self._record(Event("prometheus", "dashboards.captured", self._reachability.subject, window, detail))
        return True

    def _series(self, target: Target, query: Query, from_ns: int, to_ns: int) -> int:
        """Return how many series a query returns in that span."""
        from_s, to_s = (self._began_s + at_ns / SECOND_NS for at_ns in (from_ns, to_ns))
        step_s = max(STEP_S, (to_s - from_s) / POINTS)
        span = {"start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:.0f}"}
        parameters = {"query": filled(query.expr), **span}
        code, body = target.get(f"{self._url}/api/v1/query_range?{urlencode(parameters)}")
        try:
            answer = json.loads(body)
            return sum(1 for series in answer["data"]["result"] if has_value(series["values"]))
        except (ValueError, KeyError, TypeError):
            error = f"{query.panel}: HTTP {code}, and no result of a query"
            raise PollFailed("error", error, {"http": code}) from None


def has_value(values: Sequence[Sequence[Any]]) -> bool:
    """Return whether a series has a point that can be drawn, which a NaN cannot."""
    return any(value != "NaN" for _, value in values)


def summary(counts: Sequence[tuple[Query, int]]) -> list[dict[str, Any]]:
    """Return each panel once, with the number of series of all its queries."""
    found: Counter[tuple[str, str]] = Counter()
    for query, series in counts:
        found[query.board, query.panel] += series
    return [
        {"board": board, "panel": panel, "data": series > 0, "series": series}
        for (board, panel), series in found.items()
    ]
