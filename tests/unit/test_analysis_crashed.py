"""A PostgreSQL that crashed, and for which Patroni gave up the leader key: that is no stop in order."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from observer.model.findings import Incident
from observer.model.recording import Event, Operation, Outcome
from reports.analysis.analyze import analyze
from tests.unit.recordings import blind, event, fail, healthy, recording_of, sees, takeover, traffic

OK, FAIL = Outcome.OK, Outcome.FAIL


def only(events: Iterable[Event], operations: Iterable[Operation] = ()) -> Incident:
    writes = [*traffic((1, 10, OK), (10, 40, FAIL), (40, 110, OK)), *operations]
    (incident,) = analyze(recording_of([*healthy(), *events], writes)).incidents
    return incident


def given_up(at_s: float) -> list[Event]:
    """Patroni gives up the key of patroni1, calls its PostgreSQL stopped, and starts it as a replica later."""
    return [
        event(at_s, "etcd", "leader.lost", "patroni1", revision=30),
        event(at_s + 0.1, "etcd", "member.changed", "patroni1", role="replica", state="stopped"),
        *takeover(at_s + 0.2, "patroni2", 2, previous="patroni1", up_s=39),
        sees(45, "postgres", "patroni1"),
        event(45, "postgres", "member.changed", "patroni1", in_recovery=True, timeline=2, started="later"),
    ]


@pytest.mark.parametrize(
    ("events", "operations"),
    [
        ([event(10.6, "etcd", "member.changed", "patroni1", role="primary", state="crashed")], []),
        ([], [fail(10.01, stage="answer", sqlstate="57P02", message="crash of another server process")]),
    ],
)
def test_a_leader_whose_postgres_is_known_to_have_crashed_before_it_gave_up_its_key_crashed(
    events: list[Event], operations: list[Operation]
) -> None:
    incident = only([blind(10.2, "postgres", "patroni1", "refused"), *events, *given_up(12)], operations)
    assert (incident.cause, incident.target, incident.confidence) == ("postgres.crashed", "patroni1", "high")
    assert ("leader.stopped", "reason.crashed_first") in {(r.cause, r.reason) for r in incident.rejected}
    assert (incident.leader_before, incident.leader_after) == ("patroni1", "patroni2")
    assert [p.name for p in incident.phases][:4] == ["detection", "election", "promotion", "routing"]


def test_a_leader_whose_postgres_was_gone_for_longer_than_a_round_before_the_key_probably_crashed() -> None:
    incident = only([blind(10.2, "postgres", "patroni1", "refused"), *given_up(30)])
    assert (incident.cause, incident.target, incident.confidence) == ("postgres.crashed", "patroni1", "medium")


def test_a_leader_that_takes_long_to_shut_its_postgres_down_was_stopped() -> None:
    incident = only(
        [
            event(10.1, "etcd", "member.changed", "patroni1", role="primary", state="stopping"),
            blind(10.2, "postgres", "patroni1", "refused"),
            *given_up(30),
            blind(31, "patroni", "patroni1", "refused"),
        ]
    )
    assert (incident.cause, incident.target, incident.confidence) == ("leader.stopped", "patroni1", "high")
