"""What the dashboards showed: every panel's query, run against Prometheus over a span of the recording."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from observer.model.recording import SECOND_NS, Event, Window
from observer.model.redaction import without_credentials
from observer.sources.polling import LookFailed, Now, Record
from observer.sources.web import Target

DEADLINE_S = 3.0
STEP_S = 5.0  # as often as the stack's Prometheus looks
POINTS = 250  # of a curve, at the most
# What Grafana itself fills in, as it would be for a window of a quarter of an hour.
BUILT_IN = {"__rate_interval": "20s", "__interval": "5s", "__range": "15m"}


@dataclass(frozen=True, slots=True)
class Query:
    """One query, and where it stands."""

    board: str
    panel: str
    expr: str


def boards() -> list[dict[str, Any]]:
    """Our dashboards: within the package where it is installed, beside it in a checkout."""
    places = [Path(__file__).parents[up] / "grafana_dashboards" for up in (1, 2)]
    return [json.loads(path.read_text("utf-8")) for place in places for path in sorted(place.glob("*.json"))]


def panels(board: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Every panel of a dashboard, those within rows included."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries(board: Mapping[str, Any]) -> Iterator[Query]:
    """The queries of all panels."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield Query(board["title"], panel["title"], target["expr"])


def filled(expr: str) -> str:
    """A query as Grafana sends it with "All" chosen everywhere."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: BUILT_IN.get(found.group(1), ".*"), expr)


class Dashboards:
    """Our dashboards as one Prometheus would fill them. `began_s`: when the recording began, seconds since 1970."""

    def __init__(self, url: str, began_s: float, record: Record, now_ns: Now) -> None:
        self._url = url.rstrip("/")
        self._subject = without_credentials(self._url)
        self._began_s = began_s
        self._record = record
        self._now_ns = now_ns
        self._blind: str | None = None
        self._queries = [query for board in boards() for query in queries(board)]

    def capture(self, from_ns: int, to_ns: int) -> bool:
        """Records which panels had data in a span of the recording, or that Prometheus does not answer; True: it did.

        dashboards.captured {from_ns, to_ns, panels: [{board, panel, data: bool, series}]}.
        """
        began_ns = self._now_ns()
        target = Target(deadline_s=DEADLINE_S)
        try:
            counts = [(query, self._series(target, query, from_ns, to_ns)) for query in self._queries]
        except LookFailed as failure:
            self._lost_sight(failure, began_ns)
            return False
        finally:
            target.close()
        window = Window(began_ns, self._now_ns())
        if self._blind is not None:
            self._record(Event("prometheus", "source.sees", self._subject, window, {"how": self._blind}))
            self._blind = None
        detail = {"from_ns": from_ns, "to_ns": to_ns, "panels": summary(counts)}
        self._record(Event("prometheus", "dashboards.captured", self._subject, window, detail))
        return True

    def _series(self, target: Target, query: Query, from_ns: int, to_ns: int) -> int:
        """How many curves a query gives in that span."""
        from_s, to_s = (self._began_s + at_ns / SECOND_NS for at_ns in (from_ns, to_ns))
        step_s = max(STEP_S, (to_s - from_s) / POINTS)
        asked = {"query": filled(query.expr), "start": f"{from_s:.3f}", "end": f"{to_s:.3f}", "step": f"{step_s:.0f}"}
        code, body = target.get(f"{self._url}/api/v1/query_range?{urlencode(asked)}")
        try:
            answer = json.loads(body)
            return sum(1 for series in answer["data"]["result"] if has_value(series["values"]))
        except (ValueError, KeyError, TypeError):
            said = f"{query.panel}: HTTP {code}, and no result of a query"
            raise LookFailed("error", said, {"http": code}) from None

    def _lost_sight(self, failure: LookFailed, began_ns: int) -> None:
        if failure.how != self._blind:
            self._blind = failure.how
            detail = {**failure.detail, "how": failure.how, "error": failure.error, "since_ns": began_ns}
            self._record(Event("prometheus", "source.blind", self._subject, Window(began_ns, self._now_ns()), detail))


def has_value(values: Sequence[Sequence[Any]]) -> bool:
    """Whether a curve has a point that could be drawn: what is no number is not."""
    return any(value != "NaN" for _, value in values)


def summary(counts: Sequence[tuple[Query, int]]) -> list[dict[str, Any]]:
    """Each panel once, with the curves of all its queries."""
    found: dict[tuple[str, str], int] = {}
    for query, series in counts:
        key = query.board, query.panel
        found[key] = found.get(key, 0) + series
    return [
        {"board": board, "panel": panel, "data": series > 0, "series": series}
        for (board, panel), series in found.items()
    ]
