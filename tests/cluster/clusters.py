"""A real local cluster for tests: its directory and ports, its state, and its repair."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stack import configs, faults, health, local, processes
from stack.local_cluster import local_cluster
from stack.settings import ETCD, HOST, MEMBERS, NODES, PROXY, StackSettings
from tests.ports import is_free
from tests.waiting import eventually

# While HAProxy retries a dead server, the probe alone may have 300 connections.
MAXCONN = 1000


@dataclass(frozen=True, slots=True)
class Cluster:
    """The session's cluster. Break it with `stack.faults` and these settings; it is repaired after the test."""

    settings: StackSettings

    @property
    def write_dsn(self) -> str:
        return self.settings.dsn(self.settings.primary_port)

    @property
    def leader(self) -> str:
        """The present leader; wait until there is one."""

        def leader() -> str | None:
            return health.poll(self.settings).leader

        return eventually(leader, 120, "the cluster has a leader", lambda: health.poll(self.settings).problems)

    @property
    def replicas(self) -> list[str]:
        leader = self.leader
        return [node for node in NODES if node != leader]

    def healthy(self, limit_s: float = 180) -> None:
        """Wait for a leader, two streaming replicas, the routes to them, and all three etcd."""
        local.wait_healthy(self.settings, limit_s)

    def write_observer_toml(self, path: Path, more: str = "") -> Path:
        """Write the observer's configuration for this cluster."""
        path.write_text(configs.observer_toml(self.settings) + more, encoding="utf-8")
        return path

    def restart_proxy(self, maxconn: int) -> None:
        """Start HAProxy again with another maxconn, until the test ends."""
        self._configure_proxy(maxconn)
        faults.kill(self.settings, PROXY)
        faults.start(self.settings, PROXY)
        self.healthy()

    def repair(self) -> None:
        """Undo all that a test did, and wait until the cluster is healthy."""
        if self._configure_proxy(self.settings.haproxy_maxconn) and processes.of(self.settings.folder(PROXY)):
            faults.kill(self.settings, PROXY)
        etcd = [processes.of(self.settings.folder(member)) for member in ETCD]
        etcd_was_broken = any(not running or any(one.state == "T" for one in running) for running in etcd)
        local_cluster(self.settings).restore()
        self.healthy()
        if etcd_was_broken:
            # A loop of Patroni that began before etcd was back may still fail and demote the leader.
            since_s = time.time()
            eventually(
                lambda: self._dcs_last_seen_s() > since_s, 60, "each Patroni has reached etcd", self._dcs_last_seen_s
            )
            self.healthy()

    def _dcs_last_seen_s(self) -> float:
        """Return the oldest time at which a Patroni last reached etcd: wall clock, whole seconds."""
        return min(float(self._patroni(node).get("dcs_last_seen", 0)) for node in NODES)

    def _patroni(self, node: str) -> dict[str, Any]:
        """Return the answer to GET /patroni; an empty one if there is none."""
        try:
            with health.OPENER.open(f"http://{HOST}:{self.settings.rest_port(node)}/patroni", timeout=5) as response:
                answer: dict[str, Any] = json.load(response)
                return answer
        except (OSError, ValueError):
            return {}

    def _configure_proxy(self, maxconn: int) -> bool:
        """Write HAProxy's configuration; return whether it changed."""
        path = self.settings.folder(PROXY) / "haproxy.cfg"
        text = configs.haproxy_cfg(replace(self.settings, haproxy_maxconn=maxconn))
        if path.read_text(encoding="utf-8") == text:
            return False
        path.write_text(text, encoding="utf-8")
        return True


def free_port_shift() -> int:
    """Return a shift whose ports are all free; never 0, which the user's own cluster may have."""
    for shift in range(1000, 6000, 100):
        settings = StackSettings(Path("/"), shift)
        if all(is_free(port) for member in MEMBERS for port in settings.ports(member)):
            return shift
    raise AssertionError("no free ports for a cluster")


def quick_settings(directory: Path, port_shift: int) -> StackSettings:
    """Return settings with the shortest times that Patroni accepts, and a margin."""
    return StackSettings(directory, port_shift, 20, 5, 5, MAXCONN)


def new_directory() -> Path:
    """Return a directory that, unlike pytest's own, the unprivileged user can reach."""
    directory = Path(tempfile.mkdtemp(prefix="observer-tests-", dir="/var/tmp"))
    directory.chmod(0o755)
    return directory
