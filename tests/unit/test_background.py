"""Threads tasks the recording: tasks that are retried, and a function that runs again on request."""

from __future__ import annotations

import threading

import pytest

from observer.recording import background
from observer.recording.background import BackgroundTasks, RerunThread
from tests.waiting import eventually


class Slow:
    """A function that takes until the test lets it continue."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Semaphore(0)

    def __call__(self) -> None:
        self.begun += 1
        assert self.go.acquire(timeout=20)


class TestTheRerunThread:
    def test_several_requests_during_a_run_cause_one_more_run(self) -> None:
        slow = Slow()
        thread = RerunThread(slow, "slow")
        thread.request()
        eventually(lambda: slow.begun == 1, 20, "the first run is under way")
        for _ in range(5):
            thread.request()
        slow.go.release(2)
        eventually(lambda: slow.begun == 2, 20, "the second run stands for all five")
        thread.finish()
        assert slow.begun == 2

    def test_the_end_waits_for_the_current_run_and_drops_the_waiting_one(self) -> None:
        slow = Slow()
        thread = RerunThread(slow, "slow")
        thread.request()
        eventually(lambda: slow.begun == 1, 20, "the first run is under way")
        thread.request()
        threading.Timer(0.2, slow.go.release).start()
        thread.finish()
        assert slow.begun == 1


class TestBackgroundTasks:
    def test_a_task_is_retried_until_it_is_done(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(background, "RETRY_S", 0.0)
        said: list[str] = []
        answers = [False, False, True]
        tasks = BackgroundTasks(said.append)
        tasks.run_until_done(lambda: answers.pop(0))

        def all_answered() -> bool:
            tasks.queue_due()
            return not answers

        eventually(all_answered, 20, "the task is done")
        tasks.queue_due()
        tasks.finish()
        assert said == []

    def test_a_task_that_fails_is_reported_and_ends_no_other(self) -> None:
        said: list[str] = []
        asked: list[str] = []
        tasks = BackgroundTasks(said.append)

        def next_one() -> bool:
            asked.append("the next")
            return True

        tasks.run_once(lambda: bool(1 / 0))
        tasks.run_once(next_one)
        tasks.finish()
        assert (asked, len(said)) == (["the next"], 1)
