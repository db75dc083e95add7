"""A recorded run in one small file: every event, operation and audit, and the truth from an independent probe.

The file is compressed JSON. It is small because operations are stored in columns, and times as differences.
"""

from __future__ import annotations

import json
import lzma
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import astuple, dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from observer.model.recording import (
    SECOND_NS,
    Audit,
    Event,
    Operation,
    Outcome,
    Recording,
    RecordingHeader,
    Second,
    Served,
    Window,
)

_OPERATION = tuple(field.name for field in fields(Operation))
_TIMES = ("due_ns", "started_ns", "finished_ns", "id")
_US = 1000  # times of operations are stored in microseconds


@dataclass(frozen=True, slots=True)
class Truth:
    """The facts about a run that do not come from the observer.

    `outages`: begin and end of the write outages of a probe at 100 Hz, ns since the recording began. `lost`:
    acknowledged tokens that were not in the leader's table afterwards. `attempts`: the probe's attempts within a second
    of an end of an outage: number, due and finished time, whether it was acknowledged; empty in older runs.
    """

    scenario: str
    date: str
    version: str
    outages: tuple[tuple[int, int], ...]
    lost: tuple[str, ...]
    attempts: tuple[tuple[int, int, int, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run: the recording and its truth."""

    recording: Recording
    truth: Truth


def write(path: Path, recording: Recording, truth: Truth) -> None:
    """Write a recording and its truth into a file."""
    header = recording.header
    operations = recording.between(-1, header.until_ns + SECOND_NS)
    columns: dict[str, list[Any]] = {name: [getattr(o, name) for o in operations] for name in _OPERATION}
    for name in _TIMES:
        scale = 1 if name == "id" else _US
        rounded = [int(value) // scale for value in columns[name]]
        columns[name] = [now - before for before, now in zip([0, *rounded], rounded, strict=False)]
    text = {
        "truth": dict(zip((f.name for f in fields(Truth)), astuple(truth), strict=True)),
        "recording": {
            **{f.name: getattr(header, f.name) for f in fields(RecordingHeader)},
            "began_utc": header.began_utc.isoformat(),
        },
        "events": [
            [e.source, e.kind, e.subject, e.window.after_ns, e.window.by_ns, e.detail, e.id] for e in recording.events
        ],
        "operations": columns,
        "audits": [astuple(audit) for audit in recording.audits],
    }
    path.write_bytes(lzma.compress(json.dumps(text, separators=(",", ":"), ensure_ascii=False).encode(), preset=9))


def read(path: Path) -> RecordedRun:
    """Read a run, ready to be analyzed."""
    kept = json.loads(lzma.decompress(path.read_bytes()))
    operations = _operations(kept["operations"])
    finished = [o.finished_ns for o in operations]
    truth = kept["truth"]
    return RecordedRun(
        Recording(
            header=RecordingHeader(
                **{**kept["recording"], "began_utc": datetime.fromisoformat(kept["recording"]["began_utc"])}
            ),
            events=[
                Event(s, k, who, Window(after, by), detail, n) for s, k, who, after, by, detail, n in kept["events"]
            ],
            operations=operations,
            seconds=_seconds(operations),
            served=_served(operations),
            audits=[Audit(*row) for row in kept["audits"]],
            fetch=lambda after, by: operations[bisect_right(finished, after) : bisect_right(finished, by)],
        ),
        Truth(
            **{
                **truth,
                **{name: tuple(map(tuple, truth.get(name, ()))) for name in ("outages", "attempts")},
                "lost": tuple(truth["lost"]),
            }
        ),
    )


def _operations(columns: dict[str, list[Any]]) -> list[Operation]:
    for name in _TIMES:
        total, values = 0, []
        for step in columns[name]:
            total += step
            values.append(total if name == "id" else total * _US)
        columns[name] = values
    columns["outcome"] = [Outcome(value) for value in columns["outcome"]]
    return [Operation(*row) for row in zip(*(columns[name] for name in _OPERATION), strict=True)]


def _seconds(operations: Sequence[Operation]) -> list[Second]:
    counts: dict[tuple[int, Any], Counter[Outcome]] = defaultdict(Counter)
    longest: dict[tuple[int, Any], int] = defaultdict(int)
    for one in operations:
        key = (one.finished_ns // SECOND_NS, one.action)
        counts[key][one.outcome] += 1
        longest[key] = max(longest[key], one.finished_ns - one.due_ns)
    return [
        Second(at_s, action, own[Outcome.OK], own[Outcome.FAIL], own[Outcome.UNKNOWN], longest[at_s, action])
        for (at_s, action), own in sorted(counts.items())
    ]


def _served(operations: Sequence[Operation]) -> list[Served]:
    counts = Counter(
        (o.action, o.probe, o.server, o.address, o.in_recovery, o.timeline)
        for o in operations
        if o.outcome is Outcome.OK
    )
    return [Served(*key, number) for key, number in counts.items()]


def without_told(recording: Recording) -> Recording:
    """Return the same recording without the injected truth."""
    events = [event for event in recording.events if event.source not in ("operator", "docker")]
    return replace(recording, events=events)
