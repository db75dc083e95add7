"""The schedule of the polls: skipped ticks are recorded once for each period, and no step of the clock stops polls."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from observer.model.recording import SECOND_NS, Event
from observer.recording.schedule import Schedule, Watchdog
from observer.sources.polling import Job

S = SECOND_NS


class Clocks:
    """Two clocks that the test moves."""

    def __init__(self) -> None:
        self.now = 0
        self.wall = 1_000_000 * S

    def go(self, seconds: float, wall: float | None = None) -> None:
        self.now += round(seconds * S)
        self.wall += round((seconds if wall is None else wall) * S)


class TestTheWatchdog:
    @pytest.fixture(autouse=True)
    def watched(self) -> None:
        self.clocks = Clocks()
        self.recorded: list[Event] = []
        self.stepped = 0
        self.watchdog = Watchdog(lambda: self.clocks.now, lambda: self.clocks.wall, self.recorded.append, self.on_step)

    def on_step(self) -> None:
        self.stepped += 1

    def check(self, seconds: float, wall: float | None = None) -> None:
        self.clocks.go(seconds, wall)
        self.watchdog.check()

    def test_records_nothing_while_the_clocks_agree_or_one_is_slewed(self) -> None:
        for _ in range(100):
            self.check(0.25, 0.2502)
        assert self.recorded == []

    @pytest.mark.parametrize("step_s", [-60, 60, 0.5])
    def test_records_a_step_and_reports_it(self, step_s: float) -> None:
        self.check(0.25)
        self.check(0.25, 0.25 + step_s)
        self.check(0.25)
        (event,) = self.recorded
        assert (event.kind, event.detail) == ("clock.stepped", {"by_ms": round(step_s * 1000)})
        assert (event.window.after_ns, event.window.by_ns) == (S // 4, S // 2)
        assert self.stepped == 1

    def test_distinguishes_sleep_of_the_machine_from_a_step(self) -> None:
        self.check(0.25)
        self.check(30)
        (event,) = self.recorded
        assert (event.kind, event.detail) == ("observer.slept", {"for_ms": 30_000})
        assert self.stepped == 0


class TestTheSchedule:
    @pytest.fixture
    def recorded(self) -> list[Event]:
        return []

    @pytest.fixture
    def schedule(self, recorded: list[Event]) -> Iterator[Schedule]:
        schedule = Schedule(recorded.append, lambda: 0)
        schedule.start()
        yield schedule
        schedule.stop()

    def test_runs_a_job_repeatedly(self, schedule: Schedule) -> None:
        runs = threading.Semaphore(0)
        schedule.add(Job("poll", 10, runs.release))
        for _ in range(5):
            assert runs.acquire(timeout=10)

    def test_a_job_that_hangs_delays_no_other(self, schedule: Schedule) -> None:
        release, runs = threading.Event(), threading.Semaphore(0)

        def hang() -> None:
            release.wait(30)

        schedule.add(Job("hangs", 10, hang))
        schedule.add(Job("runs", 10, runs.release))
        for _ in range(5):
            assert runs.acquire(timeout=10)
        release.set()

    def test_skipped_ticks_are_recorded_once_and_their_number_at_the_end(
        self, schedule: Schedule, recorded: list[Event]
    ) -> None:
        release, freely = threading.Event(), threading.Semaphore(0)

        def poll() -> None:
            if not release.is_set():
                release.wait(30)
            else:
                freely.release()

        schedule.add(Job("slow", 10, poll))
        in_time = threading.Semaphore(0)
        schedule.add(Job("in time", 10, in_time.release))
        until(lambda: bool(recorded))
        for _ in range(6):
            assert in_time.acquire(timeout=10)
        release.set()
        until(lambda: len(recorded) == 2)
        assert [(event.kind, event.subject) for event in recorded] == [
            ("tick.skipped", "slow"),
            ("tick.resumed", "slow"),
        ]
        assert recorded[1].detail["skipped"] >= 3

    def test_a_job_replaces_the_job_of_the_same_name(self, schedule: Schedule) -> None:
        first, second = threading.Semaphore(0), threading.Semaphore(0)
        schedule.add(Job("poll", 10, first.release))
        assert first.acquire(timeout=10)
        schedule.add(Job("poll", 10, second.release))
        assert second.acquire(timeout=10)
        while first.acquire(blocking=False):
            pass
        assert second.acquire(timeout=10)
        assert second.acquire(timeout=10)
        assert not first.acquire(blocking=False)

    def test_all_jobs_run_again_when_they_are_rescheduled(self, schedule: Schedule) -> None:
        runs = threading.Semaphore(0)
        schedule.add(Job("once an hour", 3_600_000, runs.release))
        assert runs.acquire(timeout=10)
        schedule.reschedule()
        assert runs.acquire(timeout=10)


def until(condition: object, limit_s: float = 10) -> None:
    """Wait for a condition."""
    assert callable(condition)
    pause = threading.Event()
    for _ in range(round(limit_s / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("the condition did not become true")


def test_jobs_that_end_at_once_do_not_block_the_addition_of_another() -> None:
    """APScheduler calls the listener of a run that ends at once under its own lock, in the thread that adds the job."""
    schedule = Schedule(lambda _: None, lambda: 0)
    schedule.start()

    def add() -> None:
        for n in range(400):
            schedule.add(Job(f"poll {n % 20}", 1, lambda: None))

    adding = threading.Thread(target=add, daemon=True)
    adding.start()
    adding.join(20)
    assert not adding.is_alive()
    schedule.stop()
