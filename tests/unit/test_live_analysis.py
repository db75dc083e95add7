"""The analysis while a recording goes on: its errors are reported, and findings reach every receiver."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest

from observer.model.errors import CannotWrite
from observer.model.findings import Findings
from observer.model.recording import Operation, Recording, RecordingHeader
from observer.recording.live_analysis import LiveAnalysis

HEADER = RecordingHeader(1, datetime(2026, 3, 1, tzinfo=UTC), "b", 0, 1, "demo", "7", {})
FINDINGS = Findings((), (), (), None, 0)


@contextmanager
def recording() -> Iterator[Recording]:
    """Open a recording whose operations can be read until it is closed."""
    is_open = True

    def fetch(after_ns: int, by_ns: int) -> list[Operation]:
        assert is_open
        return []

    yield Recording(HEADER, (), (), fetch=fetch)
    is_open = False


def test_findings_reach_every_receiver_in_order() -> None:
    received: list[str] = []
    analysis = LiveAnalysis(recording, lambda _: FINDINGS, received.append)
    analysis.run([lambda found: received.append("first"), lambda found: received.append("second")])
    assert received == ["first", "second"]


def test_the_analysis_can_read_more_operations_while_it_runs() -> None:
    def analyze(opened: Recording) -> Findings:
        assert opened.between(0, 1) == []
        return FINDINGS

    assert LiveAnalysis(recording, analyze, print).findings() == FINDINGS


def test_an_error_of_the_analysis_is_reported_and_not_raised() -> None:
    reported: list[str] = []
    LiveAnalysis(recording, lambda _: Findings(), reported.append).run([])  # type: ignore[call-arg]  # the mistake
    assert reported[0].startswith("The analysis failed (TypeError: ")
    assert reported[0].endswith("The recording is not affected, and `observer report` runs the analysis again.")


def test_a_file_that_cannot_be_written_is_raised() -> None:
    def full(_: Findings) -> None:
        raise CannotWrite("the disk is full.")

    with pytest.raises(CannotWrite):
        LiveAnalysis(recording, lambda _: FINDINGS, print).run([full])
