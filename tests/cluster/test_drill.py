"""The drill: it runs scripted faults, records what it did, scores the report, and repairs the cluster."""

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
LIMIT_S = 400  # the drill waits up to 180 s for a healthy cluster, before and after


@contextmanager
def drill(cluster: Cluster, folder: Path, *scenarios: str) -> Iterator[subprocess.Popen[str]]:
    """Run a drill; stop it cleanly if the test fails, so that it does not break the cluster of other tests."""
    options = ["--dir", str(cluster.settings.directory), "--db", str(folder / "drill.db")]
    running = subprocess.Popen(
        [*OBSERVER, "drill", *scenarios, *options],
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
            print("output of the drill:", *running.communicate(timeout=LIMIT_S), sep="\n")


def test_a_drill_records_what_it_did_and_prints_what_the_report_concluded(cluster: Cluster, tmp_path: Path) -> None:
    with drill(cluster, tmp_path, "proxy-killed") as running:
        table, progress = running.communicate(timeout=LIMIT_S)
    assert "kill haproxy haproxy" in progress
    assert len(table.splitlines()) == 2, table + progress
    head, row = table.splitlines()
    assert head.split()[0] == "scenario"
    found = re.fullmatch(r"proxy-killed +proxy\.down +proxy\.down +(\d+\.\d+) +(\d+\.\d+) +0 +right *", row)
    assert found, row
    assert float(found[1]) > 9
    assert cluster.leader
    kinds = subprocess.run(
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
    assert "fault.told" in kinds
    assert "repair.told" in kinds


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_drill_repairs_the_cluster(cluster: Cluster, tmp_path: Path, number: signal.Signals) -> None:
    folder = cluster.settings.folder(PROXY)

    def frozen() -> bool:
        return any(process.state == "T" for process in processes.of(folder))

    with drill(cluster, tmp_path, "proxy-frozen") as running:
        eventually(frozen, 200, "HAProxy is frozen")
        running.send_signal(number)
        _, progress = running.communicate(timeout=LIMIT_S)
    assert running.returncode == 130
    assert "repairing" in progress
    assert "Traceback" not in progress
    assert not frozen()
    cluster.healthy()


def test_without_a_cluster_the_error_says_how_to_start_one(tmp_path: Path) -> None:
    done = subprocess.run(
        [*OBSERVER, "drill", "nothing", "--dir", str(tmp_path)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 69
    assert done.stderr == f"There is no cluster in {tmp_path} to break; start one with `observer stack up`.\n"
