"""The ports that the containers of a cluster publish on this machine, from the output of `docker inspect`."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

TIMEOUT_S = 10
ETCD_PORT, REST_PORT, POSTGRES_PORT = 2379, 8008, 5432


@dataclass(frozen=True, slots=True)
class Published:
    """Addresses "host:port" on this machine: `rest` and `postgres` by member, `others` of HAProxy by inner port.

    `patronis` is the number of containers that run Patroni, including those that publish no port.
    """

    etcd: tuple[str, ...] = ()
    rest: Mapping[str, str] = field(default_factory=dict)
    postgres: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[int, str] = field(default_factory=dict)
    user: str = "postgres"
    password: str = ""
    patronis: int = 0


def inspect() -> list[dict[str, Any]] | None:
    """Return the inspection of every running container, None if there is no Docker or it does not answer."""
    docker = shutil.which("docker")
    if docker is None:
        return None
    try:
        ids = _output(docker, "ps", "--quiet").split()
        found = json.loads(_output(docker, "inspect", *ids)) if ids else []
    except (OSError, subprocess.SubprocessError, ValueError):
        return None
    return [container for container in found if isinstance(container, dict)]


def projects(containers: Iterable[Mapping[str, Any]]) -> dict[str, Published]:
    """Return what the containers of each Compose project publish; containers without a project are under ""."""
    groups: dict[str, list[Mapping[str, Any]]] = {}
    for container in containers:
        labels = container.get("Config", {}).get("Labels") or {}
        groups.setdefault(labels.get("com.docker.compose.project", ""), []).append(container)
    return {project: published(group) for project, group in sorted(groups.items())}


def published(containers: Iterable[Mapping[str, Any]]) -> Published:
    """Return what these containers publish of a Patroni cluster."""
    etcd: list[str] = []
    rest: dict[str, str] = {}
    postgres: dict[str, str] = {}
    others: dict[int, str] = {}
    user, password, patronis = "postgres", "", 0
    for container in containers:
        ports, settings = _ports(container), _environment(container)
        patronis += "patroni" in _command(container)
        if ETCD_PORT in ports:
            etcd.append(ports[ETCD_PORT])
        if REST_PORT in ports:
            member = settings.get("PATRONI_NAME") or str(container.get("Config", {}).get("Hostname", ""))
            rest[member] = ports[REST_PORT]
            if POSTGRES_PORT in ports:
                postgres[member] = ports[POSTGRES_PORT]
            user = settings.get("PATRONI_SUPERUSER_USERNAME", user)
            password = settings.get("PATRONI_SUPERUSER_PASSWORD", password)
        if "haproxy" in _description(container):
            others.update(ports)
    return Published(tuple(sorted(etcd)), rest, postgres, others, user, password, patronis)


def _ports(container: Mapping[str, Any]) -> dict[int, str]:
    """Return the published address of each inner port."""
    found: dict[int, str] = {}
    for port, bindings in (container.get("NetworkSettings", {}).get("Ports") or {}).items():
        for binding in bindings or ():
            host = binding.get("HostIp") or "127.0.0.1"
            host = "127.0.0.1" if host in ("0.0.0.0", "::") else host
            found.setdefault(int(port.partition("/")[0]), f"{host}:{binding['HostPort']}")
    return found


def _environment(container: Mapping[str, Any]) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in container.get("Config", {}).get("Env") or ())
    return {name: value for name, _, value in pairs}


def _description(container: Mapping[str, Any]) -> str:
    """Return the name, image, service and command of a container, in lower case, to recognize HAProxy by."""
    config = container.get("Config", {})
    service = (config.get("Labels") or {}).get("com.docker.compose.service", "")
    return f"{container.get('Name')} {config.get('Image')} {service} {_command(container)}".lower()


def _command(container: Mapping[str, Any]) -> str:
    return " ".join(container.get("Config", {}).get("Cmd") or ())


def _output(docker: str, *arguments: str) -> str:
    done = subprocess.run([docker, *arguments], capture_output=True, encoding="utf-8", timeout=TIMEOUT_S, check=True)
    return done.stdout
