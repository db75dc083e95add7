"""Injected faults: each counts once, though the drill and the container engine both report it."""

from __future__ import annotations

from typing import Any

from observer.model.findings import Leadership
from observer.model.recording import Event
from reports.analysis.injected import expected, injected
from tests.unit.recordings import event


def report(at_s: float, source: str, kind: str, component: str, action: str, target: str, **more: Any) -> Event:
    return event(at_s, source, f"{kind}.told", target, component=component, action=action, target=target, **more)


def drill(at_s: float, component: str, action: str, target: str, kind: str = "fault") -> Event:
    return report(at_s, "operator", kind, component, action, target, role="leader")


def engine(at_s: float, component: str, action: str, target: str, kind: str = "fault") -> Event:
    return report(at_s, "docker", kind, component, action, target)


KILLED = drill(10.0, "patroni", "kill", "patroni1")


def test_a_report_of_the_engine_is_the_same_fault_and_the_drill_reports_more() -> None:
    assert injected([KILLED, engine(10.1, "patroni", "kill", "patroni1")]) == [KILLED]
    resumed = drill(20.0, "patroni", "resume", "patroni1", "repair")
    assert injected([resumed, engine(22.5, "patroni", "resume", "patroni1", "repair")]) == [resumed]


def test_a_fault_that_only_the_engine_reports_stays() -> None:
    alone = [
        engine(20.5, "patroni", "kill", "patroni1"),  # a second fault, since it is later
        engine(10.1, "patroni", "kill", "patroni2"),
        engine(10.1, "patroni", "pause", "patroni1"),
        engine(10.1, "network", "kill", "patroni1"),
    ]
    assert injected([KILLED, *alone]) == [KILLED, *alone]


def test_of_two_reports_of_the_engine_only_one_belongs_to_a_fault() -> None:
    words = [engine(10.1, "patroni", "kill", "patroni1"), engine(14.0, "patroni", "kill", "patroni1")]
    assert injected([KILLED, *words]) == [KILLED, words[1]]


def test_a_fault_that_only_the_drill_reports_stays_however_often() -> None:
    twice = [drill(10.0, "postgres", "kill", "patroni1"), drill(10.3, "postgres", "kill", "patroni1")]
    assert injected(twice) == twice


def test_an_event_that_is_no_report_is_no_injected_fault() -> None:
    assert injected([event(10, "docker", "container.ended", "patroni1", component="patroni", exit_code=137)]) == []


def test_a_reboot_is_a_kill_and_a_start_to_the_engine() -> None:
    reboot = drill(10.0, "patroni", "reboot", "patroni1", "repair")
    heard = [engine(9.7, "patroni", "kill", "patroni1"), engine(10.3, "patroni", "start", "patroni1", "repair")]
    assert injected([heard[0], reboot, heard[1]]) == [reboot]


def test_a_fault_that_both_report_is_expected_once_with_the_role_that_the_drill_knows() -> None:
    led = (Leadership("patroni2", 1, 0, None),)
    found = expected([KILLED, engine(10.1, "patroni", "kill", "patroni1")], led, 3)
    assert [dict(one.causes) for one in found] == [{"leader.killed": frozenset({"patroni1"})}]
