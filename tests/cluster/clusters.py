"""A real local cluster for tests: where it may be, what one asks of it, and how it is mended."""

from __future__ import annotations

import socket
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from stack import configs, faults, health, local, processes
from stack.settings import HOST, MEMBERS, NODES, PROXY, StackSettings
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
        return eventually(lambda: health.look(self.settings).leader, 60, "the cluster has a leader") or ""

    @property
    def replicas(self) -> list[str]:
        leader = self.leader
        return [node for node in NODES if node != leader]

    def healthy(self, limit_s: float = 90) -> None:
        """Wait for a leader, two streaming replicas, the routes to them, and all three etcd."""
        local.wait_whole(self.settings, limit_s)

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
        """Undo whatever a test did."""
        if self._configure_proxy(self.settings.haproxy_maxconn) and processes.of(self.settings.folder(PROXY)):
            faults.kill(self.settings, PROXY)
        for member in MEMBERS:
            running = processes.of(self.settings.folder(member))
            if any(process.state == "T" for process in running):
                faults.resume(self.settings, member)
            if not any(process.program in ("etcd", "patroni", "haproxy") for process in running):
                faults.start(self.settings, member)
        self.healthy()

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
        if all(_is_free(port) for member in MEMBERS for port in settings.ports(member)):
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


def _is_free(port: int) -> bool:
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((HOST, port))
        except OSError:
            return False
    return True
