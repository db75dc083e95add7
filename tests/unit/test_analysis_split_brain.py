"""A former leader that may have run on beside its successor, and the history that its log reports."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Recording
from reports.analysis.index import build_index
from reports.analysis.results.reads import Divergence, PossibleSplitBrain
from reports.analysis.split_brain import divergences, possible_split_brains
from tests.unit.recordings import event, ns, recording_of


def resumed(*more: Any, how: str = "silent", resume_s: float = 50) -> Recording:
    """Return leader a silent from 10 s, b leading from 31 s, and a that resumes and is a replica at 52 s."""
    return recording_of(
        [
            event(1, "etcd", "leader.seen", "a"),
            event(1, "postgres", "member.changed", "a", in_recovery=False, timeline=1),
            event(10, "postgres", "source.blind", "a", how=how),
            event(30, "etcd", "leader.lost", "a", revision=5),
            event(31, "etcd", "leader.elected", "b", revision=6),
            event(33, "postgres", "member.changed", "b", in_recovery=False, timeline=2),
            event(resume_s, "operator", "repair.told", "a", component="patroni", action="resume", target="a"),
            *more,
            event(52, "postgres", "source.sees", "a", how=how),
            event(52, "postgres", "member.changed", "a", in_recovery=True, timeline=1),
            event(52.1, "postgres", "replication.sampled", "a", in_recovery=True, lag_s=1.2),
        ],
        until_s=90,
    )


def demoted(at_s: float) -> Any:
    return event(at_s, "docker", "log.told", "a", says="demoted", text="demoted self because ...")


def found(given: Recording) -> tuple[PossibleSplitBrain, ...]:
    return possible_split_brains(build_index(given))


def rows(given: Recording, *kinds: str) -> list[int | None]:
    return [event.id for event in given.events if event.kind in kinds]


def test_a_former_leader_may_be_a_primary_from_its_resume_to_its_demotion() -> None:
    given = resumed(demoted(51))
    [one] = found(given)
    assert (one.member, one.successor, one.from_ns, one.to_ns, one.resumed) == ("a", "b", ns(50), ns(51), True)
    assert list(one.event_ids) == rows(given, "repair.told", "log.told")


def test_without_a_log_it_may_be_one_until_it_answers() -> None:
    given = resumed()
    [one] = found(given)
    assert (one.to_ns, [one.event_ids[-1]]) == (ns(52), rows(given, "source.sees"))


def test_a_transaction_younger_than_the_freeze_was_committed_after_it() -> None:
    [one] = found(resumed(demoted(51)))
    assert one.committed_age_ns == ns(1.2)
    old = event(51.5, "postgres", "replication.sampled", "a", in_recovery=True, lag_s=45)
    [one] = found(resumed(demoted(51), old))
    assert one.committed_age_ns == ns(1.2)  # the sample of 45 s shows nothing


@pytest.mark.parametrize(
    "made",
    [
        resumed(how="refused"),
        resumed(demoted(21), resume_s=20),
        resumed(event(9.5, "operator", "fault.told", "a", component="patroni", action="kill", target="a")),
    ],
    ids=["nothing listened", "it was demoted before the other led", "it was dead"],
)
def test_a_member_that_cannot_have_been_a_primary_is_left_out(made: Recording) -> None:
    assert found(made) == ()


def test_without_a_reported_resume_it_may_be_one_since_the_other_led() -> None:
    given = recording_of([e for e in resumed().events if e.kind != "repair.told"], until_s=90)
    [one] = found(given)
    assert (one.from_ns, one.resumed, one.committed_id) == (ns(31), False, None)
    assert [one.event_ids[0]] == rows(given, "leader.elected")


def test_a_fork_is_listed_once_with_the_pg_rewind_that_succeeded() -> None:
    text = "new timeline 2 forked off current database system timeline 1 before current recovery point 0/4000000"
    line = [event(at_s, "docker", "log.told", "a", says="diverged", text=text) for at_s in (52, 53)]
    failed, ended = (
        event(at_s, "docker", "log.told", "a", says="rewind_ended", code=c) for at_s, c in ((54, "1"), (55, "0"))
    )
    assert divergences(build_index(recording_of([*line, failed, ended]))) == (Divergence(1, "a", text, 1, 4),)
    assert divergences(build_index(recording_of([*line, failed]))) == (Divergence(1, "a", text, 1, None),)
