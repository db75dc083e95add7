"""Run one scenario, from a healthy cluster to a healthy one, and pass each fault and repair to the recording."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import stack.fault_actions
import stack.health
from stack.cluster import Cluster
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, HOST, PROXY

Say = Callable[[str], None]
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM)
LIMIT_S = 180.0
QUIET_S = 7.0  # an incident closes after five quiet seconds; the rest is for events that are observed late


@dataclass(frozen=True, slots=True)
class Run:
    """One run of a scenario: its times on the monotonic clock, ns."""

    scenario: Scenario
    began_ns: int
    ended_ns: int


@dataclass(frozen=True, slots=True)
class Recording:
    """What a run needs of the recording beside it.

    `record` takes the kind of event, the target, the detail and the moment on the monotonic clock, ns.
    `operations_succeed`: whether every operation of late was acknowledged. `daemon_pid`: the process that records.
    """

    record: Callable[[str, str, Mapping[str, Any], int], object]
    operations_succeed: Callable[[], bool]
    daemon_pid: Callable[[], int]


def run(cluster: Cluster, scenario: Scenario, recording: Recording, say: Say) -> Run:
    """Run one scenario; repair the cluster if the run is interrupted. Raise StackError."""
    await_healthy(cluster, recording, say)
    began_ns = time.monotonic_ns()
    parts = stack.fault_actions.assign_roles(cluster)
    try:
        for step in scenario.steps:
            _do(cluster, step, parts, recording, say)
        await_healthy(cluster, recording, say)
    except BaseException:
        say("interrupted; repairing the cluster")
        with uninterrupted():
            _resume_observer(recording)
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


def await_healthy(cluster: Cluster, recording: Recording, say: Say) -> None:
    """Wait until the cluster has been healthy, with every operation acknowledged, for QUIET_S seconds."""
    began_s = said_s = time.monotonic()
    healthy_since_s: float | None = None
    while healthy_since_s is None or time.monotonic() - healthy_since_s < QUIET_S:
        health = stack.health.poll(cluster.ports)
        healthy = health.healthy and recording.operations_succeed()
        now_s = time.monotonic()
        healthy_since_s = (healthy_since_s or now_s) if healthy else None
        problems = "; ".join(health.problems) or "writes fail"
        if now_s - began_s > LIMIT_S:
            raise StackError(f"After {LIMIT_S:.0f} s the cluster is not healthy ({problems}); see {cluster.logs}.")
        if not healthy and now_s - said_s > 10:
            said_s = now_s
            say(f"  waiting: {problems}")
        time.sleep(0.3)


def _do(cluster: Cluster, step: Step, parts: Mapping[str, str], recording: Recording, say: Say) -> None:
    def record(target: str, at_ns: int) -> None:
        say(f"  {step.action} {step.component} {target}")
        kind = "fault.told" if step.is_fault else "repair.told"
        role = next((part for part, name in parts.items() if name == target), None)
        detail = {"component": step.component, "action": step.action, "target": target, "role": role}
        recording.record(kind, target, {**detail, **_address(cluster, target)}, at_ns)

    if step.component == "observer":
        _to_observer(step, recording, record)
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


def _to_observer(step: Step, recording: Recording, record: Callable[[str, int], None]) -> None:
    """Freeze the daemon, or let it continue: its recording must show by itself that nothing was observed meanwhile."""
    if step.action == "pause":
        record("observer", time.monotonic_ns())  # first: a frozen daemon may hold the lock of the file
        os.kill(recording.daemon_pid(), signal.SIGSTOP)
    else:
        at_ns = time.monotonic_ns()
        _resume_observer(recording)
        record("observer", at_ns)


def _resume_observer(recording: Recording) -> None:
    with suppress(ProcessLookupError):
        os.kill(recording.daemon_pid(), signal.SIGCONT)


def _address(cluster: Cluster, target: str) -> dict[str, str]:
    """Return the address by which the recording names the target, if that differs from its name."""
    if target in ETCD:
        return {"address": f"{HOST}:{cluster.ports.etcd_port(target)}"}
    return {"address": f"http://{HOST}:{cluster.ports.stats_port}/"} if target == PROXY else {}
