"""Breaks a cluster by script while it is recorded, and records the truth of what was done."""

from __future__ import annotations

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
from observer.live.status import LATELY_NS
from observer.model.clock import boot_id
from observer.model.errors import NothingAnswers, ObserverError
from observer.model.recording import SECOND_NS, Operation, Outcome
from observer.store import Reader, is_being_recorded, tell
from reports.analysis.analyze import analyze
from reports.analysis.scoring import Score, scores
from stack.cluster import Cluster
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, HOST, PROXY

Say = Callable[[str], None]
ENDINGS = (signal.SIGINT, signal.SIGTERM)
LIMIT_S = 180.0
CALM_S = 7.0  # an incident closes after five quiet seconds; the rest is for what is seen late


@dataclass(frozen=True, slots=True)
class Played:
    """A scenario that was played: when, on the monotonic clock, ns."""

    scenario: Scenario
    began_ns: int
    ended_ns: int


def drill(
    scenarios: Sequence[Scenario], repeat: int, cluster: Cluster, config: Path | None, database: Path, say: Say
) -> list[Row]:
    """Plays scenarios one after the other, each `repeat` times, in the running recording or in one of its own.

    `config` is for one of its own; None: one that is made for the cluster. The homework's tables are poured if missing.
    Raises ObserverError, StackError; whatever happens, the cluster is mended.
    """
    ours = not is_being_recorded(database)
    stack.admin_requests.create_tables(cluster)
    if ours:
        say(launch.detach(database, config or _config(cluster, database), None))
    played = []
    # A drill that is told to end mends what it broke, like one that is interrupted by hand, in the background too.
    for ending in ENDINGS:
        signal.signal(ending, signal.default_int_handler)
    try:
        for number in range(1, repeat + 1):
            for scenario in scenarios:
                if (why := stack.fault_actions.unsupported(cluster, scenario)) is not None:
                    say(f"{scenario.name} is skipped: {why}")
                    continue
                say(f"{scenario.name}{f' ({number} of {repeat})' if repeat > 1 else ''}: {scenario.about}")
                played.append(play(cluster, scenario, database, say))
    finally:
        if ours:
            with suppress(NothingAnswers):
                say(launch.ask_to_stop(database))
    return rows(database, played)


def play(cluster: Cluster, scenario: Scenario, database: Path, say: Say) -> Played:
    """Plays one scenario: whole and calm before, whole and calm after; mended if it is interrupted.

    Raises ObserverError, StackError.
    """
    await_calm(cluster, database, say)
    began_ns = time.monotonic_ns()
    parts = stack.fault_actions.assign_roles(cluster)
    try:
        for step in scenario.steps:
            _do(cluster, step, parts, database, say)
        await_calm(cluster, database, say)
    except BaseException:
        say("interrupted; repairing the cluster")
        with mending():
            _thaw_observer(database)
            stack.fault_actions.repair(cluster)
        raise
    return Played(scenario, began_ns, time.monotonic_ns())


@contextmanager
def mending() -> Iterator[None]:
    """Meanwhile nobody interrupts: a second Ctrl-C, or the TERM that CI sends after it, would leave it broken."""
    before = [(ending, signal.signal(ending, signal.SIG_IGN)) for ending in ENDINGS]
    try:
        yield
    finally:
        for ending, handler in before:
            signal.signal(ending, handler)


def await_calm(cluster: Cluster, database: Path, say: Say) -> None:
    """Waits until the cluster lacks nothing and writes have been acknowledged for some seconds, none failing."""
    began_s = said_s = time.monotonic()
    calm_since_s: float | None = None
    while calm_since_s is None or time.monotonic() - calm_since_s < CALM_S:
        seen = stack.health.poll(cluster.ports)
        well = seen.healthy and _writes_well(database)
        now_s = time.monotonic()
        calm_since_s = (calm_since_s or now_s) if well else None
        if now_s - began_s > LIMIT_S:
            raise NothingAnswers(
                f"After {LIMIT_S:.0f} s the cluster is not well ({'; '.join(seen.problems) or 'writes fail'}); "
                f"see {cluster.logs}."
            )
        if not well and now_s - said_s > 10:
            said_s = now_s
            say(f"  waiting: {'; '.join(seen.problems) or 'writes are not back yet'}")
        time.sleep(0.3)


