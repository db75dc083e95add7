"""The recorder: records reach the file in order, events at once, and every failure is reported."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from observer.live.words import sentence
from observer.model.errors import CannotWrite
from observer.model.recording import Event, Operation, Outcome, Window
from observer.recording import recorder as recorder_module
from observer.recording.recorder import Entry, Recorder


def operation(n: int) -> Operation:
    return Operation("write", "kept", f"t-{n}", n, n, n, Outcome.OK, "done")


def event(n: int) -> Event:
    return Event("etcd", "leader.seen", "a", Window.at(n))


class Disk:
    """Takes batches; refuses them while it is full."""

    def __init__(self) -> None:
        self.batches: list[list[Entry]] = []
        self.full = threading.Event()
        self.wrote = threading.Event()
        self.refused = threading.Event()

    def write(self, batch: Sequence[Entry]) -> None:
        if self.full.is_set():
            self.refused.set()
            raise CannotWrite("/data/observer.db: cannot be written, the disk is full; free some space.")
        self.batches.append(list(batch))
        self.wrote.set()

    @property
    def written(self) -> list[Entry]:
        return [entry for batch in self.batches for entry in batch]


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture
def recorder(disk: Disk, said: list[str], monkeypatch: pytest.MonkeyPatch) -> Recorder:
    monkeypatch.setattr(recorder_module, "RETRY_EVERY_S", 0.02)
    return Recorder(disk.write, said.append)


def test_the_recorder_writes_all_queued_records_in_order_before_it_ends(recorder: Recorder, disk: Disk) -> None:
    entries = [event(n) if n % 7 == 0 else operation(n) for n in range(1000)]
    for entry in entries:
        recorder.record(entry)
    recorder.start()
    recorder.stop()
    assert disk.written == entries


def test_operations_share_a_commit(recorder: Recorder, disk: Disk) -> None:
    recorder.start()
    for n in range(5):
        recorder.record(operation(n))
    assert disk.wrote.wait(5)
    recorder.stop()
    assert len(disk.batches) < 5


def test_an_event_does_not_wait_for_the_commit_of_operations(
    recorder: Recorder, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "COMMIT_EVERY_S", 60)
    recorder.start()
    recorder.record(operation(1))
    recorder.record(event(2))
    assert disk.wrote.wait(5)
    assert disk.written == [operation(1), event(2)]
    recorder.stop()


def test_a_full_disk_is_reported_once_and_the_records_are_written_afterwards(
    recorder: Recorder, disk: Disk, said: list[str]
) -> None:
    disk.full.set()
    recorder.start()
    for n in range(3):
        disk.refused.clear()
        recorder.record(event(n))
        assert disk.refused.wait(5)
    assert len(said) == 1
    assert "the disk is full" in said[0]
    disk.full.clear()
    assert disk.wrote.wait(5)
    recorder.stop()
    assert disk.written == [event(0), event(1), event(2)]
    assert "nothing was lost" in said[1]


def test_records_that_could_not_be_written_before_the_end_are_counted(recorder: Recorder, disk: Disk) -> None:
    disk.full.set()
    recorder.start()
    for n in range(3):
        recorder.record(event(n))
    with pytest.raises(CannotWrite, match=r"3 records could not be written: .*the disk is full"):
        recorder.stop()


def test_memory_is_bounded_while_the_disk_is_full_and_the_oldest_are_kept(
    recorder: Recorder, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_PENDING", 2)
    disk.full.set()
    for n in range(5):
        recorder.record(event(n))
    recorder.start()
    assert disk.refused.wait(5)
    disk.full.clear()
    assert disk.wrote.wait(5)
    with pytest.raises(CannotWrite, match="3 records"):
        recorder.stop()
    assert disk.written[:2] == [event(0), event(1)]


def test_the_file_shows_the_span_and_the_number_of_missing_records(
    recorder: Recorder, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recorder_module, "MAX_PENDING", 2)
    disk.full.set()
    for entry in (event(10), operation(20), operation(30), event(40)):
        recorder.record(entry)
    recorder.start()
    assert disk.refused.wait(5)
    disk.full.clear()
    assert disk.wrote.wait(5)
    recorder.record(event(50))
    with pytest.raises(CannotWrite, match="2 records"):
        recorder.stop()
    why = "/data/observer.db: cannot be written, the disk is full; free some space."
    lost = {"how": "unwritten", "error": why, "since_ns": 30, "dropped": 2}
    assert disk.written == [
        event(10),
        operation(20),
        Event("daemon", "source.blind", "recorder", Window.at(30), lost),
        Event("daemon", "source.sees", "recorder", Window.at(40), {"how": "unwritten"}),
        event(50),
    ]
    assert [sentence(entry) for entry in disk.written if isinstance(entry, Event) and entry.source == "daemon"] == [
        f"2 records from here on could not be written: {why}",
        "records are written again",
    ]


def test_an_unexpected_error_ends_the_recorder_and_is_raised(said: list[str]) -> None:
    def broken(_: Sequence[Entry]) -> None:
        raise ZeroDivisionError

    recorder = Recorder(broken, said.append)
    recorder.record(event(1))
    recorder.start()
    with pytest.raises(ZeroDivisionError):
        recorder.stop()
