"""The main job: a leader killed, stopped or handed over, told from the timeline and held to another witness."""

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
# What two witnesses agree within on a machine that keeps up (DESIGN, section 7); `agree_s` adds how far it did not.
AGREE_S = 2 / RATE_PER_S + 0.25


@dataclass(frozen=True)
class Story:
    """What the report says of the one incident, and what the probe saw."""

    facts: dict[str, Any]
    gaps: list[Gap]
    agree_s: float
    old: str
    held: set[str]

    @property
    def incident(self) -> dict[str, Any]:
        assert len(self.facts["incidents"]) == 1, [i["cause"] for i in self.facts["incidents"]]
        incident: dict[str, Any] = self.facts["incidents"][0]
        return incident


def record(cluster: Cluster, folder: Path, break_it: Callable[[str], object]) -> Story:
    """Records while the probe writes beside, breaks the cluster, and waits until both write again for a while."""
    config = cluster.write_observer_toml(folder / "observer.toml")
    old = cluster.leader
    with Probe(cluster.write_dsn, folder / "probe.jsonl") as probe, (folder / "log").open("wb") as log:
        daemon = subprocess.Popen([*OBSERVER, "start", "-c", str(config), "--plain"], stderr=log)
        try:
            eventually(lambda: query(config, "select 1 from operations limit 1 offset 200"), LIMIT_S, "it records")
            eventually(lambda: sum(a.ok for a in probe.attempts) > 300, LIMIT_S, "the probe writes")
            break_it(old)
            eventually(lambda: cluster.leader != old, LIMIT_S, "another leads")
            # The judge closes an incident after five quiet seconds; only then is it in the file.
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
    agree_s = AGREE_S + lateness_s(probe.attempts)
    return Story(json.loads(report.stdout), gaps(probe.attempts), agree_s, old, tokens_held(cluster))


def query(config: Path, sql: str) -> list[dict[str, Any]]:
    """Rows of the running recording; none while there is none."""
    done = subprocess.run(
        [*OBSERVER, "query", "-c", str(config), "--format", "json", sql], capture_output=True, text=True
    )
    rows: list[dict[str, Any]] = json.loads(done.stdout) if done.returncode == 0 else []
    return rows


def tokens_held(cluster: Cluster) -> set[str]:
    """The tokens that the table holds, asked of the leader directly."""
    dsn = cluster.settings.dsn(cluster.settings.postgres_port(cluster.leader))
    with closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select event_name from events where event_name like 'observer %'")
        return {row[0].removeprefix("observer ") for row in cursor.fetchall()}


def phases_of(incident: dict[str, Any], names: Sequence[str]) -> float:
    return sum(phase["seconds"] for phase in incident["phases"] if phase["name"] in names)


def check_what_always_holds(story: Story) -> None:
    incident = story.incident
    assert incident["confidence"] == "high"
    assert incident["leader"]["before"] == story.old
    assert incident["leader"]["timeline_after"] == incident["leader"]["timeline_before"] + 1
    assert story.facts["warnings"] == []
    durability = story.facts["durability"]
    assert durability["unaudited"] == 0
    lost = {write["token"] for write in durability["lost_writes"]}
    assert not lost & story.held, "told as lost, though the table holds it"
    assert durability["acknowledged"] - len(lost) <= len(story.held), "counted as there, though the table lacks it"


def test_a_killed_leader_is_named_and_its_outage_is_what_an_independent_probe_saw(
    cluster: Cluster, tmp_path: Path
) -> None:
    story = record(cluster, tmp_path, lambda old: faults.kill(cluster.settings, old))
    check_what_always_holds(story)
    incident = story.incident
    assert (incident["cause"], incident["target"]) == ("leader.killed", story.old)
    assert incident["leader"]["after"] == cluster.leader
    assert incident["write"]["outage_s"] == pytest.approx(sum(gap.seconds for gap in story.gaps), abs=story.agree_s)
    summed = phases_of(incident, ("detection", "election", "promotion", "routing", "recovery"))
    assert summed == pytest.approx(incident["write"]["outage_s"], abs=0.001 * len(incident["phases"]))


def test_a_leader_that_is_stopped_in_order_costs_much_less_than_its_lease(cluster: Cluster, tmp_path: Path) -> None:
    story = record(cluster, tmp_path, lambda old: faults.stop(cluster.settings, old))
    check_what_always_holds(story)
    incident = story.incident
    assert (incident["cause"], incident["target"]) == ("leader.stopped", story.old)
    assert incident["write"]["outage_s"] == pytest.approx(sum(gap.seconds for gap in story.gaps), abs=story.agree_s)
    # What HAProxy's checks take comes after either end of a leader, and is not the lease's.
    led_by_none_s = phases_of(incident, ("detection", "election", "promotion"))
    assert led_by_none_s < cluster.settings.ttl_s - cluster.settings.loop_wait_s


def test_a_switchover_is_told_from_a_failover_by_the_request_that_came_first(cluster: Cluster, tmp_path: Path) -> None:
    candidate = cluster.replicas[0]
    story = record(cluster, tmp_path, lambda old: faults.switchover(cluster.settings, old, candidate))
    check_what_always_holds(story)
    incident = story.incident
    assert incident["cause"] == "switchover"
    assert incident["leader"]["after"] == candidate
    assert incident["write"]["outage_s"] == pytest.approx(sum(gap.seconds for gap in story.gaps), abs=story.agree_s)
