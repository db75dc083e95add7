"""Sentences about the dashboards of a recording, and ready queries, from literal recordings."""

from __future__ import annotations

from typing import Any

import pytest

from observer.model.recording import Recording
from reports.render.json import unrounded
from reports.render.language import language
from reports.text import boards, queries
from tests.unit.analyzed import results
from tests.unit.recordings import event, ns, recording_of


def told(*events: Any, until_s: float = 120) -> Recording:
    return recording_of(events, until_s=until_s)


def facts(made: Recording) -> Any:
    return unrounded(results(made))["recordings"][0]


def dashboards_of(made: Recording) -> Any:
    return facts(made)["dashboards"]


def test_a_ready_query_is_one_argument_of_the_shell() -> None:
    fact = facts(told(event(1, "etcd", "leader.seen", "a")))
    commands = [*queries.load(fact), *queries.reads(1), *queries.durability([fact]), queries.blindness(fact)]
    assert all(command.count('"') == 2 and "\n" not in command for command in commands)


def recorded_with(captures: Any, *silent: Any) -> Any:
    etcd: Any = [{"name": f"etcd{n}", "kind": "etcd", "outside": [f"h:{n}"]} for n in (1, 2, 3)]
    return {"dashboards": captures, "blindness": list(silent), "parts": etcd}


@pytest.mark.parametrize(("silent", "said"), [((1, 2), True), ((1,), False), ((1, 9), False)])
def test_why_a_panel_was_empty_is_said_where_the_recording_tells(silent: tuple[int, ...], said: bool) -> None:
    def shown(row: int, from_s: int, to_s: int, *empty: str) -> Any:
        names = ("Round trip between members, 99th percentile", "Bytes")
        panels = [{"board": "HAProxy and etcd", "panel": name, "data": name not in empty} for name in names]
        return event(row, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    empty = "Round trip between members, 99th percentile"
    captures = dashboards_of(told(shown(60, 10, 20), shown(61, 30, 40, empty), shown(90, 0, 90)))
    spells = [
        {"source": "etcd", "subject": f"h:{n}", "from_s": 30.4, "to_s": None, "how": "refused", "event_id": n}
        for n in silent
    ]
    [text] = boards.emptied(recorded_with(captures, *spells), language("en"))
    assert ("no two members of etcd answered (`events` 1, 2)" in text) is said


def test_panels_of_what_the_judge_says_are_empty_until_it_spoke() -> None:
    def shown(row: int, from_s: int, to_s: int, data: bool) -> Any:
        panels = [{"board": "Observer", "panel": "Writes lost", "data": data}]
        return event(row, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    captures = dashboards_of(told(shown(60, 10, 20, False), shown(90, 0, 90, True)))
    [text] = boards.emptied(recorded_with(captures), language("en"))
    assert text.endswith("observer counts an incident, and what it lost, only once it has judged it (Writes lost).")


def test_panels_without_data_are_named_over_the_run_and_in_an_incident() -> None:
    def panels(*empty: str) -> list[dict[str, Any]]:
        return [
            {"board": "HAProxy", "panel": name, "data": name not in empty} for name in ("Queue", "Up | for", "Bytes")
        ]

    captures = dashboards_of(
        told(
            event(
                60,
                "prometheus",
                "dashboards.captured",
                "p",
                from_ns=ns(10),
                to_ns=ns(20),
                panels=panels("Queue", "Bytes"),
            ),
            event(90, "prometheus", "dashboards.captured", "p", from_ns=0, to_ns=ns(90), panels=panels("Queue")),
        )
    )
    assert "| HAProxy | 2 / 3 | Queue |" in boards.whole(captures, language("en"))
    [said] = boards.emptied(recorded_with(captures), language("en"))
    assert said.startswith("From 10.0\u00a0s to 20.0\u00a0s these panels had no data yet: HAProxy: Bytes")


def test_a_panel_that_lost_its_data_is_told_from_one_that_had_none_yet() -> None:
    def captured(from_s: int, to_s: int, *empty: str) -> Any:
        panels = [{"board": "B", "panel": name, "data": name not in empty} for name in ("Lost", "Lag")]
        return event(to_s, "prometheus", "dashboards.captured", "p", from_ns=ns(from_s), to_ns=ns(to_s), panels=panels)

    spans = (captured(10, 20, "Lost"), captured(30, 40), captured(50, 60, "Lost", "Lag"), captured(0, 90))
    said = boards.emptied(recorded_with(dashboards_of(told(*spans))), language("ru"))
    assert [text.split(" (")[0].replace("\u00a0", " ") for text in said] == [
        "С 10,0 с по 20,0 с данных ещё не было: B: Lost",
        "С 50,0 с по 60,0 с данных больше не было: B: Lost, B: Lag",
    ]
