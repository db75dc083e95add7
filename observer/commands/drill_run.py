"""Run scenarios on a cluster while it is recorded, and record each fault and repair."""

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import stack.admin_requests
import stack.fault_actions
import stack.health
from observer.commands import launch
from observer.commands.scoreboard import Row
from observer.model.clock import boot_id
from observer.model.errors import NothingAnswers, ObserverError
from observer.model.recording import SECOND_NS, Outcome
from observer.store import Reader, append_event, is_being_recorded
from reports.analysis.analyze import analyze
from reports.analysis.injected import Score, scores
from stack.cluster import Cluster
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, HOST, PROXY

Say = Callable[[str], None]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LIMIT_S = 180.0
RECENT_S = 3
QUIET_S = 7.0  # an incident closes after five quiet seconds; the rest is for events that are observed late


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a scenario: its times on the monotonic clock, ns."""

    scenario: Scenario
    began_ns: int
    ended_ns: int


def drill(
    scenarios: Sequence[Scenario], repeat: int, cluster: Cluster, config: Path | None, database: Path, say: Say
) -> list[Row]:
    """Run scenarios one after the other, each `repeat` times, and return the rows of the table.

    Use the running recording, or start one with `config`, or with a configuration made for the cluster if that is None.
    Create the homework's tables if they are missing. Raise ObserverError or StackError; the cluster is repaired first.
    """
    ours = not is_being_recorded(database)
    stack.admin_requests.create_tables(cluster)
    if ours:
        say(launch.detach(database, config or _config(cluster, database), None))
    runs = []
    # Both must raise KeyboardInterrupt, in the background too, so that the drill repairs what it broke.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.default_int_handler)
    try:
        for round_number in range(1, repeat + 1):
            for scenario in scenarios:
                if (why := stack.fault_actions.unsupported(cluster, scenario)) is not None:
                    say(f"Skipping {scenario.name}: {why}")
                    continue
                say(f"{scenario.name}{f' ({round_number} of {repeat})' if repeat > 1 else ''}: {scenario.about}")
                runs.append(run(cluster, scenario, database, say))
    finally:
        if ours:
            with suppress(NothingAnswers):
                say(launch.ask_to_stop(database))
    return rows(database, runs)


def run(cluster: Cluster, scenario: Scenario, database: Path, say: Say) -> Run:
    """Run one scenario, from a healthy cluster to a healthy cluster; repair it if the run is interrupted.

    Raise ObserverError or StackError.
    """
    await_healthy(cluster, database, say)
    began_ns = time.monotonic_ns()
    parts = stack.fault_actions.assign_roles(cluster)
    try:
        for step in scenario.steps:
            _do(cluster, step, parts, database, say)
        await_healthy(cluster, database, say)
    except BaseException:
        say("interrupted; repairing the cluster")
        with uninterrupted():
            _resume_observer(database)
            stack.fault_actions.repair(cluster)
        raise
    return Run(scenario, began_ns, time.monotonic_ns())


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore a second Ctrl-C and the SIGTERM that CI sends after it: either would leave the cluster broken."""
    before = [(number, signal.signal(number, signal.SIG_IGN)) for number in STOP_SIGNALS]
    try:
        yield
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def await_healthy(cluster: Cluster, database: Path, say: Say) -> None:
    """Wait until the cluster has been healthy, with every operation acknowledged, for QUIET_S seconds."""
    began_s = said_s = time.monotonic()
    healthy_since_s: float | None = None
    while healthy_since_s is None or time.monotonic() - healthy_since_s < QUIET_S:
        health = stack.health.poll(cluster.ports)
        healthy = health.healthy and _operations_succeed(database)
        now_s = time.monotonic()
        healthy_since_s = (healthy_since_s or now_s) if healthy else None
        if now_s - began_s > LIMIT_S:
            raise NothingAnswers(
                f"After {LIMIT_S:.0f} s the cluster is not healthy ({'; '.join(health.problems) or 'writes fail'}); "
                f"see {cluster.logs}."
            )
        if not healthy and now_s - said_s > 10:
            said_s = now_s
            say(f"  waiting: {'; '.join(health.problems) or 'writes still fail'}")
        time.sleep(0.3)


def rows(database: Path, runs: Sequence[Run]) -> list[Row]:
    """Return the row of each run: the causes injected and reported, and the cost, from the recording."""
    with Reader(database) as reader:
        recording = reader.load(reader.recording().id)
        findings = analyze(recording)
    scored = scores(recording, findings)
    return [_row(one, scored, recording.header.anchor_ns) for one in runs]


def _do(cluster: Cluster, step: Step, parts: Mapping[str, str], database: Path, say: Say) -> None:
    def record(target: str, at_ns: int) -> None:
        say(f"  {step.action} {step.component} {target}")
        kind = "fault.told" if step.is_fault else "repair.told"
        role = next((part for part, name in parts.items() if name == target), None)
        detail = {"component": step.component, "action": step.action, "target": target, "role": role}
        append_event(database, boot_id(), kind, target, {**detail, **_address(cluster, target)}, at_ns)

    if step.component == "observer":
        _to_observer(step, database, record)
    else:
        stack.fault_actions.perform(cluster, step, parts, record)
    began_s = time.monotonic()
    while step.until == "another leads":
        leader = stack.health.poll(cluster.ports).leader
        if leader not in (None, parts["leader"]):
            say(f"  {leader} is the leader")
            break
        if time.monotonic() - began_s > LIMIT_S:
            raise StackError(f"After {LIMIT_S:.0f} s no other member than {parts['leader']} leads; see the logs.")
        time.sleep(0.2)
    if step.for_s:
        time.sleep(step.for_s)


def _to_observer(step: Step, database: Path, record: Callable[[str, int], None]) -> None:
    """Freeze the daemon, or let it continue: its recording must show by itself that nothing was observed meanwhile."""
    if step.action == "pause":
        record("observer", time.monotonic_ns())  # first: a frozen daemon may hold the lock of the file
        os.kill(_daemon_pid(database), signal.SIGSTOP)
    else:
        at_ns = time.monotonic_ns()
        _resume_observer(database)
        record("observer", at_ns)


def _resume_observer(database: Path) -> None:
    with suppress(ProcessLookupError, ObserverError):
        os.kill(_daemon_pid(database), signal.SIGCONT)


def _daemon_pid(database: Path) -> int:
    with Reader(database) as reader:
        return reader.recording().pid


def _address(cluster: Cluster, target: str) -> dict[str, str]:
    """Return the address by which the recording names the target, if that differs from its name."""
    if target in ETCD:
        return {"address": f"{HOST}:{cluster.ports.etcd_port(target)}"}
    return {"address": f"http://{HOST}:{cluster.ports.stats_port}/"} if target == PROXY else {}


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
