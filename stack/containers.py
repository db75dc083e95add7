"""The containers of a cluster: found by the names of their Compose services in the output of `docker inspect`."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from stack.errors import StackError
from stack.settings import MEMBERS, PROXY

# The ports of the members inside their containers.
ETCD, REST, POSTGRES = 2379, 8008, 5432
PRIMARY, REPLICAS, STATS = 5001, 5002, 7001
PROJECT = "COMPOSE_PROJECT_NAME"
_LABEL = "com.docker.compose"
# No command takes longer: `docker stop` waits at most half a minute for a clean shutdown.
_LIMIT_S = 90


@dataclass(frozen=True, slots=True)
class Link:
    """A container's place in its network: what `docker network connect` needs to restore it."""

    network: str
    address: str | None  # None if the engine assigns one
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """The container of one member. `ports`: published port by the port inside the container."""

    name: str
    link: Link | None
    ports: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Containers:
    """The containers of a cluster, by member, and their published ports (`stack.cluster.Ports`)."""

    project: str
    by_member: Mapping[str, Container]

    def name(self, member: str) -> str:
        """Return the name of a member's container. Raise StackError."""
        return self._of(member).name

    def link(self, member: str) -> Link:
        """Return a member's place in its network when it was found. Raise StackError if it was in none."""
        link = self._of(member).link
        if link is None:
            raise StackError(f"{self.name(member)} is in no network; `docker compose up -d` connects it again.")
        return link

    def port(self, member: str, inner: int) -> int:
        """Return the published port for a port inside a member's container. Raise StackError."""
        container = self._of(member)
        if inner not in container.ports:
            raise StackError(f"{container.name} does not publish its port {inner}; see stack/compose.yaml.")
        return container.ports[inner]

    def etcd_port(self, member: str) -> int:
        """Return the client port of an etcd member."""
        return self.port(member, ETCD)

    def rest_port(self, node: str) -> int:
        """Return the port of Patroni's REST API."""
        return self.port(node, REST)

    def postgres_port(self, node: str) -> int:
        """Return the port of PostgreSQL."""
        return self.port(node, POSTGRES)

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page."""
        return self.port(PROXY, STATS)

    def _of(self, member: str) -> Container:
        if member not in self.by_member:
            raise StackError(f"There is no member {member}; the members are: {', '.join(self.by_member)}.")
        return self.by_member[member]


def find() -> Containers:
    """Return the cluster in Docker, running or not; COMPOSE_PROJECT_NAME chooses among several. Raise StackError."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"label={_LABEL}.service").split()
    found = clusters(json.loads(docker("inspect", *ids)) if ids else [])
    project = os.environ.get(PROJECT)
    fits = [one for one in found if project in (None, one.project)]
    if not fits:
        raise StackError(
            f"There is no cluster in Docker to break{f' in the project {project}' if project else ''}; "
            "bring one up with `docker compose up -d` in hw3."
        )
    if len(fits) > 1:
        raise StackError(
            f"There are several clusters in Docker ({', '.join(one.project for one in fits)}); "
            f"choose one by {PROJECT}=NAME."
        )
    return fits[0]


def clusters(inspected: Iterable[Mapping[str, Any]]) -> list[Containers]:
    """Return every Compose project that has a service for each member of a cluster."""
    projects: dict[str, dict[str, Container]] = {}
    for one in inspected:
        labels = one["Config"].get("Labels") or {}
        service = labels.get(f"{_LABEL}.service")
        if service in MEMBERS:
            projects.setdefault(labels.get(f"{_LABEL}.project", ""), {})[service] = _container(one)
    return [
        Containers(project, {member: own[member] for member in MEMBERS})
        for project, own in sorted(projects.items())
        if set(own) == set(MEMBERS)
    ]


def state(name: str) -> Mapping[str, Any]:
    """Return the present output of `docker inspect` for a container. Raise StackError."""
    found: Mapping[str, Any] = json.loads(docker("inspect", "--type", "container", name))[0]
    return found


def docker(*arguments: str, text: str | None = None, limit_s: float = _LIMIT_S) -> str:
    """Return the output of a docker command. Raise StackError with its message if it fails."""
    done = run(*arguments, text=text, limit_s=limit_s)
    if done.returncode != 0:
        message = done.stderr.strip().splitlines()
        raise StackError(f"`docker {' '.join(arguments[:3])}` failed: {message[-1] if message else 'no message'}.")
    return done.stdout


def show(*arguments: str) -> int:
    """Run a docker command without a time limit, its output on standard error; return its exit code."""
    return subprocess.run([_program(), *arguments], stdin=subprocess.DEVNULL, stdout=2, check=False).returncode


def run(*arguments: str, text: str | None = None, limit_s: float = _LIMIT_S) -> subprocess.CompletedProcess[str]:
    """Run a docker command with `text` on its standard input. Raise StackError at the time limit."""
    program = _program()
    try:
        return subprocess.run(
            [program, *arguments], input=text or "", capture_output=True, encoding="utf-8", timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        command = f"docker {' '.join(arguments[:3])}"
        raise StackError(f"`{command}` did not end within {limit_s:.0f} s; check that Docker responds.") from None


def _program() -> str:
    program = shutil.which("docker")
    if program is None:
        raise StackError("The program docker is not installed; install Docker, or use --local, on Linux.")
    return program


def _container(inspected: Mapping[str, Any]) -> Container:
    live = inspected["NetworkSettings"]
    # A stopped container has its ports in its settings only; ports that the engine chose exist only while it runs.
    bound = {**(inspected["HostConfig"].get("PortBindings") or {}), **(live.get("Ports") or {})}
    ports = {
        int(inner.partition("/")[0]): int(binding["HostPort"])
        for inner, bindings in bound.items()
        for binding in bindings or ()
        if binding.get("HostPort")
    }
    links = [
        Link(
            network,
            (own.get("IPAMConfig") or {}).get("IPv4Address"),
            # The engine adds the beginning of the container's id as an alias by itself.
            tuple(alias for alias in own.get("Aliases") or () if not inspected["Id"].startswith(alias)),
        )
        for network, own in (live.get("Networks") or {}).items()
    ]
    return Container(inspected["Name"].lstrip("/"), links[0] if links else None, ports)
