"""A real local cluster for tests: where it may be, what one asks of it, and how it is mended."""

from __future__ import annotations

import json
import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from stack import configs, faults, health, local, processes
from stack.settings import ETCD, HOST, MEMBERS, NODES, PROXY, StackSettings
from tests.ports import is_free
from tests.waiting import eventually

# The probe alone may have 300 connections under way while HAProxy tries a dead server again and again.
MAXCONN = 1000


@dataclass(frozen=True, slots=True)
class Cluster:
    """The session's cluster. Break it with `stack.faults` and these settings; it is mended after the test."""

    settings: StackSettings

    @property
    def write_dsn(self) -> str:
        return self.settings.dsn(self.settings.primary_port)

    @property
    def leader(self) -> str:
        """Who leads now; waits until somebody does."""
        leads = lambda: health.poll(self.settings).leader  # noqa: E731
        return eventually(leads, 120, "the cluster has a leader", lambda: health.poll(self.settings).problems) or ""

    @property
    def replicas(self) -> list[str]:
        leader = self.leader
        return [node for node in NODES if node != leader]

    def healthy(self, limit_s: float = 180) -> None:
        """Wait for a leader, two streaming replicas, the routes to them, and all three etcd."""
        local.wait_healthy(self.settings, limit_s)

    def write_observer_toml(self, path: Path, more: str = "") -> Path:
        """The observer's configuration for this cluster."""
        path.write_text(configs.observer_toml(self.settings) + more, encoding="utf-8")
        return path

    def restart_proxy(self, maxconn: int) -> None:
        """HAProxy anew, with another maxconn; until the test ends."""
        self._configure_proxy(maxconn)
        faults.kill(self.settings, PROXY)
        faults.start(self.settings, PROXY)
        self.healthy()

    def mend(self) -> None:
        """Undo whatever a test did, and wait until it shows no more."""
        etcd_was_broken = False
        if self._configure_proxy(self.settings.haproxy_maxconn) and processes.of(self.settings.folder(PROXY)):
            faults.kill(self.settings, PROXY)
        for member in MEMBERS:
            running = processes.of(self.settings.folder(member))
            frozen = any(process.state == "T" for process in running)
            gone = not any(process.program in ("etcd", "patroni", "haproxy") for process in running)
            if frozen:
                faults.resume(self.settings, member)
            if gone:
                faults.start(self.settings, member)
            etcd_was_broken |= member in ETCD and (frozen or gone)
        self.healthy()
        if etcd_was_broken:
            # A turn of Patroni's may still fail for what it met before etcd was back, and demote the leader after all.
            since_s = time.time()
            eventually(lambda: self._etcd_heard_s() > since_s, 60, "each Patroni has reached etcd", self._etcd_heard_s)
            self.healthy()

    def _etcd_heard_s(self) -> float:
        """When the Patroni that was last to do so reached etcd, by the wall clock, in whole seconds."""
        return min(self._patroni(node).get("dcs_last_seen", 0.0) for node in NODES)

    def _patroni(self, node: str) -> dict[str, Any]:
        """GET /patroni; nothing where it does not answer."""
        try:
            with health.OPENER.open(f"http://{HOST}:{self.settings.rest_port(node)}/patroni", timeout=5) as response:
                told: dict[str, Any] = json.load(response)
                return told
        except (OSError, ValueError):
            return {}

    def _configure_proxy(self, maxconn: int) -> bool:
        """Whether its configuration was another."""
        path = self.settings.folder(PROXY) / "haproxy.cfg"
        text = configs.haproxy_cfg(replace(self.settings, haproxy_maxconn=maxconn))
        if path.read_text(encoding="utf-8") == text:
            return False
        path.write_text(text, encoding="utf-8")
        return True


def free_port_shift() -> int:
    """A shift whose ports are all free; never 0, where a person's own cluster may be."""
    for shift in range(1000, 6000, 100):
        settings = StackSettings(Path("/"), shift)
        if all(is_free(port) for member in MEMBERS for port in settings.ports(member)):
            return shift
    raise AssertionError("no free ports for a cluster")


def quick_settings(directory: Path, port_shift: int) -> StackSettings:
    """The shortest times that Patroni takes with a margin."""
    return StackSettings(directory, port_shift, 20, 5, 5, MAXCONN)


def new_directory() -> Path:
    """A directory that the unprivileged user reaches, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="observer-tests-", dir="/var/tmp"))
    directory.chmod(0o755)
    return directory
