"""The section on HAProxy: ports, pools, checks."""

from __future__ import annotations

from observer.model.recording import Served
from reports.analysis.results.recording import ConnectionLimit, ReadOnlyWrites
from reports.document.proxy import proxy
from tests.unit.document.builders import demo_incident, demo_recording, demo_results, ns, shown

ON_LEADER = Served("read", "fresh", "patroni1", "10.0.0.1:5432", False, 1, 4)


def test_the_servers_own_answers_prove_where_a_port_leads() -> None:
    text = shown(proxy(demo_results(), "homework"))
    assert "| 127.0.0.1:5001 | write | persistent | 100 | 0 |" in text
    assert "| 127.0.0.1:5002 | read | new | 0 | 10 |" in text
    assert "| 127.0.0.1:5001 | `patroni1` | 10.0.0.1:5432 | `f` | 100 |" in text
    assert "This agrees with the homework: 5001 leads to the leader, 5002 to replicas." in text


def test_reads_from_the_leader_contradict_the_homework_and_a_drill_does_not_mention_it() -> None:
    contradicted = demo_results(recordings=(demo_recording(served=(*demo_recording().served, ON_LEADER)),))
    assert "but the leader served 4 of 14 reads on new connections" in shown(proxy(contradicted, "homework"))
    assert "homework" not in shown(proxy(contradicted, "drill"))


def test_the_pools_name_status_check_and_code_of_each_server() -> None:
    text = shown(proxy(demo_results(), "homework"))
    assert "UP at 08:36:08 UTC: `primary` (`patroni1`), `replicas` (`patroni2`) (events 35)." in text
    assert "| `primary` | `patroni2` | patroni2:5432 | DOWN | L7STS | 503 | 22 |" in text


def test_the_rules_of_the_checks_carry_the_numbers_of_the_settings() -> None:
    text = shown(proxy(demo_results(), "homework"))
    assert "DOWN after 3 failed checks and UP after 2 successful ones, with 3,000 ms between checks" in text
    assert "`primary/patroni3` for 19.5 s at most (events 939, 960)" in text


def test_writes_that_a_replica_refused_are_counted_by_incident() -> None:
    refused = (ReadOnlyWrites(1, 148, ("patroni1",), (), {}, 0, (294,)), ReadOnlyWrites(None, 2, (), (), {}, 0, ()))
    text = shown(proxy(demo_results(demo_incident(), recordings=(demo_recording(read_only=refused),)), "homework"))
    assert "150 writes reached a server in recovery" in text
    assert "[incident 1](#incident-1): 148, outside incidents: 2." in text


def test_the_connection_limit_is_mentioned_only_if_it_was_reached() -> None:
    assert "connection limit" not in shown(proxy(demo_results(), "homework"))
    full = demo_recording(connection_limits=(ConnectionLimit("p", 100, 100, ns(15), ns(22.4), 76, 88),))
    text = shown(proxy(demo_results(recordings=(full,)), "homework"))
    assert "HAProxy reached its connection limit (100) once, 7.4 s in total (events 76)." in text


def test_without_load_where_the_ports_lead_was_not_tested() -> None:
    text = shown(proxy(demo_results(recordings=(demo_recording(served=()),)), "homework"))
    assert "where the ports lead was not tested" in text
