"""What switching a broken part back on did, from literal facts."""

from __future__ import annotations

from typing import Any

import pytest

from reports.render.language import language
from reports.text.old_facts import IncidentFact
from reports.text.switched_on import came_back
from tests.unit.facts_fixture import crash, incident, row

WORDS = language("en").plain()
NODE: Any = {"member": "patroni1", "role": "replica", "timeline": 2, "how": None, "event_ids": []}


def said(one: IncidentFact) -> str | None:
    text = came_back(one, crash()["recordings"][0], WORDS)
    return None if text is None else text.replace("\u00a0", " ")


def told(kind: str, at_s: float, action: str, target: str) -> Any:
    detail = {"action": action, "target": target, "component": "patroni"}
    return {"kind": kind, "at_s": at_s, "utc": "", "detail": detail, "event_id": None}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            "start",
            "patroni1, switched on again, came back as a replica, streaming 2.5 s after the command, 30.0 s after",
        ),
        ("resume", "patroni1, resumed, came back as a replica, streaming 2.5 s after the command, 30.0 s after"),
        ("connect", "patroni1 came back as a replica, streaming 30.0 s after"),
    ],
)
def test_a_node_that_streams_again_is_counted_from_what_was_done(action: str, expected: str) -> None:
    one = incident()
    one["returns"] = [{**NODE, "answered_s": 29.0, "streaming_s": 30.0}]
    one["told"] = [told("repair.told", one["began_s"] + 27.5, action, "patroni1")]
    assert expected in str(said(one))


def test_what_was_done_later_or_to_another_is_not_what_brought_it_back() -> None:
    one = incident()
    one["returns"] = [{**NODE, "answered_s": 29.0, "streaming_s": 30.0}]
    one["told"] = [told("repair.told", one["began_s"] + 31, "start", "patroni1"), told("repair.told", 9, "start", "x")]
    assert "after the command" not in str(said(one))


def test_a_node_that_stayed_away_or_never_streamed_is_told_as_that() -> None:
    one = incident()
    one["returns"] = [{**NODE, "answered_s": None, "streaming_s": None}]
    assert said(one) == "patroni1 did not come back before the recording ended"
    one["returns"] = [{**NODE, "answered_s": 9.0, "streaming_s": None}]
    assert "when it streamed was not noted" in str(said(one))
    one["returns"] = []
    assert said(one) is None


def test_of_several_members_of_etcd_the_time_is_that_of_the_last() -> None:
    one, recording = incident(), crash()["recordings"][0]
    one |= {"cause": "etcd.quorum_lost", "targets": ["h:1", "h:2"]}
    spell: Any = {"source": "etcd", "how": "refused", "event_id": 5, "from_s": one["began_s"]}
    recording["blindness"] = [{**spell, "subject": f"h:{n}", "to_s": one["began_s"] + 41 + n} for n in (1, 2)]
    assert came_back(one, recording, WORDS) == (
        "h:1, h:2 answered again, the last of them no later than 43.0\u00a0s after the incident began"
    )


def test_quorum_and_proxy_are_counted_to_the_first_write() -> None:
    one = incident()
    ended_s = one["write"]["outages"][-1]["ended_s"]
    one |= {"cause": "proxy.down", "told": [told("repair.told", ended_s - 0.62, "start", "haproxy")]}
    assert said(one) == "HAProxy was switched on again, and the first write succeeded 0.62 s after the command"
    one |= {"cause": "etcd.quorum_lost", "targets": []}
    one["evidence"] = [row("evidence.quorum_regained", [1], at_s=ended_s - 4.0)]
    assert said(one) == "the first write succeeded 4.00 s after quorum was back"
