"""The end of the document: provenance, definitions, and the commands that repeat the run."""

from __future__ import annotations

from dataclasses import replace

from reports.analysis.results.whole import FailedCheck
from reports.document.about import about, notes
from tests.unit.document.builders import capture, demo_incident, demo_recording, demo_results, shown


def test_the_definitions_are_those_of_the_phases_that_the_document_has() -> None:
    text = shown(about(demo_results(demo_incident()), "homework"))
    assert "**detection**: from the last acknowledged write" in text
    assert "**quorum loss**" not in text


def test_the_commands_repeat_the_run_on_the_kind_of_cluster_that_was_recorded() -> None:
    assert "observer drill homework --docker" in shown(about(demo_results(), "homework"))
    local = replace(capture(), members=tuple({**one, "host": "127.0.0.1"} for one in capture().members))
    text = shown(about(demo_results(recordings=(demo_recording(captures=(local,)),)), "drill"))
    assert "observer stack up" in text and "docker" not in text
    other = demo_recording(scope="prod", captures=())
    assert "observer drill" not in shown(about(demo_results(recordings=(other,)), "drill"))


def test_the_report_is_made_again_in_its_own_profile() -> None:
    assert "observer report --profile homework" in shown(about(demo_results(), "homework"))
    assert "--profile" not in shown(about(demo_results(), "drill"))


def test_injected_faults_are_declared() -> None:
    assert "The faults were injected on purpose" in shown(about(demo_results(demo_incident()), "drill"))
    assert "injected" not in shown(about(demo_results(demo_incident(injected=())), "drill"))


def test_a_failed_self_check_withdraws_the_claim_that_all_passed() -> None:
    failed = replace(demo_results(), warnings=(FailedCheck("check.leaders_order", {"recording": 1}),))
    assert "self-checks passed" not in shown(about(failed, "drill"))


def test_without_notes_there_is_no_section() -> None:
    assert notes(demo_results(), "drill") is None
