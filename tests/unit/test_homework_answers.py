"""Which incidents answer the questions of the homework, and the commands that test the others."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from observer.model.causes import CAUSES
from reports.analysis.results.recording import Unreachable
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.each_recording import cluster_kind
from reports.homework.answers import QUESTIONS, answers_of, commands
from tests.unit.analyzed import recorded


@pytest.fixture
def found() -> Results:
    """A run in which the leader was killed, with three etcd members on loopback."""
    return recorded("leader-killed")


def with_recording(found: Results, **changes: Any) -> Results:
    return replace(found, recordings=(replace(found.recordings[0], **changes),))


def at_host(found: Results, host: str) -> Results:
    captures = tuple(
        replace(capture, members=tuple({**member, "host": host} for member in capture.members))
        for capture in found.recordings[0].captures
    )
    return with_recording(found, captures=captures, scope="demo")


def answered(found: Results) -> dict[str, tuple[int, ...]]:
    return {answer.question: answer.incidents for answer in answers_of(found) if answer.incidents}


def test_every_question_of_the_table_of_causes_has_an_answer(found: Results) -> None:
    assert {question for cause in CAUSES.values() for question in cause.questions} == set(QUESTIONS)
    assert [answer.question for answer in answers_of(replace(found, incidents=()))] == list(QUESTIONS)
    assert answered(replace(found, incidents=())) == {}


@pytest.mark.parametrize(
    ("name", "questions"),
    [
        ("leader-killed", {"leader_killed"}),
        ("leader-stopped", {"leader_stopped"}),
        ("leader-frozen", {"leader_frozen"}),
        ("replica-killed", {"replica"}),
        ("etcd-one", {"etcd_one"}),
        ("etcd-leader", {"etcd_one", "etcd_leader"}),
        ("etcd-two", {"etcd_two"}),
        ("etcd-three", {"etcd_all"}),
        ("proxy-killed", {"proxy"}),
    ],
)
def test_a_fault_answers_the_questions_about_it(name: str, questions: set[str]) -> None:
    assert answered(recorded(name)).keys() == questions


def test_all_of_etcd_is_gone_only_if_all_members_are_unreachable_at_one_moment() -> None:
    found = recorded("etcd-three")
    recording = found.recordings[0]
    first, *rest = [u for u in recording.unreachable if u.source == "etcd" and ":" in u.subject]
    back_early = replace(first, to_ns=first.from_ns + 1)
    assert isinstance(first, Unreachable)
    assert answered(with_recording(found, unreachable=(back_early, *rest))).keys() == {"etcd_two"}


@pytest.mark.parametrize(
    ("host", "kind", "first"),
    [
        ("127.0.0.1", "local", "observer fault stop etcd3"),
        ("172.18.0.3", "docker", "docker stop demo-etcd3"),
    ],
)
def test_commands_name_the_members_of_this_cluster(found: Results, host: str, kind: str, first: str) -> None:
    made = with_recording(at_host(found, host), etcd_leader="etcd1")
    assert cluster_kind(made.recordings) == kind
    assert commands("etcd_one", made.recordings)[0] == first


def test_etcds_leader_is_named_if_it_is_known_and_asked_for_otherwise(found: Results) -> None:
    known = with_recording(found, etcd_leader="etcd1").recordings
    assert commands("etcd_leader", known)[0] == "observer fault stop etcd1"
    unknown = with_recording(found, etcd_leader=None).recordings
    endpoint = next(part.outside[0] for part in unknown[0].parts if part.kind == "etcd")
    assert commands("etcd_leader", unknown) == (
        f"etcdctl --endpoints {endpoint} endpoint status --cluster -w table",
        "observer fault stop etcdN",
        "observer fault start etcdN",
    )


def test_a_frozen_leader_is_paused_and_resumed(found: Results) -> None:
    leader = found.recordings[0].leaderships[-1].member
    expected = (f"observer fault pause {leader}", f"observer fault resume {leader}")
    assert commands("leader_frozen", found.recordings) == expected
    in_docker = commands("leader_frozen", at_host(found, "172.18.0.3").recordings)
    assert in_docker == (f"docker pause demo-{leader}", f"docker unpause demo-{leader}")


def test_a_cluster_that_is_neither_local_nor_the_stack_in_docker_is_another_one(found: Results) -> None:
    recordings: tuple[RecordingResults, ...] = at_host(found, "10.0.0.1").recordings
    assert cluster_kind((replace(recordings[0], scope="prod"),)) == "other"
