"""What direct looks could not see of a former leader, and what its log said of its own history."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Recording
from reports.analysis.split_brain import forks, hidden
from tests.unit.timelines import event, ns, timeline


def thawed(*more: Any, how: str = "silent", thaw_s: float = 50) -> Recording:
    """Leader a falls silent at 10 s; b leads from 31 s; a is thawed, answers at 52 s and is a replica."""
    return timeline(
        [
            event(1, "etcd", "leader.seen", "a"),
            event(1, "postgres", "member.changed", "a", in_recovery=False, timeline=1),
            event(10, "postgres", "source.blind", "a", how=how),
            event(30, "etcd", "leader.lost", "a", revision=5),
            event(31, "etcd", "leader.elected", "b", revision=6),
            event(33, "postgres", "member.changed", "b", in_recovery=False, timeline=2),
            event(thaw_s, "operator", "repair.told", "a", component="patroni", action="resume", target="a"),
            *more,
            event(52, "postgres", "source.sees", "a", how=how),
            event(52, "postgres", "member.changed", "a", in_recovery=True, timeline=1),
            event(52.1, "postgres", "replication.sampled", "a", in_recovery=True, lag_s=1.2),
        ],
        until_s=90,
    )


def demoted(at_s: float) -> Any:
    return event(at_s, "docker", "log.told", "a", says="demoted", text="demoted self because ...")


def test_a_former_leader_is_hidden_from_its_thaw_to_its_demotion() -> None:
    [one] = hidden(thawed(demoted(51)))
    assert (one.member, one.successor, one.from_ns, one.until_ns, one.thawed) == ("a", "b", ns(50), ns(51), True)
    assert [e.kind for e in one.events] == ["repair.told", "log.told"]


def test_without_a_log_it_is_hidden_until_it_answers() -> None:
    [one] = hidden(thawed())
    assert (one.until_ns, one.events[-1].kind) == (ns(52), "source.sees")


def test_a_transaction_younger_than_the_freeze_was_committed_after_it() -> None:
    [one] = hidden(thawed(demoted(51)))
    assert one.committed is not None and one.committed.detail["lag_s"] == 1.2
    old = event(51.5, "postgres", "replication.sampled", "a", in_recovery=True, lag_s=45)
    [one] = hidden(thawed(demoted(51), old))
    assert one.committed is not None and one.committed.detail["lag_s"] == 1.2  # that of 45 s shows nothing


@pytest.mark.parametrize(
    "made",
    [
        thawed(how="refused"),
        thawed(demoted(21), thaw_s=20),
        thawed(event(9.5, "operator", "fault.told", "a", component="patroni", action="kill", target="a")),
    ],
    ids=["nothing listened", "it was demoted before the other led", "it was dead"],
)
def test_what_cannot_have_been_a_primary_is_not_hidden(made: Recording) -> None:
    assert hidden(made) == ()


def test_without_a_word_of_a_thaw_it_is_hidden_since_the_other_led() -> None:
    events = [e for e in thawed().events if e.kind != "repair.told"]
    [one] = hidden(timeline(events, until_s=90))
    assert (one.from_ns, one.thawed, one.events[0].kind, one.committed) == (ns(31), False, "leader.elected", None)


def test_a_fork_is_told_once_and_with_the_rewind_that_ended_well() -> None:
    text = "new timeline 2 forked off current database system timeline 1 before current recovery point 0/4000000"
    line = [event(at_s, "docker", "log.told", "a", says="diverged", text=text) for at_s in (52, 53)]
    failed, well = (
        event(at_s, "docker", "log.told", "a", says="rewind_ended", code=c) for at_s, c in ((54, "1"), (55, "0"))
    )
    [fork] = forks(timeline([*line, failed, well]))
    assert fork.told.by_ns == ns(52) and fork.rewound is not None and fork.rewound.by_ns == ns(55)
    [fork] = forks(timeline([*line, failed]))
    assert fork.rewound is None
