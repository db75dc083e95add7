"""Objectives with what breaks them, and for each fault what to change: from literal facts."""

from __future__ import annotations

from typing import Any

import pytest

from reports.render.language import language
from reports.report import render
from reports.text.old_facts import Facts
from reports.text.remedies import QUICKER, objectives, remedies
from tests.unit.facts_fixture import crash, healthy, row, span

EN = language("en")


def held(facts: Facts, *objectives: tuple[str, float, float | None, str]) -> Facts:
    names = ("name", "limit", "measured", "verdict")
    told: Any = [dict(zip(names, one, strict=True)) for one in objectives]
    facts["objectives"] = told
    return facts


def test_the_incidents_that_break_an_objective_stand_beside_its_verdict() -> None:
    facts = held(crash(), ("write_outage_s", 30.0, 31.86, "BROKEN"), ("lost_writes", 0.0, 0.0, "HOLDS"))
    lines = objectives(facts, EN).splitlines()
    assert "| longest outage of writes, s | 31.9 | 30.0 | **broken** | [incident 1](#incident-1) |" in lines
    assert "| acknowledged writes lost | 0 | 0 | holds | — |" in lines


@pytest.mark.parametrize(
    ("fresh_s", "expected"),
    [(17.2, "| 17.2 | 10.0 | more than the limit | [incident 1](#incident-1) |"), (3.0, "| within the limit | — |")],
)
def test_new_connections_stand_beside_what_all_connections_met(fresh_s: float, expected: str) -> None:
    facts = held(crash(), ("read_outage_s", 10.0, 0.0, "HOLDS"))
    facts["incidents"][0]["read"]["fresh_outage_s"] = fresh_s
    said = objectives(facts, EN)
    assert "| longest outage of reads, s | 0.0 | 10.0 | holds | — |" in said
    assert expected in next(line for line in said.splitlines() if "the same on new connections" in line)


def test_what_new_connections_met_where_nobody_saw_it_is_unknown() -> None:
    facts = held(crash(), ("read_outage_s", 10.0, 0.0, "HOLDS"))
    facts["incidents"][0]["read"]["fresh_outage_s"] = None
    assert "| — | 10.0 | unknown | — |" in objectives(facts, EN)


def test_a_fault_has_its_worst_case_what_took_longest_and_what_a_change_gives_by_the_formulas() -> None:
    facts = crash()
    detection = next(p for p in facts["incidents"][0]["phases"] if p["name"] == "detection")
    detection["bound_s"] = [20.0, 31.0]
    said = remedies(facts, EN)
    assert "| leader killed | 31.9 ([incident 1](#incident-1)) | detection, " in said.replace("\u00a0", " ")
    assert "`ttl` 20, `loop_wait` 5, `retry_timeout` 5: detection 15–21 s instead of 20–31 s" in said
    assert QUICKER["loop_wait"] + 2 * QUICKER["retry_timeout"] <= QUICKER["ttl"]
    rest_s = 31.86 - detection["seconds"]
    assert (
        f"the outage then about {21 + rest_s:.0f} s (detection at its longest, 21 s, the other phases"
        in said.replace("\u00a0", " ")
    )
    detection["bound_s"] = [10.0, 20.0]
    assert "instead of" not in remedies(facts, EN)


def test_one_remedy_does_not_serve_all_faults() -> None:
    facts = crash()
    one = facts["incidents"][0]
    one["phases"] = [{**one["phases"][0], "name": "recovery", "began_s": 10.0, "ended_s": 40.0, "seconds": 30.0}]
    one["evidence"] = [row("evidence.proxy_full", [1], at_s=10.0)]
    said = remedies(facts, EN).replace("\u00a0", " ")
    assert "Give HAProxy room: a larger `maxconn`" in said
    assert "without the wait at the limit at best 1.86 s (31.86 s − 30.00 s)" in said
    one |= {"cause": "proxy.down"}
    assert "Have more than one: a second HAProxy" in remedies(facts, EN)


@pytest.mark.parametrize(("full_to_s", "known"), [(26.5, True), (12.0, False)])
def test_reads_on_new_connections_have_a_remedy_of_their_own(full_to_s: float, known: bool) -> None:
    facts = crash()
    read = facts["incidents"][0]["read"]
    out = {**facts["incidents"][0]["write"]["outages"][0], "began_s": 10.0, "ended_s": 27.2, "seconds": 17.2}
    read |= {"fresh_outage_s": 17.2, "fresh_longer": True, "fresh_outages": [out]}  # type: ignore[typeddict-item]
    facts["recordings"][0]["crowds"] = [span("p", "100 / 100", 10.2, full_to_s, 71)]
    [line] = [line for line in remedies(facts, EN).replace("\u00a0", " ").splitlines() if "reads on new" in line]
    assert line.startswith("| leader killed, reads on new connections | 17.2 ([incident 1](#incident-1)) | ")
    assert ("HAProxy at `maxconn` 100, 16.3 s | Give HAProxy room" in line) is known
    assert ("0.90 s (17.20 s − 16.30 s)" in line) is known
    assert ("unknown | Find out why" in line) is not known


def test_in_a_drill_all_but_the_verdicts_is_folded() -> None:
    text = render(crash(), "en", "drill")
    depth, headings = 0, []
    for line in text.splitlines():
        depth += line.count("<details>") - line.count("</details>")
        headings += [line] if line.startswith("## ") and depth == 0 else []
    assert headings == ["## In short", "## Objectives"] and depth == 0
    assert "<details><summary>Incidents, one by one</summary>" in text


def test_where_no_objective_is_set_the_lines_that_set_them_stand() -> None:
    text = render(healthy(), "ru", "drill")
    assert "```toml\n[objectives]\nwrite_outage_s = 30   # самый долгий перерыв записи, с\n" in text
    assert remedies(healthy(), EN) == ""


def test_weak_points_are_told_in_a_drill_too() -> None:
    assert "## Weak points, and what to do about them" in render(crash(), "en", "drill")
