"""The judge: a timeline in, findings out."""

from __future__ import annotations

from observer.timeline import Findings, Timeline


def judge(timeline: Timeline) -> Findings:
    """All that can be found in one recording. Never raises for what a timeline holds or lacks."""
    return Findings(incidents=(), leaderships=(), blindness=(), lost=None, unaudited=0)
