"""The report as one HTML file: whatever is in the names, it is shown as text, and nothing is loaded from outside."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from functools import lru_cache
from html.parser import HTMLParser
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from observer.commands import reporting
from observer.model.findings import Reported
from reports.analysis.results.recording import Period
from reports.analysis.results.whole import Results
from reports.contents import document
from reports.render.html.html import html
from reports.render.language import language
from tests.unit.document.builders import BEGAN, demo_incident, demo_recording, demo_results, ns

HW3 = Path(__file__).parents[2] / "hw3" / "observer.db.xz"
HOSTILE = [
    "</script><script>alert(1)</script>",
    "<!--<script>",
    "\"'><img src=x onerror=alert(1)>",
    "[x](javascript:alert(1)) ![y](https://example.org/z.png)",
    "</details></main><iframe src=//example.org>",
    "patroni\u202e1\u200f",
    "a\u2028b\u2029c\x00d",
    "{{ title }} {% raw %}",
]


class Page(HTMLParser):
    """The elements of a page with their attributes, and the text within each script and within the document."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.scripts: list[str] = []
        self.shown = ""
        self.in_script = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag == "script":
            self.scripts.append("")
            self.in_script = True

    def handle_endtag(self, tag: str) -> None:
        self.in_script = False

    def handle_data(self, data: str) -> None:
        if self.in_script:
            self.scripts[-1] += data
        else:
            self.shown += data

    @property
    def data(self) -> dict[str, Any]:
        found = json.loads(self.scripts[0])
        assert isinstance(found, dict)
        return found


def page_of(found: Results, name: str = "en") -> str:
    return html(document(found, "homework"), found, language(name))


def named(evil: str) -> Results:
    """Results in which a member, the cluster, a target and a note have a hostile name."""
    own = demo_recording(
        scope=evil,
        roles=(Period(evil, "primary", ns(0.1), ns(120), 1, None),),
        notes=(Reported("note.told", ns(5), BEGAN, {"text": evil}, 7),),
    )
    return demo_results(demo_incident(target=evil, targets=(evil,)), recordings=(own,))


@lru_cache
def homework() -> str:
    return page_of(reporting.results(HW3, None), "ru")


@pytest.mark.parametrize("evil", HOSTILE)
def test_text_from_outside_adds_no_element_and_no_attribute(evil: str) -> None:
    plain, hostile = Page(page_of(named("other"))), Page(page_of(named(evil)))
    tags = [tag for tag, _ in plain.elements if tag != "code"]  # a name that Markdown cannot quote is in <code> as well
    assert [tag for tag, _ in hostile.elements if tag != "code"] == tags
    assert len(hostile.scripts) == 2
    known = {name for _, attributes in plain.elements for name in attributes}
    assert {name for _, attributes in hostile.elements for name in attributes} <= known


@pytest.mark.parametrize("evil", HOSTILE)
def test_the_data_of_the_view_holds_the_names_as_they_are(evil: str) -> None:
    page = Page(page_of(named(evil)))
    (own,) = page.data["recordings"]
    assert own["scope"] == evil
    assert own["roles"][0]["subject"] == evil
    assert not set("<>&\u2028\u2029") & set(page.scripts[0])


def test_the_document_shows_a_hostile_name_as_text() -> None:
    assert "</script><script>alert(1)</script>" in Page(page_of(named(HOSTILE[0]))).shown


def test_the_same_results_give_the_same_bytes() -> None:
    assert page_of(demo_results(demo_incident())) == page_of(demo_results(demo_incident()))


def test_the_page_has_the_title_of_the_document_and_its_language() -> None:
    page = reporting.text(demo_results(demo_incident()), "html", "ru", "drill")
    assert page.startswith('<!DOCTYPE html>\n<html lang="ru">') and page.endswith("</html>\n")
    assert "<title>Кластер demo: что сломалось" in page


def test_the_page_of_the_homework_is_smaller_than_a_megabyte() -> None:
    assert len(homework().encode()) < 1_000_000


def test_nothing_is_loaded_from_outside() -> None:
    page = Page(homework())
    assert not [tag for tag, _ in page.elements if tag in ("link", "img", "iframe", "object", "embed", "base", "form")]
    assert not [own for _, own in page.elements if own.keys() & {"src", "srcset", "data", "action", "style-src"}]
    style = files("reports.render.html").joinpath("style.css").read_text(encoding="utf-8")
    assert not re.search(r"@import|url\((?!#)", style)


def test_the_policy_of_the_page_allows_its_own_script_and_no_other() -> None:
    page = Page(page_of(demo_results(demo_incident())))
    (policy,) = [own["content"] for _, own in page.elements if own.get("http-equiv") == "Content-Security-Policy"]
    digest = base64.b64encode(hashlib.sha256(page.scripts[1].encode()).digest()).decode()
    assert policy == f"default-src 'none'; style-src 'unsafe-inline'; script-src 'sha256-{digest}'"


def test_every_fact_of_an_incident_that_the_view_shows_is_in_its_data() -> None:
    (one,) = Page(page_of(demo_results(demo_incident()))).data["incidents"]
    assert one["title"] == "Leader patroni1 was killed"
    assert [phase["name"] for phase in one["phases"]] == ["detection", "routing", "settling"]
    assert [phase["inside"] for phase in one["phases"]] == [True, True, False]
    assert one["phases"][0]["bound_s"] == [20.0, 31.0]
    assert one["told"][0]["event_id"] == 7
    assert one["leader"] == {"after": "patroni2", "before": "patroni1", "timeline_after": 2, "timeline_before": 1}


def test_a_folded_part_of_the_document_keeps_the_code_in_its_title() -> None:
    assert "`" not in "".join(re.findall("<summary>(.*?)</summary>", homework()))


def test_every_link_within_the_page_has_its_anchor() -> None:
    elements = Page(homework()).elements
    targets = {own["href"] for _, own in elements if (own.get("href") or "").startswith("#")}
    assert targets and targets <= {f"#{own['id']}" for _, own in elements if "id" in own}


@pytest.mark.parametrize("name", ["ru", "en"])
def test_the_script_asks_for_phrases_that_exist_and_no_phrase_of_the_page_is_left_over(name: str) -> None:
    package = files("reports.render.html")
    texts = [package.joinpath(own).read_text(encoding="utf-8") for own in ("script.js", "page.html.j2")]
    asked = set(re.findall(r"""(?:say\(|words\[)["']([\w.]+)["']""", "".join(texts)))
    known = language(name).phrases.keys()
    assert asked <= known
    headings = {f"page.{own}" for own in ("bound", "measured", "phase", "window")}  # the columns of the phases
    assert {key for key in known if key.startswith("page.")} == {key for key in asked | headings if "page." in key}
