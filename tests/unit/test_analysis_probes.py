"""Persistent and new connections alone: each kind by the one definition of an outage, with its own rate."""

from __future__ import annotations

from observer.model.findings import Cost
from observer.model.recording import Operation, Outcome, Probe, Recording
from reports.analysis.outages import outages
from tests.unit.analyzed import results
from tests.unit.recordings import fail, ns, ok, recording_of, traffic

RATES = {"traffic": {"rate_per_s": 20, "fresh_per_s": 2}}


def fresh(*periods: tuple[float, float, Outcome]) -> list[Operation]:
    """Return new connections, two a second, beside the persistent ones of `traffic`."""
    operations = []
    for from_s, to_s, outcome in periods:
        for step in range(round((to_s - from_s) * 2)):
            make = ok if outcome is Outcome.OK else fail
            operations.append(make(from_s + step / 2 + 0.02, probe="fresh"))
    return operations


def costs(given: Recording) -> list[Cost]:
    return [incident.write for incident in results(given).incidents]


OK, FAIL = Outcome.OK, Outcome.FAIL


def test_one_kind_of_connection_has_outages_of_its_own() -> None:
    given = recording_of([], [ok(1), fail(1.2), ok(1.4, probe="fresh"), fail(1.6), ok(3)], settings=RATES)
    assert [(o.began_ns, o.ended_ns) for o in outages(given, "write", "kept")] == [(ns(1), ns(3))]
    assert outages(given, "write", "fresh") == ()


def test_the_shortest_outage_of_new_connections_is_three_of_their_own_intervals() -> None:
    """At two a second one that failed between two that did not leaves a gap of 1 s, and 1.5 s is the least."""
    for back_s, expected in ((2.4, 0), (2.6, 1)):
        given = [ok(1, probe="fresh"), fail(1.5, probe="fresh"), ok(back_s, probe="fresh")]
        assert len(outages(recording_of([], given, settings=RATES), "write", "fresh")) == expected


def test_a_brownout_hits_new_connections_alone() -> None:
    given = recording_of([], [*traffic((1, 40, OK)), *fresh((1, 10, OK), (10, 20, FAIL), (20, 40, OK))], settings=RATES)
    (cost,) = costs(given)
    assert (cost.outage_ns, cost.persistent_outage_ns, cost.new_longer) == (0, 0, True)
    assert cost.new_outage_ns == ns(10.5)  # from the last that was acknowledged to the next


def test_the_low_rate_of_new_connections_explains_that_they_seem_out_for_longer() -> None:
    kept = traffic((1, 10, OK), (10, 20, FAIL), (20, 40, OK))
    (cost,) = costs(recording_of([], [*kept, *fresh((1, 10, OK), (10, 20, FAIL), (20, 40, OK))], settings=RATES))
    assert (cost.new_outage_ns or 0) > (cost.persistent_outage_ns or 0) > ns(10)
    assert cost.new_longer is False


def test_a_kind_that_was_not_driven_is_not_observed() -> None:
    (cost,) = costs(recording_of([], traffic((1, 10, OK), (10, 20, FAIL), (20, 40, OK)), settings=RATES))
    assert (cost.persistent_outage_ns, cost.new_outage_ns, cost.new_longer) == (cost.outage_ns, None, False)


def test_each_outage_of_a_kind_belongs_to_one_incident() -> None:
    periods = ((1, 10, OK), (10, 20, FAIL), (20, 50, OK), (50, 54, FAIL), (54, 80, OK))
    first, second = costs(recording_of([], [*traffic(*periods), *fresh(*periods)], settings=RATES))
    assert [round((one.persistent_outage_ns or 0) / ns(1)) for one in (first, second)] == [10, 4]
    assert (first.new_outage_ns, second.new_outage_ns) == (ns(10.5), ns(4.5))


def test_one_that_had_not_ended_with_the_recording_is_open() -> None:
    probes: tuple[Probe, ...] = ("kept", "fresh")
    given = [ok(1 + n / 10, probe=p) for n in range(20) for p in probes] + [fail(4, probe="fresh"), ok(4, n=1), ok(5)]
    (cost,) = costs(recording_of([], given, until_s=8, settings=RATES))
    assert (cost.persistent_open, cost.new_open, cost.open) == (False, True, False)
