"""What a report calls what it knows by an address, and how it says what somebody did."""

from __future__ import annotations

from typing import Any

from reports.render.language import language
from reports.text.incident_tables import deed, told
from reports.text.narrative import cause_title, names_of
from tests.unit.facts_fixture import crash, twice

EN, RU = language("en"), language("ru")


def test_a_member_of_etcd_is_called_by_its_name_and_the_only_proxy_by_none() -> None:
    named = EN.naming({"127.0.0.1:23792": "etcd2", "http://127.0.0.1:7001/": ""})
    assert named.say("evidence.raft_elected", endpoint="127.0.0.1:23792") == "etcd elected `etcd2` as its own leader"
    assert named.say("evidence.proxy_back", proxy="http://127.0.0.1:7001/") == "HAProxy answers again"


def test_one_proxy_of_two_and_a_member_nobody_named_keep_their_addresses() -> None:
    assert EN.say("evidence.raft_elected", endpoint="10.0.0.5:2379") == "etcd elected `10.0.0.5:2379` as its own leader"
    said = EN.say("evidence.proxy_back", proxy="http://10.0.0.7:7001/")
    assert said.replace("\u00a0", " ") == "HAProxy `http://10.0.0.7:7001/` answers again"


def test_an_address_that_two_recordings_name_differently_keeps_no_name() -> None:
    facts = twice()
    first, second = facts["recordings"]
    first["names"], second["names"] = {"a:1": "etcd1", "b:1": "etcd2"}, {"a:1": "etcd9", "b:1": "etcd2"}
    assert names_of(facts) == {"b:1": "etcd2"}
    assert names_of(crash()) == {}


def test_a_deed_is_told_in_words_with_the_part_that_its_target_played() -> None:
    detail = {"component": "patroni", "action": "kill", "target": "patroni1", "role": "leader"}
    assert deed(detail, EN) == "node `patroni1` killed (SIGKILL) (leader)"
    assert deed(detail, RU) == "узел `patroni1` убит (SIGKILL) (лидер)"


def test_what_else_is_known_of_a_deed_stands_behind_the_words() -> None:
    detail = {"component": "etcd", "action": "stop", "target": "etcd2", "container": "demo-etcd2", "signal": None}
    assert deed(detail, EN) == "etcd member `etcd2` shut down cleanly; container `demo-etcd2`"


def test_a_deed_that_there_are_no_words_for_is_shown_as_it_was_told() -> None:
    detail = {"component": "disk", "action": "fill", "target": "patroni1"}
    assert deed(detail, EN) == "component `disk`, action `fill`, target `patroni1`"
    assert deed({"text": "a *note*"}, EN) == "a \\*note\\*"


def test_a_repair_does_not_name_the_role_that_its_target_had_when_it_was_broken() -> None:
    one = {"at_s": 1.0, "utc": "2026-01-01T00:00:00+00:00", "event_id": 1}
    detail = {"component": "patroni", "target": "patroni2", "role": "leader"}
    rows: Any = [
        one | {"kind": "fault.told", "detail": detail | {"action": "kill"}},
        one | {"kind": "repair.told", "detail": detail | {"action": "start"}},
    ]
    text = told(rows, EN)
    assert "node `patroni2` killed (SIGKILL) (leader) |" in text
    assert "node `patroni2` started |" in text


def test_incidents_that_cost_the_quorum_are_told_apart_by_the_members_that_were_silent() -> None:
    [one] = crash()["incidents"]
    assert cause_title(one, EN) == "Leader `patroni1` was killed"
    one["cause"], one["evidence"] = "etcd.quorum_lost", []
    assert cause_title(one, EN) == "etcd lost its quorum"
    for endpoint in ("127.0.0.1:23793", "127.0.0.1:23791"):
        known: Any = {"endpoint": endpoint, "how": "refused", "at_s": 8.0}
        one["evidence"].append({"table": "events", "ids": [30], "says": "evidence.etcd_failed", "facts": known})
    named = EN.naming({"127.0.0.1:23791": "etcd1", "127.0.0.1:23793": "etcd3"})
    assert cause_title(one, named) == "etcd lost its quorum (`etcd1`, `etcd3`)"
