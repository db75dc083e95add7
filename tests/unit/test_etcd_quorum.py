"""Quorum from the status of etcd's members, and the window of a change."""

from __future__ import annotations

from typing import Any

from observer.model.recording import Window
from observer.sources.quorum import Quorum, RevisionBounds, Status

IDS = {"a": 1, "b": 2, "c": 3}


def says(name: str, leader: str | None, term: int = 2) -> Status:
    return Status(IDS[name], IDS[leader] if leader else 0, term, 100, "3.4.23")


def hearing(*states: tuple[str, Status | None]) -> list[tuple[str, Any, Window]]:
    """Each look takes 4, one every 10."""
    quorum = Quorum(dict.fromkeys(IDS))
    changes = []
    for number, (address, status) in enumerate(states):
        changes += quorum.update(address, status, 10 * number, 10 * number + 4)
    return [(kind, detail, window) for (kind, _, detail), window in changes]


ALL = [(name, says(name, "a")) for name in IDS]


def test_members_that_agree_on_a_leader_records_nothing() -> None:
    assert hearing(*ALL, *ALL) == []


def test_quorum_is_lost_when_those_that_answer_have_no_leader() -> None:
    ((kind, detail, window),) = hearing(*ALL, ("a", None), ("b", None), ("c", says("c", None)))
    assert kind == "quorum.lost"
    assert detail == {"endpoints": {"a": "blind", "b": "blind", "c": "no leader"}}
    assert window == Window(20, 54)


def test_quorum_is_regained_when_one_has_a_leader_again() -> None:
    _, (kind, detail, window) = hearing(
        *ALL, ("a", None), ("b", None), ("c", says("c", None)), ("c", says("c", None)), ("b", says("b", "c", 2))
    )
    assert kind == "quorum.regained"
    assert detail["endpoints"] == {"a": "blind", "b": "leader", "c": "no leader"}
    assert window == Window(60, 74)


def test_members_that_do_not_answer_say_nothing_of_quorum() -> None:
    assert hearing(*ALL, ("a", None), ("b", None), ("c", None)) == []


def test_one_member_with_a_leader_is_enough() -> None:
    assert hearing(*ALL, ("a", says("a", None)), ("b", None)) == []


def test_the_first_poll_records_a_lost_quorum_and_no_existing_one() -> None:
    assert [kind for kind, _, _ in hearing(("a", says("a", None)))] == ["quorum.lost"]
    assert hearing(("a", says("a", "a"))) == []


def test_a_new_leader_of_etcd_is_recorded_with_its_term_and_its_predecessor() -> None:
    ((kind, detail, window),) = hearing(*ALL, ("b", says("b", "b", 3)), ("c", says("c", "b", 3)))
    assert kind == "raft.elected"
    assert detail == {"leader": "b", "term": 3, "before": {"leader": "a", "term": 2}}
    assert window == Window(20, 34)


def test_a_member_that_does_not_know_the_new_term_changes_nothing() -> None:
    assert len(hearing(*ALL, ("b", says("b", "b", 3)), ("c", says("c", "a", 2)), ("c", says("c", "b", 3)))) == 1


def test_the_leading_endpoint_is_that_of_the_newest_term() -> None:
    quorum = Quorum(dict.fromkeys(IDS))
    for name, status in ALL:
        quorum.update(name, status, 0, 1)
    assert quorum.leader() == "a"
    quorum.update("b", says("b", "b", 3), 2, 3)
    assert quorum.leader() == "b"


def test_a_leader_outside_the_endpoints_is_unknown() -> None:
    quorum = Quorum({"a": None})
    quorum.update("a", says("a", "c"), 0, 1)
    assert quorum.leader() is None


def test_a_revision_lies_after_the_last_moment_at_which_an_older_one_was_asked_for() -> None:
    proofs = RevisionBounds()
    for asked_ns, revision in ((10, 7), (20, 7), (30, 7), (40, 9), (50, 9)):
        proofs.note(asked_ns, revision)
    assert proofs.after_ns(8) == 30
    assert proofs.after_ns(9) == 30
    assert proofs.after_ns(10) == 50
    assert proofs.after_ns(7) == 0


def test_a_member_that_lags_and_an_answer_that_came_late_prove_nothing() -> None:
    proofs = RevisionBounds()
    proofs.note(10, 7)
    proofs.note(20, 6)
    proofs.note(5, 8)
    assert proofs.after_ns(8) == 10
    assert proofs.last_ns() == 10
