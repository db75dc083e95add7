"""What several sections need of a recording: blocks for each, counts, ports, and the commands for its cluster."""

from collections.abc import Callable, Iterable
from typing import Literal

from observer.model.recording import Served
from reports.analysis.results.whole import RecordingResults, Results
from reports.document.blocks import Blocks, Heading
from reports.document.build import say

ClusterKind = Literal["local", "docker", "other"]


def of_each(results: Results, blocks_of: Callable[[RecordingResults], Blocks]) -> Blocks:
    """Return the blocks of all recordings; if there are several, each begins with a heading."""
    several = len(results.recordings) > 1
    blocks: Blocks = ()
    for recording in results.recordings:
        own = blocks_of(recording)
        if own:
            blocks += (Heading(say("recording_part.title", id=recording.id)),) if several else ()
            blocks += own
    return blocks


def count(served: Iterable[Served], action: str, probe: str | None = None, in_recovery: bool | None = None) -> int:
    """Return how many acknowledged operations match; None matches everything."""
    return sum(
        row.operations
        for row in served
        if row.action == action and probe in (None, row.probe) and in_recovery in (None, row.in_recovery)
    )


def port_of(recording: RecordingResults, action: str) -> str | None:
    """Return the proxy's address for writes ("write") or reads ("read"); None if none was configured."""
    ports = (p for p in recording.parts if p.kind == "haproxy" and p.name == action)
    return next((address for part in ports for address in part.outside), None)


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
