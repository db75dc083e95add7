"""What the engine and its logs tell while the stack is broken by hand; and the observer as a container."""

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
TOLD = ("fault.told", "repair.told")


@pytest.fixture(scope="module")
def broken(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[list[Row], str, str, float]]:
    """What stands in the file after everything was broken once: events, leaders before and after, the beginning."""
    stack.whole()
    prometheus = f'[prometheus]\nurl = "{stack.url("PORT_PROMETHEUS")}"\n'
    with recording(stack, tmp_path_factory.mktemp("told"), prometheus) as file:
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
        stack.whole()
        until("the judge's word", lambda: any(e.kind == "dashboards.captured" for e in events(file)), 60)
    yield events(file), before, after, time_s


def test_what_was_done_is_told_in_order(broken: tuple[list[Row], str, str, float]) -> None:
    rows, leader, _, _ = broken
    told = [(e.detail["component"], e.detail["action"], e.subject) for e in rows if e.kind in TOLD]
    assert told == [
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


def test_each_is_told_within_a_fifth_of_a_second_of_what_the_engine_says(
    broken: tuple[list[Row], str, str, float],
) -> None:
    rows, _, _, since_s = broken
    wanted = {"kill", "start", "pause", "unpause"}
    span = ("--since", f"{since_s:.3f}", "--until", f"{time.time():.3f}")
    said = docker("events", *span, "--filter", "label=com.docker.compose.project=demo", "--format", "{{json .}}")
    moments = [
        event["timeNano"] / 1e9
        for event in map(json.loads, said.splitlines())
        if event["Type"] == "container" and event["Action"] in wanted
    ]
    told = [e.at_s for e in rows if e.kind in TOLD and e.detail["action"] not in ("disconnect", "join")]
    assert len(told) == len(moments)
    late = [told_s - moment_s for told_s, moment_s in zip(told, moments, strict=True)]
    print(f"\ntold after {min(late) * 1e3:.1f} to {max(late) * 1e3:.1f} ms")
    assert all(-0.05 < late_s < NEAR_S for late_s in late), late


def test_the_lines_that_decide_are_told_of_who_wrote_them(broken: tuple[list[Row], str, str, float]) -> None:
    rows, before, after, _ = broken
    said = [(e.subject, e.detail["says"]) for e in rows if e.kind == "log.told"]
    assert (before, "shutdown_asked") in said
    assert (after, "promoted") in said


def test_the_panels_that_had_data_are_told_of_each_incident_and_of_the_whole(
    broken: tuple[list[Row], str, str, float],
) -> None:
    rows, _, _, _ = broken
    captured = [e for e in rows if e.kind == "dashboards.captured"]
    assert len(captured) >= 2
    whole = captured[-1].detail
    assert whole["from_ns"] == 0
    with_data = {panel["board"] for panel in whole["panels"] if panel["data"]}
    assert len(with_data) >= 3, "all but the observer's own, which nobody scrapes here"
    assert not [e for e in rows if e.source == "prometheus" and e.kind == "source.blind"]


# The observer as a container, beside a cluster like the course's own.

COURSE = ("docker", "compose", "-p", "course", "-f", "stack/compose.yaml", "-f", "tests/docker/course.yaml")
NODES = ("etcd1", "etcd2", "etcd3", "patroni1", "patroni2", "patroni3", "haproxy")
REVERSED = {
    "OBSERVER_TRAFFIC_WRITE": "host=haproxy port=5002 user=postgres password=postgres",
    "OBSERVER_TRAFFIC_READ": "host=haproxy port=5001 user=postgres password=postgres",
}


class Course:
    """A cluster that publishes nothing but HAProxy, and commands of an observer attached to its network."""

    def __init__(self, folder: Path) -> None:
        self._told = {**os.environ, "SUBNET": "10.77.54", "RECORDING": str(folder), "COMPOSE_PROFILES": "observer"}

    def compose(self, *arguments: str, code: int | None = 0) -> str:
        done = subprocess.run(
            [*COURSE, *arguments], cwd=ROOT, env=self._told, capture_output=True, text=True, timeout=180, check=False
        )
        assert code in (None, done.returncode), done.stdout + done.stderr
        return done.stdout + done.stderr

    def report(self) -> dict[str, Any]:
        words = [*COURSE, "run", "--rm", "-T", "observer", "report", "--format", "json"]
        done = subprocess.run(words, cwd=ROOT, env=self._told, capture_output=True, timeout=120, check=True)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

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

        def led() -> str | None:
            try:
                return course.leader()
            except (AssertionError, ValueError):
                return None

        until("a leader with two replicas", led, 120)
        until("HAProxy's pools", lambda: "BAD   traffic's ports" in doctor(course, REVERSED), 60)
        yield course
    finally:
        course.compose("down", "-v", "--timeout", "3", code=None)


def doctor(course: Course, told: dict[str, str]) -> str:
    more = [word for name, value in told.items() for word in ("-e", f"{name}={value}")]
    return course.compose(
        "run", "--rm", "-T", *more, "-e", "OBSERVER_TRAFFIC_WORKLOAD=probe", "observer", "doctor", code=None
    )


def test_its_members_are_found_through_etcd_and_the_ports_are_told_for_what_they_are(course: Course) -> None:
    said = doctor(course, REVERSED)
    assert "3 members" in said
    assert "write leads to a replica, read to the primary" in said
    straight = doctor(course, {})
    assert "traffic's ports" not in straight
    assert "haproxy:5001/postgres: the primary" in straight
    assert "haproxy:5002/postgres: a replica" in straight


def test_no_address_of_a_container_is_published_and_yet_a_kill_is_recorded_and_named(course: Course) -> None:
    published = docker("ps", "--filter", "label=com.docker.compose.project=course", "--format", "{{.Names}} {{.Ports}}")
    assert {line.split()[0] for line in published.splitlines() if "->" in line} == {"course-haproxy-1"}
    course.compose("run", "-d", "--name", "course-observer", "-e", "OBSERVER_TRAFFIC_WORKLOAD=probe", "observer")
    try:

        def count(rows: str) -> int:
            said = docker(
                "exec", "course-observer", "observer", "query", f"select count(*) as n from {rows}", "--format", "json"
            )
            return int(json.loads(said)[0]["n"])

        until("fifty writes", lambda: count("operations where action = 'write' and outcome = 'ok'") > 50, 30)
        old = course.leader()
        docker("exec", "course-observer", "observer", "mark", "a kill")
        docker("kill", f"course-{old}-1")
        until("an outage that was judged", lambda: count("judged_outages where action = 'write'") > 0, 120)
        docker("stop", "--time", "60", "course-observer")
    finally:
        subprocess.run(["docker", "logs", "--tail", "60", "course-observer"], check=False)
        docker("rm", "--force", "course-observer")
    report = course.report()
    [incident] = report["incidents"]
    assert incident["target"] == old
    # The address of a killed container goes some hundredths of a second after its processes. Where no look fell
    # between, it is as with a host that lost its power: nobody can tell that from one that cannot be reached.
    assert incident["cause"] in ("leader.killed", "leader.unreachable")
    told = course.compose("run", "--rm", "-T", "observer", "timeline")
    assert f"injected fault: patroni kill {old}" in told


def test_haproxy_of_the_course_is_the_other_way_round_on_the_host(course: Course) -> None:
    def in_recovery(port: int) -> bool:
        with psycopg2.connect(f"host=127.0.0.1 port={port} user=postgres password=postgres connect_timeout=3") as one:
            cursor = one.cursor()
            cursor.execute("select pg_is_in_recovery()")
            return bool(cursor.fetchone()[0])

    until("reversed ports", lambda: (in_recovery(15001), in_recovery(15002)) == (True, False), 60)
