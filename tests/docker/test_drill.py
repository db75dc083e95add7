"""The drill in Docker: it runs scripted faults on containers, records each once, scores the report, and repairs."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.docker.recordings import OBSERVER, Row, events
from tests.docker.stacks import Stack, docker, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

SCENARIOS = ("leader-killed", "postgres-crashed", "replica-disconnected", "proxy-stopped", "patroni-killed")
NEAR_S = 0.2
INJECTED = ("fault.told", "repair.told")


@dataclass(frozen=True)
class Drilled:
    """The table of a drill, its progress messages, and its recording."""

    table: list[str]
    progress: str
    file: Path

    def injected(self, source: str) -> list[Row]:
        return [row for row in events(self.file) if row.kind in INJECTED and row.source == source]


def drill(folder: Path, *scenarios: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [OBSERVER, "drill", "--docker", *scenarios],
        cwd=folder,
        env={**os.environ, "COMPOSE_PROJECT_NAME": "demo"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def drilled(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Drilled:
    stack.wait_healthy()
    folder = tmp_path_factory.mktemp("drill")
    table, progress = drill(folder, *SCENARIOS).communicate(timeout=500)
    print(table, progress)
    return Drilled(table.splitlines(), progress, folder / "observer.db")


@pytest.mark.parametrize(
    ("scenario", "cause"),
    [
        ("leader-killed", "leader.killed"),
        ("postgres-crashed", "postgres.crashed"),
        ("replica-disconnected", "replica.unreachable"),
        ("proxy-stopped", "proxy.down"),
    ],
)
def test_the_report_finds_the_cause_of_each_scenario(drilled: Drilled, scenario: str, cause: str) -> None:
    (row,) = [line.split() for line in drilled.table if line.startswith(f"{scenario} ")]
    assert (row[1], row[2], row[-1]) == (cause, cause, "right")


def test_a_scenario_that_containers_cannot_run_is_skipped_with_the_reason(drilled: Drilled) -> None:
    assert "Skipping patroni-killed: a container ends with its Patroni" in drilled.progress
    assert not [line for line in drilled.table if line.startswith("patroni-killed")]


def test_a_fault_is_recorded_within_a_fifth_of_a_second_before_the_end_of_its_container(drilled: Drilled) -> None:
    faults = [row for row in drilled.injected("operator") if row.detail["action"] in ("kill", "stop")]
    late = {}
    for row in faults:
        if row.detail["component"] != "postgres":
            ended = docker("inspect", "--format", "{{.State.FinishedAt}}", f"demo-{row.subject}").strip()
            late[row.subject] = datetime.fromisoformat(ended).timestamp() - row.at_s
    print(f"\nthe containers ended {', '.join(f'{late_s * 1e3:.0f}' for late_s in late.values())} ms later")
    assert len(late) == 2
    assert all(0 <= late_s < NEAR_S for late_s in late.values()), late


def test_each_action_is_in_the_report_once(drilled: Drilled) -> None:
    command = [str(OBSERVER), "report", "--format", "json", "--db", str(drilled.file)]
    report: dict[str, Any] = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    actions = [
        [(one["detail"]["component"], one["detail"]["action"]) for one in incident["told"]]
        for incident in report["incidents"]
    ]
    assert actions == [
        [("patroni", "kill"), ("patroni", "start")],
        [("postgres", "kill")],
        [("network", "disconnect"), ("network", "join")],
        [("haproxy", "stop"), ("haproxy", "start")],
    ]


def test_a_disconnected_node_is_back_in_the_network_with_its_address_and_name(drilled: Drilled, stack: Stack) -> None:
    (joined,) = [row for row in drilled.injected("operator") if row.detail["action"] == "join"]
    (network,) = json.loads(docker("inspect", f"demo-{joined.subject}"))[0]["NetworkSettings"]["Networks"].values()
    assert network["IPAddress"] == network["IPAMConfig"]["IPv4Address"]
    assert joined.subject in network["Aliases"]
    assert joined.subject in stack.replicas()


@pytest.mark.parametrize(
    ("scenario", "number", "broken"),
    [
        ("proxy-frozen", signal.SIGINT, "{{.State.Paused}}"),
        ("replica-disconnected", signal.SIGTERM, "{{not .NetworkSettings.Networks}}"),
    ],
)
def test_an_interrupted_drill_repairs_the_cluster(
    healthy: Stack, tmp_path: Path, scenario: str, number: signal.Signals, broken: str
) -> None:
    names = ("demo-haproxy", "demo-patroni1", "demo-patroni2", "demo-patroni3")

    def is_broken() -> bool:
        return "true" in docker("inspect", "--format", broken, *names)

    running = drill(tmp_path, scenario)
    until(f"{scenario} is played", is_broken, 60)
    running.send_signal(number)
    _, progress = running.communicate(timeout=200)
    assert running.returncode == 130, progress
    assert "repairing" in progress
    assert "Traceback" not in progress
    assert not is_broken()
    healthy.wait_healthy()
