"""A real recording, kept as a tape, as the SQLite file that it was."""

from __future__ import annotations

from pathlib import Path

from benchmarks.accuracy import recorded_run
from observer.store import Reader, Writer
from reports.analysis.analyze import analyze

FAILOVER = Path(__file__).parents[1] / "docs" / "failover.json.xz"
"""A leader killed and brought back, with the settings that Patroni has by default: docs/failover.md tells of it."""


def database(source: Path, target: Path) -> Path:
    """Writes the recording of a tape into a new file, judged."""
    timeline = recorded_run.read(source).recording
    recording = timeline.header
    writer = Writer(target)
    number = writer.begin(recording)
    operations = timeline.between(-1, recording.until_ns + 1)
    writer.append(number, [*timeline.events, *operations, *timeline.audits])
    writer.end(number, recording.until_ns, recording.ended or "stop")
    with Reader(target) as reader:
        findings = analyze(reader.load(number))
    writer.append(number, [findings])
    writer.close()
    return target
