"""Cuts of the network between members of a local cluster, which all share one loopback.

Packets are dropped, so no connection is refused and none ends, as with a cut cable. The rules match new connections
by the control group of the process that opens them, and existing ones by their ports. This needs root, iptables and
cgroup v2. Every action returns the time just before it took effect, monotonic ns, and raises StackError.
"""

from __future__ import annotations

import os
import re
import shutil
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack import iptables, processes
from stack.errors import StackError
from stack.settings import ETCD, PROXY, StackSettings

_HOOK = "OUTPUT -o lo"


@dataclass(frozen=True, slots=True)
class Connection:
    """An established connection of one process, by its ports."""

    local: int
    remote: int


def unsupported() -> str | None:
    """Return why this machine cannot cut the network; None if it can."""
    if os.geteuid() != 0:
        return "only root may cut the network"
    if shutil.which("iptables", path=iptables.PATH) is None:
        return "iptables is not installed (apt-get install iptables)"
    if _cgroups() is None:
        return "no cgroup v2 is mounted"
    return None


def disconnect(settings: StackSettings, node: str) -> int:
    """Cut a node off from etcd, the other nodes, HAProxy and the observer."""
    own = settings.ports(node)
    group = _group(settings, node)
    connections = set(_connections(settings, node))
    # This node owns both ends of a connection from Patroni to its own PostgreSQL.
    internal = {one for one in connections if Connection(one.remote, one.local) in connections}
    ports = ",".join(map(str, own))
    return _cut(
        settings,
        node,
        [
            *(rule for one in internal for rule in _both_ways(one, "RETURN")),
            *(rule for one in connections - internal for rule in _both_ways(one, "DROP")),
            f"-m cgroup --path {group} -p tcp -m multiport --dports {ports} -j RETURN",
            f"-p tcp -m multiport --dports {ports} -j DROP",
            f"-m cgroup --path {group} -p tcp -m multiport --sports {ports} -j RETURN",
            f"-m cgroup --path {group} -p tcp -j DROP",
        ],
    )


def cut_off(settings: StackSettings, node: str) -> int:
    """Cut a node off from etcd only."""
    return _cut_between(settings, node, [settings.etcd_port(member) for member in ETCD])


def cut_proxy(settings: StackSettings, node: str) -> int:
    """Cut HAProxy off from one node."""
    return _cut_between(settings, PROXY, list(settings.ports(node)), node)


def join(settings: StackSettings, node: str) -> int:
    """Undo every cut around a node; without a cut, do nothing."""
    moment_ns = time.monotonic_ns()
    iptables.remove_chain(iptables.run, _chain(settings, node), (_HOOK,))
    return moment_ns


def _cut_between(settings: StackSettings, member: str, ports: list[int], node: str | None = None) -> int:
    """Drop the packets that a member sends to some ports."""
    existing = [one for one in _connections(settings, member) if one.remote in ports]
    listed = ",".join(map(str, ports))
    return _cut(
        settings,
        node or member,
        [
            *(rule for one in existing for rule in _both_ways(one, "DROP")),
            f"-m cgroup --path {_group(settings, member)} -p tcp -m multiport --dports {listed} -j DROP",
        ],
    )


def _cut(settings: StackSettings, node: str, rules: Iterable[str]) -> int:
    chain = _chain(settings, node)
    join(settings, node)
    iptables.fill_chain(iptables.run, chain, rules)
    moment_ns = time.monotonic_ns()
    iptables.must(iptables.run, f"-I {_HOOK} -j {chain}")
    return moment_ns


def _both_ways(one: Connection, target: str) -> tuple[str, str]:
    return (
        f"-p tcp --sport {one.local} --dport {one.remote} -j {target}",
        f"-p tcp --sport {one.remote} --dport {one.local} -j {target}",
    )


def _group(settings: StackSettings, member: str) -> str:
    """Return the name of a member's control group, and put the member's processes into it."""
    name = f"observer-{settings.port_shift}-{member}"
    root = _cgroups()
    if root is None:
        raise StackError(f"{member} cannot be cut off here: {unsupported()}.")
    try:
        (root / name).mkdir(exist_ok=True)
        for process in processes.of(settings.folder(member)):
            with suppress(ProcessLookupError):
                (root / name / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
    except OSError as error:
        raise StackError(f"{member} cannot be cut off here: {error}.") from None
    return name


def _connections(settings: StackSettings, member: str) -> list[Connection]:
    """Return the established TCP connections of a member's processes."""
    inodes: set[str] = set()
    for process in processes.of(settings.folder(member)):
        with suppress(OSError):
            for entry in Path(f"/proc/{process.pid}/fd").iterdir():
                with suppress(OSError):
                    inodes.update(re.findall(r"^socket:\[(\d+)\]$", os.readlink(entry)))  # noqa: PTH115 (not a path)
    found = []
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        _, local, remote, state, *rest = line.split()
        if state == "01" and rest[5] in inodes:
            found.append(Connection(_port(local), _port(remote)))
    return found


def _port(address: str) -> int:
    return int(address.rpartition(":")[2], 16)


def _chain(settings: StackSettings, node: str) -> str:
    return f"observer-{settings.port_shift}-{node}"  # iptables allows 28 characters


def _cgroups() -> Path | None:
    """Return the mount point of cgroup v2; None if it is not mounted."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(path)
    return None
