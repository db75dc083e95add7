"""Plays the steps of a scenario on a local cluster, and mends whatever they left broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from stack import asking, faults, health, network, processes
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, MEMBERS, NODES, PROXY, StackSettings

Deed = Callable[[StackSettings, str], int]

_DEEDS: Mapping[tuple[str, str], Deed] = {
    ("patroni", "reboot"): lambda settings, who: _reboot(settings, who),
    ("patroni", "kill_alone"): lambda settings, who: faults.kill(settings, who, "patroni"),
    ("postgres", "kill"): lambda settings, who: faults.kill(settings, who, "postgres"),
    ("postgres", "stop"): lambda settings, who: faults.stop(settings, who, "postgres"),
    ("postgres", "pause"): lambda settings, who: faults.pause(settings, who, "postgres"),
    ("postgres", "resume"): lambda settings, who: faults.resume(settings, who, "postgres"),
    ("postgres", "restart"): asking.restart,
    ("postgres", "reinit"): asking.reinit,
    ("postgres", "promote"): asking.promote,
    ("haproxy", "reload"): faults.reload,
    ("etcd", "elect"): asking.move_etcd_leader,
    ("tables", "lock"): asking.lock_tables,
    ("settings", "read_only"): asking.make_read_only,
    ("settings", "writable"): asking.make_writable,
    ("replication", "hold"): lambda settings, who: _hold(settings, who),
    ("replication", "release"): lambda settings, who: _release(settings, who),
    ("replay", "hold"): asking.hold_replay,
    ("replay", "release"): asking.release_replay,
    ("network", "disconnect"): network.disconnect,
    ("network", "cut_off"): network.cut_off,
    ("network", "cut_proxy"): network.cut_proxy,
    ("network", "join"): network.join,
}
_OF_A_MEMBER: Mapping[str, Deed] = {
    "kill": faults.kill,
    "stop": faults.stop,
    "pause": faults.pause,
    "resume": faults.resume,
    "start": faults.start,
}


# Of these nothing is done that is done to a whole member.
_APART = ("postgres", "replication", "replay", "network", "tables", "settings")
_TO_THE_CLUSTER = ("switchover", "failover", "pause", "resume", "guard", "unguard")


def can(step: Step) -> bool:
    """Whether it is known how to do a step."""
    if step.waits or step.what == "observer":
        return True
    if step.what == "cluster":
        return step.do in _TO_THE_CLUSTER
    return (step.what, step.do) in _DEEDS or (step.what not in _APART and step.do in _OF_A_MEMBER)


def lacks(scenario: Scenario) -> str | None:
    """Why this machine cannot play a scenario; None: it can."""
    return network.lacks() if any(step.what == "network" for step in scenario.steps) else None


def cast(settings: StackSettings) -> dict[str, str]:
    """Who plays which part, settled by who leads now. Raises StackError where nobody does."""
    leader = health.look(settings).leader
    if leader is None:
        raise StackError("The cluster has no leader, so nothing can be broken; see `observer stack status`.")
    replicas = [node for node in NODES if node != leader]
    etcd_leader = asking.etcd_leader(settings)
    followers = [member for member in ETCD if member != etcd_leader]
    return {
        "leader": leader,
        "replica1": replicas[0],
        "replica2": replicas[1],
        "etcd_leader": etcd_leader,
        "etcd_follower1": followers[0],
        "etcd_follower2": followers[1],
        "haproxy": PROXY,
    }


def do(settings: StackSettings, step: Step, parts: Mapping[str, str], tell: Callable[[str, int], None]) -> None:
    """Does a step to each of its parts; tells who, and the moment of the first signal, monotonic ns.

    Raises StackError.
    """
    who = [parts[part] for part in step.who]
    if step.waits:
        return
    if step.what == "cluster":
        moment_ns = _to_cluster(settings, step, who)
        tell(who[0] if who else "cluster", moment_ns)
        return
    deed = _DEEDS.get((step.what, step.do)) or _OF_A_MEMBER[step.do]
    for member in who:
        tell(member, deed(settings, member))


def mend(settings: StackSettings) -> None:
    """Undo whatever was done: thaw, start, release, and end the pause mode. Raises StackError where that fails."""
    if network.lacks() is None:
        for node in NODES:
            network.join(settings, node)
    for member in MEMBERS:
        running = processes.of(settings.folder(member))
        if any(process.state == "T" for process in running):
            faults.resume(settings, member)
        if not any(process.program in ("etcd", "patroni", "haproxy") for process in running):
            faults.start(settings, member)
    deadline = time.monotonic() + 60
    while health.look(settings).leader is None and time.monotonic() < deadline:
        time.sleep(0.5)
    if asking.paused(settings):
        asking.maintenance(settings, on=False)
    asking.failsafe(settings, on=False)
    for node in NODES:
        try:
            asking.release_replication(settings, node)
            asking.release_replay(settings, node)
            asking.make_writable(settings, node)
        except StackError:
            continue  # it does not answer yet; what was held in it is forgotten only by being asked
    deadline = time.monotonic() + 60
    while (seen := health.look(settings)).lacks and time.monotonic() < deadline:
        time.sleep(0.5)
    for node in NODES:
        # Patroni 3.0 may rewind a server that still runs, and be left with one that fits nowhere (seen after a cut).
        if seen.leader not in (None, node) and "streaming" not in seen.states[node]:
            asking.reinit(settings, node)


def _reboot(settings: StackSettings, node: str) -> int:
    """Ends all of a node and starts it, as one restarts a host that was cut off before its cable is back."""
    faults.kill(settings, node)
    return faults.start(settings, node)


def _hold(settings: StackSettings, node: str) -> int:
    """Has a replica receive no more. Its Patroni sleeps meanwhile: awake it would set that right within a round."""
    moment_ns = faults.pause(settings, node, "patroni")
    asking.hold_replication(settings, node)
    return moment_ns


def _release(settings: StackSettings, node: str) -> int:
    moment_ns = asking.release_replication(settings, node)
    faults.resume(settings, node, "patroni")
    return moment_ns


def _to_cluster(settings: StackSettings, step: Step, who: list[str]) -> int:
    if step.do == "switchover":
        return faults.switchover(settings, who[0], who[1])
    if step.do == "failover":
        return asking.failover(settings, who[0])
    if step.do in ("guard", "unguard"):
        return asking.failsafe(settings, on=step.do == "guard")
    return asking.maintenance(settings, on=step.do == "pause")
