"""How members come back after an incident, stalled replication, and what the container engine reports."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from observer.model.recording import Event, Recording
from reports.analysis.analyze import analyze
from reports.analysis.index import build_index
from reports.analysis.replication import rejoins, stalled_replication
from reports.analysis.results.evidence import Rejoin
from reports.analysis.supporting_evidence import enabling_start
from tests.unit.recordings import event, healthy, ns, recording_of

THREE = {"etcd": {"endpoints": ["h:1", "h:2", "h:3"]}}


def killed(*more: Event) -> Recording:
    """Leader a dies at 10 s; b leads from 31 s; a is back at 50 s, and streams at 52 s."""
    streaming = {"application_name": "a", "state": "streaming"}
    events = (
        event(1, "etcd", "leader.seen", "a"),
        event(1, "postgres", "member.changed", "a", in_recovery=False, timeline=1),
        event(10, "postgres", "source.blind", "a", how="refused"),
        event(10.1, "patroni", "source.blind", "a", how="refused"),
        event(30, "etcd", "leader.lost", "a", revision=5),
        event(30, "etcd", "member.lost", "a", revision=5),
        event(31, "etcd", "leader.elected", "b", revision=6),
        event(31.5, "patroni", "member.changed", "b", role="primary", state="running", timeline=2, replication=[]),
        *more,
        event(50, "postgres", "source.sees", "a", how="refused"),
        event(50, "postgres", "member.changed", "a", in_recovery=True, timeline=2),
        event(52, "patroni", "member.changed", "b", role="primary", state="running", replication=[streaming]),
    )
    return recording_of(events)


def rejoin(made: Recording) -> tuple[Rejoin, int]:
    """The rejoin of the first incident, and when that began."""
    incident = analyze(made).incidents[0]
    [found] = rejoins(build_index(made), incident, ns(120))
    return found, incident.began_ns


def test_a_member_is_back_when_it_answers_and_streams_when_its_primary_lists_it() -> None:
    found, began_ns = rejoin(killed())
    assert (found.answered_ns, found.streaming_ns) == (ns(50) - began_ns, ns(52) - began_ns)
    assert (found.member, found.role, found.timeline, found.how) == ("a", "replica", 2, None)


@pytest.mark.parametrize(
    ("member", "line", "how"),
    [
        ("a", {"says": "rewind_ended", "code": "0"}, "rewound"),
        ("a", {"says": "rewind_ended", "code": "1"}, "plain"),  # pg_rewind failed
        ("a", {"says": "was_interrupted"}, "plain"),
        ("c", {"says": "rewind_ended"}, None),  # the log of another member
    ],
)
def test_the_log_of_a_member_shows_how_it_came_back(member: str, line: dict[str, Any], how: str | None) -> None:
    found, _ = rejoin(killed(event(45, "log", "log.told", member, **line)))
    assert found.how == how


def test_a_log_line_about_wal_past_the_fork_is_quoted() -> None:
    line = event(44, "log", "log.told", "a", says="diverged", text="new timeline 2 forked off", code="0")
    found, _ = rejoin(killed(line, event(45, "log", "log.told", "a", says="rewind_ended", code="0")))
    assert found.diverged is not None and found.diverged.text == "new timeline 2 forked off"


def test_a_member_has_caught_up_when_it_replayed_all_wal_and_when_its_primary_measures_0_bytes() -> None:
    def sampled(at_s: float, subject: str, **detail: Any) -> Event:
        return event(at_s, "postgres", "replication.sampled", subject, **detail)

    later = [
        sampled(53, "a", in_recovery=True, lsn=9, replay_lsn=8, lag_s=0.1),
        sampled(54, "a", in_recovery=True, lsn=9, replay_lsn=9, lag_s=0.0),
        sampled(55, "b", in_recovery=False, lsn=9, lag_bytes={"a": 8}),
        sampled(56, "b", in_recovery=False, lsn=9, lag_bytes={"a": 0}),
    ]
    found, began_ns = rejoin(recording_of([*killed().events, *later]))
    assert found.replayed is not None and found.replayed.duration_ns == ns(54) - began_ns
    assert found.level is not None and found.level.duration_ns == ns(56) - began_ns
    without, _ = rejoin(killed())
    assert (without.replayed, without.level) == (None, None)


def test_replicas_that_stopped_streaming_and_streamed_again_are_named_with_their_rows() -> None:
    def report(at_s: float, name: str, state: str | None) -> Event:
        return event(at_s, "patroni", "member.changed", name, role="replica", state="running", replication_state=state)

    rows = [report(1, "patroni2", "streaming"), report(30, "patroni2", None), report(35, "patroni2", "streaming")]
    incident: Any = SimpleNamespace(began_ns=ns(20), ended_ns=ns(60))
    found = stalled_replication(build_index(recording_of(rows)), incident)
    assert found is not None and (found.members, found.by_ns, found.back_ns) == (("patroni2",), ns(30), ns(35))
    assert (found.event_ids, found.back_ids) == ((2,), (3,))
    assert stalled_replication(build_index(recording_of(rows[:1])), incident) is None


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
        ([ended(10, 1), start(40, 1)], 2, None),  # two of three ran throughout
        ([], 2, None),
    ],
)
def test_an_election_is_no_earlier_than_the_container_start_that_made_it_possible(
    rows: list[Event], leader: int, since: str | None
) -> None:
    recorded = recording_of([*healthy(), *rows], [])
    recorded = replace(recorded, header=replace(recorded.header, settings=THREE))
    elected = event(43, "etcd", "raft.elected", "etcd", leader=f"h:{leader}")
    elected = replace(elected, window=replace(elected.window, after_ns=ns(20)))
    found = enabling_start(recorded, rows, elected)
    assert (found and found.name) == since
