"""Plays a scenario once together with the independent probe, and stores the recording and its truth in one file."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import psycopg2

from benchmarks.accuracy import recorded_run
from benchmarks.accuracy.probe import Probe, gaps, near
from observer.commands import drill_run, launch
from observer.model.version import observer_version
from observer.store import Reader
from stack import configs, health, scenario_run
from stack.errors import StackError
from stack.local_cluster import local_cluster
from stack.scenario import Scenario
from stack.settings import NODES, StackSettings

DEADLINE_S = 1.0  # the observer's deadline; a shorter one would reach a server later that was just resumed


def play(settings: StackSettings, scenario: Scenario, target: Path, say: Callable[[str], None]) -> None:
    """Record one run into the file `target`. Raise the errors of the drill."""
    with tempfile.TemporaryDirectory() as folder:
        database, config = Path(folder) / "run.db", Path(folder) / "run.toml"
        config.write_text(configs.observer_toml(settings), encoding="utf-8")
        with Probe(settings.dsn(settings.primary_port), Path(folder) / "probe.jsonl", DEADLINE_S) as probe:
            launch.detach(database, config, None)
            try:
                scenario_run.run(local_cluster(settings), scenario, drill_run.recording_of(database), say)
            finally:
                launch.ask_to_stop(database)
        acknowledged, present = _acknowledged(database), _in_table(settings)
        with Reader(database) as reader:
            recording = reader.load(reader.recording().id)
            anchor_ns = recording.header.anchor_ns
            # The probe writes slightly longer than the recording lasts.
            until_ns = anchor_ns + recording.header.until_ns
            attempts = probe.attempts
            outages = [gap for gap in gaps(attempts) if gap.from_ns >= anchor_ns and gap.to_ns <= until_ns]
            lost = sorted(acknowledged - present)
            truth = recorded_run.Truth(
                scenario=scenario.name,
                date=f"{datetime.now(UTC):%Y-%m-%d %H:%M}",
                version=observer_version(),
                outages=tuple((gap.from_ns - anchor_ns, gap.to_ns - anchor_ns) for gap in outages),
                lost=tuple(lost),
                attempts=tuple(
                    (one.number, one.due_ns - anchor_ns, one.finished_ns - anchor_ns, one.ok)
                    for one in near(attempts, outages)
                ),
            )
            target.parent.mkdir(parents=True, exist_ok=True)
            recorded_run.write(target, recording, truth)


def _acknowledged(database: Path) -> set[str]:
    """Return the tokens of acknowledged writes, read from the file without the project's reader."""
    with closing(sqlite3.connect(database)) as connection:
        statement = "select token from operations where action = 'write' and outcome = 'ok'"
        return {token for (token,) in connection.execute(statement)}


def _in_table(settings: StackSettings) -> set[str]:
    """Return the tokens in the table, read from the leader directly."""
    leader = health.poll(settings).leader
    if leader not in NODES:
        raise StackError("The cluster has no leader, so the table cannot be read.")
    with (
        closing(psycopg2.connect(settings.dsn(settings.postgres_port(leader)))) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("select event_name from events where event_name like 'observer %'")
        return {row[0].removeprefix("observer ") for row in cursor.fetchall()}
