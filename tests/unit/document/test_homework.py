"""The homework's questions: each answered from the run, or with the command that would test it."""

from __future__ import annotations

from dataclasses import replace

from reports.analysis.results.evidence import EtcdElection
from reports.analysis.results.recording import Part
from reports.analysis.results.whole import Answer
from reports.homework.section import homework
from tests.unit.document.builders import capture, cost, demo_incident, demo_recording, demo_results, ns, shown, support

PORTS = (("write", 5701), ("read", 5702))


def test_a_question_about_a_fault_has_numbers_and_links() -> None:
    text = shown(homework(demo_results(demo_incident(1), demo_incident(2, write=cost((10, 46)))), "homework"))
    expected = (
        "Writes were down for 26.1–36.0 s; reads were down for 17.2 s on new connections; another member became leader"
    )
    assert f"{expected} (incidents [1](#incident-1), [2](#incident-2))." in text


def test_a_question_without_an_incident_was_not_tested_and_has_the_command() -> None:
    text = shown(homework(demo_results(demo_incident()), "homework"), "ru")
    assert (
        "**Что будет, если выключить реплику?** Не проверялось; чтобы проверить: `docker stop demo-patroni1`." in text
    )


def test_an_outage_that_had_not_ended_is_a_lower_bound() -> None:
    text = shown(homework(demo_results(demo_incident(write=cost((10, 22), open=True))), "homework"))
    assert "Writes were down for at least 12.0 s;" in text


def test_an_effect_that_was_not_observed_is_unknown() -> None:
    text = shown(
        homework(demo_results(demo_incident(write=cost(outage_ns=None), read=cost(outage_ns=None))), "homework")
    )
    assert "The effect on writes is unknown; the effect on reads is unknown;" in text


def test_a_fault_without_a_failure_is_one_sentence() -> None:
    quiet = demo_incident(write=cost(), read=cost(), leader_after="patroni1", timeline_after=1)
    text = shown(homework(demo_results(quiet), "homework"))
    assert "No write and no read failed; the leader stayed (incident [1](#incident-1))." in text


def test_a_leader_that_was_demoted_and_promoted_again_is_told_from_one_that_stayed() -> None:
    again = demo_incident(leader_after="patroni1", timeline_before=4, timeline_after=5)
    text = shown(homework(demo_results(again), "homework"))
    assert "the leader was demoted and promoted again, on a new timeline" in text


def test_resilience_is_not_sufficient_with_one_proxy() -> None:
    text = shown(homework(demo_results(demo_incident(3, "proxy.down", read=cost((10, 20.9)))), "homework"))
    assert "without the only HAProxy the application stopped" in text
    assert "HAProxy is the only way to the database" in shown(homework(demo_results(), "homework"))


def test_interruptions_and_the_recovery_are_counted() -> None:
    text = shown(homework(demo_results(demo_incident()), "homework"))
    assert "of 1 incident, 1 interrupted writes and 0 reads" in text
    assert "After 1 outage the same load process continued by itself." in text


def test_without_load_nothing_is_known_of_the_application() -> None:
    text = shown(homework(demo_results(recordings=(demo_recording(totals=(), served=()),)), "homework"))
    assert text.count("Unknown: there was no load.") == 2


def test_steps_that_no_recording_shows_have_their_commands() -> None:
    text = shown(homework(demo_results(), "homework"))
    assert "Build the image: `cd patroni-master && docker build -t patroni .`." in text
    assert "`python3 traffic-generator.py`" in text


def test_an_outage_that_began_in_an_earlier_incident_is_not_counted_twice() -> None:
    text = shown(homework(demo_results(demo_incident(2, write=cost(within=1))), "homework"))
    assert "Writes were down already;" in text


def test_a_leader_of_etcd_that_failed_has_its_successor_in_the_answer() -> None:
    elected = EtcdElection("etcd2", "etcd3", 2, 3, ns(11), ns(12), 3, None)
    own = demo_incident(cause="etcd.member_down", supporting=support(elections=(elected,)))
    found = replace(demo_results(own), answers=(Answer("etcd_leader", (1,), ()),))
    assert "`etcd3` became etcd's leader, term 3 (incident [1](#incident-1))." in shown(homework(found, "homework"))


def test_repeats_of_which_some_changed_the_leader_claim_neither() -> None:
    same = demo_incident(2, leader_after="patroni1", timeline_after=1)
    text = shown(homework(demo_results(demo_incident(1), same), "homework"))
    assert "another member took over" not in text and "the leader stayed (" not in text


def test_a_drill_has_no_answers() -> None:
    assert homework(demo_results(demo_incident()), "drill") is None


def test_a_cluster_of_processes_has_neither_image_nor_containers_and_names_its_moved_ports() -> None:
    members = tuple({**one, "host": "127.0.0.1"} for one in capture().members)
    parts = tuple(Part("haproxy", name, (), (f"127.0.0.1:{port}",), None, ()) for name, port in PORTS)
    own = demo_recording(captures=(replace(capture(), members=members),), parts=parts)
    text = shown(homework(demo_results(recordings=(own,)), "homework"))
    steps = text[text.index("<details>") :]
    assert "docker" not in steps and "PGPASSWORD" not in steps
    assert "`PORT_PRIMARY=5701 PORT_REPLICAS=5702 python3 traffic-generator.py`" in steps


def test_without_an_address_no_command_of_psql_is_given() -> None:
    text = shown(homework(demo_results(recordings=(demo_recording(settings={}),)), "homework"))
    assert "psql " not in text and "traffic-generator.py" in text


def test_that_nothing_was_interrupted_is_claimed_only_if_all_was_observed() -> None:
    quiet = demo_incident(write=cost(), read=cost())
    assert "Yes: none of 1 incident interrupted writes or reads." in shown(homework(demo_results(quiet), "homework"))
    partly = demo_incident(write=cost(), read=replace(cost(), outage_ns=None))
    text = shown(homework(demo_results(partly), "homework"))
    assert "No interruption was observed, but not everything was observed." in text


def test_a_restart_of_the_load_between_recordings_is_declared() -> None:
    found = demo_results(demo_incident(), recordings=(demo_recording(), demo_recording(id=2)))
    assert "Between the 2 recordings the load was restarted" in shown(homework(found, "homework"))
