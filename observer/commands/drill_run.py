"""Run scenarios on a cluster while it is recorded, and compare what the report concludes with what was done."""

import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from observer.commands import launch
from observer.commands.scoreboard import Row
from observer.model.clock import boot_id
from observer.model.errors import NothingAnswers, ObserverError
from observer.model.recording import SECOND_NS, Outcome
from observer.store import Reader, append_event, is_being_recorded
from reports.analysis.analyze import analyze
from reports.analysis.injected import Score, scores
from stack.admin_requests import create_tables
from stack.cluster import Cluster
from stack.fault_actions import unsupported
from stack.scenario import Scenario
from stack.scenario_run import STOP_SIGNALS, Recording, Run, Say, run

RECENT_S = 3


def drill(
    scenarios: Sequence[Scenario], repeat: int, cluster: Cluster, config: Path | None, database: Path, say: Say
) -> list[Row]:
    """Run scenarios one after the other, each `repeat` times, and return the rows of the table.

    Use the running recording, or start one with `config`, or with a configuration made for the cluster if that is None.
    Create the homework's tables if they are missing. Raise ObserverError or StackError; the cluster is repaired first.
    """
    ours = not is_being_recorded(database)
    create_tables(cluster)
    if ours:
        say(launch.detach(database, config or _config(cluster, database), None))
    runs = []
    # Both must raise KeyboardInterrupt, in the background too, so that the drill repairs what it broke.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        for round_number in range(1, repeat + 1):
            for scenario in scenarios:
                if (why := unsupported(cluster, scenario)) is not None:
                    say(f"Skipping {scenario.name}: {why}")
                    continue
                say(f"{scenario.name}{f' ({round_number} of {repeat})' if repeat > 1 else ''}: {scenario.about}")
                runs.append(run(cluster, scenario, recording_of(database), say))
    finally:
        if ours:
            with suppress(NothingAnswers):
                say(launch.ask_to_stop(database))
    return rows(database, runs)


def rows(database: Path, runs: Sequence[Run]) -> list[Row]:
    """Return the row of each run: the causes injected and reported, and the cost, from the recording."""
    with Reader(database) as reader:
        recording = reader.load(reader.recording().id)
        findings = analyze(recording)
    scored = scores(recording, findings)
    return [_row(one, scored, recording.header.anchor_ns) for one in runs]


def recording_of(database: Path) -> Recording:
    """Return what a run needs of the recording in a file."""

    def daemon_pid() -> int:
        with Reader(database) as reader:
            return reader.recording().pid

    return Recording(
        record=lambda kind, target, detail, at_ns: append_event(database, boot_id(), kind, target, dict(detail), at_ns),
        operations_succeed=lambda: _operations_succeed(database),
        daemon_pid=daemon_pid,
    )


def _config(cluster: Cluster, database: Path) -> Path:
    path = database.with_name(f"{database.stem}-drill.toml")  # not a name that a person would use
    path.write_text(cluster.observer_toml, encoding="utf-8")
    return path


def _operations_succeed(database: Path) -> bool:
    """Return whether there was more than one operation per second of late, and all were acknowledged."""
    try:
        with Reader(database) as reader:
            recording = reader.recording()
            now_ns = time.monotonic_ns() - recording.anchor_ns
            newest = reader.operations(recording.id, 400)
    except ObserverError:
        return False  # nothing is recorded yet
    recent = [o for o in newest if now_ns - o.finished_ns <= RECENT_S * SECOND_NS]
    return len(recent) > RECENT_S and all(o.outcome is Outcome.OK for o in recent)


def _row(run: Run, scored: Sequence[Score], anchor_ns: int) -> Row:
    from_ns, until_ns = run.began_ns - anchor_ns, run.ended_ns - anchor_ns
    own = [score for score in scored if from_ns <= score.at_ns <= until_ns]
    incidents = [score.incident for score in own if score.incident is not None]
    costs = [[i.write.outage_ns for i in incidents], [i.read.outage_ns for i in incidents]]
    write_s, read_s = (None if None in ns else sum(n or 0 for n in ns) / SECOND_NS for ns in costs)
    lost = [i.lost_writes for i in incidents]
    return Row(
        scenario=run.scenario.name,
        injected=tuple(cause for score in own for cause in score.injected),
        reported=tuple(score.found for score in own if score.found is not None),
        write_s=write_s,
        read_s=read_s,
        lost=None if None in lost else sum(n or 0 for n in lost),
        right=all(score.right for score in own),
    )
