"""Commands that a reader types to break, repair and inspect this cluster, as it runs: processes, containers, other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from reports.analysis.results.whole import RecordingResults

Platform = Literal["local", "docker", "other"]


def platform(recordings: Iterable[RecordingResults]) -> Platform:
    """Return how the cluster runs: all members on loopback, the homework's containers, or otherwise."""
    known = tuple(recordings)
    hosts = {
        str(member.get("host"))
        for recording in known
        for capture in recording.captures
        for member in capture.members
        if member.get("host")
    }
    if hosts and all(host.startswith("127.") or host in ("localhost", "::1") for host in hosts):
        return "local"
    return "docker" if {recording.scope for recording in known} == {"demo"} else "other"


def command(verb: str, targets: Sequence[str], recordings: Iterable[RecordingResults]) -> str:
    """Return the command that does something (stop, kill, pause, resume, start) to parts of this cluster."""
    if platform(recordings) == "local":
        return "; ".join(f"observer fault {verb} {target}" for target in targets)
    words = {"pause": "pause", "resume": "unpause"}
    return f"docker {words.get(verb, verb)} {' '.join('demo-' + target for target in targets)}"


def query(sql: str) -> str:
    """Return the command that asks the recording file."""
    return f'observer query "{sql}"'
