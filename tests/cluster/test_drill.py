"""The drill: it breaks the cluster by script, tells the truth of it, scores the report, and mends what it broke."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stack import health, processes
from stack.settings import PROXY
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

OBSERVER = [sys.executable, "-m", "observer.cli"]


def drill(cluster: Cluster, folder: Path, *scenarios: str) -> subprocess.Popen[str]:
    where = ["--dir", str(cluster.settings.directory), "--db", str(folder / "drill.db")]
    return subprocess.Popen(
        [*OBSERVER, "drill", *scenarios, *where],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_drill_tells_what_it_did_and_ends_with_what_the_report_made_of_it(cluster: Cluster, tmp_path: Path) -> None:
    said, progress = drill(cluster, tmp_path, "proxy-killed").communicate(timeout=200)
    assert "kill haproxy haproxy" in progress
    head, row = said.splitlines()
    assert head.split()[0] == "scenario"
    found = re.fullmatch(r"proxy-killed +proxy\.down +proxy\.down +(\d+\.\d+) +(\d+\.\d+) +0 +right *", row)
    assert found, row
    assert float(found[1]) > 9
    assert cluster.leader
    told = subprocess.run(
        [
            *OBSERVER,
            "query",
            "--db",
            str(tmp_path / "drill.db"),
            "select kind, subject from events where kind like '%.told'",
        ],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "fault.told" in told
    assert "repair.told" in told


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_drill_that_is_interrupted_mends_what_it_broke(
    cluster: Cluster, tmp_path: Path, number: signal.Signals
) -> None:
    running = drill(cluster, tmp_path, "proxy-frozen")
    folder = cluster.settings.folder(PROXY)
    frozen = lambda: any(process.state == "T" for process in processes.of(folder))  # noqa: E731
    eventually(frozen, 90, "HAProxy is frozen")
    running.send_signal(number)
    _, progress = running.communicate(timeout=120)
    assert running.returncode == 130
    assert "mending" in progress
    assert "Traceback" not in progress
    assert not frozen()
    eventually(lambda: health.look(cluster.settings).whole, 60, "the cluster is whole again")


def test_a_drill_without_a_cluster_says_how_to_get_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [*OBSERVER, "drill", "nothing", "--dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 69
    assert done.stderr == f"There is no cluster in {tmp_path} to break; bring one up with `observer stack up`.\n"
