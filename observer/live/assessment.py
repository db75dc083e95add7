"""Sum up a cluster's state: whether all is well, and otherwise what the cluster is waiting for. Pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from observer.live.state import ACTIONS, WATCH, ClusterState, Route
from observer.live.words import cause_of_failure
from observer.model.recording import SECOND_NS

PAUSED = "Patroni is paused: no failover until it is resumed"
COMPONENTS = {"patroni": "Patroni", "postgres": "PostgreSQL"}

Level = Literal["ok", "warning", "alarm"]
ExpectedBack = Callable[[Mapping[str, Any], Mapping[str, Any]], tuple[float, float] | None]
"""From the dynamic configuration and [haproxy]: within how many seconds after the end of the lease writes return."""


@dataclass(frozen=True, slots=True)
class Assessment:
    """The two lines at the head of the view. `waiting_for` is empty if nothing is expected to happen."""

    level: Level
    summary: str
    waiting_for: str


def assess(state: ClusterState, now_ns: int, expected_back: ExpectedBack) -> Assessment:
    """Return the assessment of a state at a moment of the recording."""
    waiting = waiting_for(state, now_ns, expected_back)
    running = {action: state.traffic[action].running_ns(now_ns) for action in ACTIONS}
    succeeding = [f"{a}s" for a in ACTIONS if state.traffic[a].per_s(now_ns) and not running[a]]
    also = [f"{' and '.join(succeeding)} succeed"] if succeeding else []
    if any(running.values()):
        failing = [f"{action.upper()}S FAIL for {ns / SECOND_NS:.1f} s" for action, ns in running.items() if ns]
        return Assessment("alarm", "   ".join([*failing, *also]), waiting)
    if problems := problems_of(state):
        return Assessment("warning", "; ".join([*problems, *also]), waiting)
    if state.leader is None:
        return Assessment("warning", "looking for the cluster", waiting)
    return Assessment("ok", f"all is well: {also[0]}" if also else "no problem found; no writes or reads run", waiting)


def problems_of(state: ClusterState) -> list[str]:
    """Return what is wrong with the cluster or with observer's view of it, though writes and reads may succeed."""
    found: list[str] = []
    if state.quorum is False:
        found.append("etcd has no quorum")
    if state.leader is None and state.last_leader is not None:
        found.append("no leader")
    for name in state.members:
        role = " (leader)" if name == state.leader else ""
        if state.is_unreachable(name):
            found.append(f"{name}{role} is unreachable")
            continue
        for source, component in COMPONENTS.items():
            if (how := state.unreachable.get((source, name))) is not None:
                found.append(f"{component} of {name}{role}: {cause_of_failure(how)}")
    for (source, subject), how in state.unreachable.items():
        cause = cause_of_failure(how)
        if source == "etcd" and subject != WATCH[1]:
            found.append(f"etcd {subject}: {cause}")
        elif source == "haproxy":
            found.append(f"HAProxy: {cause}")
        elif source not in ("etcd", *COMPONENTS) and (source != "docker" or how == "closed"):
            # A container engine that never answered is no problem: most clusters run without one.
            found.append(f"{subject} ({source}): {cause}")
    found += [f"no tables for {action}s" for action in ACTIONS if state.traffic[action].missing_tables is not None]
    return found


def waiting_for(state: ClusterState, now_ns: int, expected_back: ExpectedBack) -> str:
    """Return what has to happen next until writes succeed again, or "" if nothing is wrong."""
    if state.quorum is False:
        return "no member can take or keep the leader key until a majority of etcd answers again"
    name = state.leader
    if name is None:
        if state.last_leader is None:
            return ""
        lost = f"{state.last_leader} lost the leader key {(now_ns - state.leader_since_ns) / SECOND_NS:.1f} s ago"
        return f"{lost}; {PAUSED}" if state.config.get("pause") else f"{lost}; the replicas are electing a leader"
    if state.is_unreachable(name) or ("patroni", name) in state.unreachable or state.lease_overdue:
        paused = f"{name} does not answer; {PAUSED}"
        return paused if state.config.get("pause") else countdown(state, now_ns, expected_back)
    if not state.traffic["write"].running_ns(now_ns):
        return ""
    if state.unreachable_by("haproxy"):
        return "HAProxy does not answer, so no client gets through, even if the cluster is healthy"
    if state.role(name) != "primary":
        return f"{name} holds the leader key and is being promoted"
    if state.primary_pool is None:
        return f"{name} is the primary"
    if not any(route.up for key, route in state.routes.items() if key[1:] == (state.primary_pool, name)):
        return f"{name} is the primary; HAProxy's checks have not marked it UP yet"
    return f"{name} is the primary and HAProxy routes to it; the next write should succeed"


def countdown(state: ClusterState, now_ns: int, expected_back: ExpectedBack) -> str:
    """Return how long the lease of an unreachable leader still runs, and when writes may succeed again."""
    left_s = state.lease_left_s(now_ns)
    if left_s is None:
        return f"{state.leader} does not answer; the time left on its lease is unknown"
    text = f"lease of {state.leader} ends in {left_s:.0f} s"
    if not state.traffic["write"].running_ns(now_ns):
        return text
    span = expected_back(state.config, state.haproxy)
    if span is None:
        return f"{text}; writes cannot be back before"
    text = f"{text}; writes expected back in {left_s + span[0]:.0f} to {left_s + span[1]:.0f} s"
    return text if state.haproxy.get("inter_ms") else f"{text}, plus HAProxy's checks"


def pools_of(state: ClusterState) -> dict[str, list[tuple[str, Route]]]:
    """Return each pool with its servers; with several proxies, the name of a pool includes its proxy's address."""
    pools: dict[str, list[tuple[str, Route]]] = {}
    several = len({page for page, _, _ in state.routes}) > 1
    for (page, pool, server), route in sorted(state.routes.items(), key=lambda item: item[0]):
        name = f"{pool} of {page.partition('://')[2].rstrip('/')}" if several else pool
        pools.setdefault(name, []).append((server, route))
    return pools
