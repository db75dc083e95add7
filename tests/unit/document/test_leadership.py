"""The sections on leaders, weak points, dashboards and on what was not observed."""

from __future__ import annotations

from reports.analysis.results.recording import (
    Dashboard,
    DashboardSpan,
    LeaderPeriod,
    NotObserved,
    Period,
    Unreachable,
)
from reports.document.dashboards import dashboards
from reports.document.leadership import leadership
from reports.document.not_observed import not_observed
from reports.document.resilience import resilience
from tests.unit.document.builders import BEGAN, demo_incident, demo_recording, demo_results, ns, shown

DEMOTED = Period("patroni2", "replica", ns(70), ns(92.4), 509, 553)
LEADERS = (
    LeaderPeriod("patroni1", 1, (1,), ns(0.2), ns(31.6), BEGAN, ()),
    LeaderPeriod("patroni2", 3, (2, 3), ns(31.8), None, BEGAN, (DEMOTED,)),
)


def test_leaders_stand_in_order_with_their_timelines_and_demotions() -> None:
    text = shown(leadership(demo_results(recordings=(demo_recording(leaderships=LEADERS),)), "homework"))
    assert "The leader changed once; the timeline went from 1 to 3." in text
    assert "| `patroni1` | 1 | 08:36:08 | 0.2 s | 31.4 s | — |" in text
    assert "| `patroni2` | 2–3 | 08:36:08 | 31.8 s | 1 min 28 s | 22.4 s, events 509, 553 |" in text


def test_a_leader_that_never_changed_is_one_sentence() -> None:
    text = shown(leadership(demo_results(), "homework"))
    assert "`patroni1` was the leader throughout, on timeline 1." in text and "|" not in text


def test_without_a_leader_there_is_no_section() -> None:
    assert leadership(demo_results(recordings=(demo_recording(leaderships=()),)), "homework") is None


def test_weak_points_are_those_that_the_run_shows() -> None:
    down = demo_incident(9, "proxy.down")
    text = shown(resilience(demo_results(down), "homework"))
    assert "Its failure stopped the application while the database was healthy (incident [9](#incident-9))." in text
    assert "**One host.**" in text and "lost here: 0." in text
    designs = text[text.index("| Design |") :].splitlines()[2:]
    assert len(designs) >= 2 and all(row.count("|") == 4 for row in designs)


def test_a_synchronous_cluster_has_no_weak_point_of_asynchronous_replication() -> None:
    own = demo_recording(live={"synchronous_mode": True})
    assert "Asynchronous" not in shown(resilience(demo_results(recordings=(own,)), "homework"))


def test_a_drill_names_the_weak_points_in_one_sentence() -> None:
    text = shown(resilience(demo_results(), "drill"), "ru")
    assert "Единые точки отказа: HAProxy, хост, асинхронная репликация, тома (не проверены)." in text
    assert "|" not in text


def boards(from_s: float, to_s: float, leaders: int, empty: tuple[str, ...] = ()) -> DashboardSpan:
    return DashboardSpan(ns(from_s), ns(to_s), (Dashboard("Patroni", 16, empty, {"Leader": leaders, "Role": 3}),), 115)


def test_dashboards_name_their_panels_with_data_and_the_empty_ones() -> None:
    own = demo_recording(dashboards=(boards(0, 120, 2, ("Paused",)), boards(10, 40, 2)))
    text = shown(dashboards(demo_results(demo_incident(), recordings=(own,)), "homework"))
    assert "| `Patroni` | role, timeline, lag of each member | 15 of 16 | Paused |" in text
    assert "`Leader`: 2 leaders during the incident, `Role`: 1 of 2 did not answer" in text


def test_an_incident_without_a_capture_of_the_panels_says_so() -> None:
    own = demo_recording(dashboards=(boards(0, 120, 2),))
    text = shown(dashboards(demo_results(demo_incident(), recordings=(own,)), "homework"))
    assert "| [1](#incident-1) | not captured |" in text


def test_panels_that_lost_their_data_during_an_incident_are_named() -> None:
    own = demo_recording(dashboards=(boards(0, 120, 2, ("Paused",)), boards(10, 40, 2, ("Paused", "Role"))))
    text = shown(dashboards(demo_results(demo_incident(), recordings=(own,)), "homework"))
    assert "From 10.0 s to 40.0 s these panels were empty: Role (events 115)." in text


def test_without_prometheus_the_panels_are_unknown_and_a_drill_has_no_such_section() -> None:
    assert "whether panels had data is unknown" in shown(dashboards(demo_results(), "homework"))
    assert dashboards(demo_results(), "drill") is None


def test_what_was_not_observed_is_counted_and_listed() -> None:
    own = demo_recording(
        observer_suspended=(Period("daemon", "slept", ns(60), ns(66), 80, 81),),
        not_observed=(NotObserved("write", ns(60), ns(66)),),
        unreachable=(Unreachable("postgres", "patroni1", "refused", ns(39.3), None, 129),),
    )
    text = shown(not_observed(demo_results(recordings=(own,)), "homework"))
    assert "Observer itself did not run once, 6.0 s in total." in text
    assert "The effect on operations is unknown in 1 period." in text
    assert "| direct SQL | `patroni1` | 39.3 s | to the end | connection refused | events 129 |" in text


def test_if_everything_was_observed_there_is_no_section() -> None:
    assert not_observed(demo_results(), "homework") is None


def test_replication_is_asynchronous_also_if_the_settings_leave_the_mode_out() -> None:
    own = demo_recording(live={"ttl": 30})
    assert "**Asynchronous replication.**" in shown(resilience(demo_results(recordings=(own,)), "homework"))
    unknown = demo_recording(live=None)
    text = shown(resilience(demo_results(recordings=(unknown,)), "homework"))
    assert "`synchronous_mode` was not observed" in text
