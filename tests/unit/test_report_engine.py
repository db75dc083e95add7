"""Since when etcd could elect, by what the container engine tells; and replicas that stopped receiving WAL."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from observer.model.recording import Event
from reports.facts.engine import able
from reports.facts.halted import halted
from tests.unit.recordings import event, healthy, recording_of

THREE = {"etcd": {"endpoints": ["h:1", "h:2", "h:3"]}}


def ended(at_s: float, n: int) -> Event:
    return event(at_s, "docker", "container.ended", f"etcd{n}", component="etcd", exit_code=137)


def start(at_s: float, n: int) -> Event:
    return event(at_s, "docker", "repair.told", f"etcd{n}", component="etcd", action="start", address=f"h:{n}")


@pytest.mark.parametrize(
    ("rows", "leader", "since"),
    [
        ([ended(10, 1), ended(10, 3), start(40, 3), start(41, 1)], 1, "etcd1"),  # it did not run before
        ([ended(10, 1), ended(10, 3), start(40, 3), start(41, 1)], 2, "etcd3"),  # the second of three
        ([ended(10, 1), ended(10, 2), ended(10, 3), start(40, 2), start(41, 3), start(42, 1)], 2, "etcd3"),
        ([ended(10, 1), start(40, 1)], 2, None),  # two of three ran all the while
        ([], 2, None),
    ],
)
def test_an_election_is_no_earlier_than_the_start_that_made_it_possible(
    rows: list[Event], leader: int, since: str | None
) -> None:
    recorded = recording_of([*healthy(), *rows], [])
    recorded = replace(recorded, header=replace(recorded.header, settings=THREE))
    elected = event(43, "etcd", "raft.elected", "etcd", leader=f"h:{leader}")
    elected = replace(elected, window=replace(elected.window, after_ns=20 * 10**9))
    found = able(recorded, rows, elected)
    assert (found and found["name"]) == since


def test_replicas_that_stopped_receiving_and_received_again_are_told_with_their_rows() -> None:
    def says(at_s: float, name: str, state: str | None) -> Event:
        return event(at_s, "patroni", "member.changed", name, role="replica", state="running", replication_state=state)

    rows = [says(1, "patroni2", "streaming"), says(30, "patroni2", None), says(35, "patroni2", "streaming")]
    span: Any = SimpleNamespace(began_ns=20 * 10**9, ended_ns=60 * 10**9)
    fact = halted(recording_of(rows, []), span)
    assert fact is not None and (fact["members"], fact["by_s"], fact["back_s"]) == (["patroni2"], 30.0, 35.0)
    assert halted(recording_of(rows[:1], []), span) is None
