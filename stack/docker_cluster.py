"""The cluster in Docker as a `Cluster`: broken by docker commands, and by signals inside a container."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stack import container_network, container_signals
from stack.cluster import Cluster, Service, check_switchover
from stack.containers import PRIMARY, REPLICAS, Containers, docker, run, state
from stack.errors import StackError
from stack.scenario import Step
from stack.settings import ETCD, HOST, MEMBERS, NAMESPACE, NODES, PASSWORD, PROXY, SCOPE, SUPERUSER

_SIGNALS = Path(__file__).with_name("container_signals.py")


def docker_cluster(containers: Containers) -> Cluster:
    """Return the cluster of these containers."""
    return Cluster(
        ports=containers,
        logs="`docker compose logs`",
        observer_toml=observer_toml(containers),
        unsupported=partial(_unsupported, containers),
        kill=partial(_act, containers, "kill"),
        stop=partial(_act, containers, "stop"),
        pause=partial(_act, containers, "pause"),
        resume=partial(_act, containers, "resume"),
        start=partial(_on_container, containers, "start"),
        reload=partial(_reload, containers),
        switchover=partial(_switchover, containers),
        disconnect=partial(container_network.disconnect, containers),
        cut_off=partial(container_network.cut_off, containers),
        cut_proxy=partial(container_network.cut_proxy, containers),
        join=partial(container_network.join, containers),
        restore=partial(_restore, containers),
        psql=partial(_psql, containers),
    )


def observer_toml(containers: Containers) -> str:
    """Return the observer's configuration for the published ports."""
    etcd = ", ".join(f'"{HOST}:{containers.etcd_port(member)}"' for member in ETCD)
    rest = "\n".join(f'{node} = "http://{HOST}:{containers.rest_port(node)}"' for node in NODES)
    postgres = "\n".join(f'{node} = "host={HOST} port={containers.postgres_port(node)}"' for node in NODES)
    write, read = (
        f"host={HOST} port={containers.port(PROXY, port)} user={SUPERUSER} password={PASSWORD} dbname=postgres"
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
stats = ["http://{HOST}:{containers.stats_port}/"]
[traffic]
write = "{write}"
read = "{read}"
"""


def _unsupported(containers: Containers, step: Step) -> str | None:
    match step.component, step.action:
        case "patroni", "kill_alone":
            return "a container ends with its Patroni, so PostgreSQL does not survive it"
        case "haproxy", "reload":
            return "HAProxy is its container's only program, so the container would end with the old process"
        case "network", "cut_off" | "cut_proxy":
            return container_network.unsupported(containers)
    return None


def _act(containers: Containers, action: str, member: str, only: Service | None) -> int:
    if only is None:
        return _on_container(containers, action, member)
    return _on_service(containers, action, member, only)


def _on_container(containers: Containers, action: str, member: str) -> int:
    """Run a command such as `docker kill demo-patroni1`."""
    name = containers.name(member)
    moment_ns = time.monotonic_ns()
    docker("unpause" if action == "resume" else action, name)
    return moment_ns


def _on_service(containers: Containers, action: str, member: str, service: Service) -> int:
    if member not in NODES:
        raise StackError(f"{member} has no {service}; name one of {', '.join(NODES)}.")
    name = containers.name(member)
    moment_ns = time.monotonic_ns()
    done = _signal(containers, member, action, service)
    if done.returncode == container_signals.NOT_RUNNING:
        raise StackError(f"No {service} runs in {name}; start it first.")
    if done.returncode != 0:
        message = done.stderr.strip().splitlines()
        raise StackError(
            f"The {service} in {name} does not {action} ({message[-1] if message else 'within a minute'})."
        )
    return moment_ns


def _signal(containers: Containers, node: str, action: str, service: str) -> subprocess.CompletedProcess[str]:
    program = _SIGNALS.read_text(encoding="utf-8")
    return run("exec", "-i", containers.name(node), "python3", "-", action, service, text=program)


def _reload(containers: Containers, member: str) -> int:
    raise StackError(f"{containers.name(member)} cannot be reloaded: HAProxy is its only program.")


def _switchover(containers: Containers, leader: str, candidate: str) -> int:
    moment_ns = time.monotonic_ns()
    done = run(
        *("exec", containers.name(leader), "patronictl", "switchover", SCOPE),
        *("--leader", leader, "--candidate", candidate, "--force"),
    )
    check_switchover(done, leader, candidate)
    return moment_ns


def _restore(containers: Containers) -> None:
    for node in NODES:
        container_network.join(containers, node)
    for member in MEMBERS:
        container = state(containers.name(member))["State"]
        if container["Paused"]:
            _on_container(containers, "resume", member)
        elif not container["Running"]:
            _on_container(containers, "start", member)
    for node in NODES:
        for service in ("postgres", "patroni"):  # SIGCONT does nothing to a process that runs
            _signal(containers, node, "resume", service)


def _psql(containers: Containers, node: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return run("exec", containers.name(node), "psql", "-U", SUPERUSER, "-d", "postgres", *arguments)
