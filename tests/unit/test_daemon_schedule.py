"""When looks happen: skipped ticks are told once for each spell, and no step of the wall clock stops them."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from observer.model.recording import SECOND_NS, Event
from observer.recording.schedule import Schedule, Watchdog
from observer.sources.polling import Job

S = SECOND_NS


class Clocks:
    """Two clocks that are moved by hand."""

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
        self.told: list[Event] = []
        self.stepped = 0
        self.watchdog = Watchdog(lambda: self.clocks.now, lambda: self.clocks.wall, self.told.append, self.on_step)

    def on_step(self) -> None:
        self.stepped += 1

    def turn(self, seconds: float, wall: float | None = None) -> None:
        self.clocks.go(seconds, wall)
        self.watchdog.turn()

    def test_says_nothing_while_the_clocks_agree_or_one_is_slewed(self) -> None:
        for _ in range(100):
            self.turn(0.25, 0.2502)
        assert self.told == []

    @pytest.mark.parametrize("step_s", [-60, 60, 0.5])
    def test_records_a_step_and_has_the_jobs_added_anew(self, step_s: float) -> None:
        self.turn(0.25)
        self.turn(0.25, 0.25 + step_s)
        self.turn(0.25)
        (event,) = self.told
        assert (event.kind, event.detail) == ("clock.stepped", {"by_ms": round(step_s * 1000)})
        assert (event.window.after_ns, event.window.by_ns) == (S // 4, S // 2)
        assert self.stepped == 1

    def test_tells_the_observers_own_sleep_from_a_step(self) -> None:
        self.turn(0.25)
        self.turn(30)
        (event,) = self.told
        assert (event.kind, event.detail) == ("observer.slept", {"for_ms": 30_000})
        assert self.stepped == 0


class TestTheSchedule:
    @pytest.fixture
    def told(self) -> list[Event]:
        return []

    @pytest.fixture
    def schedule(self, told: list[Event]) -> Iterator[Schedule]:
        schedule = Schedule(told.append, lambda: 0)
        schedule.start()
        yield schedule
        schedule.stop()

    def test_runs_a_job_again_and_again(self, schedule: Schedule) -> None:
        runs = threading.Semaphore(0)
        schedule.add(Job("look", 10, runs.release))
        for _ in range(5):
            assert runs.acquire(timeout=10)

    def test_one_job_that_hangs_holds_up_no_other(self, schedule: Schedule) -> None:
        release, runs = threading.Event(), threading.Semaphore(0)
        schedule.add(Job("hangs", 10, lambda: bool(release.wait(30)) and None))
        schedule.add(Job("goes on", 10, runs.release))
        for _ in range(5):
            assert runs.acquire(timeout=10)
        release.set()

    def test_a_spell_of_skipped_ticks_is_told_once_and_its_end_with_their_number(
        self, schedule: Schedule, told: list[Event]
    ) -> None:
        release, freely = threading.Event(), threading.Semaphore(0)

        def look() -> None:
            if not release.is_set():
                release.wait(30)
            else:
                freely.release()

        schedule.add(Job("slow", 10, look))
        in_time = threading.Semaphore(0)
        schedule.add(Job("in time", 10, in_time.release))
        until(lambda: bool(told))
        for _ in range(6):
            assert in_time.acquire(timeout=10)
        release.set()
        until(lambda: len(told) == 2)
        assert [(event.kind, event.subject) for event in told] == [("tick.skipped", "slow"), ("tick.resumed", "slow")]
        assert told[1].detail["skipped"] >= 3

    def test_a_job_of_the_same_name_takes_the_place_of_the_one_before(self, schedule: Schedule) -> None:
        first, second = threading.Semaphore(0), threading.Semaphore(0)
        schedule.add(Job("look", 10, first.release))
        assert first.acquire(timeout=10)
        schedule.add(Job("look", 10, second.release))
        assert second.acquire(timeout=10)
        while first.acquire(blocking=False):
            pass
        assert second.acquire(timeout=10)
        assert second.acquire(timeout=10)
        assert not first.acquire(blocking=False)

    def test_all_jobs_go_on_after_they_were_added_anew(self, schedule: Schedule) -> None:
        runs = threading.Semaphore(0)
        schedule.add(Job("once an hour", 3_600_000, runs.release))
        assert runs.acquire(timeout=10)
        schedule.begin_anew()
        assert runs.acquire(timeout=10)


def until(condition: object, limit_s: float = 10) -> None:
    """Waits for a condition."""
    assert callable(condition)
    pause = threading.Event()
    for _ in range(round(limit_s / 0.01)):
        if condition():
            return
        pause.wait(0.01)
    raise AssertionError("it did not come true")


def test_jobs_that_end_at_once_hold_up_nobody_who_adds_another() -> None:
    """APScheduler tells of a run that ended before it looked under its own locks, in the thread that takes them."""
    schedule = Schedule(lambda _: None, lambda: 0)
    schedule.start()

    def add() -> None:
        for n in range(400):
            schedule.add(Job(f"look {n % 20}", 1, lambda: None))

    adding = threading.Thread(target=add, daemon=True)
    adding.start()
    adding.join(20)
    assert not adding.is_alive()
    schedule.stop()
