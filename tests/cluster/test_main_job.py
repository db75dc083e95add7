"""The main job: cause and outage of a killed, stopped or replaced leader, compared with an independent probe."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from benchmarks.accuracy.probe import Gap, Probe, gaps, lateness_s
from stack import faults
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

RATE_PER_S = 20
OBSERVER = [sys.executable, "-m", "observer.cli"]
LIMIT_S = 180
# How far two probes may differ on a machine that keeps up; `tolerance_s` adds how late this machine was.
TOLERANCE_S = 2 / RATE_PER_S + 0.25


@dataclass(frozen=True)
class Result:
    """The report on the one incident, the gaps of the probe, the old leader, and the tokens in the table."""

    facts: dict[str, Any]
    gaps: list[Gap]
    tolerance_s: float
    old: str
    tokens: set[str]

    @property
    def incident(self) -> dict[str, Any]:
        assert len(self.facts["incidents"]) == 1, [i["cause"] for i in self.facts["incidents"]]
        incident: dict[str, Any] = self.facts["incidents"][0]
        return incident


def record(cluster: Cluster, folder: Path, inject: Callable[[str], object]) -> Result:
    """Record while the probe writes too, inject a fault, and wait until the incident is over."""
    config = cluster.write_observer_toml(folder / "observer.toml")
    old = cluster.leader
    with Probe(cluster.write_dsn, folder / "probe.jsonl") as probe, (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([*OBSERVER, "start", "-c", str(config), "--plain"], stderr=log)
        try:
            eventually(lambda: query(config, "select 1 from operations limit 1 offset 200"), LIMIT_S, "it records")
            eventually(lambda: sum(a.ok for a in probe.attempts) > 300, LIMIT_S, "the probe writes")
            inject(old)
            eventually(lambda: cluster.leader != old, LIMIT_S, "another leads")
            # The analysis closes an incident after five seconds without a failure; only then is it in the file.
            over = "select * from incidents where leader_after <> leader_before and not write_open"
            eventually(
                lambda: query(config, over), LIMIT_S, "it is over", lambda: query(config, "select * from incidents")
            )
        finally:
            stopped = subprocess.run([*OBSERVER, "stop", "-c", str(config)], capture_output=True, text=True)
            assert daemon.wait(LIMIT_S) == 0, stopped.stderr
    report = subprocess.run(
        [*OBSERVER, "report", "-c", str(config), "--format", "json"], capture_output=True, text=True
    )
    assert report.returncode == 0, report.stderr
    tolerance_s = TOLERANCE_S + lateness_s(probe.attempts)
    return Result(json.loads(report.stdout), gaps(probe.attempts), tolerance_s, old, tokens_in_table(cluster))


def query(config: Path, sql: str) -> list[dict[str, Any]]:
    """Return rows of the running recording; an empty list if there is none yet."""
    done = subprocess.run(
        [*OBSERVER, "query", "-c", str(config), "--format", "json", sql], capture_output=True, text=True
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return rows


def tokens_in_table(cluster: Cluster) -> set[str]:
    """Return the tokens in the table, read from the leader directly."""
    dsn = cluster.settings.dsn(cluster.settings.postgres_port(cluster.leader))
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select event_name from events where event_name like 'observer %'")
        return {row[0].removeprefix("observer ") for row in cursor.fetchall()}


def phases_s(incident: dict[str, Any], names: Sequence[str]) -> float:
    return sum(float(phase["seconds"]) for phase in incident["phases"] if phase["name"] in names)


def check_leader_timeline_and_losses(result: Result) -> None:
    incident = result.incident
    assert incident["confidence"] == "high"
    assert incident["leader"]["before"] == result.old
    assert incident["leader"]["timeline_after"] == incident["leader"]["timeline_before"] + 1
    assert result.facts["warnings"] == []
    durability = result.facts["durability"]
    assert durability["unaudited"] == 0
    lost = {write["token"] for write in durability["lost_writes"]}
    assert not lost & result.tokens, "reported as lost, though the table has it"
    assert durability["acknowledged"] - len(lost) <= len(result.tokens), "counted as present, though the table lacks it"


def test_the_report_names_a_killed_leader_and_its_outage_matches_the_probe(cluster: Cluster, tmp_path: Path) -> None:
    result = record(cluster, tmp_path, lambda old: faults.kill(cluster.settings, old))
    check_leader_timeline_and_losses(result)
    incident = result.incident
    assert (incident["cause"], incident["target"]) == ("leader.killed", result.old)
    assert incident["leader"]["after"] == cluster.leader
    assert incident["write"]["outage_s"] == pytest.approx(
        sum(gap.seconds for gap in result.gaps), abs=result.tolerance_s
    )
    summed = phases_s(incident, ("detection", "election", "promotion", "routing", "recovery"))
    assert summed == pytest.approx(incident["write"]["outage_s"], abs=0.001 * len(incident["phases"]))


def test_a_cleanly_stopped_leader_costs_much_less_than_its_lease(cluster: Cluster, tmp_path: Path) -> None:
    result = record(cluster, tmp_path, lambda old: faults.stop(cluster.settings, old))
    check_leader_timeline_and_losses(result)
    incident = result.incident
    assert (incident["cause"], incident["target"]) == ("leader.stopped", result.old)
    assert incident["write"]["outage_s"] == pytest.approx(
        sum(gap.seconds for gap in result.gaps), abs=result.tolerance_s
    )
    # HAProxy's checks add the same time after every change of leader; they do not depend on the lease.
    without_primary_s = phases_s(incident, ("detection", "election", "promotion"))
    assert without_primary_s < cluster.settings.ttl_s - cluster.settings.loop_wait_s


def test_the_request_distinguishes_a_switchover_from_a_failover(cluster: Cluster, tmp_path: Path) -> None:
    candidate = cluster.replicas[0]
    result = record(cluster, tmp_path, lambda old: faults.switchover(cluster.settings, old, candidate))
    check_leader_timeline_and_losses(result)
    incident = result.incident
    assert incident["cause"] == "switchover"
    assert incident["leader"]["after"] == candidate
    assert incident["write"]["outage_s"] == pytest.approx(
        sum(gap.seconds for gap in result.gaps), abs=result.tolerance_s
    )
