"""Operations per second, as the pictures show them."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from observer.model.findings import Incident, Reported
from observer.model.recording import MS_NS, SECOND_NS, Operation, Outcome, Recording
from reports.analysis.analyze import analyze
from reports.analysis.load import COLUMNS, throughput_around, whole_throughput
from tests.unit.analyzed import results
from tests.unit.recordings import event, measured_crash, ns, recording_of, seconds_of

KEY = event(1, "etcd", "leader.seen", "a")


def write(due_ms: int, finished_ms: int, outcome: Outcome) -> Operation:
    due_ns, finished_ns = due_ms * MS_NS, finished_ms * MS_NS
    return Operation("write", "kept", str(due_ms), due_ns, due_ns, finished_ns, outcome, "done")


def broken(until_s: float, began_s: float, ended_s: float) -> tuple[Recording, Incident]:
    """Twenty writes per second; those between two moments fail, all at once at the second moment."""
    operations = []
    for due_ms in range(40, int(until_s * 1000) - 20, 50):
        fails = began_s * 1000 < due_ms < ended_s * 1000
        finished_ms = max(due_ms + 10, int(ended_s * 1000)) if fails else due_ms + 10
        operations.append(write(due_ms, finished_ms, Outcome.FAIL if fails else Outcome.OK))
    down = event(began_s, "etcd", "source.blind", "127.0.0.1:23791", how="refused")
    sees = event(0.5, "etcd", "source.sees", "127.0.0.1:23791", how=None)
    made = recording_of([sees, KEY, down], until_s=until_s)
    [incident, *_] = analyze(made).incidents
    finished = sorted(operations, key=lambda o: o.finished_ns)
    made = replace(made, operations=finished, seconds=seconds_of(finished), fetch=None)
    return made, replace(
        incident, began_ns=int(began_s * SECOND_NS), ended_ns=int(ended_s * SECOND_NS), phases=(), injected=()
    )


def test_the_throughput_of_a_long_recording_has_no_more_columns_than_a_picture() -> None:
    assert len(whole_throughput(recording_of([KEY], until_s=4 * 3600))) <= 2 * COLUMNS
    columns = throughput_around(*broken(1200, 20.3, 1100))
    assert 0 < len(columns) <= COLUMNS and {c.width_ns for c in columns} == {ns(5)}


def test_an_operation_counts_in_the_second_since_the_incident_in_which_it_was_due() -> None:
    columns = throughput_around(*broken(60, 20.3, 26.3))
    assert (columns[0].at_ns, columns[-1].at_ns) == (ns(15.3), ns(30.3))
    assert {c.width_ns for c in columns} == {ns(1)}
    assert {c.ok + c.failed for c in columns} == {20}  # though the failed ones all ended at once
    assert [c.at_ns for c in columns if c.failed] == [ns(20.3 + n) for n in range(6)]


def test_a_second_that_was_not_recorded_to_its_end_has_no_column() -> None:
    columns = throughput_around(*broken(28, 4.3, 26.3))
    assert (columns[0].at_ns, columns[-1].at_ns) == (ns(0.3), ns(26.3))


def test_a_repair_that_was_reported_soon_after_the_incident_is_in_the_picture() -> None:
    made, incident = broken(60, 20.3, 26.3)
    repair = Reported("repair.told", ns(36), "", {"action": "start"}, 1)
    assert throughput_around(made, replace(incident, injected=(repair,)))[-1].at_ns == ns(39.3)
    much_later = replace(repair, at_ns=ns(50))
    assert throughput_around(made, replace(incident, injected=(much_later,)))[-1].at_ns == ns(30.3)


def test_each_minute_of_operations_is_fetched_once_for_all_results() -> None:
    given, fetched = measured_crash(), Counter[tuple[int, int]]()

    def fetch(after_ns: int, by_ns: int) -> list[Operation]:
        fetched[after_ns, by_ns] += 1
        return [o for o in given.operations if after_ns < o.finished_ns <= by_ns]

    assert results(replace(given, fetch=fetch)) == results(given)
    assert set(fetched.values()) == {1}
