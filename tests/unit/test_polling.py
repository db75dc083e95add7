"""The Poller: polls become events whose windows claim no more than the polls can know."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from observer.model.recording import Event, Window
from observer.sources.polling import Observation, Poller, PollFailed


class Script:
    """Looks that give what a list says, on a clock that moves 1 at each look's beginning and 5 during it."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.now = -1
        self.events: list[Event] = []
        self.poller: Poller[str] = Poller("s", "x", self.look, compare, self.events.append, lambda: self.now)

    def look(self) -> str:
        self.now += 5
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return str(answer)

    def run(self) -> list[Event]:
        while self.answers:
            self.now += 1
            self.poller.run()
        return self.events


def compare(before: str | None, after: str) -> list[Observation]:
    if after == "odd":
        raise KeyError("odd")
    return [] if before == after else [("member.changed", "x", {"is": after, "was": before})]


def windows(*answers: Any) -> list[tuple[str, Window]]:
    return [(event.kind, event.window) for event in Script(*answers).run()]


def test_what_the_first_poll_finds_lies_within_that_poll() -> None:
    assert windows("A") == [("member.changed", Window(0, 5))]


def test_a_change_lies_between_the_start_of_the_last_poll_with_the_old_state_and_the_end_of_this_one() -> None:
    assert windows("A", "A", "B")[1:] == [("member.changed", Window(6, 17))]


def test_an_unreachable_period_is_recorded_at_both_ends_and_a_change_within_it_spans_it() -> None:
    refused = PollFailed("refused", "no")
    assert windows("A", refused, refused, "B")[1:] == [
        ("source.blind", Window(0, 11)),
        ("source.sees", Window(12, 23)),
        ("member.changed", Window(0, 23)),
    ]


def test_a_unreachable_period_that_changed_nothing_ends_without_a_change() -> None:
    assert [kind for kind, _ in windows("A", PollFailed("silent", "no"), "A")] == [
        "member.changed",
        "source.blind",
        "source.sees",
    ]


def test_every_way_of_failing_is_recorded_once_with_the_beginning_of_the_period() -> None:
    script = Script("A", PollFailed("silent", "1"), PollFailed("silent", "2"), PollFailed("connect_timeout", "3"), "A")
    blind = [event for event in script.run() if event.kind == "source.blind"]
    assert [(e.detail["how"], e.detail["error"], e.detail["since_ns"]) for e in blind] == [
        ("silent", "1", 6),
        ("connect_timeout", "3", 6),
    ]
    assert blind[1].window == Window(12, 23)
    assert script.events[-1].detail == {"how": "connect_timeout"}


def test_a_source_without_an_answer_from_the_start_claims_nothing_about_before() -> None:
    assert windows(PollFailed("refused", "no"), "A") == [
        ("source.blind", Window(0, 5)),
        ("source.sees", Window(0, 11)),
        ("member.changed", Window(6, 11)),
    ]


def test_what_the_failure_knows_more_is_in_the_detail() -> None:
    assert Script(PollFailed("error", "HTTP 401", {"http": 401})).run()[0].detail == {
        "http": 401,
        "how": "error",
        "error": "HTTP 401",
        "since_ns": 0,
    }


def test_an_answer_that_cannot_be_parsed_makes_the_subject_unreachable_and_ends_nothing() -> None:
    events = Script("A", "odd", "B").run()
    assert [event.kind for event in events] == ["member.changed", "source.blind", "source.sees", "member.changed"]
    assert events[1].detail["error"] == "KeyError: 'odd'"
    assert events[3].detail == {"is": "B", "was": "A"}


def test_a_poll_never_raises() -> None:
    raising: Callable[[], str] = Script(ValueError("x")).look
    events: list[Event] = []
    Poller("s", "x", raising, compare, events.append, lambda: 0).run()
    assert events[0].kind == "source.blind"


def test_a_host_that_is_gone_fails_by_turns_in_two_ways_which_count_as_one() -> None:
    gone = [PollFailed(how, "x") for how in ("connect_timeout", "unreachable", "connect_timeout", "refused")]
    blind = [event.detail["how"] for event in Script("A", *gone).run() if event.kind == "source.blind"]
    assert blind == ["connect_timeout", "refused"]
