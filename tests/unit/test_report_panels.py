"""What the panels showed of each incident, from literal facts."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from observer.model.recording import SECOND_NS
from observer.recording.activity import QUIET_NS
from reports.render.language import language
from reports.report import render
from reports.text.old_facts import Facts, ShownFact
from reports.text.panels import QUIET_S, ask, of_incidents, screens
from tests.unit.facts_fixture import BEGAN, crash, incident, row, span

EN = language("en")
QUIET = {"Leader": 1, "Role": 3, "Locks": 3}


def shown(from_s: float, to_s: float, row: int, **patroni: int) -> ShownFact:
    boards: Any = [
        {"board": "Patroni", "panels": 3, "empty": [], "series": {**QUIET, **patroni}},
        {"board": "HAProxy and etcd", "panels": 1, "empty": [], "series": {"Member sees a leader": 3}},
    ]
    return {"from_s": from_s, "to_s": to_s, "boards": boards, "event_id": row}


def two() -> Facts:
    """Two incidents, the second of which was captured in part; a third that was not captured."""
    facts = crash()
    facts["incidents"] = []
    for n, began_s in enumerate((10.0, 50.0, 90.0), 1):
        other: Any = deepcopy(incident())
        facts["incidents"].append({**other, "id": n, "began_s": began_s, "ended_s": began_s + 20})
    captures = [shown(0.0, 127.0, 9, Leader=3), shown(10.0, 30.0, 1), shown(50.0, 56.0, 2, Leader=2, Role=4)]
    facts["recordings"][0]["dashboards"] = captures
    return facts


def rows(facts: Facts) -> list[list[str]]:
    lines = of_incidents(facts, facts["recordings"][0], EN).replace("\u00a0", " ").splitlines()[2:]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines]


def test_each_incident_has_its_row_with_the_curves_before_and_during() -> None:
    first, second, third = rows(two())
    assert first[1:] == [
        "10.0 s – 30.0 s (`events` 1)",
        "the number of curves does not show the fault, and values were not captured",
        "the first capture, nothing to compare with",
    ]
    assert second[1] == "50.0 s – 56.0 s (`events` 2); only 6.0 s of 20.0 s of the incident"
    assert (
        "`Leader`: 2 curves, so 2 members called themselves leader at some time within the span; whether" in second[2]
    )
    assert "`Role`: 4 curves for 3 members, so 1 did not answer" in second[2]
    assert second[3] == "`Patroni`: Leader 1 → 2, Role 3 → 4"
    assert third[1:] == ["not captured by itself; `events` 9, of the whole recording, holds it", "—", "—"]


def test_leaders_came_one_after_the_other_where_their_own_words_show_it_and_no_thawed_one_may_have_gone_on() -> None:
    facts = two()
    primary = [span("patroni1", "primary", 5, 51, 70), span("patroni2", "primary", 52, 99, 77)]
    facts["recordings"][0]["roles"] = primary
    assert "within the span: one after the other (`events` 70, 77), as the span holds both" in rows(facts)[1][2]
    facts["consistency"]["hidden"] = [{"recording": 1, "from_s": 53.0}]  # type: ignore[typeddict-item]
    assert "whether one after the other, the number of curves does not say" in rows(facts)[1][2]


def test_a_capture_that_ended_before_the_demotion_says_so_and_one_after_it_does_not() -> None:
    facts = two()
    facts["incidents"][1]["evidence"] = [row("evidence.demoted", [7], at_s=60.0, member="patroni1")]
    assert "taken before the demotion at 60.0 s: the demotion itself was not checked" in rows(facts)[1][1]
    facts["incidents"][1]["evidence"] = [row("evidence.demoted", [7], at_s=55.0, member="patroni1")]
    assert "demotion" not in rows(facts)[1][1]


def test_an_incident_that_the_recording_ended_upon_is_said_to_have_no_capture_because_of_that() -> None:
    assert QUIET_S * SECOND_NS == QUIET_NS, "as long as the daemon waits"
    facts = two()
    facts["incidents"][2]["ended_s"] = 125.0
    facts["recordings"][0]["dashboards"][0]["to_s"] = 124.0
    assert rows(facts)[2][1] == (
        "not captured by itself: the recording ended 2.4 s after it, before observer had judged it; "
        "`events` 9, of the whole recording, holds all of it but 1.0 s"
    )


def test_a_first_curve_of_lost_writes_is_not_a_lost_write() -> None:
    facts = two()
    for capture, curves in zip(facts["recordings"][0]["dashboards"], (1, 0, 1), strict=True):
        capture["boards"].append({"board": "Observer", "panels": 1, "empty": [], "series": {"Writes lost": curves}})
    said = rows(facts)[1][3]
    assert "Writes lost: a curve appeared (its value was not captured; lost writes: 0, see" in said
    assert "0 → 1" not in said


def test_the_screens_are_said_to_be_unopened_with_the_address_that_shows_the_time_of_the_recording() -> None:
    facts = two()
    assert "neither that nor Prometheus" in screens(facts, EN)
    for capture in facts["recordings"][0]["captures"]:
        for member in capture["members"]:
            member["host"] = "172.18.0.3"
    began_ms = round(BEGAN.timestamp() * 1000)
    assert f"http://localhost:3000/d/observer-patroni?from={began_ms}&to={began_ms + 127_400}" in screens(facts, EN)
    assert "UTC](http://localhost:3000/d/observer-patroni?from=" in rows(facts)[0][0], "an incident by itself"


def test_where_prometheus_was_not_asked_the_command_that_asks_it_stands() -> None:
    facts = crash()
    assert ask(facts, facts["recordings"][0], EN) == ""
    for capture in facts["recordings"][0]["captures"]:
        for member in capture["members"]:
            member["host"] = "172.18.0.3"
    text = render(facts, "en")
    assert "To look at each incident in Grafana" in text
    facts["incidents"] = []
    assert "To look at each incident in Grafana" not in render(facts, "en")
    assert "curl -sG http://127.0.0.1:9090/api/v1/query_range --data-urlencode 'query=patroni_primary == 1'" in text
    assert "http://localhost:3000 (admin/admin)" in text
