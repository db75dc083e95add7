"""The results as JSON: public keys, units, and sums that hold in milliseconds."""

from __future__ import annotations

import json
from dataclasses import fields, is_dataclass, replace
from types import ModuleType

import pytest

from observer.model import findings
from observer.model.findings import Outage, Rejected
from reports.analysis.results import evidence, reads, recording, whole
from reports.analysis.results.recording import ConnectionLimit
from reports.analysis.results.whole import FailedCheck, Results
from reports.render.json import KEYS, document, unrounded
from tests.unit.analyzed import recorded, results
from tests.unit.recordings import event, fail, ns, ok, recording_of


@pytest.fixture(scope="module")
def found() -> Results:
    return recorded("leader-killed")


def test_every_public_key_belongs_to_an_attribute() -> None:
    modules: tuple[ModuleType, ...] = (findings, evidence, reads, recording, whole)
    classes = [one for module in modules for one in vars(module).values() if isinstance(one, type)]
    names = {field.name for one in classes if is_dataclass(one) for field in fields(one)}
    assert KEYS.keys() - names == set()


def test_nanoseconds_become_seconds_and_tuples_lists(found: Results) -> None:
    [one] = unrounded(found)["incidents"]
    assert one["began_s"] == found.incidents[0].began_ns / 1e9
    assert isinstance(one["evidence"], list) and isinstance(one["evidence"][0]["ids"], list)


def test_no_attribute_of_the_code_is_printed_under_its_own_name(found: Results) -> None:
    text = json.dumps(document(found))
    assert not [name for name in KEYS if f'"{name}":' in text and name not in KEYS.values()]
    assert "_ns" not in {key[-3:] for key in document(found)["incidents"][0]}


def test_the_phases_of_an_outage_sum_to_it_in_milliseconds(found: Results) -> None:
    [one] = document(found)["incidents"]
    inside = ("detection", "election", "promotion", "routing", "recovery")
    lengths = [phase["seconds"] for phase in one["phases"] if set(phase["name"].split("+")) <= set(inside)]
    assert round(sum(lengths), 3) == one["write"]["outage_s"]


def test_an_outage_is_as_long_as_its_rounded_ends_are_apart() -> None:
    made = results(recording_of([], [ok(1.0004), fail(2, stage="send"), ok(3.0006)]))
    write = replace(made.incidents[0].write, outages=(Outage("write", 400_000, 1_600_000, False, 1, 2, 0, 1, 0),))
    [one] = document(replace(made, incidents=(replace(made.incidents[0], write=write),)))["incidents"]
    [outage] = one["write"]["outages"]
    assert (outage["began_s"], outage["ended_s"], outage["seconds"]) == (0.0, 0.002, 0.002)
    assert one["write"]["outage_s"] == 0.002


def test_evidence_and_rejected_causes_have_their_key_and_an_english_sentence(found: Results) -> None:
    one = replace(found.incidents[0], rejected=(Rejected("switchover", "reason.no_failover_asked", {}),))
    [printed] = document(replace(found, incidents=(one,)))["incidents"]
    first, [rejected] = printed["evidence"][0], printed["rejected"]
    assert first["key"].startswith("evidence.") and first["says"] != first["key"]
    assert (rejected["key"], rejected["cause"]) == ("reason.no_failover_asked", "switchover")
    assert rejected["reason"] not in ("", rejected["key"])


def test_a_connection_limit_is_printed_as_sessions_of_limit() -> None:
    limit = ConnectionLimit("http://127.0.0.1:7001/", 97, 100, ns(8), ns(30), 1, 2)
    made = results(recording_of([event(1, "etcd", "leader.seen", "a")]))
    with_limit = replace(made, recordings=(replace(made.recordings[0], connection_limits=(limit,)),))
    [printed] = document(with_limit)["recordings"][0]["crowds"]
    assert printed == {
        "subject": "http://127.0.0.1:7001/",
        "what": "97 / 100",
        "from_s": 8.0,
        "to_s": 30.0,
        "event_id": 1,
        "until_id": 2,
    }


def test_a_failed_check_has_a_sentence(found: Results) -> None:
    warning = FailedCheck("check.leaders_order", {"recording": 1})
    [printed] = document(replace(found, warnings=(warning,)))["warnings"]
    assert printed["key"] == "check.leaders_order" and printed["says"]


def test_the_same_results_give_the_same_bytes_with_sorted_keys(found: Results) -> None:
    text = json.dumps(document(found))
    assert text == json.dumps(document(found)) == json.dumps(document(found), sort_keys=True)
