"""What the tests know of the dashboards: their files, their panels, and every query in them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from observer.sources.prometheus import BUILT_IN, Query, filled, panels, queries

__all__ = ["FILES", "ROOT", "Query", "annotations", "filled", "panels", "queries", "read", "variables_in"]

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "grafana_dashboards").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    """A dashboard."""
    board: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return board


def annotations(board: dict[str, Any]) -> Iterator[Query]:
    """The queries of the annotations that are read from Prometheus."""
    for annotation in board["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(board["title"], annotation["name"], annotation["expr"])


def variables_in(text: str) -> set[str]:
    """The names of Grafana's variables that a text uses."""
    return set(re.findall(r"\$\{?(\w+)", text)) - set(BUILT_IN)
