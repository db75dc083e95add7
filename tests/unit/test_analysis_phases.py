"""Phases: their boundaries, what happens when one was not seen, and that they always sum to the outage."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from observer.model.causes import CAUSES
from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event, Outcome, Recording, Window
from reports.analysis.analyze import analyze
from reports.analysis.index import build_index
from reports.analysis.keys import PHASES
from reports.analysis.results_of import assembled
from reports.analysis.self_checks import checked
from reports.analysis.theory import bound, brownout, effective, in_place
from tests.unit.phrase_facts import EVIDENCE, REASONS
from tests.unit.recordings import (
    blind,
    event,
    fail,
    healthy,
    measured_crash,
    ns,
    ok,
    recording_of,
    route,
    takeover,
    traffic,
)

CRASH = measured_crash()


def without(*kinds: str, source: str | None = None) -> Recording:
    kept = [e for e in CRASH.events if e.kind not in kinds or (source is not None and e.source != source)]
    return replace(CRASH, events=kept)


def counted(incident: Incident) -> list[tuple[str, float]]:
    return [
        (p.name, p.duration_ns / SECOND_NS) for p in incident.phases if all(PHASES[name] for name in p.name.split("+"))
    ]


def first(given: Recording) -> Incident:
    return analyze(given).incidents[0]


def test_a_crash_is_detection_election_promotion_routing_and_recovery() -> None:
    assert counted(first(CRASH)) == [
        ("detection", 25.94),
        ("election", 0.13),
        ("promotion", 0.1),
        ("routing", 5.76),
        ("recovery", 0),
    ]


def test_settling_and_protection_follow_the_outage() -> None:
    after = {p.name: (p.began.by_ns, p.ended.by_ns) for p in first(CRASH).phases if not PHASES[p.name]}
    assert after == {"settling": (ns(39.53), ns(44.53)), "protection": (ns(39.53), ns(74))}


def test_two_phases_are_one_where_the_event_between_them_was_not_seen() -> None:
    assert [name for name, _ in counted(first(without("route.up")))] == [
        "detection",
        "election",
        "promotion",
        "routing+recovery",
    ]
    assert [name for name, _ in counted(first(without("leader.lost", "member.lost")))] == [
        "detection+election",
        "promotion",
        "routing",
        "recovery",
    ]


def test_rest_tells_of_the_promotion_where_direct_sql_did_not() -> None:
    phases = first(without("member.changed", source="postgres")).phases
    promotion = next(p for p in phases if p.name == "promotion")
    assert promotion.ended_by is not None
    assert promotion.ended_by.says == "evidence.rest_role"


def test_a_write_through_the_proxy_cuts_the_window_of_its_route() -> None:
    late = [
        replace(e, window=Window(ns(39.46), ns(39.56))) if e.subject == "primary/patroni2" and e.by_ns > ns(30) else e
        for e in CRASH.events
    ]
    routing = next(p for p in first(replace(CRASH, events=late)).phases if p.name == "routing")
    assert routing.ended == Window(ns(39.46), ns(39.53))


def test_an_open_outage_ends_in_the_phase_that_is_under_way() -> None:
    ended = replace(CRASH.header, ended_ns=ns(36))
    cut = Recording(
        ended, [e for e in CRASH.events if e.by_ns < ns(36)], [o for o in CRASH.operations if o.finished_ns < ns(36)]
    )
    assert [name for name, _ in counted(first(cut))] == ["detection", "election", "promotion", "routing"]
    assert first(cut).write.open


def test_another_outage_of_the_same_incident_is_a_relapse_and_the_sum_still_holds() -> None:
    more = [o for o in CRASH.operations if not ns(41) < o.finished_ns < ns(42)]
    relapsed = replace(CRASH, operations=sorted([*more, fail(41.5)], key=lambda o: o.finished_ns))
    incident = first(relapsed)
    assert [name for name, _ in counted(incident)][-1] == "relapse"
    assert sum(p.duration_ns for p in incident.phases if PHASES[p.name]) == incident.write.outage_ns


def test_a_read_only_outage_has_no_phases() -> None:
    given = recording_of(healthy(), [*traffic((1, 60, Outcome.OK)), ok(9, "read"), fail(10, "read"), ok(12, "read")])
    assert first(given).phases == ()
    assert first(given).read.outage_ns == ns(3)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32), st.floats(0, 1), st.floats(0, 8))
def test_phases_sum_to_the_outage_whatever_was_missed_late_or_early(seed: int, missed: float, off_s: float) -> None:
    chance = random.Random(seed)

    def moved(one: Event) -> Event:
        by_ns = max(0, one.by_ns + ns(chance.uniform(-off_s, off_s)))
        return replace(one, window=Window(max(0, by_ns - ns(chance.uniform(0, 2))), by_ns))

    kept = [moved(e) for e in CRASH.events if chance.random() >= missed]
    shuffled = replace(CRASH, events=sorted(kept, key=lambda e: e.by_ns))
    found = analyze(shuffled)
    for incident in found.incidents:
        own = [p for p in incident.phases if all(PHASES[name] for name in p.name.split("+"))]
        if own:
            assert sum(p.duration_ns for p in own) == incident.write.outage_ns
        for phase in incident.phases:
            assert phase.shortest_ns <= phase.duration_ns <= phase.longest_ns
            assert phase.duration_ns >= 0
        assert_words_are_known(incident)
    warnings = checked(assembled([(build_index(shuffled), found)], "0")).warnings
    # A missed event may leave a timeline or a member unknown; the sums must hold whatever was missed.
    failed = {warning.key for warning in warnings}
    assert not failed & {"check.failures", "check.phases_sum", "check.phase_window"}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_the_analysis_raises_for_no_order_and_no_part_of_events(seed: int) -> None:
    chance = random.Random(seed)
    events = [e for e in CRASH.events if chance.random() < 0.7]
    bare = [replace(e, detail={}) if chance.random() < 0.3 else e for e in events]
    chance.shuffle(bare)
    operations = [o for o in CRASH.operations if chance.random() < 0.5]
    found = analyze(replace(CRASH, events=bare, operations=operations))
    for incident in found.incidents:
        assert_words_are_known(incident)


def assert_words_are_known(incident: Incident) -> None:
    assert incident.cause in CAUSES
    proofs = [*incident.evidence, *(e for p in incident.phases for e in (p.began_by, p.ended_by) if e is not None)]
    for evidence in proofs:
        assert set(evidence.facts) == set(EVIDENCE[evidence.says]), evidence
    for rejected in incident.rejected:
        assert set(rejected.facts) == set(REASONS[rejected.reason]), rejected
        assert rejected.cause in CAUSES


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("detection", (20, 31)),
        ("election", (0, 10)),
        ("demotion", (0, 21)),
        ("detection+election", (20, 41)),
        ("promotion", None),
        ("election+promotion", None),
        ("routing", (3, 6)),
    ],
)
def test_bounds_follow_from_the_cluster_s_own_settings(phase: str, expected: tuple[float, float] | None) -> None:
    live = {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}
    assert bound(phase, True, live, {"inter_ms": 3000, "rise": 2}) == expected


@pytest.mark.parametrize(
    ("live", "expected"),
    [
        ({"loop_wait": 10}, (0, 320)),  # Patroni's default is 300 s
        ({"loop_wait": 10, "primary_start_timeout": 60}, (0, 80)),
        ({"loop_wait": 10, "master_start_timeout": 60}, (0, 80)),
        ({"loop_wait": 10, "primary_start_timeout": 0}, None),  # it fails over instead
        ({"primary_start_timeout": 60}, None),
        (None, None),
    ],
)
def test_a_crashed_postgres_comes_back_in_its_place_within_what_patroni_gives_it(
    live: dict[str, float] | None, expected: tuple[float, float] | None
) -> None:
    assert in_place(live) == expected


@pytest.mark.parametrize(("state", "expected"), [("starting", (0, 320)), ("restarting", None)])
def test_only_a_crash_has_that_bound_since_a_shutdown_takes_as_long_as_it_takes(
    state: str, expected: tuple[float, float] | None
) -> None:
    given = recording_of(
        [
            *healthy(),
            event(10.5, "patroni", "member.changed", "patroni1", role="primary", state=state),
            event(13, "postgres", "member.changed", "patroni1", in_recovery=False, timeline=1, started="later"),
        ],
        traffic((1, 10, Outcome.OK), (10, 14, Outcome.FAIL), (14, 100, Outcome.OK)),
    )
    (incident,) = analyze(given).incidents
    assert (incident.phases[0].name, incident.phases[0].bound_s) == ("absence", expected)


def test_a_brownout_lasts_until_as_many_checks_have_failed_as_the_proxy_wants() -> None:
    assert brownout(3, 3000) == (0, 9)
    assert brownout(None, 3000) is None and brownout(3, None) is None


def test_settings_that_were_not_seen_imply_nothing() -> None:
    assert bound("detection", True, None, None) is None
    assert bound("detection", False, {"ttl": 30, "loop_wait": 10}, None) is None
    assert bound("routing", True, {}, {"primary": ""}) is None


def test_a_switchover_has_a_request_before_its_outage() -> None:
    given = recording_of(
        [
            *healthy(),
            event(9, "etcd", "failover.asked", "demo", leader="patroni1", candidate="patroni2"),
            event(11, "etcd", "leader.lost", "patroni1", revision=30),
            event(11.2, "etcd", "leader.elected", "patroni2", revision=31, previous="patroni1"),
            event(11.5, "postgres", "member.changed", "patroni2", after_s=11.3, in_recovery=False, timeline=2),
            route(13.5, "primary", "patroni2", up=True),
        ],
        traffic((1, 10.2, Outcome.OK), (10.2, 14, Outcome.FAIL), (14, 60, Outcome.OK)),
    )
    assert [p.name for p in first(given).phases] == [
        "request",
        "handover",
        "election",
        "promotion",
        "routing",
        "recovery",
        "settling",
    ]


def test_the_outage_in_which_the_key_changed_is_taken_apart_though_another_lasts_longer() -> None:
    """A failover of 25 s, two seconds of writes, and 33 s in which something else is wrong."""
    failover = recording_of(
        [
            *healthy(),
            blind(10.3, "patroni", "patroni1", "refused"),
            event(32, "etcd", "leader.lost", "patroni1", revision=30, lease=1),
            event(32, "etcd", "member.lost", "patroni1", revision=30),
            *takeover(32.1, "patroni2", 2, previous="patroni1", up_s=34.9),
        ],
        traffic(
            (1, 10, Outcome.OK),
            (10, 35, Outcome.FAIL),
            (35, 37, Outcome.OK),
            (37, 70, Outcome.FAIL),
            (70, 100, Outcome.OK),
        ),
    )
    (incident,) = analyze(failover).incidents
    chain = [(p.name, round(p.duration_ns / SECOND_NS)) for p in incident.phases if p.name != "settling"]
    assert chain == [
        ("detection", 22),
        ("election", 0),
        ("promotion", 0),
        ("routing", 3),
        ("recovery", 0),
        ("relapse", 33),
    ]


def test_a_phase_that_began_before_the_outage_has_no_bound() -> None:
    """The key went and was taken while PostgreSQL served on: the outage holds a part of the way back alone."""
    failover = recording_of(
        [
            *healthy(),
            blind(10.3, "patroni", "patroni1", "refused"),
            event(20, "etcd", "leader.lost", "patroni1", revision=30, lease=1),
            event(20, "etcd", "member.lost", "patroni1", revision=30),
            *takeover(20.1, "patroni2", 2, previous="patroni1", up_s=25.9),
        ],
        traffic((1, 23, Outcome.OK), (23, 26, Outcome.FAIL), (26, 100, Outcome.OK)),
    )
    incident = first(failover)
    assert {p.name: p.bound_s for p in incident.phases if p.name in ("detection", "election")} == {
        "detection": None,
        "election": None,
    }


@pytest.mark.parametrize(
    ("configured", "version", "rules"),
    [
        ((30, 10, 10), None, (30, 10, 10)),
        ((30, 10, 10), "4.1.0", (30, 10, 10)),
        ((30, 20, 10), "4.1.0", (30, 10, 10)),  # loop_wait is lowered first
        ((30, 10, 30), "4.1.0", (30, 1, 14)),  # and retry_timeout where that does not suffice
        ((10, 2, 3), "3.2.2", (20, 2, 3)),
        ((10, 5, 3), "3.0.2", (10, 5, 3)),  # before 3.2 what is set is what rules
        ((30, 20, 10), None, None),
    ],
)
def test_the_settings_in_effect_are_those_that_patroni_corrects(
    configured: tuple[int, ...], version: str | None, rules: tuple[int, ...] | None
) -> None:
    names = ("ttl", "loop_wait", "retry_timeout")
    assert effective(dict(zip(names, configured, strict=True)), version) == (
        None if rules is None else dict(zip(names, rules, strict=True))
    )


def test_routing_is_held_against_the_checks_that_the_stats_page_tells() -> None:
    """Compare settings with rise 2 and a HAProxy that reports 4."""
    captured = event(1, "haproxy", "pools.captured", "http://127.0.0.1:7001/", pools=[{"check_rise": 4}])
    recording = replace(CRASH.header, settings={**CRASH.header.settings, "haproxy": {"inter_ms": 3000, "rise": 2}})
    events = sorted([*CRASH.events, captured], key=lambda e: e.by_ns)
    incident = first(replace(CRASH, header=recording, events=events))
    assert {p.name: p.bound_s for p in incident.phases}["routing"] == (9, 12)
