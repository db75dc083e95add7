"""Blocks of every recording of a document, one after the other."""

from __future__ import annotations

from collections.abc import Callable

from observer.model.recording import Served
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Block, Heading, Inline, Rows, Value, say


def of_each(results: Results, blocks_of: Callable[[RecordingResults], tuple[Block, ...]]) -> tuple[Block, ...]:
    """Return the blocks of all recordings; if there are several, each begins with a heading."""
    several = len(results.recordings) > 1
    blocks: tuple[Block, ...] = ()
    for recording in results.recordings:
        own = blocks_of(recording)
        if own:
            blocks += (Heading(say("recording_part.title", id=recording.id)),) if several else ()
            blocks += own
    return blocks


def events(*ids: int | None) -> Rows | None:
    """Return the rows of `events` that are known, None without any."""
    known = tuple(dict.fromkeys(one for one in ids if one is not None))
    return Rows("events", known) if known else None


def shown_by(*rows: Rows | None) -> Inline:
    """Return rows in brackets, for the end of a sentence; nothing without rows."""
    known = [one for one in rows if one is not None and one.ids]
    return say("recording_part.rows", rows=known) if known else Value("", "raw")


def count(served: tuple[Served, ...], action: str, probe: str | None = None, in_recovery: bool | None = None) -> int:
    """Return how many acknowledged operations match; None matches everything."""
    return sum(
        row.operations
        for row in served
        if row.action == action and probe in (None, row.probe) and in_recovery in (None, row.in_recovery)
    )


def port_of(recording: RecordingResults, action: str) -> str | None:
    """Return the proxy's address for writes ("write") or reads ("read"); None if none was configured."""
    ports = (p for p in recording.parts if p.kind == "haproxy" and p.name == action)
    return next((address for part in ports for address in part.outside), None)
