"""The containers of a cluster: found by the names of their Compose services, from what `docker inspect` says."""

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

# What each kind of member listens on within its container.
ETCD, REST, POSTGRES = 2379, 8008, 5432
PRIMARY, REPLICAS, STATS = 5001, 5002, 7001
PROJECT = "COMPOSE_PROJECT_NAME"
_LABEL = "com.docker.compose"
# The longest that any command takes: `docker stop` waits for a shutdown in order, half a minute at most.
_LIMIT_S = 90


@dataclass(frozen=True, slots=True)
class Link:
    """How a container is in its network: what it needs to be in it again as it was."""

    network: str
    address: str | None  # one that it was given for good
    aliases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Container:
    """One member. `ports`: those of this machine, by those within."""

    name: str
    link: Link | None
    ports: Mapping[int, int]


@dataclass(frozen=True, slots=True)
class Containers:
    """A whole cluster's, by member; also where its members answer on this machine's loopback."""

    project: str
    by_member: Mapping[str, Container]

    def name(self, member: str) -> str:
        """The name by which one calls a member's container. Raises StackError."""
        return self._of(member).name

    def link(self, member: str) -> Link:
        """How it was in its network when it was found. Raises StackError where it was in none."""
        link = self._of(member).link
        if link is None:
            raise StackError(f"{self.name(member)} is in no network; `docker compose up -d` joins it again.")
        return link

    def port(self, member: str, within: int) -> int:
        """Where a port of a member is published. Raises StackError."""
        container = self._of(member)
        if within not in container.ports:
            raise StackError(f"{container.name} does not publish its port {within}; see stack/compose.yaml.")
        return container.ports[within]

    def etcd_port(self, member: str) -> int:
        """Where a member of etcd listens for clients."""
        return self.port(member, ETCD)

    def rest_port(self, node: str) -> int:
        """Where Patroni's REST API listens."""
        return self.port(node, REST)

    def postgres_port(self, node: str) -> int:
        """Where PostgreSQL itself listens."""
        return self.port(node, POSTGRES)

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page."""
        return self.port(PROXY, STATS)

    def _of(self, member: str) -> Container:
        if member not in self.by_member:
            raise StackError(f"There is no member {member}; known are: {', '.join(self.by_member)}.")
        return self.by_member[member]


def find() -> Containers:
    """The cluster in Docker, running or not; COMPOSE_PROJECT_NAME chooses among several. Raises StackError."""
    ids = docker("ps", "--all", "--quiet", "--filter", f"label={_LABEL}.service").split()
    found = clusters(json.loads(docker("inspect", *ids)) if ids else [])
    told = os.environ.get(PROJECT)
    fits = [one for one in found if told in (None, one.project)]
    if not fits:
        raise StackError(
            f"There is no cluster in Docker to break{f' in the project {told}' if told else ''}; "
            "bring one up with `docker compose up -d` in hw3."
        )
    if len(fits) > 1:
        raise StackError(
            f"There are several clusters in Docker ({', '.join(one.project for one in fits)}); "
            f"choose one by {PROJECT}=NAME."
        )
    return fits[0]


def clusters(inspected: Iterable[Mapping[str, Any]]) -> list[Containers]:
    """Every Compose project that has a service for each member of a cluster."""
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
    """What the engine says of a container now: `State`, `Networks`, whole. Raises StackError."""
    found: Mapping[str, Any] = json.loads(docker("inspect", "--type", "container", name))[0]
    return found


def docker(*arguments: str, text: str | None = None, limit_s: float = _LIMIT_S) -> str:
    """What a docker command answers. Raises StackError that quotes what it said."""
    done = run(*arguments, text=text, limit_s=limit_s)
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise StackError(f"`docker {' '.join(arguments[:3])}` failed: {said[-1] if said else 'it said nothing'}.")
    return done.stdout


def show(*arguments: str) -> int:
    """The exit code of a docker command that says what it does on standard error, for as long as it takes."""
    return subprocess.run([_program(), *arguments], stdin=subprocess.DEVNULL, stdout=2, check=False).returncode


def run(*arguments: str, text: str | None = None, limit_s: float = _LIMIT_S) -> subprocess.CompletedProcess[str]:
    """A docker command with its answer and exit code, `text` given to it. Raises StackError where it does not end."""
    program = _program()
    try:
        return subprocess.run(
            [program, *arguments], input=text or "", capture_output=True, encoding="utf-8", timeout=limit_s, check=False
        )
    except subprocess.TimeoutExpired:
        command = f"docker {' '.join(arguments[:3])}"
        raise StackError(f"`{command}` did not end within {limit_s:.0f} s; see whether Docker is well.") from None


def _program() -> str:
    program = shutil.which("docker")
    if program is None:
        raise StackError("The program docker is not installed; install Docker, or use --local, on Linux.")
    return program


def _container(inspected: Mapping[str, Any]) -> Container:
    live = inspected["NetworkSettings"]
    # What does not run has its ports in its settings alone; those that the engine chose are known while it runs.
    bound = {**(inspected["HostConfig"].get("PortBindings") or {}), **(live.get("Ports") or {})}
    ports = {
        int(within.partition("/")[0]): int(binding["HostPort"])
        for within, bindings in bound.items()
        for binding in bindings or ()
        if binding.get("HostPort")
    }
    links = [
        Link(
            network,
            (own.get("IPAMConfig") or {}).get("IPv4Address"),
            # The engine gives the beginning of its id by itself.
            tuple(alias for alias in own.get("Aliases") or () if not inspected["Id"].startswith(alias)),
        )
        for network, own in (live.get("Networks") or {}).items()
    ]
    return Container(inspected["Name"].lstrip("/"), links[0] if links else None, ports)
