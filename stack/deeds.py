"""Plays the steps of a scenario on a cluster, and mends whatever they left broken."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from stack import asking, health
from stack.cluster import Cluster
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, NODES, PROXY

Deed = Callable[[Cluster, str], int]

_DEEDS: Mapping[tuple[str, str], Deed] = {
    ("patroni", "reboot"): lambda cluster, who: _reboot(cluster, who),
    ("patroni", "kill_alone"): lambda cluster, who: cluster.kill(who, "patroni"),
    ("postgres", "kill"): lambda cluster, who: cluster.kill(who, "postgres"),
    ("postgres", "stop"): lambda cluster, who: cluster.stop(who, "postgres"),
    ("postgres", "pause"): lambda cluster, who: cluster.pause(who, "postgres"),
    ("postgres", "resume"): lambda cluster, who: cluster.resume(who, "postgres"),
    ("postgres", "restart"): asking.restart,
    ("postgres", "reinit"): asking.reinit,
    ("postgres", "promote"): asking.promote,
    ("haproxy", "reload"): lambda cluster, who: cluster.reload(who),
    ("etcd", "elect"): asking.move_etcd_leader,
    ("tables", "lock"): asking.lock_tables,
    ("settings", "read_only"): asking.make_read_only,
    ("settings", "writable"): asking.make_writable,
    ("replication", "hold"): lambda cluster, who: _hold(cluster, who),
    ("replication", "release"): lambda cluster, who: _release(cluster, who),
    ("replay", "hold"): asking.hold_replay,
    ("replay", "release"): asking.release_replay,
    ("network", "disconnect"): lambda cluster, who: cluster.disconnect(who),
    ("network", "cut_off"): lambda cluster, who: cluster.cut_off(who),
    ("network", "cut_proxy"): lambda cluster, who: cluster.cut_proxy(who),
    ("network", "join"): lambda cluster, who: cluster.join(who),
}
_OF_A_MEMBER: Mapping[str, Deed] = {
    "kill": lambda cluster, who: cluster.kill(who, None),
    "stop": lambda cluster, who: cluster.stop(who, None),
    "pause": lambda cluster, who: cluster.pause(who, None),
    "resume": lambda cluster, who: cluster.resume(who, None),
    "start": lambda cluster, who: cluster.start(who),
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


def lacks(cluster: Cluster, scenario: Scenario) -> str | None:
    """Why a scenario cannot be played on a cluster; None: it can."""
    return next((why for step in scenario.steps if (why := cluster.lacks(step)) is not None), None)


def cast(cluster: Cluster) -> dict[str, str]:
    """Who plays which part, settled by who leads now. Raises StackError where nobody does."""
    leader = health.look(cluster.ports).leader
    if leader is None:
        raise StackError("The cluster has no leader, so nothing can be broken; see `observer stack status`.")
    replicas = [node for node in NODES if node != leader]
    etcd_leader = asking.etcd_leader(cluster)
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


def do(cluster: Cluster, step: Step, parts: Mapping[str, str], tell: Callable[[str, int], None]) -> None:
    """Does a step to each of its parts; tells who, and the moment of the first signal, monotonic ns.

    Raises StackError.
    """
    who = [parts[part] for part in step.who]
    if step.waits:
        return
    if step.what == "cluster":
        moment_ns = _to_cluster(cluster, step, who)
        tell(who[0] if who else "cluster", moment_ns)
        return
    deed = _DEEDS.get((step.what, step.do)) or _OF_A_MEMBER[step.do]
    for member in who:
        tell(member, deed(cluster, member))


def mend(cluster: Cluster) -> None:
    """Undo whatever was done: thaw, start, release, and end the pause mode. Raises StackError where that fails."""
    cluster.restore()
    deadline = time.monotonic() + 60
    while health.look(cluster.ports).leader is None and time.monotonic() < deadline:
        time.sleep(0.5)
    if asking.paused(cluster):
        asking.maintenance(cluster, on=False)
    asking.failsafe(cluster, on=False)
    for node in NODES:
        try:
            asking.release_replication(cluster, node)
            asking.release_replay(cluster, node)
            asking.make_writable(cluster, node)
        except StackError:
            continue  # it does not answer yet; what was held in it is forgotten only by being asked
    deadline = time.monotonic() + 60
    while (seen := health.look(cluster.ports)).lacks and time.monotonic() < deadline:
        time.sleep(0.5)
    for node in NODES:
        # Patroni 3.0 may rewind a server that still runs, and be left with one that fits nowhere (seen after a cut).
        if seen.leader not in (None, node) and "streaming" not in seen.states[node]:
            asking.reinit(cluster, node)


def _reboot(cluster: Cluster, node: str) -> int:
    """Ends all of a node and starts it, as one restarts a host that was cut off before its cable is back."""
    cluster.kill(node, None)
    return cluster.start(node)


def _hold(cluster: Cluster, node: str) -> int:
    """Has a replica receive no more. Its Patroni sleeps meanwhile: awake it would set that right within a round."""
    moment_ns = cluster.pause(node, "patroni")
    asking.hold_replication(cluster, node)
    return moment_ns


def _release(cluster: Cluster, node: str) -> int:
    moment_ns = asking.release_replication(cluster, node)
    cluster.resume(node, "patroni")
    return moment_ns


def _to_cluster(cluster: Cluster, step: Step, who: list[str]) -> int:
    if step.do == "switchover":
        return cluster.switchover(who[0], who[1])
    if step.do == "failover":
        return asking.failover(cluster, who[0])
    if step.do in ("guard", "unguard"):
        return asking.failsafe(cluster, on=step.do == "guard")
    return asking.maintenance(cluster, on=step.do == "pause")
