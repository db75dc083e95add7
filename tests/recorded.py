"""A recorded run as the SQLite file that it was."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import recorded_run
from observer.store import Reader, Writer
from reports.analysis.analyze import analyze

FAILOVER = Path(__file__).parents[1] / "docs" / "tutorial" / "failover.json.xz"
"""A leader killed and started again, with Patroni's default settings; docs/tutorial/failover.md describes it."""


def database(source: Path, target: Path) -> Path:
    """Write the recording of a run into a new file, and its findings."""
    recording = recorded_run.read(source).recording
    header = recording.header
    writer = Writer(target)
    number = writer.begin(header)
    operations = recording.between(-1, header.until_ns + 1)
    writer.append(number, [*recording.events, *operations, *recording.audits])
    writer.end(number, header.until_ns, header.ended or "stop")
    with Reader(target) as reader:
        findings = analyze(reader.load(number))
    writer.append(number, [findings])
    writer.close()
    return target
