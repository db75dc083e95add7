"""Polls a cluster through its own interfaces and lists its problems."""

from __future__ import annotations

import csv
import json
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import Any

from stack.cluster import Ports
from stack.settings import ETCD, HOST, NODES

_TIMEOUT_S = 2.0

# Loopback is reached directly, whatever proxy the environment names.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@dataclass(frozen=True, slots=True)
class Health:
    """The state of a cluster: the leader that Patroni reports, a few words on each member, and all problems."""

    leader: str | None
    states: dict[str, str]
    problems: tuple[str, ...]

    @property
    def healthy(self) -> bool:
        """Whether every etcd member has quorum, there is a leader, two replicas stream, and HAProxy routes to all."""
        return not self.problems


def poll(ports: Ports) -> Health:
    """Return the state of the cluster now. An answer that takes longer than 2 s counts as none. Never raise."""
    etcd = {member: _etcd_healthy(ports, member) for member in ETCD}
    nodes = {node: _json(f"http://{HOST}:{ports.rest_port(node)}/patroni") for node in NODES}
    return evaluate(etcd, nodes, _servers_up(ports))


def evaluate(etcd: dict[str, bool], nodes: dict[str, dict[str, Any] | None], up: set[tuple[str, str]] | None) -> Health:
    """Return the state that these answers describe.

    `etcd`: whether each member has quorum. `nodes`: the answers to GET /patroni. `up`: the (pool, server) pairs that
    HAProxy routes to; None if HAProxy does not answer.
    """
    leaders = [name for name, answer in nodes.items() if _role(answer) == "primary" and _state(answer) == "running"]
    leader = leaders[0] if len(leaders) == 1 else None
    streaming = _streaming(nodes[leader]) if leader else set()
    states = {member: "in quorum" if ok else "no answer" for member, ok in etcd.items()}
    problems = [f"{member} has no quorum or does not answer" for member, ok in etcd.items() if not ok]
    if leader is None:
        problems.append("two primaries at once" if leaders else "no leader")
    for name, answer in nodes.items():
        states[name] = "no answer" if answer is None else f"{_role(answer)}, {_state(answer)}"
        if answer is None:
            problems.append(f"{name} does not answer")
        elif name in streaming:
            states[name] += ", streaming"
        elif leader and name != leader:
            problems.append(f"{name} does not stream")
    states["haproxy"] = "no answer" if up is None else "answers"
    if up is None:
        problems.append("haproxy does not answer")
    elif leader:
        wanted = {("primary", leader)} | {("replicas", name) for name in nodes if name != leader}
        problems += [f"haproxy does not route {pool} to {name}" for pool, name in sorted(wanted - up)]
        problems += [f"haproxy still routes {pool} to {name}" for pool, name in sorted(up - wanted)]
    return Health(leader, states, tuple(problems))


def _role(answer: dict[str, Any] | None) -> str:
    role = str(answer.get("role", "unknown")) if answer else "unknown"
    return "primary" if role == "master" else role  # Patroni 3.0 says master


def _state(answer: dict[str, Any] | None) -> str:
    return str(answer.get("state", "unknown")) if answer else "unknown"


def _streaming(answer: dict[str, Any] | None) -> set[str]:
    replicas = (answer or {}).get("replication") or []
    return {str(replica.get("application_name")) for replica in replicas if replica.get("state") == "streaming"}


def _etcd_healthy(ports: Ports, member: str) -> bool:
    answer = _json(f"http://{HOST}:{ports.etcd_port(member)}/health")
    return answer is not None and str(answer.get("health")).lower() == "true"


def _servers_up(ports: Ports) -> set[tuple[str, str]] | None:
    text = _get(f"http://{HOST}:{ports.stats_port}/;csv")
    if text is None:
        return None
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"])
        for row in rows
        # Before its first check, HAProxy reports a server as UP.
        if row["svname"] in NODES and row["status"] == "UP" and row.get("check_status", "").lstrip("* ") == "L7OK"
    }


def _json(url: str) -> dict[str, Any] | None:
    text = _get(url)
    try:
        answer = json.loads(text) if text else None
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def _get(url: str) -> str | None:
    try:
        with OPENER.open(url, timeout=_TIMEOUT_S) as response:
            return str(response.read().decode("utf-8", "replace"))
    except urllib.error.HTTPError as error:
        return error.read().decode("utf-8", "replace")  # the body of a 503 holds the state of etcd or Patroni
    except (OSError, ValueError):
        return None
