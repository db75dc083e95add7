"""The pictures: sound SVG that needs nothing from outside, and the same bytes for the same results."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree

import pytest

from reports.analysis.results.recording import ConnectionLimit, LeaderPeriod, Period, Promotion, Throughput, Unreachable
from reports.analysis.results.whole import RecordingResults, Results
from reports.render.language import language
from reports.render.svg import gallery
from tests.unit.document.builders import BEGAN, cost, demo_incident, demo_recording, demo_results, ns, phase

SVG = "{http://www.w3.org/2000/svg}"
SMALLEST_PX = 12


def pictures(found: Results, name: str = "en") -> dict[str, str]:
    return gallery.pictures(found, language(name))


def run_of(own: RecordingResults) -> str:
    return pictures(demo_results(demo_incident(), recordings=(own,)))["1-run"]


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def hatched(picture: str) -> list[tuple[float, float]]:
    """Return where each stretch that was not observed begins, and its width; without the entry of the legend."""
    bars = [bar for bar in ElementTree.fromstring(picture).iter(f"{SVG}rect") if bar.get("fill") == "url(#gone)"]
    return [(float(bar.get("x", "0")), float(bar.get("width", "0"))) for bar in bars if bar.get("stroke") is None]


@pytest.mark.parametrize("name", ["ru", "en"])
def test_every_picture_is_sound_and_needs_nothing_from_outside(name: str) -> None:
    found = pictures(demo_results(demo_incident()), name)
    assert set(found) == {"1-run", "incident-1"}
    for picture in found.values():
        root = ElementTree.fromstring(picture)
        assert root.tag == f"{SVG}svg" and root.find(f"{SVG}title") is not None
        assert not re.search(r"href|<script|<image|<style|@import|url\((?!#)", picture)
        assert "nan" not in picture and "None" not in texts(picture)
        background = root.find(f"{SVG}rect")
        assert background is not None and background.get("width") == root.get("width")  # opaque in dark mode too


def test_the_same_results_give_the_same_pictures() -> None:
    assert pictures(demo_results(demo_incident()), "ru") == pictures(demo_results(demo_incident()), "ru")


def test_letters_are_large_enough_to_read_at_the_width_of_github() -> None:
    for picture in pictures(demo_results(demo_incident())).values():
        root = ElementTree.fromstring(picture)
        scale = min(1.0, 830 / float(root.get("width", "0")))
        sizes = [float(text.get("font-size", "0")) for text in root.iter(f"{SVG}text")]
        assert min(sizes) * scale >= SMALLEST_PX


def test_nothing_is_drawn_beyond_the_edges() -> None:
    for picture in pictures(demo_results(demo_incident())).values():
        width = float(ElementTree.fromstring(picture).get("width", "0"))
        for bar in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
            if bar.get("x") is not None:
                assert -0.1 <= float(bar.get("x", "0")) <= width
                assert float(bar.get("x", "0")) + float(bar.get("width", "0")) <= width + 2


def test_run_and_incident_count_time_from_the_beginning_of_the_recording_and_in_utc() -> None:
    found = pictures(demo_results(demo_incident()))
    for picture in found.values():
        shown = texts(picture)
        assert "seconds since the recording began, and UTC, 2026-11-26" in shown
        assert {"30", "08:36:38"} <= set(shown)


def test_a_phase_stands_beside_what_the_settings_imply() -> None:
    shown = [text.replace("\u00a0", " ") for text in texts(pictures(demo_results(demo_incident()))["incident-1"])]
    expected = {"detection", "21.61 s", "bounds by settings", "phase of the outage", "phase outside the outage"}
    assert expected <= set(shown)


def test_the_seconds_of_a_phase_have_a_halo_that_keeps_them_clear_of_lines() -> None:
    root = ElementTree.fromstring(pictures(demo_results(demo_incident()))["incident-1"])
    (label,) = [text for text in root.iter(f"{SVG}text") if (text.text or "").startswith("21.61")]
    assert label.get("paint-order") == "stroke"


def test_a_bound_that_goes_on_past_the_picture_has_an_arrow() -> None:
    assert "→" not in texts(pictures(demo_results(demo_incident()))["incident-1"])
    beyond = demo_incident(phases=(phase("detection", 10, 31.61, (20.0, 300.0)),))
    assert "→" in texts(pictures(demo_results(beyond))["incident-1"])


def test_while_the_proxy_did_not_answer_its_pools_are_hatched() -> None:
    quiet = demo_recording(roles=())
    assert hatched(run_of(quiet)) == []
    silent = replace(quiet, unreachable=(Unreachable("haproxy", "p", "refused", ns(60), ns(71), 80),))
    (stretch,) = hatched(run_of(silent))
    assert stretch[1] > 50


def test_a_silent_member_of_etcd_and_the_leader_key_without_a_watch_are_hatched() -> None:
    silent = tuple(
        Unreachable("etcd", subject, "refused", ns(60), ns(71), 80) for subject in ("watch", "10.0.0.1:2379")
    )
    picture = run_of(demo_recording(roles=(), routes=(), unreachable=silent))
    assert len(hatched(picture)) == 2
    assert "etcd 10.0.0.1:2379" in texts(picture)


def test_while_the_observer_was_suspended_every_lane_is_hatched() -> None:
    own = demo_recording()
    before = len(hatched(run_of(own)))
    after = hatched(run_of(replace(own, observer_suspended=(Period("daemon", "slept", ns(60), ns(66), 80, 81),))))
    lanes = 1 + 2 + 1  # the timelines, two members, one route
    assert len(after) == before + lanes


def test_the_first_and_the_last_timeline_are_named_though_they_were_short() -> None:
    periods = tuple(
        LeaderPeriod("patroni1", n, (n,), ns(from_s), None if to_s is None else ns(to_s), BEGAN, ())
        for n, from_s, to_s in ((1, 0.1, 1.6), (2, 1.7, 60.0), (3, 60.1, 118.9), (4, 119.0, None))
    )
    assert {"1", "2", "3", "4"} <= set(texts(run_of(demo_recording(leaderships=periods))))


def test_each_timeline_of_a_leader_has_a_cell_if_its_promotion_has_a_moment() -> None:
    own = demo_recording(leaderships=(LeaderPeriod("patroni1", 6, (4, 5, 6), ns(0.2), None, BEGAN, ()),))
    assert "4–6" in texts(run_of(own))
    promotions = tuple(Promotion("patroni1", n, ns(at_s), n) for n, at_s in ((5, 40), (6, 80)))
    shown = texts(run_of(replace(own, promotions=promotions)))
    assert "4–6" not in shown and {"4", "5", "6"} <= set(shown)


def test_an_incident_shows_the_injected_fault_and_the_connection_limit() -> None:
    limits = (
        ConnectionLimit("p", 100, 100, ns(15), ns(35), 71, 72),
        ConnectionLimit("p", 100, 100, ns(90), ns(99), 73, 74),
    )
    picture = pictures(demo_results(demo_incident(), recordings=(demo_recording(connection_limits=limits),)))[
        "incident-1"
    ]
    shown = texts(picture)
    assert {"x kill patroni1", "injected fault", "HAProxy at its limit"} <= set(shown)
    assert shown.count("100 / 100") == 1  # the other was later
    assert "repair" not in shown
    assert len(ElementTree.fromstring(picture).findall(f"{SVG}polygon")) == 2  # the mark, and its entry in the legend


def test_an_incident_without_an_outage_is_drawn_only_if_operations_failed() -> None:
    failed = demo_incident(phases=())
    assert "Incident 1: rate and latency" in texts(pictures(demo_results(failed))["incident-1"])
    assert "incident-1" not in pictures(demo_results(demo_incident(phases=(), write=cost(), read=cost())))


def test_the_axes_of_all_incidents_end_at_the_same_rate() -> None:
    busy = demo_incident(2, throughput=(Throughput("write", ns(3), ns(1), 44, 0, 0, 9.0, 9.0),))
    found = pictures(demo_results(demo_incident(), busy))
    for name in ("incident-1", "incident-2"):
        assert texts(found[name]).count("50/s") == 2


def test_a_second_without_a_success_has_no_latency_of_one() -> None:
    def lines(counts: list[int]) -> int:
        pace = tuple(
            Throughput("write", ns(8 + n), ns(1), ok, 20 - ok, 0, 9.0, 9.0 if ok else 0.0)
            for n, ok in enumerate(counts)
        )
        return pictures(demo_results(demo_incident(throughput=pace)))["incident-1"].count("<polyline")

    assert lines([20, 20, 20]) == 1
    assert lines([20, 0, 20]) == 2
    assert lines([0, 0]) == 0


def test_a_demotion_is_marked_when_it_was_observed() -> None:
    assert not any("demoted" in text for text in texts(pictures(demo_results(demo_incident()))["incident-1"]))
    demoted = Period("patroni1", "replica", ns(11), ns(20), 40, 41)
    own = demo_recording(leaderships=(LeaderPeriod("patroni1", 1, (1,), ns(0.2), None, BEGAN, (demoted,)),))
    assert "patroni1 demoted" in texts(pictures(demo_results(demo_incident(), recordings=(own,)))["incident-1"])


@pytest.mark.parametrize("evil", ['</text><script>alert("1")</script>', "a&b<c>'\"", "\x00\x1b[31m\nx", "y" * 500])
def test_text_from_outside_breaks_no_picture(evil: str) -> None:
    own = demo_recording(
        scope=evil,
        roles=(Period(evil, "primary", ns(0.1), ns(120), 1, None),),
        unreachable=(Unreachable("etcd", evil, "refused", ns(60), ns(71), 80),),
        connection_limits=(ConnectionLimit(evil, 100, 100, ns(15), ns(35), 71, 72),),
    )
    fault = replace(demo_incident().injected[0], detail={"component": evil, "action": evil, "target": evil})
    for picture in pictures(demo_results(demo_incident(target=evil, injected=(fault,)), recordings=(own,))).values():
        assert ElementTree.fromstring(picture).find(f".//{SVG}script") is None
