"""Blocks of every recording of a document, one after the other, and what several sections need of a recording."""

from collections.abc import Callable, Iterable

from observer.model.recording import Served
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Heading
from reports.document.build import say


def of_each(results: Results, blocks_of: Callable[[RecordingResults], Blocks]) -> Blocks:
    """Return the blocks of all recordings; if there are several, each begins with a heading."""
    several = len(results.recordings) > 1
    blocks: Blocks = ()
    for recording in results.recordings:
        own = blocks_of(recording)
        if own:
            blocks += (Heading(say("recording_part.title", id=recording.id)),) if several else ()
            blocks += own
    return blocks


def count(served: Iterable[Served], action: str, probe: str | None = None, in_recovery: bool | None = None) -> int:
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
