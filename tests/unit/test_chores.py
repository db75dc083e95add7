"""What is slow and runs beside the recording: questions that are asked again, one thing that is run again."""

from __future__ import annotations

import threading

import pytest

from observer.recording import background as chores
from observer.recording.background import Again, Chores
from tests.waiting import eventually


class Slow:
    """A thing that takes until the test lets it go on."""

    def __init__(self) -> None:
        self.begun = 0
        self.go = threading.Semaphore(0)

    def __call__(self) -> None:
        self.begun += 1
        assert self.go.acquire(timeout=20)


class TestOneThingAgain:
    def test_however_often_it_is_asked_for_meanwhile_it_runs_once_more(self) -> None:
        slow = Slow()
        again = Again(slow, "slow")
        again.ask()
        eventually(lambda: slow.begun == 1, 20, "the first run goes on")
        for _ in range(5):
            again.ask()
        slow.go.release(2)
        eventually(lambda: slow.begun == 2, 20, "the second run stands for all five")
        again.finish()
        assert slow.begun == 2

    def test_at_the_end_the_run_that_goes_on_is_waited_for_and_the_one_that_waits_is_given_up(self) -> None:
        slow = Slow()
        again = Again(slow, "slow")
        again.ask()
        eventually(lambda: slow.begun == 1, 20, "the first run goes on")
        again.ask()
        threading.Timer(0.2, slow.go.release).start()
        again.finish()
        assert slow.begun == 1


class TestQuestions:
    def test_what_was_not_done_is_asked_again_and_what_was_done_is_not(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(chores, "AGAIN_S", 0.0)
        said: list[str] = []
        answers = [False, False, True]
        beside = Chores(said.append)
        beside.until_done(lambda: answers.pop(0))
        eventually(lambda: [beside.turn(), not answers][1], 20, "it was asked until it was done")
        beside.turn()
        beside.finish()
        assert said == []

    def test_one_that_goes_wrong_is_said_and_ends_no_other(self) -> None:
        said: list[str] = []
        asked: list[str] = []
        beside = Chores(said.append)
        beside.once(lambda: bool(1 / 0))
        beside.once(lambda: bool(asked.append("the next")))
        beside.finish()
        assert (asked, len(said)) == (["the next"], 1)
