"""A temporary PostgreSQL on loopback for the measurements."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer

LIMIT_S = 60


@dataclass(frozen=True, slots=True)
class Server:
    """The port and the postmaster of a server. `programs` is the folder of pgbench."""

    port: int
    process: subprocess.Popen[bytes]
    programs: Path

    @property
    def dsn(self) -> str:
        """The connection string of its only user."""
        return f"host=127.0.0.1 port={self.port} user=postgres password=postgres dbname=postgres"

    def signal(self, number: int) -> None:
        """Send a signal to the postmaster and its children (Linux)."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        for pid in (self.process.pid, *map(int, children.split())):
            with suppress(ProcessLookupError):
                os.kill(pid, number)


@contextmanager
def running() -> Iterator[Server]:
    """Run a new server, and remove it afterwards. Raise FileNotFoundError if PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    initdb = str(folders[-1] / "initdb") if folders else shutil.which("initdb")
    if initdb is None:
        raise FileNotFoundError("PostgreSQL's initdb is not installed; install the package postgresql")
    programs = Path(initdb).parent
    user = _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="observer-bench-"))
    if user:
        os.chown(folder, user["user"], user["group"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data, password = folder / "data", folder / "password"
    password.write_text("postgres\n")
    password.chmod(0o644)
    command = (initdb, "-D", str(data), "-U", "postgres", "-A", "scram-sha-256", f"--pwfile={password}")
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, **user)
    options = ("-c", "unix_socket_directories=", "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off")
    log = (folder / "log").open("wb")
    process = subprocess.Popen([programs / "postgres", "-D", data, "-p", str(port), *options], stderr=log, **user)
    server = Server(port, process, programs)
    try:
        _wait(server)
        yield server
    finally:
        server.signal(signal.SIGCONT)
        process.send_signal(signal.SIGQUIT)
        process.wait(LIMIT_S)
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _wait(server: Server) -> None:
    end_s = time.monotonic() + LIMIT_S
    while True:
        try:
            ask(server.dsn, "SELECT 1", 1000, time.monotonic_ns)
        except NoAnswer:
            if time.monotonic() > end_s:
                raise
            time.sleep(0.05)
        else:
            return


def _unprivileged() -> dict[str, Any]:
    """Return the options that make subprocess run as `postgres` if we are root, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