def rows(database: Path, played: Sequence[Played]) -> list[Row]:
    """What was told and found of each scenario that was played, from the recording."""
    with Reader(database) as reader:
        recording = reader.load(reader.recording().id)
        findings = analyze(recording)
    scored = scores(recording, findings)
    return [_row(one, scored, recording.header.anchor_ns) for one in played]


def _do(cluster: Cluster, step: Step, parts: Mapping[str, str], database: Path, say: Say) -> None:
    def told(target: str, at_ns: int) -> None:
        say(f"  {step.action} {step.component} {target}")
        kind = "fault.told" if step.is_fault else "repair.told"
        role = next((part for part, name in parts.items() if name == target), None)
        detail = {"component": step.component, "action": step.action, "target": target, "role": role}
        tell(database, boot_id(), kind, target, {**detail, **_address(cluster, target)}, at_ns)

    if step.component == "observer":
        _to_observer(step, database, told)
    else:
        stack.fault_actions.perform(cluster, step, parts, told)
    began_s = time.monotonic()
    while step.until == "another leads":
        leader = stack.health.poll(cluster.ports).leader
        if leader not in (None, parts["leader"]):
            say(f"  {leader} leads")
            break
        if time.monotonic() - began_s > LIMIT_S:
            raise StackError(f"After {LIMIT_S:.0f} s nobody but {parts['leader']} leads; see the logs.")
        time.sleep(0.2)
    if step.for_s:
        time.sleep(step.for_s)


def _to_observer(step: Step, database: Path, told: Callable[[str, int], None]) -> None:
    """Freezes who records, or lets it run on: it must know of itself that it saw nothing meanwhile."""
    if step.action == "pause":
        told("observer", time.monotonic_ns())  # first, since a frozen one may hold the file
        os.kill(_recorder(database), signal.SIGSTOP)
    else:
        at_ns = time.monotonic_ns()
        _thaw_observer(database)
        told("observer", at_ns)


def _thaw_observer(database: Path) -> None:
    with suppress(ProcessLookupError, ObserverError):
        os.kill(_recorder(database), signal.SIGCONT)


def _recorder(database: Path) -> int:
    with Reader(database) as reader:
        return reader.recording().pid


def _address(cluster: Cluster, target: str) -> dict[str, str]:
    """Under which name the observer knows it, where that is another one."""
    if target in ETCD:
        return {"address": f"{HOST}:{cluster.ports.etcd_port(target)}"}
    return {"address": f"http://{HOST}:{cluster.ports.stats_port}/"} if target == PROXY else {}


def _config(cluster: Cluster, database: Path) -> Path:
    path = database.with_name(f"{database.stem}-drill.toml")  # no name under which somebody keeps their own
    path.write_text(cluster.observer_toml, encoding="utf-8")
    return path


def _writes_well(database: Path) -> bool:
    lately = _writes(database)
    return len(lately) > LATELY_NS / SECOND_NS and all(o.outcome is Outcome.OK for o in lately)


def _writes(database: Path) -> list[Operation]:
    """The operations that ended in the last seconds; none where nothing is recorded yet."""
    try:
        with Reader(database) as reader:
            recording = reader.recording()
            now_ns = time.monotonic_ns() - recording.anchor_ns
            return [o for o in reader.operations(recording.id, 400) if now_ns - o.finished_ns <= LATELY_NS]
    except ObserverError:
        return []


def _row(played: Played, scored: Sequence[Score], anchor_ns: int) -> Row:
    from_ns, until_ns = played.began_ns - anchor_ns, played.ended_ns - anchor_ns
    own = [score for score in scored if from_ns <= score.at_ns <= until_ns]
    incidents = [score.incident for score in own if score.incident is not None]
    costs = [[i.write.outage_ns for i in incidents], [i.read.outage_ns for i in incidents]]
    write_s, read_s = (None if None in ns else sum(n or 0 for n in ns) / SECOND_NS for ns in costs)
    lost = [None if i.lost is None else len(i.lost) for i in incidents]
    return Row(
        scenario=played.scenario.name,
        told=tuple(cause for score in own for cause in score.told),
        found=tuple(score.found for score in own if score.found is not None),
        write_s=write_s,
        read_s=read_s,
        lost=None if None in lost else sum(n or 0 for n in lost),
        right=all(score.right for score in own),
    )
