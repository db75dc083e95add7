"""The section on the load: totals, servers, baseline, lag."""

from __future__ import annotations

from reports.analysis.results.recording import FailureGroup, ReplicaLag
from reports.document.load import load
from tests.unit.document.builders import demo_recording, demo_results, shown


def test_writes_and_reads_are_counted_by_outcome_and_by_server() -> None:
    text = shown(load(demo_results(), "homework"))
    assert "| write | 110 | 100 | 8 | 2 |" in text
    assert "Writes were acknowledged by `patroni1` (leader) 100." in text
    assert "Reads were served by `patroni2` (replica) 110." in text


def test_the_baseline_has_rate_and_percentiles() -> None:
    text = shown(load(demo_results(), "homework"))
    assert "Baseline without faults: 1 period, 10.0 s in total" in text
    assert "| write | persistent | 200 | 0 | 20 | 2.7 ms | 8.3 ms | 31.4 ms | 162 ms |" in text


def test_failures_are_folded_with_the_server_that_they_reached() -> None:
    failed = FailureGroup("write", "unknown", "answer", None, "no answer by the deadline", "patroni1", 2)
    text = shown(load(demo_results(recordings=(demo_recording(failures=(failed,)),)), "homework"))
    row = "| write | unknown | `patroni1` | waiting for the answer | `no answer by the deadline` | 2 |"
    assert row in text
    assert text.index("<details>") < text.index(row)


def test_replica_lag_is_a_number_with_its_row() -> None:
    assert "at most 0.07 s (`patroni2`) (events 690)" in shown(load(demo_results(), "homework"))
    none = ReplicaLag("patroni2", "bytes", 0, 9, 0, 0, 0, 1)
    text = shown(load(demo_results(recordings=(demo_recording(replica_lags=(none,)),)), "homework"), "ru")
    assert "Отставание реплик под нагрузкой: 0 байт по всем замерам на лидере." in text


def test_lag_that_was_not_observed_is_unknown() -> None:
    assert "Replica lag was not observed." in shown(
        load(demo_results(recordings=(demo_recording(replica_lags=()),)), "drill")
    )


def test_without_load_the_effect_on_an_application_is_unknown() -> None:
    text = shown(load(demo_results(recordings=(demo_recording(totals=(), served=(), baseline=()),)), "homework"))
    assert "There was no load, so the effect on an application is unknown." in text
    assert "Baseline" not in text
