"""The local cluster: bring it up, take it down, show its state."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from stack import admin_requests, configs, faults, health, packages, processes
from stack.errors import StackError
from stack.local_cluster import local_cluster
from stack.settings import (
    ETCD,
    HOST,
    MARK,
    MEMBERS,
    NODES,
    PASSWORD,
    PROXY,
    StackSettings,
    default_directory,
    read,
    write,
)

__all__ = ["StackError", "StackSettings", "StackStatus", "default_directory", "down", "lines", "status", "up"]

Say = Callable[[str], None]
_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class StackStatus:
    """The state of a cluster: `settings` is None if there is none; `processes` counts the living ones by member."""

    directory: Path
    settings: StackSettings | None
    processes: dict[str, int]
    health: health.Health | None

    @property
    def up(self) -> bool:
        """Whether the cluster exists and is healthy."""
        return self.health is not None and self.health.healthy


def up(settings: StackSettings, say: Say) -> None:
    """Bring up an empty cluster, wait until it is healthy, and create the homework's tables.

    Raise StackError. After any error or Ctrl-C, take everything down again and keep the logs.
    """
    programs = packages.find()
    user = processes.run_as()
    _claim(settings, user)
    for member in MEMBERS:
        for port in settings.ports(member):
            _must_be_free(member, port)
    try:
        _lay_out(settings, programs, user)
        say(f"starting etcd ({', '.join(settings.etcd_endpoints)})")
        for member in ETCD:
            faults.start(settings, member)
        _wait(settings, "etcd has quorum", lambda state: all(state.states[member] == "in quorum" for member in ETCD))
        first, *others = NODES
        say(f"starting {first}: a new database, the first leader")
        faults.start(settings, first)
        _wait(settings, f"{first} leads", lambda state: state.leader == first)
        say(f"starting {' and '.join(others)}: replicas of it; and HAProxy")
        for member in (*others, PROXY):
            faults.start(settings, member)
        wait_healthy(settings)
        say("creating the homework's tables")
        admin_requests.create_tables(local_cluster(settings))
    except BaseException:
        say(f"taking the cluster down again; the logs stay in {settings.directory / 'logs'}")
        _clear(settings.directory, lambda _: None)
        raise
    say(
        f"up: primary {HOST}:{settings.primary_port}, replicas {HOST}:{settings.replicas_port}, user postgres, password"
    )
    say(f"    {PASSWORD}; HAProxy's page http://{HOST}:{settings.stats_port}/; data and logs in {settings.directory}")


def down(directory: Path, say: Say) -> None:
    """End every process of the cluster in a directory, frozen or half-started too; remove its data, keep its logs.

    Without a cluster, only say so. Raise StackError.
    """
    packages.must_be_linux()
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 (keeps symlinks, as the settings do)
    if not _members_of(directory) and not (directory / MARK).exists():
        say(f"no cluster in {directory}")
        return
    _clear(directory, say)
    say(f"down: the data is gone, the logs stay in {directory / 'logs'}")


def status(directory: Path) -> StackStatus:
    """Return the state of the cluster in a directory. Raise StackError if its settings are damaged."""
    packages.must_be_linux()
    directory = Path(os.path.abspath(directory))  # noqa: PTH100
    settings = read(directory)
    counts = {member: len(processes.of(directory / member)) for member in MEMBERS}
    return StackStatus(directory, settings, counts, health.poll(settings) if settings else None)


def lines(seen: StackStatus) -> list[str]:
    """Return a status as text, one line per member."""
    if seen.settings is None or seen.health is None:
        return [f"no cluster in {seen.directory}"]
    text = [f"cluster in {seen.directory} (logs in {seen.directory / 'logs'})"]
    for member in MEMBERS:
        ports = ", ".join(str(port) for port in seen.settings.ports(member))
        count = seen.processes[member]
        running = f"{count} process{'es' if count != 1 else ''}" if count else "not running"
        text.append(f"  {member:<9} {running:<13} ports {ports:<16} {seen.health.states[member]}")
    text.append("healthy" if seen.health.healthy else f"not healthy: {'; '.join(seen.health.problems)}")
    return text


def wait_healthy(settings: StackSettings, limit_s: float = _LIMIT_S) -> None:
    """Wait until the cluster is healthy. Raise StackError with its problems at the limit."""
    _wait(settings, "the cluster is healthy", lambda state: state.healthy, limit_s)


def _wait(
    settings: StackSettings, what: str, condition: Callable[[health.Health], bool], limit_s: float = _LIMIT_S
) -> None:
    deadline = time.monotonic() + limit_s
    while not condition(state := health.poll(settings)):
        if time.monotonic() > deadline:
            raise StackError(
                f"Waited {limit_s:.0f} s in vain until {what} ({'; '.join(state.problems)}); "
                f"see the logs in {settings.directory / 'logs'}."
            )
        time.sleep(0.2)


def _claim(settings: StackSettings, user: str | None) -> None:
    """Refuse a directory that is not empty, belongs to another user, or is out of the unprivileged user's reach."""
    directory = settings.directory
    running = _members_of(directory)
    if running or (directory / MARK).exists():
        raise StackError(
            f"There is already a cluster in {directory} ({len(running)} of {len(MEMBERS)} members run); "
            "take it down with `observer stack down`, or show its state with `observer stack status`."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        foreign = {entry.name for entry in directory.iterdir()} - {"logs"}
    except (OSError, ValueError) as error:
        raise StackError(f"{directory} cannot be used ({error}); name another with OBSERVER_STACK_DIR.") from None
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise StackError(f"{directory} belongs to another user; name another with OBSERVER_STACK_DIR.")
    if foreign:
        raise StackError(f"{directory} holds other files ({min(foreign)}); name an empty one with OBSERVER_STACK_DIR.")
    if not _may(user, "-x", directory):
        raise StackError(
            f"The cluster runs as the user {user}, who cannot reach {directory}; "
            "name a directory outside your home with OBSERVER_STACK_DIR."
        )
    if not _may(user, "-w", Path("/dev/shm")):
        # Without it Patroni fails only at its first failover, which needs a semaphore.
        raise StackError(
            "Patroni must be able to write to /dev/shm and cannot; mount it (`mount -t tmpfs shm /dev/shm`)."
        )


def _may(user: str | None, test: str, path: Path) -> bool:
    return subprocess.run(["test", test, str(path)], **processes.identity(user), check=False).returncode == 0


def _must_be_free(member: str, port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            raise StackError(
                f"Port {port} of {member} is in use; end the process that holds it (`ss -ltnp 'sport = :{port}'`), "
                "or move all ports with --port-shift."
            ) from None


def _lay_out(settings: StackSettings, programs: packages.Programs, user: str | None) -> None:
    """Create the directory of an empty cluster: its settings, a folder for each member, no logs."""
    logs = settings.directory / "logs"
    shutil.rmtree(logs, ignore_errors=True)
    write(settings)
    texts = {settings.folder(node) / "patroni.yml": configs.patroni_yml(settings, programs, node) for node in NODES}
    texts[settings.folder(PROXY) / "haproxy.cfg"] = configs.haproxy_cfg(settings)
    for folder in (logs, *(settings.folder(member) for member in MEMBERS)):
        folder.mkdir()
        if user is not None:
            shutil.chown(folder, user)
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")


def _members_of(directory: Path) -> list[str]:
    return [member for member in MEMBERS if processes.of(directory / member)]


def _clear(directory: Path, say: Say) -> None:
    """Kill every process of the cluster and remove its data; a clean stop would only protect that data."""
    for member in reversed(MEMBERS):
        folder = directory / member
        found = processes.of(folder)
        if found:
            say(f"ending {member} ({len(found)} process{'es' if len(found) != 1 else ''})")
            processes.signal_all(found, signal.SIGCONT)
            processes.kill(lambda folder=folder: processes.of(folder))  # type: ignore[misc]  # mypy cannot infer a lambda with a default
    for member in MEMBERS:
        shutil.rmtree(directory / member, ignore_errors=True)
    (directory / MARK).unlink(missing_ok=True)
