"""Cuts the network between members of a local cluster, all of which live on one loopback.

Packets are dropped, so that nothing is refused and nothing ends: exactly what a cut cable does. New connections are
told apart by the control group of whoever opens them, existing ones by their ports. Needs root, iptables and cgroup v2.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from stack import processes
from stack.errors import StackError
from stack.settings import ETCD, PROXY, StackSettings

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True)
class Connection:
    """An established connection of one process, by its ports."""

    local: int
    remote: int


def lacks() -> str | None:
    """Why this machine cannot cut the network; None: it can."""
    if os.geteuid() != 0:
        return "only root may cut the network"
    if shutil.which("iptables", path=_PATH) is None:
        return "iptables is not installed (apt-get install iptables)"
    if _cgroups() is None:
        return "no cgroup v2 is mounted"
    return None


def disconnect(settings: StackSettings, node: str) -> int:
    """Cut a node off from everyone: etcd, the other nodes, HAProxy, the observer. The moment, monotonic ns."""
    own = settings.ports(node)
    group = _group(settings, node)
    everything = set(_connections(settings, node))
    # Both ends of what Patroni says to its own PostgreSQL are this node's.
    internal = {one for one in everything if Connection(one.remote, one.local) in everything}
    ports = ",".join(map(str, own))
    return _cut(
        settings,
        node,
        [
            *(rule for one in internal for rule in _both_ways(one, "RETURN")),
            *(rule for one in everything - internal for rule in _both_ways(one, "DROP")),
            f"-m cgroup --path {group} -p tcp -m multiport --dports {ports} -j RETURN",
            f"-p tcp -m multiport --dports {ports} -j DROP",
            f"-m cgroup --path {group} -p tcp -m multiport --sports {ports} -j RETURN",
            f"-m cgroup --path {group} -p tcp -j DROP",
        ],
    )


def cut_off(settings: StackSettings, node: str) -> int:
    """Cut a node off from etcd alone. The moment, monotonic ns."""
    return _cut_between(settings, node, [settings.etcd_port(member) for member in ETCD])


def cut_proxy(settings: StackSettings, node: str) -> int:
    """Cut HAProxy off from one node. The moment, monotonic ns."""
    return _cut_between(settings, PROXY, list(settings.ports(node)), node)


def join(settings: StackSettings, node: str) -> int:
    """Undo every cut around a node; none is no error. The moment, monotonic ns."""
    moment_ns = time.monotonic_ns()
    chain = _chain(settings, node)
    if _iptables(f"-S {chain}").returncode == 0:
        _iptables(f"-D OUTPUT -o lo -j {chain}")
        _iptables(f"-F {chain}")
        _iptables(f"-X {chain}")
    return moment_ns


def _cut_between(settings: StackSettings, member: str, ports: list[int], node: str | None = None) -> int:
    """Drops what a member sends to some ports."""
    old = [one for one in _connections(settings, member) if one.remote in ports]
    asked = ",".join(map(str, ports))
    return _cut(
        settings,
        node or member,
        [
            *(rule for one in old for rule in _both_ways(one, "DROP")),
            f"-m cgroup --path {_group(settings, member)} -p tcp -m multiport --dports {asked} -j DROP",
        ],
    )


def _cut(settings: StackSettings, node: str, rules: Iterable[str]) -> int:
    """Lays the rules into a chain of their own, and only then lets packets pass through it."""
    chain = _chain(settings, node)
    join(settings, node)
    for rule in (f"-N {chain}", *(f"-A {chain} {rule}" for rule in rules)):
        _must(rule)
    moment_ns = time.monotonic_ns()
    _must(f"-I OUTPUT -o lo -j {chain}")
    return moment_ns


def _both_ways(one: Connection, verdict: str) -> tuple[str, str]:
    return (
        f"-p tcp --sport {one.local} --dport {one.remote} -j {verdict}",
        f"-p tcp --sport {one.remote} --dport {one.local} -j {verdict}",
    )


def _group(settings: StackSettings, member: str) -> str:
    """The control group of a member, with all that runs of it now in it."""
    name = f"observer-{settings.port_shift}-{member}"
    root = _cgroups()
    if root is None:
        raise StackError(f"{member} cannot be cut off here: {lacks()}.")
    try:
        (root / name).mkdir(exist_ok=True)
        for process in processes.of(settings.folder(member)):
            with suppress(ProcessLookupError):
                (root / name / "cgroup.procs").write_text(str(process.pid), encoding="ascii")
    except OSError as error:
        raise StackError(f"{member} cannot be cut off here: {error}.") from None
    return name


def _connections(settings: StackSettings, member: str) -> list[Connection]:
    """What a member's processes have established over TCP."""
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
    return f"observer-{settings.port_shift}-{node}"  # at most 28 characters


def _cgroups() -> Path | None:
    """Where cgroup v2 is mounted."""
    for line in Path("/proc/mounts").read_text(encoding="utf-8").splitlines():
        _, path, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(path)
    return None


def _must(rule: str) -> None:
    done = _iptables(rule)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if not line.startswith("#")]
        raise StackError(
            f"iptables refused `{rule}` ({said[0] if said else 'silent'}); the network cannot be cut here."
        )


def _iptables(rule: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["iptables", "-w", *rule.split()],
        env={"PATH": _PATH, "LANG": "C"},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
