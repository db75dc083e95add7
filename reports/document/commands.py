"""The commands that a reader may type on this cluster."""

from collections.abc import Iterable
from typing import Literal

from reports.analysis.results.whole import RecordingResults

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
