"""Cuts of the network around a node in Docker: by the engine, or by dropping packets inside a container.

Dropping packets in the network namespace of a container takes root on the machine that runs it. Every action returns
the time just before it took effect, monotonic ns, and raises StackError.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from stack import iptables
from stack.containers import ETCD, Containers, docker, state
from stack.settings import PROXY

_HOOKS = ("OUTPUT", "INPUT")


def unsupported(containers: Containers) -> str | None:
    """Return why packets cannot be dropped inside these containers; None if they can."""
    if not sys.platform.startswith("linux"):
        return "packets within a container can be dropped on Linux only"
    if os.geteuid() != 0:
        return "only root may drop packets within a container"
    for program in ("nsenter", "iptables"):
        if shutil.which(program, path=iptables.PATH) is None:
            return f"{program} is not installed"
    proxy = state(containers.name(PROXY))
    if proxy["State"]["Running"] and not _is_here(proxy["State"]["Pid"], proxy["Id"]):
        return "the containers run on another machine"
    return None


def disconnect(containers: Containers, node: str) -> int:
    """Cut a node off from every other member; its published ports are gone too."""
    link = containers.link(node)
    moment_ns = time.monotonic_ns()
    docker("network", "disconnect", link.network, containers.name(node))
    return moment_ns


def cut_off(containers: Containers, node: str) -> int:
    """Cut a node off from etcd only."""
    return _drop(containers, node, node, [f"-p tcp --dport {ETCD}", f"-p tcp --sport {ETCD}"])


def cut_proxy(containers: Containers, node: str) -> int:
    """Cut HAProxy off from one node."""
    networks = state(containers.name(node))["NetworkSettings"]["Networks"]
    addresses = [network["IPAddress"] for network in networks.values() if network["IPAddress"]]
    return _drop(containers, PROXY, node, [f"-{flag} {address}" for address in addresses for flag in "ds"])


def join(containers: Containers, node: str) -> int:
    """Undo every cut around a node; without a cut, do nothing."""
    link, name = containers.link(node), containers.name(node)
    moment_ns = time.monotonic_ns()
    if link.network not in state(name)["NetworkSettings"]["Networks"]:
        address = ("--ip", link.address) if link.address else ()
        aliases = [word for alias in link.aliases for word in ("--alias", alias)]
        docker("network", "connect", *address, *aliases, link.network, name)
    if unsupported(containers) is None:
        for member in (node, PROXY):
            iptables.remove_chain(partial(_iptables, containers, member), _chain(node), _HOOKS)
    return moment_ns


def _drop(containers: Containers, member: str, node: str, matches: Sequence[str]) -> int:
    """Drop a member's packets that match."""
    join(containers, node)
    run, chain = partial(_iptables, containers, member), _chain(node)
    iptables.fill_chain(run, chain, [f"{match} -j DROP" for match in matches])
    moment_ns = time.monotonic_ns()
    for hook in _HOOKS:
        iptables.must(run, f"-I {hook} -j {chain}")
    return moment_ns


def _chain(node: str) -> str:
    return f"observer-{node}"  # iptables allows 28 characters


def _is_here(pid: int, id: str) -> bool:
    """Return whether a container's first process runs on this machine."""
    try:
        return id in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8")
    except OSError:
        return False


def _iptables(containers: Containers, member: str, arguments: str) -> subprocess.CompletedProcess[str]:
    """Run iptables in the network namespace of a member's container."""
    pid = state(containers.name(member))["State"]["Pid"]
    if not pid:
        return subprocess.CompletedProcess([], 1, "", f"the container of {member} does not run")
    return iptables.run(arguments, ("nsenter", "--target", str(pid), "--net"))
