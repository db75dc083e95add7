"""The drill: it breaks the cluster by script, tells the truth of it, scores the report, and mends what it broke."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from stack import processes
from stack.settings import PROXY
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

OBSERVER = [sys.executable, "-m", "observer.cli"]
LIMIT_S = 400  # it waits up to 180 s for calm, before and after


@contextmanager
def drill(cluster: Cluster, folder: Path, *scenarios: str) -> Iterator[subprocess.Popen[str]]:
    """A drill at work; ended in order, so that it breaks no other test's cluster, where this one fails."""
    where = ["--dir", str(cluster.settings.directory), "--db", str(folder / "drill.db")]
    running = subprocess.Popen(
        [*OBSERVER, "drill", *scenarios, *where],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield running
    finally:
        if running.poll() is None:
            running.send_signal(signal.SIGINT)
            print("the drill said:", *running.communicate(timeout=LIMIT_S), sep="\n")


def test_a_drill_tells_what_it_did_and_ends_with_what_the_report_made_of_it(cluster: Cluster, tmp_path: Path) -> None:
    with drill(cluster, tmp_path, "proxy-killed") as running:
        said, progress = running.communicate(timeout=LIMIT_S)
    assert "kill haproxy haproxy" in progress
    assert len(said.splitlines()) == 2, said + progress
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
    folder = cluster.settings.folder(PROXY)
    frozen = lambda: any(process.state == "T" for process in processes.of(folder))  # noqa: E731
    with drill(cluster, tmp_path, "proxy-frozen") as running:
        eventually(frozen, 200, "HAProxy is frozen")
        running.send_signal(number)
        _, progress = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 130
    assert "repairing" in progress
    assert "Traceback" not in progress
    assert not frozen()
    cluster.healthy()


def test_a_drill_without_a_cluster_says_how_to_get_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [*OBSERVER, "drill", "nothing", "--dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 69
    assert done.stderr == f"There is no cluster in {tmp_path} to break; start one with `observer stack up`.\n"
