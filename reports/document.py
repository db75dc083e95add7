"""The report's document: timelines and their findings in, plain facts out (the shape is in facts.py)."""

from __future__ import annotations

from collections.abc import Sequence

from observer.timeline import Findings, Timeline
from reports.facts import Facts


def facts_of(judged: Sequence[tuple[Timeline, Findings]], version: str) -> Facts:
    """The whole document of one or more recordings, each with its findings; `version` is the observer's own."""
    raise NotImplementedError
