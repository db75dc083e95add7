"""Looks at a cluster through its own interfaces and says what it lacks."""

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


@dataclass(frozen=True, slots=True)
class Health:
    """What was seen: `leader` by Patroni's own word, each member's state in a word or two, and all that is missing."""

    leader: str | None
    states: dict[str, str]
    lacks: tuple[str, ...]

    @property
    def whole(self) -> bool:
        """Whether nothing is missing: quorum of all, a leader, two streaming replicas, and the routes to them."""
        return not self.lacks


def look(settings: Ports) -> Health:
    """The cluster as it is now; every answer that does not come within 2 s counts as none. Never raises."""
    etcd = {member: _etcd(settings, member) for member in ETCD}
    nodes = {node: _json(f"http://{HOST}:{settings.rest_port(node)}/patroni") for node in NODES}
    up = _servers_up(settings)
    return judge(etcd, nodes, up)


def judge(etcd: dict[str, bool], nodes: dict[str, dict[str, Any] | None], up: set[tuple[str, str]] | None) -> Health:
    """What the answers mean: `etcd` who has quorum, `nodes` GET /patroni, `up` the (pool, server) that HAProxy uses."""
    leaders = [name for name, seen in nodes.items() if _role(seen) == "primary" and _state(seen) == "running"]
    leader = leaders[0] if len(leaders) == 1 else None
    streaming = _streaming(nodes[leader]) if leader else set()
    states = {member: "in quorum" if well else "no answer" for member, well in etcd.items()}
    lacks = [f"{member} has no quorum or does not answer" for member, well in etcd.items() if not well]
    if leader is None:
        lacks.append("two primaries at once" if leaders else "no leader")
    for name, seen in nodes.items():
        states[name] = "no answer" if seen is None else f"{_role(seen)}, {_state(seen)}"
        if seen is None:
            lacks.append(f"{name} does not answer")
        elif name in streaming:
            states[name] += ", streaming"
        elif leader and name != leader:
            lacks.append(f"{name} does not stream")
    states["haproxy"] = "no answer" if up is None else "answers"
    if up is None:
        lacks.append("haproxy does not answer")
    elif leader:
        wanted = {("primary", leader)} | {("replicas", name) for name in nodes if name != leader}
        lacks += [f"haproxy does not route {pool} to {name}" for pool, name in sorted(wanted - up)]
        lacks += [f"haproxy still routes {pool} to {name}" for pool, name in sorted(up - wanted)]
    return Health(leader, states, tuple(lacks))


def _role(seen: dict[str, Any] | None) -> str:
    role = str(seen.get("role", "unknown")) if seen else "unknown"
    return "primary" if role == "master" else role  # Patroni 3.0 says master


def _state(seen: dict[str, Any] | None) -> str:
    return str(seen.get("state", "unknown")) if seen else "unknown"


def _streaming(seen: dict[str, Any] | None) -> set[str]:
    replicas = (seen or {}).get("replication") or []
    return {str(one.get("application_name")) for one in replicas if one.get("state") == "streaming"}


def _etcd(settings: Ports, member: str) -> bool:
    answer = _json(f"http://{HOST}:{settings.etcd_port(member)}/health")
    return answer is not None and str(answer.get("health")).lower() == "true"


def _servers_up(settings: Ports) -> set[tuple[str, str]] | None:
    text = _get(f"http://{HOST}:{settings.stats_port}/;csv")
    if text is None:
        return None
    rows = csv.DictReader(text.removeprefix("# ").splitlines())
    return {
        (row["pxname"], row["svname"])
        for row in rows
        # Until the first check HAProxy calls a server UP without having looked.
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
        return error.read().decode("utf-8", "replace")  # etcd and Patroni say what ails them with a 503
    except (OSError, ValueError):
        return None


# Loopback is never reached through a proxy, whatever the environment says.
OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))
