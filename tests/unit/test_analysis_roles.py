"""Leaders, primaries, unreachable periods, and the traffic in calm."""

from __future__ import annotations

from dataclasses import replace

import pytest

from observer.model.findings import Findings, Leadership
from reports.analysis.analyze import analyze
from reports.analysis.index import build_index
from reports.analysis.injected import cause_injected
from reports.analysis.leadership import leader_at, leaderships, two_primaries
from reports.analysis.load import baseline, calm_periods
from reports.analysis.reachability import unreachable
from reports.analysis.results_of import assembled, results_of
from reports.analysis.self_checks import checked
from tests.unit.recordings import ETCD, blind, event, healthy, measured_crash, ns, ok, recording_of, route, sees

NOTHING = Findings((), (), (), None, 0)


def test_leaderships_follow_the_key_and_carry_the_timeline_that_each_primary_reported() -> None:
    assert leaderships(measured_crash()) == (
        Leadership("patroni1", 1, ns(0.1), ns(33.54), from_id=1),
        Leadership("patroni2", 2, ns(33.67), None, from_id=24),
    )


def test_a_leader_seen_again_after_an_unreachable_period_still_leads() -> None:
    given = recording_of([*healthy(), event(50, "etcd", "leader.seen", "patroni1", revision=10)])
    assert [(period.from_ns, period.until_ns) for period in leaderships(given)] == [(ns(0.1), None)]


def test_a_leader_elected_whose_forerunner_was_not_seen_to_go_ends_that_one() -> None:
    given = recording_of([*healthy(), event(50, "etcd", "leader.elected", "patroni2", previous="patroni1")])
    assert [leader_at(leaderships(given), ns(at)) for at in (0.05, 49, 51)] == [None, "patroni1", "patroni2"]


def test_two_members_out_of_recovery_at_once_are_two_primaries() -> None:
    given = recording_of(
        [
            *healthy(),
            event(40, "postgres", "member.changed", "patroni2", after_s=39.8, in_recovery=False, timeline=2),
            blind(50, "postgres", "patroni1", "refused"),
        ]
    )
    (both,) = two_primaries(given)
    assert (both.members, both.from_ns, both.to_ns) == (("patroni1", "patroni2"), ns(40), ns(49.7))
    assert "two_primaries" in {i.cause for i in analyze(given).incidents}


def test_a_handover_between_two_polls_is_not_two_primaries() -> None:
    given = recording_of(
        [
            *healthy(),
            event(40.1, "postgres", "member.changed", "patroni1", after_s=39.7, in_recovery=True, timeline=1),
            event(40, "postgres", "member.changed", "patroni2", after_s=39.8, in_recovery=False, timeline=2),
        ]
    )
    assert two_primaries(given) == ()


def test_a_primary_that_could_not_be_asked_is_not_counted_until_it_is_seen_again() -> None:
    given = recording_of(
        [
            *healthy(),
            blind(20, "postgres", "patroni1", "silent"),
            event(40, "postgres", "member.changed", "patroni2", after_s=39.8, in_recovery=False, timeline=2),
            sees(60, "postgres", "patroni1"),
            event(62, "postgres", "member.changed", "patroni1", after_s=61.8, in_recovery=True, timeline=1),
        ]
    )
    assert [(both.from_ns, both.to_ns) for both in two_primaries(given)] == [(ns(60), ns(61.8))]


def test_one_unreachable_period_holds_all_ways_of_failing_and_the_first_new_connection_decides() -> None:
    given = recording_of(
        [
            *healthy(),
            blind(20, "patroni", "patroni1", "closed"),
            blind(20.3, "patroni", "patroni1", "silent"),
            blind(25, "patroni", "patroni1", "connect_timeout"),
            sees(40, "patroni", "patroni1"),
            blind(80, "etcd", "watch", "closed"),
        ]
    )
    assert [(b.subject, b.how, b.from_ns, b.until_ns) for b in unreachable(given)] == [
        ("patroni1", "silent", ns(19.95), ns(40)),
        ("watch", "closed", ns(79.95), None),
    ]
    assert not unreachable(given)[0].initial


def test_the_primary_s_pool_is_the_one_that_follows_the_leader_whatever_its_name() -> None:
    renamed = [
        replace(e, detail={**e.detail, "pool": {"primary": "a", "replicas": "b"}[e.detail["pool"]]})
        if e.kind.startswith("route.")
        else e
        for e in measured_crash().events
    ]
    assert build_index(replace(measured_crash(), events=renamed)).primary_pools == {"a"}


def test_the_settings_may_name_the_primary_s_pool() -> None:
    given = recording_of(healthy(), settings={"haproxy": {"primary": "writers"}})
    assert build_index(given).primary_pools == {"writers"}


