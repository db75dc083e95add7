"""The direct write that proves the cluster well while its proxy is away: who is asked, and what is recorded."""

from __future__ import annotations

from itertools import count
from typing import Any

import pytest

from observer.model.recording import Event
from observer.postgres.session import NoAnswer
from observer.recording import direct_write as proving

MEMBERS = {name: f"host={name} port=5432" for name in ("a", "b", "c")}


class Server:
    """A primary answers with a position, a replica without one, a dead one not at all."""

    answers: dict[str, tuple[bool, str | None] | None]
    closed = 0

    def __init__(self, dsn: str, deadline_ms: int, now_ns: Any) -> None:
        self._name = next(name for name in MEMBERS if f"host={name}" in dsn)
        assert "user=app" in dsn and deadline_ms == 1000

    def ask(self, sql: str) -> list[tuple[bool, str | None]]:
        assert sql == proving.WRITE
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
        ({"a": (False, "0/1"), "b": (False, "0/2"), "c": (True, None)}, ["a", "b"]),  # two primaries, both told
    ],
)
def test_every_primary_that_takes_a_write_is_told_and_nobody_else(
    monkeypatch: pytest.MonkeyPatch, answers: dict[str, tuple[bool, str | None] | None], proved: list[str]
) -> None:
    monkeypatch.setattr(proving, "PersistentConnection", Server)
    Server.answers, Server.closed = answers, 0
    told: list[Event] = []
    assert proving.prove(MEMBERS, "host=proxy port=5001 user=app", 1000, told.append, count().__next__)
    assert [(e.kind, e.subject) for e in told] == [("write.proved", name) for name in proved]
    assert all(e.window.after_ns < e.window.by_ns for e in told)
    assert Server.closed == 3
