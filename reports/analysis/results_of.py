"""All results of one or more analyzed recordings."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Findings
from observer.model.recording import Recording
from reports.analysis.consistency_results import consistency, durability_totals
from reports.analysis.incident_results import incident_results
from reports.analysis.index import build_index
from reports.analysis.recording_results import recording_results
from reports.analysis.results.incident import IncidentResults
from reports.analysis.results.whole import Results


def results_of(analyzed: Sequence[tuple[Recording, Findings]], version: str) -> Results:
    """Return the results of recordings, each with its findings, without answers, objectives and self-checks.

    `version`: the version of the observer.
    """
    indexes = [build_index(recording) for recording, _ in analyzed]
    incidents: tuple[IncidentResults, ...] = ()
    for index, (_, found) in zip(indexes, analyzed, strict=True):
        incidents += incident_results(index, found, len(incidents) + 1)
    return Results(
        observer=version,
        recordings=tuple(recording_results(index, own) for index, (_, own) in zip(indexes, analyzed, strict=True)),
        incidents=incidents,
        durability=durability_totals(indexes),
        consistency=consistency(indexes),
    )
