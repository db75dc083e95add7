"""The cluster in Docker, as one that can be broken: by the commands that one types, by signals within a container."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stack import container_network, within
from stack.cluster import Cluster, Part
from stack.containers import PRIMARY, REPLICAS, Containers, docker, run, state
from stack.errors import StackError
from stack.scenario import Step
from stack.settings import ETCD, HOST, MEMBERS, NAMESPACE, NODES, PASSWORD, PROXY, SCOPE, SUPERUSER

_WITHIN = Path(__file__).with_name("within.py")


def docker_cluster(there: Containers) -> Cluster:
    """The cluster of these containers."""
    return Cluster(
        ports=there,
        logs="`docker compose logs`",
        observer_toml=observer_toml(there),
        lacks=partial(_lacks, there),
        kill=partial(_do, there, "kill"),
        stop=partial(_do, there, "stop"),
        pause=partial(_do, there, "pause"),
        resume=partial(_do, there, "resume"),
        start=partial(_whole, there, "start"),
        reload=partial(_reload, there),
        switchover=partial(_switchover, there),
        disconnect=partial(container_network.disconnect, there),
        cut_off=partial(container_network.cut_off, there),
        cut_proxy=partial(container_network.cut_proxy, there),
        join=partial(container_network.join, there),
        restore=partial(_restore, there),
        psql=partial(_psql, there),
    )


def observer_toml(there: Containers) -> str:
    """The observer's configuration for the ports that are published."""
    etcd = ", ".join(f'"{HOST}:{there.etcd_port(member)}"' for member in ETCD)
    rest = "\n".join(f'{node} = "http://{HOST}:{there.rest_port(node)}"' for node in NODES)
    postgres = "\n".join(f'{node} = "host={HOST} port={there.postgres_port(node)}"' for node in NODES)
    write, read = (
        f"host={HOST} port={there.port(PROXY, port)} user={SUPERUSER} password={PASSWORD} dbname=postgres"
        for port in (PRIMARY, REPLICAS)
    )
    return f"""[cluster]
scope = "{SCOPE}"
namespace = "{NAMESPACE}"
[etcd]
endpoints = [{etcd}]
[patroni.members]
{rest}
[postgres.members]
{postgres}
[haproxy]
stats = ["http://{HOST}:{there.stats_port}/"]
[traffic]
write = "{write}"
read = "{read}"
"""


def _lacks(there: Containers, step: Step) -> str | None:
    match step.what, step.do:
        case "patroni", "kill_alone":
            return "a container ends with its Patroni, so that PostgreSQL does not outlive it"
        case "haproxy", "reload":
            return "HAProxy is its container's only program, and the container would end with the old process"
        case "network", "cut_off" | "cut_proxy":
            return container_network.lacks(there)
    return None


def _do(there: Containers, deed: str, member: str, only: Part | None) -> int:
    return _whole(there, deed, member) if only is None else _part(there, deed, member, only)


def _whole(there: Containers, deed: str, member: str) -> int:
    """`docker kill demo-patroni1`, as one types it."""
    name = there.name(member)
    moment_ns = time.monotonic_ns()
    docker("unpause" if deed == "resume" else deed, name)
    return moment_ns


def _part(there: Containers, deed: str, member: str, only: Part) -> int:
    if member not in NODES:
        raise StackError(f"{member} has no {only}; name one of {', '.join(NODES)}.")
    name = there.name(member)
    moment_ns = time.monotonic_ns()
    done = _within(there, member, deed, only)
    if done.returncode == within.NOBODY:
        raise StackError(f"No {only} runs in {name}; start it first.")
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise StackError(f"The {only} in {name} does not {deed} ({said[-1] if said else 'within a minute'}).")
    return moment_ns


def _within(there: Containers, node: str, deed: str, part: str) -> subprocess.CompletedProcess[str]:
    return run("exec", "-i", there.name(node), "python3", "-", deed, part, text=_WITHIN.read_text(encoding="utf-8"))


def _reload(there: Containers, member: str) -> int:
    raise StackError(f"{there.name(member)} cannot be reloaded: HAProxy is its only program.")


def _switchover(there: Containers, leader: str, candidate: str) -> int:
    moment_ns = time.monotonic_ns()
    done = run(
        *("exec", there.name(leader), "patronictl", "switchover", SCOPE),
        *("--leader", leader, "--candidate", candidate, "--force"),
    )
    if done.returncode != 0 or "Successfully switched over" not in done.stdout:
        said = (done.stdout + done.stderr).strip().splitlines()
        raise StackError(
            f"patronictl did not switch over from {leader} to {candidate}: {said[-1] if said else 'silent'}."
        )
    return moment_ns


def _restore(there: Containers) -> None:
    for node in NODES:
        container_network.join(there, node)
    for member in MEMBERS:
        seen = state(there.name(member))["State"]
        if seen["Paused"]:
            _whole(there, "resume", member)
        elif not seen["Running"]:
            _whole(there, "start", member)
    for node in NODES:
        for part in ("postgres", "patroni"):  # who runs on already does not mind
            _within(there, node, "resume", part)


def _psql(there: Containers, node: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return run("exec", there.name(node), "psql", "-U", SUPERUSER, "-d", "postgres", *arguments)
