"""The homework's questions: each answered from the run, or with the command that would test it."""

from __future__ import annotations

from reports.homework.section import homework
from tests.unit.document.builders_cluster import cost, incident, recording, results, shown


def test_a_question_about_a_fault_has_numbers_and_links() -> None:
    text = shown(homework(results(incident(1), incident(2, write=cost(36.0))), "homework"))
    assert "Tested twice ([incident 1](#incident-1), [incident 2](#incident-2))." in text
    assert "Writes were down for 26.1 s to 36.0 s." in text
    assert "Reads on persistent connections went on, on new ones they were down for 17.2 s." in text
    assert "New leader: `patroni2`, `patroni2`." in text


def test_a_question_without_an_incident_was_not_tested_and_has_the_command() -> None:
    text = shown(homework(results(incident()), "homework"), "ru")
    assert "**Что если выключить реплику?** Не проверялось; чтобы проверить: `docker stop demo-patroni1`." in text


def test_an_outage_that_had_not_ended_is_a_lower_bound() -> None:
    text = shown(homework(results(incident(write=cost(12.0, open=True))), "homework"))
    assert "Writes were down for at least 12.0 s." in text


def test_an_effect_that_was_not_observed_is_unknown() -> None:
    text = shown(homework(results(incident(write=cost(None), read=cost(None))), "homework"))
    assert "The effect on writes is unknown. The effect on reads is unknown." in text


def test_a_fault_without_a_failure_is_one_sentence() -> None:
    quiet = incident(write=cost(), read=cost(), leader_after="patroni1", timeline_after=1)
    text = shown(homework(results(quiet), "homework"))
    assert "Neither writes nor reads were interrupted; none failed. The leader stayed the same." in text


def test_a_leader_that_was_demoted_and_promoted_again_is_told_from_one_that_stayed() -> None:
    again = incident(leader_after="patroni1", timeline_before=4, timeline_after=5)
    text = shown(homework(results(again), "homework"))
    assert "The leader was demoted and promoted again, on a new timeline." in text


def test_resilience_is_not_sufficient_with_one_proxy() -> None:
    text = shown(homework(results(incident(3, "proxy.down", read=cost(10.9))), "homework"))
    assert "Reads were down for 10.9 s. It is not sufficient: without the only HAProxy the application stopped" in text
    assert "HAProxy is the only way to the database" in shown(homework(results(), "homework"))


def test_the_longest_outage_and_the_recovery_are_named() -> None:
    text = shown(homework(results(incident()), "homework"))
    assert "of 1 incident 1 interrupted writes and 0 interrupted reads" in text
    assert "The longest outage of writes was 26.1 s ([incident 1](#incident-1))." in text
    assert "After 1 outage the same load process resumed by itself." in text


def test_without_load_nothing_is_known_of_the_application() -> None:
    text = shown(homework(results(recordings=(recording(totals=(), served=()),)), "homework"))
    assert text.count("Unknown: there was no load.") == 2


def test_steps_that_no_recording_shows_have_their_commands() -> None:
    text = shown(homework(results(), "homework"))
    assert "Build the image: `cd patroni-master && docker build -t patroni .`." in text
    assert "`python3 traffic-generator.py`" in text


def test_an_outage_that_began_in_an_earlier_incident_is_not_counted_twice() -> None:
    text = shown(homework(results(incident(2, write=cost(0.0, within=1))), "homework"))
    assert "Writes were down before it already." in text


def test_a_drill_has_no_answers() -> None:
    assert homework(results(incident()), "drill") is None
