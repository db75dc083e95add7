"""Runs the steps of a scenario on a cluster, and repairs what they broke."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

from stack import admin_requests, health
from stack.cluster import Cluster
from stack.errors import StackError
from stack.scenario import Scenario, Step
from stack.settings import ETCD, NODES, PROXY

MemberAction = Callable[[Cluster, str], int]

# By component and action.
_ACTIONS: Mapping[tuple[str, str], MemberAction] = {
    ("patroni", "reboot"): lambda cluster, member: _reboot(cluster, member),
    ("patroni", "kill_alone"): lambda cluster, member: cluster.kill(member, "patroni"),
    ("postgres", "kill"): lambda cluster, member: cluster.kill(member, "postgres"),
    ("postgres", "stop"): lambda cluster, member: cluster.stop(member, "postgres"),
    ("postgres", "pause"): lambda cluster, member: cluster.pause(member, "postgres"),
    ("postgres", "resume"): lambda cluster, member: cluster.resume(member, "postgres"),
    ("postgres", "restart"): admin_requests.restart,
    ("postgres", "reinit"): admin_requests.reinit,
    ("postgres", "promote"): admin_requests.promote,
    ("haproxy", "reload"): lambda cluster, member: cluster.reload(member),
    ("etcd", "elect"): admin_requests.move_etcd_leader,
    ("tables", "lock"): admin_requests.lock_tables,
    ("settings", "read_only"): admin_requests.make_read_only,
    ("settings", "writable"): admin_requests.make_writable,
    ("replication", "hold"): lambda cluster, member: _hold(cluster, member),
    ("replication", "release"): lambda cluster, member: _release(cluster, member),
    ("replay", "hold"): admin_requests.hold_replay,
    ("replay", "release"): admin_requests.release_replay,
    ("network", "disconnect"): lambda cluster, member: cluster.disconnect(member),
    ("network", "cut_off"): lambda cluster, member: cluster.cut_off(member),
    ("network", "cut_proxy"): lambda cluster, member: cluster.cut_proxy(member),
    ("network", "join"): lambda cluster, member: cluster.join(member),
}
# By action, for a component that is a whole member.
_MEMBER_ACTIONS: Mapping[str, MemberAction] = {
    "kill": lambda cluster, member: cluster.kill(member, None),
    "stop": lambda cluster, member: cluster.stop(member, None),
    "pause": lambda cluster, member: cluster.pause(member, None),
    "resume": lambda cluster, member: cluster.resume(member, None),
    "start": lambda cluster, member: cluster.start(member),
}
_MEMBERS = ("patroni", "etcd", "haproxy")
_CLUSTER_ACTIONS = ("switchover", "failover", "pause", "resume", "guard", "unguard")


def is_known(step: Step) -> bool:
    """Return whether this module can run a step."""
    if step.is_wait or step.component == "observer":
        return True
    if step.component == "cluster":
        return step.action in _CLUSTER_ACTIONS
    return (step.component, step.action) in _ACTIONS or (step.component in _MEMBERS and step.action in _MEMBER_ACTIONS)


def unsupported(cluster: Cluster, scenario: Scenario) -> str | None:
    """Return why a cluster cannot run a scenario; None if it can."""
    return next((reason for step in scenario.steps if (reason := cluster.unsupported(step)) is not None), None)


def assign_roles(cluster: Cluster) -> dict[str, str]:
    """Return the member that has each role of a scenario now. Raise StackError if the cluster has no leader."""
    leader = health.poll(cluster.ports).leader
    if leader is None:
        raise StackError("The cluster has no leader, so no fault can be injected; see `observer stack status`.")
    replicas = [node for node in NODES if node != leader]
    etcd_leader = admin_requests.etcd_leader(cluster)
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


def perform(cluster: Cluster, step: Step, roles: Mapping[str, str], report: Callable[[str, int], None]) -> None:
    """Run a step on each of its targets. Call `report` with the target and the time of the action, monotonic ns.

    Raise StackError if an action fails.
    """
    targets = [roles[role] for role in step.targets]
    if step.is_wait:
        return
    if step.component == "cluster":
        moment_ns = _on_cluster(cluster, step, targets)
        report(targets[0] if targets else "cluster", moment_ns)
        return
    action = _ACTIONS.get((step.component, step.action)) or _MEMBER_ACTIONS[step.action]
    for member in targets:
        report(member, action(cluster, member))


def repair(cluster: Cluster) -> None:
    """Undo every fault: resume, start and release members, and end Patroni's pause mode. Raise StackError."""
    cluster.restore()
    deadline = time.monotonic() + 60
    while health.poll(cluster.ports).leader is None and time.monotonic() < deadline:
        time.sleep(0.5)
    if admin_requests.paused(cluster):
        admin_requests.maintenance(cluster, on=False)
    admin_requests.failsafe(cluster, on=False)
    for node in NODES:
        try:
            admin_requests.release_replication(cluster, node)
            admin_requests.release_replay(cluster, node)
            admin_requests.make_writable(cluster, node)
        except StackError:
            continue  # the node does not answer yet
    deadline = time.monotonic() + 60
    while (state := health.poll(cluster.ports)).problems and time.monotonic() < deadline:
        time.sleep(0.5)
    for node in NODES:
        # After a cut, Patroni 3.0 may rewind a server that still runs; its data then fits no other server.
        if state.leader not in (None, node) and "streaming" not in state.states[node]:
            admin_requests.reinit(cluster, node)


def _reboot(cluster: Cluster, node: str) -> int:
    """Kill and start a node, as if its host restarted while it was cut off."""
    cluster.kill(node, None)
    return cluster.start(node)


def _hold(cluster: Cluster, node: str) -> int:
    """Stop a replica from receiving WAL. Freeze its Patroni, which would restore `primary_conninfo` within one loop."""
    moment_ns = cluster.pause(node, "patroni")
    admin_requests.hold_replication(cluster, node)
    return moment_ns


def _release(cluster: Cluster, node: str) -> int:
    moment_ns = admin_requests.release_replication(cluster, node)
    cluster.resume(node, "patroni")
    return moment_ns


def _on_cluster(cluster: Cluster, step: Step, targets: list[str]) -> int:
    if step.action == "switchover":
        return cluster.switchover(targets[0], targets[1])
    if step.action == "failover":
        return admin_requests.failover(cluster, targets[0])
    if step.action in ("guard", "unguard"):
        return admin_requests.failsafe(cluster, on=step.action == "guard")
    return admin_requests.maintenance(cluster, on=step.action == "pause")
