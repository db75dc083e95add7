"""Brings the local cluster up, takes it down, and says how it is."""

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

from stack import configs, faults, health, packages, processes
from stack.errors import StackError
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
_SCHEMA = Path(__file__).with_name("schema.sql")
_LIMIT_S = 120


@dataclass(frozen=True, slots=True)
class StackStatus:
    """How a cluster is: `settings` is None where there is none, `processes` counts each member's living ones."""

    directory: Path
    settings: StackSettings | None
    processes: dict[str, int]
    health: health.Health | None

    @property
    def up(self) -> bool:
        """Whether the cluster is there and lacks nothing."""
        return self.health is not None and self.health.whole


def up(settings: StackSettings, say: Say) -> None:
    """Bring a fresh cluster up and wait until it is whole and the homework's tables are in it.

    Raises StackError. Whatever goes wrong, Ctrl-C included, nothing is left running; the logs stay.
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
        _wait(settings, "etcd has quorum", lambda seen: all(seen.states[member] == "in quorum" for member in ETCD))
        first, *others = NODES
        say(f"starting {first}: a new database, the first leader")
        faults.start(settings, first)
        _wait(settings, f"{first} leads", lambda seen: seen.leader == first)
        say(f"starting {' and '.join(others)}: copies of it; and HAProxy")
        for member in (*others, PROXY):
            faults.start(settings, member)
        _wait(settings, "the cluster is whole", lambda seen: seen.whole)
        say("pouring the homework's tables")
        _pour_schema(settings, programs)
    except BaseException:
        say(f"taking it down again; the logs stay in {settings.directory / 'logs'}")
        _clear(settings.directory, lambda _: None)
        raise
    say(
        f"up: primary {HOST}:{settings.primary_port}, replicas {HOST}:{settings.replicas_port}, user postgres, password"
    )
    say(f"    {PASSWORD}; HAProxy's page http://{HOST}:{settings.stats_port}/; data and logs in {settings.directory}")


def down(directory: Path, say: Say) -> None:
    """Stop whatever of a cluster runs in a directory, half-started or frozen too, and remove its data; logs stay.

    Where nothing is there it says so: doing it twice is no error. Raises StackError.
    """
    packages.must_be_linux()
    directory = Path(os.path.abspath(directory))  # noqa: PTH100 (keeps symlinks, as the settings do)
    if not _members_of(directory) and not (directory / MARK).exists():
        say(f"no cluster in {directory}")
        return
    _clear(directory, say)
    say(f"down: the data is gone, the logs stay in {directory / 'logs'}")


def status(directory: Path) -> StackStatus:
    """How the cluster in a directory is. Raises StackError where its settings are damaged."""
    packages.must_be_linux()
    directory = Path(os.path.abspath(directory))  # noqa: PTH100
    settings = read(directory)
    counts = {member: len(processes.of(directory / member)) for member in MEMBERS}
    return StackStatus(directory, settings, counts, health.look(settings) if settings else None)


def lines(seen: StackStatus) -> list[str]:
    """A status as a person reads it, one line a member."""
    if seen.settings is None or seen.health is None:
        return [f"no cluster in {seen.directory}"]
    text = [f"cluster in {seen.directory} (logs in {seen.directory / 'logs'})"]
    for member in MEMBERS:
        ports = ", ".join(str(port) for port in seen.settings.ports(member))
        count = seen.processes[member]
        running = f"{count} process{'es' if count != 1 else ''}" if count else "not running"
        text.append(f"  {member:<9} {running:<13} ports {ports:<16} {seen.health.states[member]}")
    text.append("whole" if seen.health.whole else f"lacks: {'; '.join(seen.health.lacks)}")
    return text


def wait_whole(settings: StackSettings, limit_s: float = _LIMIT_S) -> None:
    """Wait until the cluster lacks nothing. Raises StackError that says what it still lacks."""
    _wait(settings, "the cluster is whole", lambda seen: seen.whole, limit_s)


def _wait(settings: StackSettings, what: str, good: Callable[[health.Health], bool], limit_s: float = _LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not good(seen := health.look(settings)):
        if time.monotonic() > deadline:
            raise StackError(
                f"After {limit_s:.0f} s it is still not so that {what} ({'; '.join(seen.lacks)}); "
                f"see the logs in {settings.directory / 'logs'}."
            )
        time.sleep(0.2)


def _claim(settings: StackSettings, user: str | None) -> None:
    """Refuse a directory with anything in it, of somebody else, or out of the user's reach."""
    directory = settings.directory
    running = _members_of(directory)
    if running or (directory / MARK).exists():
        raise StackError(
            f"A cluster from before is in {directory} ({len(running)} of {len(MEMBERS)} members run); "
            "take it down with `observer stack down`, or look at it with `observer stack status`."
        )
    try:
        directory.mkdir(parents=True, exist_ok=True)
        foreign = {entry.name for entry in directory.iterdir()} - {"logs"}
    except (OSError, ValueError) as error:
        raise StackError(f"{directory} cannot be used ({error}); name another with OBSERVER_STACK_DIR.") from None
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise StackError(f"{directory} belongs to somebody else; name another with OBSERVER_STACK_DIR.")
    if foreign:
        raise StackError(
            f"{directory} holds something else ({sorted(foreign)[0]}); name an empty one with OBSERVER_STACK_DIR."
        )
    if not _may(user, "-x", directory):
        raise StackError(
            f"The user {user}, as whom the cluster runs, cannot reach {directory}; "
            "name a directory outside your home with OBSERVER_STACK_DIR."
        )
    if not _may(user, "-w", Path("/dev/shm")):
        # Patroni would seem well until its first failover, which needs a semaphore.
        raise StackError(
            "/dev/shm cannot be written to, which Patroni needs; mount it (`mount -t tmpfs shm /dev/shm`)."
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
                f"Port {port}, which {member} needs, is in use; end what holds it (`ss -ltnp 'sport = :{port}'`), "
                "or move all ports with --port-shift."
            ) from None


def _lay_out(settings: StackSettings, programs: packages.Programs, user: str | None) -> None:
    """The directory of a fresh cluster: its settings, a folder for each member, empty logs."""
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


def _pour_schema(settings: StackSettings, programs: packages.Programs) -> None:
    """The homework's tables, once: where `owners` is, nothing is done."""
    psql = (str(programs.psql), "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", settings.dsn(settings.primary_port))
    environment = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10"}

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [*psql, *arguments], env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
        )
        if done.returncode != 0:
            raise StackError(f"The homework's tables could not be made: {done.stderr.strip().splitlines()[0]}.")
        return done.stdout.strip()

    if run("-At", "-c", "select to_regclass('public.owners') is null") == "t":
        run("-1", "-f", str(_SCHEMA))


def _members_of(directory: Path) -> list[str]:
    return [member for member in MEMBERS if processes.of(directory / member)]


def _clear(directory: Path, say: Say) -> None:
    """End every process of the cluster and remove its data. The data goes anyway, so nobody is asked twice to stop."""
    for member in reversed(MEMBERS):
        folder = directory / member
        found = processes.of(folder)
        if found:
            say(f"ending {member} ({len(found)} process{'es' if len(found) != 1 else ''})")
            processes.signal_all(found, signal.SIGCONT)
            processes.kill(lambda folder=folder: processes.of(folder))  # type: ignore[misc]  # bound now, not later
    for member in MEMBERS:
        shutil.rmtree(directory / member, ignore_errors=True)
    (directory / MARK).unlink(missing_ok=True)
