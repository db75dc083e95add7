"""What the tests know of the dashboards: their files, their panels, and every query in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "grafana_dashboards").glob("*.json"))

# What Grafana itself fills in, as it would be for a window of a quarter of an hour.
BUILT_IN = {"__rate_interval": "20s", "__interval": "5s", "__range": "15m"}


@dataclass(frozen=True)
class Query:
    """One query, and where it stands."""

    board: str
    panel: str
    expr: str


def read(path: Path) -> dict[str, Any]:
    """A dashboard."""
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return board


def panels(board: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every panel, those within rows included."""
    for panel in board["panels"]:
        yield panel
        yield from panel.get("panels", ())


def queries(board: dict[str, Any]) -> Iterator[Query]:
    """The queries of all panels."""
    for panel in panels(board):
        for target in panel.get("targets", ()):
            yield Query(board["title"], panel["title"], target["expr"])


def annotations(board: dict[str, Any]) -> Iterator[Query]:
    """The queries of the annotations that are read from Prometheus."""
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(board["title"], annotation["name"], annotation["expr"])


def variables_in(text: str) -> set[str]:
    """The names of Grafana's variables that a text uses."""
    return set(re.findall(r"\$\{?(\w+)", text)) - set(BUILT_IN)


def filled(expr: str) -> str:
    """A query as Grafana sends it with "All" chosen everywhere."""
    return re.sub(r"\$\{?(\w+)\}?", lambda found: BUILT_IN.get(found.group(1), ".*"), expr)
