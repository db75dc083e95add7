"""The engine's events and logs in a recording while an operator breaks the stack; and the observer as a container."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from tests.docker.recordings import Row, events, recording
from tests.docker.stacks import ROOT, Stack, docker, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

NEAR_S = 0.2
INJECTED = ("fault.told", "repair.told")


@pytest.fixture(scope="module")
def broken(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Row], str, str, float]:
    """Break every kind of member once; give the events, the leaders before and after, and the time of the beginning."""
    stack.wait_healthy()
    prometheus = f'[prometheus]\nurl = "{stack.url("PORT_PROMETHEUS")}"\n'
    with recording(stack, tmp_path_factory.mktemp("injected"), prometheus) as file:
        until("the first reads through the proxy", lambda: any(e.kind == "route.up" for e in events(file)), 30)
        time_s, before = time.time(), stack.leader()
        docker("stop", f"demo-{before}")
        after = until("another leader", lambda: next(iter({stack.leader()} - {before}), None), 60)
        docker("start", f"demo-{before}")
        docker("pause", "demo-etcd1")
        docker("unpause", "demo-etcd1")
        docker("network", "disconnect", "demo_default", "demo-etcd2")
        docker("network", "connect", "--alias", "etcd2", "demo_default", "demo-etcd2")
        docker("kill", "demo-haproxy")
        docker("start", "demo-haproxy")
        docker("restart", "demo-etcd3")
        stack.wait_healthy()
        until("the end of the analysis", lambda: any(e.kind == "dashboards.captured" for e in events(file)), 60)
    return events(file), before, after, time_s


def test_every_action_is_recorded_in_order(broken: tuple[list[Row], str, str, float]) -> None:
    rows, leader, _, _ = broken
    injected = [(e.detail["component"], e.detail["action"], e.subject) for e in rows if e.kind in INJECTED]
    assert injected == [
        ("patroni", "stop", leader),
        ("patroni", "start", leader),
        ("etcd", "pause", "etcd1"),
        ("etcd", "resume", "etcd1"),
        ("etcd", "disconnect", "etcd2"),
        ("etcd", "join", "etcd2"),
        ("haproxy", "kill", "haproxy"),
        ("haproxy", "start", "haproxy"),
        ("etcd", "stop", "etcd3"),
        ("etcd", "start", "etcd3"),
    ]
    ended = [(e.subject, e.detail["exit_code"]) for e in rows if e.kind == "container.ended"]
    assert ended == [(leader, 0), ("haproxy", 137), ("etcd3", 143)]


def test_each_action_is_recorded_within_a_fifth_of_a_second_of_the_engines_event(
    broken: tuple[list[Row], str, str, float],
) -> None:
    rows, _, _, since_s = broken
    wanted = {"kill", "start", "pause", "unpause"}
    span = ("--since", f"{since_s:.3f}", "--until", f"{time.time():.3f}")
    output = docker("events", *span, "--filter", "label=com.docker.compose.project=demo", "--format", "{{json .}}")
    moments = [
        event["timeNano"] / 1e9
        for event in map(json.loads, output.splitlines())
        if event["Type"] == "container" and event["Action"] in wanted
    ]
    recorded = [e.at_s for e in rows if e.kind in INJECTED and e.detail["action"] not in ("disconnect", "join")]
    assert len(recorded) == len(moments)
    late = [at_s - moment_s for at_s, moment_s in zip(recorded, moments, strict=True)]
    print(f"\nrecorded after {min(late) * 1e3:.1f} to {max(late) * 1e3:.1f} ms")
    assert all(-0.05 < late_s < NEAR_S for late_s in late), late


def test_the_decisive_log_lines_are_recorded_with_their_member(broken: tuple[list[Row], str, str, float]) -> None:
    rows, before, after, _ = broken
    lines = [(e.subject, e.detail["says"]) for e in rows if e.kind == "log.told"]
    assert (before, "shutdown_asked") in lines
    assert (after, "promoted") in lines


def test_the_panels_with_data_are_recorded_for_each_incident_and_for_the_whole_recording(
    broken: tuple[list[Row], str, str, float],
) -> None:
    rows, _, _, _ = broken
    captured = [e for e in rows if e.kind == "dashboards.captured"]
    assert len(captured) >= 2
    total = captured[-1].detail
    assert total["from_ns"] == 0
    with_data = {panel["board"] for panel in total["panels"] if panel["data"]}
    assert len(with_data) >= 3, "all except the observer's own, which is not scraped here"
    assert not [e for e in rows if e.source == "prometheus" and e.kind == "source.blind"]


# The observer as a container, with a cluster like the one of the course.

COURSE = ("docker", "compose", "-p", "course", "-f", "stack/compose.yaml", "-f", "tests/docker/course.yaml")
NODES = ("etcd1", "etcd2", "etcd3", "patroni1", "patroni2", "patroni3", "haproxy")
REVERSED = {
    "OBSERVER_TRAFFIC_WRITE": "host=haproxy port=5002 user=postgres password=postgres",
    "OBSERVER_TRAFFIC_READ": "host=haproxy port=5001 user=postgres password=postgres",
}


class Course:
    """A cluster that publishes only HAProxy, and commands of an observer in its network."""

    def __init__(self, folder: Path) -> None:
        self._environment = {
            **os.environ,
            "SUBNET": "10.77.54",
            "RECORDING": str(folder),
            "COMPOSE_PROFILES": "observer",
        }

    def compose(self, *arguments: str, code: int | None = 0) -> str:
        done = subprocess.run(
            [*COURSE, *arguments],
            cwd=ROOT,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def report(self) -> dict[str, Any]:
        command = [*COURSE, "run", "--rm", "-T", "observer", "report", "--format", "json"]
        done = subprocess.run(command, cwd=ROOT, env=self._environment, capture_output=True, timeout=120, check=True)
        report: dict[str, Any] = json.loads(done.stdout)
        return report

    def leader(self) -> str | None:
        found = json.loads(self.compose("exec", "-T", "patroni1", "patronictl", "list", "-f", "json"))
        streaming = [member for member in found if member["State"] == "streaming"]
        leaders = [str(member["Member"]) for member in found if member["Role"] == "Leader"]
        return leaders[0] if leaders and len(streaming) == 2 else None


@pytest.fixture(scope="module")
def course(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Course]:
    try:
        docker("image", "inspect", "observer")
    except subprocess.SubprocessError:
        pytest.skip("no image `observer`; `make test-docker` builds it")
    course = Course(tmp_path_factory.mktemp("recording"))
    course.compose("up", "-d", *NODES)
    try:

        def leader() -> str | None:
            try:
                return course.leader()
            except (AssertionError, ValueError):
                return None

        until("a leader with two replicas", leader, 120)
        until("HAProxy's pools", lambda: "ERROR  traffic's ports" in doctor(course, REVERSED), 60)
        yield course
    finally:
        course.compose("down", "-v", "--timeout", "3", code=None)


def doctor(course: Course, environment: dict[str, str]) -> str:
    more = [word for name, value in environment.items() for word in ("-e", f"{name}={value}")]
    return course.compose(
        "run", "--rm", "-T", *more, "-e", "OBSERVER_TRAFFIC_WORKLOAD=probe", "observer", "doctor", code=None
    )


def test_the_doctor_finds_the_members_through_etcd_and_the_role_behind_each_port(course: Course) -> None:
    swapped = doctor(course, REVERSED)
    assert "3 members" in swapped
    assert "write leads to a replica, read to the primary" in swapped
    correct = doctor(course, {})
    assert "traffic's ports" not in correct
    assert "haproxy:5001/postgres: the primary" in correct
    assert "haproxy:5002/postgres: a replica" in correct


def test_a_kill_is_recorded_and_named_although_no_address_of_a_container_is_published(course: Course) -> None:
    published = docker("ps", "--filter", "label=com.docker.compose.project=course", "--format", "{{.Names}} {{.Ports}}")
    assert {line.split()[0] for line in published.splitlines() if "->" in line} == {"course-haproxy-1"}
    course.compose("run", "-d", "--name", "course-observer", "-e", "OBSERVER_TRAFFIC_WORKLOAD=probe", "observer")
    try:

        def count(rows: str) -> int:
            output = docker(
                "exec", "course-observer", "observer", "query", f"select count(*) as n from {rows}", "--format", "json"
            )
            return int(json.loads(output)[0]["n"])

        until("fifty writes", lambda: count("operations where action = 'write' and outcome = 'ok'") > 50, 30)
        old = course.leader()
        docker("exec", "course-observer", "observer", "mark", "a kill")
        docker("kill", f"course-{old}-1")
        until("an analyzed outage", lambda: count("judged_outages where action = 'write'") > 0, 120)
        docker("stop", "--time", "60", "course-observer")
    finally:
        subprocess.run(["docker", "logs", "--tail", "60", "course-observer"], check=False)
        docker("rm", "--force", "course-observer")
    report = course.report()
    [incident] = report["incidents"]
    assert incident["target"] == old
    # The address of a killed container disappears some 10 ms after its processes. Without a poll in between, this looks
    # like a host that lost its power, which no source can distinguish from an unreachable one.
    assert incident["cause"] in ("leader.killed", "leader.unreachable")
    timeline = course.compose("run", "--rm", "-T", "observer", "timeline")
    assert f"injected fault: patroni kill {old}" in timeline


def test_haproxy_of_the_course_has_swapped_ports_on_the_host(course: Course) -> None:
    def in_recovery(port: int) -> bool:
        with psycopg2.connect(f"host=127.0.0.1 port={port} user=postgres password=postgres connect_timeout=3") as one:
            cursor = one.cursor()
            cursor.execute("select pg_is_in_recovery()")
            return cursor.fetchone() == (True,)

    until("swapped ports", lambda: (in_recovery(15001), in_recovery(15002)) == (True, False), 60)
