"""The pictures: sound SVG that needs nothing from outside, whatever is in the facts, and the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from observer.commands.reporting import draw
from observer.model.errors import CannotWrite
from reports.charts import phases
from reports.pictures.gallery import pictures
from reports.render.language import language
from reports.report import render
from reports.text.old_facts import Facts
from tests.unit.facts_fixture import ALL, blind, crash, pace, span

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def hatched(picture: str) -> list[tuple[float, float]]:
    """Where each stretch that nobody saw begins, and how wide it is; without the entry of the legend."""
    bars = [bar for bar in ElementTree.fromstring(picture).iter(f"{SVG}rect") if bar.get("fill") == "url(#gone)"]
    return [(float(bar.get("x", "0")), float(bar.get("width", "0"))) for bar in bars if bar.get("stroke") is None]


@pytest.mark.parametrize("make", ALL.values(), ids=ALL)
@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_picture_is_sound_and_needs_nothing_from_outside(make: Callable[[], Facts], language: str) -> None:
    for name, picture in pictures(make(), language).items():
        root = ElementTree.fromstring(picture)
        assert root.tag == f"{SVG}svg" and root.find(f"{SVG}title") is not None
        assert not re.search(r"href|<script|<image|<style|@import|url\((?!#)", picture), name
        assert "nan" not in picture and "None" not in texts(picture)
        background = root.find(f"{SVG}rect")
        assert background is not None and background.get("width") == root.get("width")  # opaque in dark mode too


def test_the_same_facts_give_the_same_pictures() -> None:
    assert pictures(crash(), "ru") == pictures(crash(), "ru")


def test_nothing_is_drawn_beyond_the_edges() -> None:
    for name, picture in pictures(crash(), "en").items():
        width = float(ElementTree.fromstring(picture).get("width", "0"))
        for bar in ElementTree.fromstring(picture).iter(f"{SVG}rect"):
            if bar.get("x") is not None:
                assert -0.1 <= float(bar.get("x", "0")) <= width, name
                assert float(bar.get("x", "0")) + float(bar.get("width", "0")) <= width + 2, name


def test_a_phase_stands_beside_what_the_settings_imply() -> None:
    shown = texts(pictures(crash(), "en")["incident-1"])
    assert {"detection", "25.87 s", "by settings (bounds)", "phase of the outage", "phase outside the outage"} <= set(
        shown
    )


def test_a_bound_that_goes_on_past_the_picture_is_marked_so() -> None:
    facts = crash()
    assert "→" not in texts(pictures(facts, "en")["incident-1"])
    facts["incidents"][0]["phases"][0]["bound_s"] = [20.0, 300.0]
    assert "→" in texts(pictures(facts, "en")["incident-1"])


def test_while_the_proxy_did_not_answer_nothing_is_said_of_its_pools() -> None:
    facts = crash()
    facts["recordings"][0]["roles"] = []
    assert hatched(pictures(facts, "en")["1-run"]) == []
    facts["recordings"][0]["blindness"] = [blind("haproxy", 60.0, 71.0, 80)]
    stretches = hatched(pictures(facts, "en")["1-run"])
    assert len(stretches) == 2 and len(set(stretches)) == 1 and stretches[0][1] > 50  # two routes, of both the same


def test_nor_who_holds_the_key_while_etcd_told_no_change_nor_of_a_member_of_etcd_that_is_silent() -> None:
    facts = crash()
    only = facts["recordings"][0]
    only["roles"], only["routes"] = [], []
    only["blindness"] = [
        {**blind("etcd", 60.0, 71.0, 80), "subject": subject} for subject in ("watch", "10.0.0.1:2379")
    ]
    assert len(hatched(pictures(facts, "en")["1-run"])) == 2
    assert "etcd 10.0.0.1:2379" in texts(pictures(facts, "en")["1-run"])


def test_what_the_observer_slept_through_is_hatched_for_everybody() -> None:
    facts = crash()
    only = facts["recordings"][0]
    only["roles"] = [span("patroni1", "primary", 0.1, 127.0, 3)]
    before = len(hatched(pictures(facts, "en")["1-run"]))
    only["slept"] = [span("daemon", "slept", 60.0, 66.0, 80)]
    lanes = 1 + 2 + 2  # the timelines, two members, two routes
    assert len(hatched(pictures(facts, "en")["1-run"])) == before + lanes


def test_the_first_and_the_last_timeline_are_named_though_they_were_short() -> None:
    facts = crash()
    only = facts["recordings"][0]
    spells = [(1, 0.1, 1.6), (2, 1.7, 60.0), (3, 60.1, 126.2), (4, 126.3, None)]
    first = only["leaderships"][0]
    only["leaderships"] = [
        {**first, "timeline": n, "timelines": [n], "from_s": from_s, "to_s": to_s} for n, from_s, to_s in spells
    ]
    assert {"1", "2", "3", "4"} <= set(texts(pictures(facts, "en")["1-run"]))


@pytest.mark.parametrize(("language", "day"), [("ru", "22.11.2026"), ("en", "2026-11-22")])
def test_the_picture_of_a_run_names_its_incidents_and_its_whole_date(language: str, day: str) -> None:
    shown = texts(pictures(crash(), language)["1-run"])
    assert ("1 — leader killed" if language == "en" else "1 — лидер убит") in shown
    assert any(text.endswith(day) for text in shown)
    assert shown.count("20/s" if language == "en" else "20/с") == 2 and shown.count("0") == 3  # two rates, and time


def test_an_incident_shows_what_was_told_and_that_the_proxy_was_full() -> None:
    facts = crash()
    facts["recordings"][0]["crowds"] = [span("p", "100 / 100", 15.0, 35.0, 71), span("p", "100 / 100", 90.0, 99.0, 72)]
    picture = pictures(facts, "en")["incident-1"]
    shown = texts(picture)
    assert {"node patroni1 killed (SIGKILL)", "intervention, as told", "HAProxy full"} <= set(shown)
    assert shown.count("100 / 100") == 1  # the other was later
    assert "repair, as told" not in shown
    assert len(ElementTree.fromstring(picture).findall(f"{SVG}polygon")) == 2  # the mark, and its entry in the legend


def test_an_incident_without_an_outage_is_drawn_where_operations_failed_and_there_alone() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one["phases"] = []
    assert one["write"]["failed"] > 0
    linked = {"incident-1": "incident-1.svg"}
    assert "Incident 1: rate and latency" in texts(pictures(facts, "en")["incident-1"])
    assert "![Incident 1: rate and latency](incident-1.svg)" in render(facts, "en", "homework", linked)
    for cost in (one["write"], one["read"]):
        cost["failed"] = cost["unknown"] = 0
    assert "incident-1" not in pictures(facts, "en")


def test_the_axes_of_all_incidents_end_at_the_same_rate() -> None:
    facts = crash()
    second = {**facts["incidents"][0], "id": 2, "pace": [pace("write", 3, 44, 0)]}
    facts["incidents"].append(second)
    for name in ("incident-1", "incident-2"):
        assert texts(pictures(facts, "en")[name]).count("50/s") == 2


def test_each_timeline_of_a_leader_has_a_cell_where_its_promotion_has_a_moment() -> None:
    facts = crash()
    only = facts["recordings"][0]
    only["leaderships"] = [{**only["leaderships"][0], "from_s": 0.2, "to_s": None, "timelines": [4, 5, 6]}]
    member = only["leaderships"][0]["member"]
    assert "4–6" in texts(pictures(facts, "en")["1-run"])
    only["promotions"] = [
        {"member": member, "timeline": n, "at_s": at_s, "event_id": n} for n, at_s in ((5, 40.0), (6, 80.0))
    ]
    shown = texts(pictures(facts, "en")["1-run"])
    assert "4–6" not in shown and {"4", "5", "6"} <= set(shown)


def test_a_second_without_a_success_has_no_latency_of_one() -> None:
    def lines(seconds: list[tuple[int, int]]) -> int:
        facts = crash()
        facts["incidents"][0]["pace"] = [pace("write", at_s, ok, 20 - ok) for at_s, ok in seconds]
        return pictures(facts, "en")["incident-1"].count("<polyline")

    assert lines([(8, 20), (9, 20), (10, 20)]) == 1
    assert lines([(8, 20), (9, 0), (10, 20)]) == 2
    assert lines([(8, 0), (9, 0)]) == 0


def test_a_demotion_is_marked_where_it_was_seen() -> None:
    facts = crash()
    only = facts["recordings"][0]
    assert not any("demoted" in text for text in texts(pictures(facts, "en")["incident-1"]))
    at_s = facts["incidents"][0]["began_s"] + 1
    only["leaderships"][0]["demoted"] = [span("patroni1", "replica", at_s, at_s + 9, 40)]
    assert "patroni1 demoted" in texts(pictures(facts, "en")["incident-1"])


def test_the_pools_are_drawn_in_the_language_of_the_report() -> None:
    assert {"Пулы HAProxy (по странице статистики)", "Сервер", "Без перемен"} <= set(
        texts(pictures(crash(), "ru")["1-pools"])
    )


def test_the_patronictl_table_says_that_the_command_was_not_run() -> None:
    shown = texts(pictures(crash(), "en")["1-members"])
    assert any(text.startswith("patronictl list was not run") for text in shown)
    linked = {"1-members": "1-members.svg"}
    assert "the command was not run" not in render(crash(), "en", "homework", linked)
    assert "`patronictl list` was not run" in render(crash(), "en", "homework", linked)
    assert "команда `patronictl list` не выполнялась" in render(crash(), "ru", "homework", linked)


def test_the_patronictl_table_shows_every_member_as_it_was() -> None:
    shown = "\n".join(texts(pictures(crash(), "en")["1-members"])).replace("\u00a0", " ")
    assert "+ Cluster: demo (7443512345678901234)" in shown
    assert re.search(r"\| patroni1 +\| 127\.0\.0\.1:15431 +\| Leader", shown)


@pytest.mark.parametrize("evil", ['</text><script>alert("1")</script>', "a&b<c>'\"", "\x00\x1b[31m\nx", "y" * 500])
def test_text_from_outside_breaks_no_picture(evil: str) -> None:
    facts = crash()
    only = facts["recordings"][0]
    only["scope"] = evil
    only["captures"][0]["members"][0]["name"] = evil
    only["captures"][0]["pools"][0]["server"] = evil
    only["roles"][0]["subject"] = evil
    facts["incidents"][0]["target"] = evil
    facts["incidents"][0]["told"][0]["detail"] = {"component": evil, "action": evil, "target": evil}
    only["blindness"] = [{**blind("etcd", 60.0, 71.0, 80), "subject": evil}]
    only["crowds"] = [span("p", evil, 15.0, 35.0, 71)]
    for picture in pictures(facts, "en").values():
        assert ElementTree.fromstring(picture).find(f".//{SVG}script") is None


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("ru", "нарисовано observer по данным"),
        ("en", "drawn by observer from data"),
    ],
)
def test_every_picture_says_in_itself_that_it_is_drawn_and_from_data_of_when(language: str, says: str) -> None:
    found = pictures(crash(), language)
    assert set(found) == {"1-run", "1-members", "1-pools", "incident-1"}
    for name, picture in found.items():
        (told,) = [text for text in texts(picture) if text.startswith(says)]
        assert "22:10:" in told and "UTC" in told, name


def test_what_a_table_says_of_itself_is_not_cut_though_the_table_is_narrow() -> None:
    facts = crash()
    for member in facts["recordings"][0]["captures"][0]["members"]:
        member |= {"name": "a", "host": "", "port": "", "role": "", "state": "", "lsn": ""}
    facts["recordings"][0] |= {"scope": "a", "cluster_id": "7"}
    picture = pictures(facts, "ru")["1-members"]
    (told,) = [text for text in texts(picture) if text.startswith("нарисовано")]
    assert float(ElementTree.fromstring(picture).get("width", "0")) > 16 + 6.5 * len(told)


def test_a_document_links_the_pictures_relative_to_itself(tmp_path: Path) -> None:
    linked = draw(crash(), "en", tmp_path / "hw 3" / "pictures", tmp_path / "hw 3" / "SOLUTION.md")
    assert linked["1-run"] == "pictures/1-run.svg"
    assert (tmp_path / "hw 3" / "pictures" / "1-run.svg").read_text(encoding="utf-8").startswith("<svg")
    text = render(crash(), "en", "homework", linked)
    assert "![The cluster as patronictl list shows it](pictures/1-members.svg)" in text
    assert "*Drawn by observer from data captured at 22:10:03 UTC: `patronictl list` was not run" in text


def test_without_a_document_pictures_are_linked_from_beside_their_folder(tmp_path: Path) -> None:
    assert draw(crash(), "en", tmp_path / "a b", None)["1-run"] == "a%20b/1-run.svg"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(CannotWrite, match="taken"):
        draw(crash(), "en", tmp_path / "taken" / "in it", None)


def test_a_phase_of_no_length_has_no_bar_beyond_the_outage() -> None:
    facts = crash()
    chart = phases(facts["incidents"][0], language("en"))
    assert "recovery :" in chart
    recovery = next(phase for phase in facts["incidents"][0]["phases"] if phase["name"] == "recovery")
    recovery |= {"began_s": recovery["ended_s"], "seconds": 0.0}
    assert "recovery :" not in phases(facts["incidents"][0], language("en"))


def test_without_pictures_mermaid_stands_in_their_place() -> None:
    assert "```mermaid" in render(crash(), "en") and "![" not in render(crash(), "en")
