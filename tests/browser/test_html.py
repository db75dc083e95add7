"""The HTML report in a browser: phases after a click, zoom, what each source reported at a moment."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from observer.commands import reporting
from reports.analysis.results.recording import Period
from reports.analysis.results.whole import Results
from reports.contents import document
from reports.render.html.html import html
from reports.render.language import language
from tests.browser.webdriver import Browser, browser
from tests.unit.analyzed import recorded
from tests.unit.document.builders import demo_incident, demo_recording, demo_results, ns

pytestmark = pytest.mark.browser
HW3 = Path(__file__).parents[2] / "hw3" / "observer.db.xz"
HOME, ESCAPE = "\ue011", "\ue00c"
AXIS = "return [...document.querySelectorAll('#chart text.faint')].map((one) => one.textContent).join(' ')"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    driver = shutil.which("chromedriver")
    if driver is None or not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        pytest.skip("no Chromium with chromedriver on this machine (Debian: chromium, chromium-driver)")
    with browser(driver) as session:
        yield session


@pytest.fixture
def failover(chromium: Browser, tmp_path: Path) -> Browser:
    return shown(chromium, tmp_path, recorded("leader-killed"))


def shown(chromium: Browser, folder: Path, found: Results) -> Browser:
    path = folder / "report.html"
    path.write_text(html(document(found, "drill"), found, language("en")), encoding="utf-8")
    chromium.open(path)
    return chromium


def test_a_click_on_an_incident_shows_its_phases_beside_their_bounds(failover: Browser) -> None:
    assert failover.run("return document.getElementById('incident').hidden") is True
    failover.click("#chart rect.band[data-incident]")
    assert failover.run("return document.getElementById('incident').hidden") is False
    rows = failover.run("return [...document.querySelectorAll('#phases tbody tr')].map((one) => one.innerText)")
    assert [row.split("\t")[0].strip() for row in rows][:3] == ["detection", "election", "promotion"]
    assert "events" in rows[0]
    assert failover.run("return document.querySelectorAll('#phases i.bound').length") > 0
    assert failover.errors() == []


def test_wheel_and_keys_zoom_and_home_shows_the_whole_run_again(failover: Browser) -> None:
    whole = failover.run(AXIS)
    failover.wheel("#chart", -400)
    by_wheel = failover.run(AXIS)
    assert by_wheel != whole
    failover.run("document.getElementById('chart').focus()")
    failover.press("+")
    by_key = failover.run(AXIS)
    assert by_key not in (whole, by_wheel)
    failover.press(HOME)
    assert failover.run(AXIS) == whole


def test_dragging_moves_the_axis(failover: Browser) -> None:
    failover.wheel("#chart", -400)
    before = failover.run(AXIS)
    moved = {"type": "pointerMove", "duration": 50, "origin": "pointer", "x": -150, "y": 0}
    failover.point("#chart", {"type": "pointerDown", "button": 0}, moved, {"type": "pointerUp", "button": 0})
    assert failover.run(AXIS) != before


def test_the_pointer_shows_what_each_source_reported_with_its_rows(failover: Browser) -> None:
    failover.point("#chart")
    at_pointer = failover.text("#moment")
    assert "UTC" in at_pointer and "patroni1" in at_pointer and "events" in at_pointer
    failover.point("#chart", x=-200)
    assert failover.text("#moment") != at_pointer


def test_a_click_keeps_a_moment_and_escape_lets_it_go(failover: Browser) -> None:
    failover.click("#chart")
    kept = failover.text("#moment h2")
    failover.point("#chart", x=-100)
    assert failover.text("#moment h2") == kept
    failover.press(ESCAPE)
    failover.point("#chart", x=-150)
    assert failover.text("#moment h2") != kept


def test_each_recording_has_its_own_axis_and_incidents(chromium: Browser, tmp_path: Path) -> None:
    second = demo_incident(2, recording=2)
    both = (demo_recording(), demo_recording(id=2, scope="other"))
    shown(chromium, tmp_path, demo_results(demo_incident(), second, recordings=both))
    chromium.click("#recordings button:last-child")
    assert chromium.text("#scope") == "other"
    assert chromium.text("#chips") == "2"


def test_the_document_leads_from_an_incident_to_the_axis(failover: Browser) -> None:
    failover.run("document.querySelector('main .axis').click()")
    assert failover.run("return document.getElementById('incident').hidden") is False


def test_a_hostile_name_is_shown_and_never_run(chromium: Browser, tmp_path: Path) -> None:
    evil = "</script><img src=x onerror='window.broken = 1'>"
    own = demo_recording(scope=evil, roles=(Period(evil, "primary", ns(0.1), ns(120), 1, None),))
    shown(chromium, tmp_path, demo_results(demo_incident(target=evil), recordings=(own,)))
    chromium.click("#chips button")
    assert chromium.run("return window.broken ?? null") is None
    assert chromium.text("#scope") == evil
    assert evil in chromium.text("#incident h2")
    assert chromium.run("return document.querySelectorAll('img, iframe').length") == 0


def test_a_mark_that_turns_the_direction_of_text_is_left_out(chromium: Browser, tmp_path: Path) -> None:
    own = demo_recording(scope="de\u202emo", roles=(Period("patroni\u202e1", "primary", ns(0.1), ns(120), 1, None),))
    shown(chromium, tmp_path, demo_results(demo_incident(), recordings=(own,)))
    assert chromium.text("#scope") == "de mo"
    assert "\u202e" not in chromium.text("body > section")


def test_the_page_of_the_homework_is_interactive_within_a_second_and_loads_nothing(
    chromium: Browser, tmp_path: Path
) -> None:
    shown(chromium, tmp_path, reporting.results(HW3, None))
    assert chromium.run("return Number(document.documentElement.dataset.ready)") < 1000
    assert chromium.run("return performance.getEntriesByType('resource').length") == 0
    assert chromium.run("return document.querySelectorAll('#chips button').length") == 15
    assert chromium.run("return document.documentElement.scrollWidth - window.innerWidth") <= 0
    assert chromium.errors() == []
    chromium.run("document.querySelectorAll('#chips button')[7].click()")
    writes = chromium.run("return document.querySelector('#chart path.ok').getAttribute('d')")
    refused = chromium.run("return document.querySelector('#chart path.bad').getAttribute('d')")
    columns = [(float(x), float(width)) for x, width in re.findall(r"M(\S+) \S+h(\d\S*?)v", writes + refused)]
    ends = [(x, x + width) for x, width in sorted(columns)]
    assert max(after[0] - before[1] for before, after in pairwise(ends)) < 2  # no time between columns without one


def test_no_letter_of_the_page_is_smaller_than_12_pixels(failover: Browser) -> None:
    failover.click("#chart rect.band[data-incident]")
    failover.point("#chart")
    sizes = "[...document.querySelectorAll('body *')].map((one) => parseFloat(getComputedStyle(one).fontSize))"
    assert failover.run(f"return Math.min(...{sizes})") >= 12
