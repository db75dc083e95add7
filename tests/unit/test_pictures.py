"""The pictures: sound SVG that needs nothing from outside, whatever is in the facts, and the same bytes each time."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from observer.errors import CannotWrite
from observer.reporting import draw
from reports.facts import Facts
from reports.pictures import pictures
from reports.report import render
from tests.unit.facts_fixture import ALL, crash

SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(picture).iter(f"{SVG}text")]


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
    assert {"detection", "25.87 s", "by settings (bounds)", "measured"} <= set(shown)


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
    assert "*Drawn by observer from data captured at 22:10:03 UTC.*" in text


def test_without_a_document_pictures_are_linked_from_beside_their_folder(tmp_path: Path) -> None:
    assert draw(crash(), "en", tmp_path / "a b", None)["1-run"] == "a%20b/1-run.svg"


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file", encoding="utf-8")
    with pytest.raises(CannotWrite, match="taken"):
        draw(crash(), "en", tmp_path / "taken" / "in it", None)


def test_without_pictures_mermaid_stands_in_their_place() -> None:
    assert "```mermaid" in render(crash(), "en") and "![" not in render(crash(), "en")
