"""The homework's stack in Docker, used from the host: its ports, its members, the state of HAProxy."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import httpx
import psycopg2

ROOT = Path(__file__).parents[2]
NODES = ("patroni1", "patroni2", "patroni3")
ETCD = ("etcd1", "etcd2", "etcd3")
CLUSTER = (*ETCD, *NODES, "haproxy")
DEFAULT_PORTS = {
    "PORT_PRIMARY": 5001,
    "PORT_REPLICAS": 5002,
    "PORT_STATS": 7001,
    "PORT_PROMETHEUS": 9090,
    **{f"PORT_ETCD{n}": 23790 + n for n in (1, 2, 3)},
    **{f"PORT_REST{n}": 8010 + n for n in (1, 2, 3)},
    **{f"PORT_POSTGRES{n}": 15430 + n for n in (1, 2, 3)},
}

Value = TypeVar("Value")


def until(what: str, condition: Callable[[], Value | None], limit_s: float = 90) -> Value:
    """Return the first true value of `condition`; an error of a request counts as false. Fail after the limit."""
    end_s = time.monotonic() + limit_s
    while True:
        try:
            value = condition()
        except (psycopg2.Error, httpx.HTTPError, subprocess.SubprocessError):
            value = None
        if value:
            return value
        assert time.monotonic() < end_s, f"waited {limit_s:.0f} s in vain: {what}"
        time.sleep(0.2)


def docker(*arguments: str, folder: Path = ROOT) -> str:
    """Return the output of a docker command. Raise CalledProcessError."""
    done = subprocess.run(["docker", *arguments], cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["docker", *arguments], done.stdout, done.stderr)
    return done.stdout


@dataclass(frozen=True)
class Stack:
    """The running stack. `up_s`: seconds from its start to the first write."""

    up_s: float
    ports: Mapping[str, int] = field(default_factory=dict)

    def url(self, port: str, path: str = "/") -> str:
        """Return a URL on the host."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def dsn(self, port: str) -> str:
        """Return the libpq connection string for a published port."""
        return (
            f"host=127.0.0.1 port={self.ports[port]} user=postgres password=postgres dbname=postgres connect_timeout=2"
        )

    def sql(self, port: str, statement: str) -> object:
        """Return the first column of the first row, on a new connection with a deadline of 4 s; None without a row."""
        psycopg2.extensions.set_wait_callback(_wait)
        connection = psycopg2.connect(self.dsn(port))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                row = cursor.fetchone() if cursor.description else None
                return row[0] if row else None
        finally:
            connection.close()

    def write(self, token: str) -> str:
        """Write a row through HAProxy; return the address of the server."""
        statement = f"insert into docker_test values ('{token}') returning host(inet_server_addr())"
        return str(self.sql("PORT_PRIMARY", statement))

    def members(self) -> dict[str, dict[str, object]]:
        """Return the members, by name, from GET /cluster of the first node that answers."""
        for port in ("PORT_REST1", "PORT_REST2", "PORT_REST3"):
            try:
                found = httpx.get(self.url(port, "/cluster"), timeout=3).json()["members"]
            except httpx.HTTPError:
                continue
            return {member["name"]: member for member in found}
        return {}

    def leader(self) -> str:
        """Return the leader; fail if there is none."""
        return until("a leader", lambda: next((n for n, m in self.members().items() if m["role"] == "leader"), None))

    def replicas(self) -> list[str]:
        """Return the streaming replicas from pg_stat_replication; Patroni's own state may be old."""
        names = "select string_agg(application_name, ' ') from pg_stat_replication where state = 'streaming'"
        found = self.sql("PORT_PRIMARY", names)
        return sorted(name for name in str(found).split() if name in NODES)

    def diverged(self) -> list[str]:
        """Return the nodes that were promoted to a timeline of the same number as the leader's.

        Such a node can only rejoin as a new copy. It happens if a leader is stopped within a second of its promotion
        (docs/how-to/docker.md).
        """
        leader = self.leader()
        timeline = until("its timeline", lambda: self.members().get(leader, {}).get("timeline"))
        chosen = f"selected new timeline ID: {timeline}\n"
        return [name for name in NODES if name != leader and chosen in all_logs(name)]

    def addresses(self) -> dict[str, str]:
        """Return the address of each running container, by member."""
        form = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        lines = docker("inspect", "--format", form, *(f"demo-{name}" for name in CLUSTER)).splitlines()
        return {line.split()[0].removeprefix("/demo-"): line.split()[1] for line in lines if len(line.split()) == 2}

    def wait_healthy(self, limit_s: float = 150) -> None:
        """Wait until writes succeed, two replicas stream, HAProxy routes to all nodes, and all of etcd is healthy."""
        until("writes through HAProxy", lambda: self.write("healthy"), limit_s)
        try:
            until("two streaming replicas", lambda: len(self.replicas()) == 2, limit_s)
        except AssertionError:
            print(logs_of_postgres())  # the containers are gone when the failure is read
            raise
        until("HAProxy's pools of one and two", lambda: self.routes() == (1, 2), limit_s)
        until("three healthy etcd", lambda: all(map(self.etcd_healthy, (1, 2, 3))), limit_s)

    def routes(self) -> tuple[int, int]:
        """Return the number of servers that are up in the pools `primary` and `replicas`."""
        rows = [line.split(",") for line in httpx.get(self.url("PORT_STATS", "/;csv"), timeout=3).text.splitlines()]
        up = [row[0] for row in rows if len(row) > 17 and row[1] in NODES and row[17].startswith("UP")]
        return up.count("primary"), up.count("replicas")

    def etcd_healthy(self, number: int) -> bool:
        """Return whether an etcd member reports that it is healthy."""
        answer = httpx.get(self.url(f"PORT_ETCD{number}", "/health"), timeout=3).json()
        return bool(answer["health"] == "true")


def all_logs(member: str) -> str:
    """Return the output of a container since it was created."""
    command = ["docker", "logs", f"demo-{member}"]
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


def logs_of_postgres() -> str:
    """Return the end of the logs of Patroni and PostgreSQL on every node."""
    logs = []
    for name in NODES:
        statement = "select pg_postmaster_start_time(), current_setting('primary_conninfo')"
        for command in (
            ["docker", "logs", "--tail", "250", f"demo-{name}"],
            ["docker", "exec", f"demo-{name}", "psql", "-h", "localhost", "-U", "postgres", "-tAc", statement],
        ):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            logs.append(f"--- {name}\n{done.stdout}")
    return "\n".join(logs)


def _wait(connection: psycopg2.extensions.connection) -> None:
    """Wait for psycopg2 with a deadline, since libpq waits for a frozen server without end."""
    end_s = time.monotonic() + 4
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        left_s = max(0.0, end_s - time.monotonic())
        reading = [connection] if state == psycopg2.extensions.POLL_READ else []
        writing = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if not any(select.select(reading, writing, [], left_s)):
            raise psycopg2.OperationalError("no answer in time")


def services() -> list[str]:
    """Return all services except those in WITHOUT, whose images are missing."""
    without = os.environ.get("WITHOUT", "").split()
    named = docker("compose", "config", "--services", folder=ROOT / "hw3").split()
    return sorted(name for name in named if name not in without)
