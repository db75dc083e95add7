"""Operations second by second, as the pictures draw them."""

from __future__ import annotations

from dataclasses import replace

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Operation, Outcome, Recording
from reports.analysis.analyze import analyze
from reports.facts import pace
from tests.unit.recordings import event, recording_of

MS_NS = 1_000_000
KEY = event(1, "etcd", "leader.seen", "a")


def write(due_ms: int, finished_ms: int, outcome: Outcome) -> Operation:
    due_ns, finished_ns = due_ms * MS_NS, finished_ms * MS_NS
    return Operation("write", "kept", str(due_ms), due_ns, due_ns, finished_ns, outcome, "done")


def broken(until_s: float, began_s: float, ended_s: float) -> tuple[Recording, Incident]:
    """Twenty writes a second, of which those between two moments fail, and all at once when they are over."""
    operations = []
    for due_ms in range(40, int(until_s * 1000) - 20, 50):
        fails = began_s * 1000 < due_ms < ended_s * 1000
        finished_ms = max(due_ms + 10, int(ended_s * 1000)) if fails else due_ms + 10
        operations.append(write(due_ms, finished_ms, Outcome.FAIL if fails else Outcome.OK))
    down = event(began_s, "etcd", "source.blind", "127.0.0.1:23791", how="refused")
    sees = event(0.5, "etcd", "source.sees", "127.0.0.1:23791", how=None)
    made = recording_of([sees, KEY, down], until_s=until_s)
    [incident, *_] = analyze(made).incidents
    times = {"began_ns": int(began_s * SECOND_NS), "ended_ns": int(ended_s * SECOND_NS)}
    made = replace(made, operations=sorted(operations, key=lambda o: o.finished_ns), fetch=None)
    return made, replace(incident, **times, phases=(), injected=())


def test_the_pace_of_a_long_recording_has_no_more_columns_than_a_picture() -> None:
    assert len(pace.pace_of(recording_of([KEY], until_s=4 * 3600))) <= 2 * pace.BUCKETS
    made, incident = broken(1200, 20.3, 1100)
    columns = pace.pace_around(made, incident)
    assert 0 < len(columns) <= pace.BUCKETS and {c["width_s"] for c in columns} == {5}


def test_an_incident_is_counted_from_its_beginning_when_operations_were_due() -> None:
    columns = pace.pace_around(*broken(60, 20.3, 26.3))
    assert (columns[0]["at_s"], columns[-1]["at_s"]) == (15.3, 30.3)
    assert {c["width_s"] for c in columns} == {1}
    assert {c["ok"] + c["failed"] for c in columns} == {20}  # though the failed ones all ended at once
    assert [c["at_s"] for c in columns if c["failed"]] == [20.3, 21.3, 22.3, 23.3, 24.3, 25.3]


def test_no_column_is_of_a_second_that_was_not_recorded_to_its_end() -> None:
    made, incident = broken(28, 4.3, 26.3)
    columns = pace.pace_around(made, incident)
    assert columns[0]["at_s"] == 0.3 and columns[-1]["at_s"] == 26.3


def test_a_repair_that_is_told_a_little_later_is_within_the_picture() -> None:
    made, incident = broken(60, 20.3, 26.3)
    repair = event(36.0, "docker", "repair.told", "a", action="start")
    assert pace.pace_around(made, replace(incident, injected=(repair,)))[-1]["at_s"] == 39.3
    much_later = event(50.0, "docker", "repair.told", "a", action="start")
    assert pace.pace_around(made, replace(incident, injected=(much_later,)))[-1]["at_s"] == 30.3
