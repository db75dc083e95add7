"""The direct write while HAProxy does not answer: it goes to each member, and each acknowledgement is recorded."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from observer.config.settings import Settings
from observer.model.recording import Event
from observer.postgres.session import NoAnswer
from observer.recording import direct_write

SETTINGS = Settings.model_validate({"traffic": {"write": "host=proxy port=5001 user=app"}})
MEMBERS = {name: f"host={name} port=5432" for name in ("a", "b", "c")}


class Server:
    """A primary answers with a WAL position, a replica without one, a dead server not at all."""

    answers: dict[str, tuple[bool, str | None] | None]
    closed = 0

    def __init__(self, dsn: str, deadline_ms: int, now_ns: Any) -> None:
        self._name = next(name for name in MEMBERS if f"host={name}" in dsn)
        assert "user=app" in dsn and deadline_ms == 1000

    def ask(self, sql: str) -> list[tuple[bool, str | None]]:
        assert sql == direct_write.WRITE
        answer = Server.answers[self._name]
        if answer is None:
            raise NoAnswer("refused", "connect", "Connection refused")
        return [answer]

    def close(self) -> None:
        Server.closed += 1


@pytest.mark.parametrize(
    ("answers", "proved"),
    [
        ({"a": (True, None), "b": (False, "0/5F"), "c": None}, ["b"]),
        ({"a": (True, None), "b": None, "c": None}, []),
        ({"a": (False, "0/1"), "b": (False, "0/2"), "c": (True, None)}, ["a", "b"]),  # two primaries
    ],
)
def test_each_primary_that_accepts_the_write_is_recorded_and_no_other_member(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[bool, str | None] | None], proved: list[str]
) -> None:
    monkeypatch.setattr(direct_write, "PersistentConnection", Server)
    Server.answers, Server.closed = answers, 0
    recorded: list[Event] = []
    direct_write.write_directly(SETTINGS, MEMBERS, recorded.append, count().__next__)
    assert [(e.kind, e.subject) for e in recorded] == [("write.proved", name) for name in proved]
    assert all(e.window.after_ns < e.window.by_ns for e in recorded)
    assert Server.closed == 3


def test_without_traffic_nothing_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(direct_write, "PersistentConnection", None)
    settings = Settings.model_validate({"traffic": {"write": "host=proxy", "workload": "none"}})
    recorded: list[Event] = []
    direct_write.write_directly(settings, MEMBERS, recorded.append, count().__next__)
    assert recorded == []