def test_servers_match_members_by_name_and_then_by_address() -> None:
    events = [
        *healthy(),
        event(0.2, "postgres", "identity.learned", "patroni2", address="127.0.0.1:15432"),
        route(50, "primary", "srv2", up=True, address="127.0.0.1:15432"),
    ]
    seen = build_index(recording_of(events))
    assert seen.member_of(seen.recording.events[-1]) == "patroni2"


def test_the_baseline_is_all_calm_periods_together_with_their_rate_and_latencies() -> None:
    given = measured_crash()
    (one,) = baseline(given, analyze(given))
    assert one.periods == ((ns(2), ns(7.6)), (ns(72), ns(110)))  # patroni1 is unreachable in between
    assert (round(one.rate_per_s), one.failed, one.p50_ms, one.max_ms) == (20, 0, 5, 5)


def test_the_baseline_leaves_out_periods_in_which_a_part_was_unreachable() -> None:
    events = [
        event(30, "etcd", "source.blind", ETCD[0], how="refused", since_ns=ns(29)),
        event(40, "etcd", "source.sees", ETCD[0]),
    ]
    noted = replace(NOTHING, unreachable=unreachable(recording_of(events, until_s=90)))
    assert calm_periods(recording_of(events, until_s=90), noted) == ((ns(2), ns(29)), (ns(40), ns(90)))
    open_end = replace(NOTHING, unreachable=unreachable(recording_of(events[:1], until_s=90)))
    assert calm_periods(recording_of(events[:1], until_s=90), open_end) == ((ns(2), ns(29)),)


def test_calm_ends_at_the_injected_fault_and_not_at_its_first_trigger() -> None:
    fault = event(20, "operator", "fault.told", "patroni1", component="patroni", action="kill", target="patroni1")
    assert calm_periods(recording_of([fault], until_s=21), NOTHING) == ((ns(2), ns(20)),)


def test_of_a_very_long_calm_the_longest_periods_are_taken() -> None:
    fault = event(400, "operator", "fault.told", "patroni1", component="patroni", action="kill", target="patroni1")
    assert calm_periods(recording_of([fault], until_s=1000), NOTHING) == ((ns(400), ns(700)),)


def test_percentiles_are_values_that_occurred() -> None:
    operations = [ok(10 + n / 10, took_s=n / 1000) for n in range(1, 101)]
    (one,) = baseline(recording_of([], operations), NOTHING)
    assert (one.p50_ms, one.p95_ms, one.p99_ms, one.max_ms) == (50, 95, 99, 100)
    (few,) = baseline(recording_of([], operations[:99]), NOTHING)
    assert (few.p99_ms, few.max_ms) == (None, 99)


@pytest.mark.parametrize(
    ("component", "action", "led", "majority", "cause"),
    [
        ("patroni", "kill", True, True, "leader.killed"),
        ("patroni", "kill", False, True, "replica.killed"),
        ("etcd", "kill", False, True, "etcd.member_down"),
        ("etcd", "kill", False, False, "etcd.quorum_lost"),
        ("haproxy", "stop", False, True, "proxy.down"),
        ("cluster", "switchover", True, True, "switchover"),
        ("kettle", "boil", True, True, None),
    ],
)
def test_an_injected_fault_has_a_cause_to_score_against(
    component: str, action: str, led: bool, majority: bool, cause: str | None
) -> None:
    assert cause_injected(component, action, led, majority) == cause


def test_incidents_are_numbered_through_all_recordings() -> None:
    crash = measured_crash()
    other = replace(crash, header=replace(crash.header, id=2))
    made = checked(results_of([crash, other], "1.0"))
    assert [(i.id, i.recording, i.number) for i in made.incidents] == [(1, 1, 1), (2, 2, 1)]
    assert made.warnings == ()
    assert made.durability.lost is None
    assert made.recordings[0].live == {"ttl": 30, "loop_wait": 10, "retry_timeout": 10}


def test_results_that_do_not_add_up_are_withheld_with_a_warning() -> None:
    crash = measured_crash()
    found = analyze(crash)
    (incident,) = found.incidents
    wrong = replace(found, incidents=(replace(incident, timeline_after=0, phases=incident.phases[1:]),))
    made = checked(assembled([(build_index(crash), wrong)], "1.0"))
    assert [warning.key for warning in made.warnings] == ["check.phases_sum", "check.timeline_falls"]
    (own,) = made.incidents
    assert (own.phases, own.timeline_before, own.timeline_after) == ((), None, None)


def test_an_empty_recording_has_empty_results() -> None:
    nothing = recording_of([], [], until_s=0)
    made = results_of([nothing], "1.0")
    assert (made.incidents, made.recordings[0].totals) == ((), ())
