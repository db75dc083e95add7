"""The commands that a reader may type on this cluster."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from reports.analysis.results.whole import RecordingResults
from reports.analysis.topology import dsn_address, setting

ClusterKind = Literal["local", "docker", "other"]


def cluster_kind(recordings: Iterable[RecordingResults]) -> ClusterKind:
    """Return how the cluster runs: all members on loopback, the stack in containers, or otherwise."""
    members = [m for r in recordings for capture in r.captures for m in capture.members]
    hosts = {str(member["host"]) for member in members if member.get("host")}
    if hosts and all(host.startswith("127.") or host in ("localhost", "::1") for host in hosts):
        return "local"
    return "docker" if {recording.scope for recording in recordings} == {"demo"} else "other"


def stack_command(verb: str, targets: Iterable[str], recordings: Iterable[RecordingResults]) -> str:
    """Return the command that stops, kills, pauses, resumes or starts parts of this cluster."""
    if cluster_kind(recordings) == "local":
        return "; ".join(f"observer fault {verb} {target}" for target in targets)
    docker = {"resume": "unpause"}.get(verb, verb)
    return f"docker {docker} {' '.join(f'demo-{target}' for target in targets)}"


def psql_command(settings: Mapping[str, Any], key: str, sql: str, password: str = "") -> str | None:
    """Return the command that runs SQL through the address of writes or reads (`key`); None: it is not set.

    `password`: what stands before the command, as "PGPASSWORD=... ".
    """
    dsn = str(setting(settings, "traffic", key) or "")
    address = dsn_address(dsn)
    if address is None:
        return None
    host, _, port = address.rpartition(":")
    user = re.search(r"(?:^|\s)user\s*=\s*'?([^'\s]+)", dsn) or re.match(r"\w+://([^:@/]+)[:@]", dsn)
    base = re.search(r"(?:^|\s)dbname\s*=\s*'?([^'\s]+)", dsn) or re.match(r"\w+://[^/]*/(\w+)", dsn)
    options = [f"-h {host} -p {port}", *(f"-{o} {found[1]}" for o, found in (("U", user), ("d", base)) if found)]
    return f'{password}psql {" ".join(options)} -c "{sql}"'


def query(sql: str) -> str:
    """Return the command that asks the recording file."""
    return f'observer query "{sql}"'
