"""The dashboards for the tests: their files, their panels, and all of their queries."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from observer.sources.prometheus import BUILT_IN, Query, filled, panels, queries

__all__ = ["FILES", "ROOT", "Query", "annotation_queries", "filled", "panels", "queries", "read", "variables_in"]

ROOT = Path(__file__).parents[1]
FILES = sorted((ROOT / "grafana_dashboards").glob("*.json"))


def read(path: Path) -> dict[str, Any]:
    """Return a dashboard."""
    dashboard: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return dashboard


def annotation_queries(dashboard: dict[str, Any]) -> Iterator[Query]:
    """Yield the queries of the annotations that Prometheus answers."""
    for annotation in dashboard["annotations"]["list"]:
        if "expr" in annotation:
            yield Query(dashboard["title"], annotation["name"], annotation["expr"])


def variables_in(text: str) -> set[str]:
    """Return the names of Grafana's variables in a text."""
    return set(re.findall(r"\$\{?(\w+)", text)) - set(BUILT_IN)
