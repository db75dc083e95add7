"""Cuts the network around a node in Docker: from everyone by the engine, from some by dropping packets within.

Packets are dropped in the network namespace of a container, which takes root on the machine that runs it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from stack.containers import ETCD, Containers, docker, state
from stack.errors import StackError
from stack.settings import PROXY

_PATH = "/usr/sbin:/sbin:/usr/bin:/bin"


def lacks(there: Containers) -> str | None:
    """Why packets cannot be dropped within these containers; None: they can."""
    if not sys.platform.startswith("linux"):
        return "packets within a container can be dropped on Linux only"
    if os.geteuid() != 0:
        return "only root may drop packets within a container"
    for program in ("nsenter", "iptables"):
        if shutil.which(program, path=_PATH) is None:
            return f"{program} is not installed"
    seen = state(there.name(PROXY))
    if seen["State"]["Running"] and not _is_here(seen["State"]["Pid"], seen["Id"]):
        return "the containers run on another machine than this one"
    return None


def disconnect(there: Containers, node: str) -> int:
    """Cut a node off from everyone, its published ports included. The moment, monotonic ns."""
    link = there.link(node)
    moment_ns = time.monotonic_ns()
    docker("network", "disconnect", link.network, there.name(node))
    return moment_ns


def cut_off(there: Containers, node: str) -> int:
    """Cut a node off from etcd alone. The moment, monotonic ns."""
    return _drop(there, node, node, [f"-p tcp --dport {ETCD}", f"-p tcp --sport {ETCD}"])


def cut_proxy(there: Containers, node: str) -> int:
    """Cut HAProxy off from one node. The moment, monotonic ns."""
    networks = state(there.name(node))["NetworkSettings"]["Networks"]
    addresses = [own["IPAddress"] for own in networks.values() if own["IPAddress"]]
    return _drop(there, PROXY, node, [f"-{way} {address}" for address in addresses for way in "ds"])


def join(there: Containers, node: str) -> int:
    """Undo every cut around a node; none is no error. The moment, monotonic ns."""
    link, name = there.link(node), there.name(node)
    moment_ns = time.monotonic_ns()
    if link.network not in state(name)["NetworkSettings"]["Networks"]:
        address = ("--ip", link.address) if link.address else ()
        aliases = [word for alias in link.aliases for word in ("--alias", alias)]
        docker("network", "connect", *address, *aliases, link.network, name)
    if lacks(there) is None:
        for member in (node, PROXY):
            _let_through(there, member, node)
    return moment_ns


def _drop(there: Containers, member: str, node: str, rules: Sequence[str]) -> int:
    """Lays the rules into a chain of their own, and only then lets a member's packets pass through it."""
    join(there, node)
    chain = _chain(node)
    for rule in (f"-N {chain}", *(f"-A {chain} {rule} -j DROP" for rule in rules)):
        _must(there, member, rule)
    moment_ns = time.monotonic_ns()
    for way in ("OUTPUT", "INPUT"):
        _must(there, member, f"-I {way} -j {chain}")
    return moment_ns


def _let_through(there: Containers, member: str, node: str) -> None:
    chain = _chain(node)
    if _iptables(there, member, f"-S {chain}").returncode == 0:
        for rule in (f"-D OUTPUT -j {chain}", f"-D INPUT -j {chain}", f"-F {chain}", f"-X {chain}"):
            _iptables(there, member, rule)


def _chain(node: str) -> str:
    return f"observer-{node}"  # at most 28 characters


def _is_here(pid: int, id: str) -> bool:
    """Whether a container's first process is one of this machine's."""
    try:
        return id in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False


def _must(there: Containers, member: str, rule: str) -> None:
    done = _iptables(there, member, rule)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if not line.startswith("#")]
        raise StackError(
            f"iptables refused `{rule}` within {there.name(member)} ({said[0] if said else 'silent'}); "
            "the network cannot be cut here."
        )


def _iptables(there: Containers, member: str, rule: str) -> subprocess.CompletedProcess[str]:
    pid = state(there.name(member))["State"]["Pid"]
    if not pid:
        return subprocess.CompletedProcess([], 1, "", "it does not run")
    return subprocess.run(
        ["nsenter", "--target", str(pid), "--net", "iptables", "-w", *rule.split()],
        env={"PATH": _PATH, "LANG": "C"},
        capture_output=True,
        encoding="utf-8",
        timeout=30,
        check=False,
    )
