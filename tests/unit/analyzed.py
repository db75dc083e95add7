"""Results of recorded runs and of literal recordings, for the tests of what the report is made from."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from benchmarks.accuracy import recorded_run
from observer.model.recording import Recording
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.analysis.results_of import results_of

RUNS = Path(__file__).parents[1] / "corpus" / "runs"


def results(*recordings: Recording) -> Results:
    return results_of(recordings, "0.1.0")


def recording_results(recording: Recording) -> RecordingResults:
    return results(recording).recordings[0]


@lru_cache
def recorded(name: str) -> Results:
    """The results of a recorded run."""
    return results(recorded_run.read(RUNS / f"{name}.json.xz").recording)


def incident(name: str) -> IncidentResults:
    """The first incident of a recorded run."""
    return recorded(name).incidents[0]
