"""The homework's stack in Docker as a person on the host sees it: its ports, its members, what HAProxy says."""

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


def until(what: str, ask: Callable[[], Value | None], limit_s: float = 90) -> Value:
    """What `ask` gives as soon as that is true; fails after the limit, naming what was waited for."""
    end_s = time.monotonic() + limit_s
    while True:
        try:
            value = ask()
        except (psycopg2.Error, httpx.HTTPError, subprocess.SubprocessError):
            value = None
        if value:
            return value
        assert time.monotonic() < end_s, f"waited {limit_s:.0f} s in vain: {what}"
        time.sleep(0.2)


def docker(*arguments: str, folder: Path = ROOT) -> str:
    """The output of a docker command. Raises CalledProcessError."""
    done = subprocess.run(["docker", *arguments], cwd=folder, capture_output=True, text=True, timeout=180, check=False)
    if done.returncode:
        raise subprocess.CalledProcessError(done.returncode, ["docker", *arguments], done.stdout, done.stderr)
    return done.stdout


@dataclass(frozen=True)
class Stack:
    """The running stack, as a person on the host sees it."""

    up_s: float
    ports: Mapping[str, int] = field(default_factory=dict)

    def url(self, port: str, path: str = "/") -> str:
        """An address on the host."""
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    def dsn(self, port: str) -> str:
        """libpq's, for a published port."""
        return (
            f"host=127.0.0.1 port={self.ports[port]} user=postgres password=postgres dbname=postgres connect_timeout=2"
        )

    def sql(self, port: str, statement: str) -> object:
        """The first column of the first row, on a new connection that waits for 4 s at most."""
        psycopg2.extensions.set_wait_callback(_wait)
        connection = psycopg2.connect(self.dsn(port))
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
                return cursor.fetchone()[0] if cursor.description else None
        finally:
            connection.close()

    def write(self, token: str) -> str:
        """Writes a row through HAProxy; gives the address of the server that took it."""
        statement = f"insert into docker_test values ('{token}') returning host(inet_server_addr())"
        return str(self.sql("PORT_PRIMARY", statement))

    def members(self) -> dict[str, dict[str, object]]:
        """GET /cluster of whichever node answers, by name."""
        for port in ("PORT_REST1", "PORT_REST2", "PORT_REST3"):
            try:
                found = httpx.get(self.url(port, "/cluster"), timeout=3).json()["members"]
            except httpx.HTTPError:
                continue
            return {member["name"]: member for member in found}
        return {}

    def leader(self) -> str:
        """Who leads; fails if nobody does."""
        return until("a leader", lambda: next((n for n, m in self.members().items() if m["role"] == "leader"), None))

    def replicas(self) -> list[str]:
        """The replicas that stream, by the primary's own word: what Patroni last wrote of itself may be old."""
        names = "select string_agg(application_name, ' ') from pg_stat_replication where state = 'streaming'"
        found = self.sql("PORT_PRIMARY", names)
        return sorted(name for name in str(found).split() if name in NODES)

    def forked(self) -> list[str]:
        """Who was promoted to the very timeline that another leads now: two of one number, and no way from one to the
        other but a new copy. It takes a leader that is stopped within a second of its promotion (docs/docker.md)."""
        leader = self.leader()
        timeline = until("its timeline", lambda: self.members().get(leader, {}).get("timeline"))
        chosen = f"selected new timeline ID: {timeline}\n"
        return [name for name in NODES if name != leader and chosen in said_ever(name)]

    def addresses(self) -> dict[str, str]:
        """Each running container's address in the stack's network, by the member's name."""
        form = "{{.Name}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}"
        lines = docker("inspect", "--format", form, *(f"demo-{name}" for name in CLUSTER)).splitlines()
        return {line.split()[0].removeprefix("/demo-"): line.split()[1] for line in lines if len(line.split()) == 2}

    def whole(self, limit_s: float = 150) -> None:
        """Waits until all is well again: a leader, two streaming replicas, and HAProxy agrees, so that writes pass."""
        until("writes through HAProxy", lambda: self.write("whole"), limit_s)
        try:
            until("two streaming replicas", lambda: len(self.replicas()) == 2, limit_s)
        except AssertionError:
            print(logs_of_postgres())  # the stack is gone when somebody reads about the failure
            raise
        until("HAProxy's pools of one and two", lambda: self.routes() == (1, 2), limit_s)
        until("three healthy etcd", lambda: all(map(self.etcd_healthy, (1, 2, 3))), limit_s)

    def routes(self) -> tuple[int, int]:
        """How many servers are up in the pool of the primary, and in that of the replicas."""
        rows = [line.split(",") for line in httpx.get(self.url("PORT_STATS", "/;csv"), timeout=3).text.splitlines()]
        up = [row[0] for row in rows if len(row) > 17 and row[1] in NODES and row[17].startswith("UP")]
        return up.count("primary"), up.count("replicas")

    def etcd_healthy(self, number: int) -> bool:
        """Whether a member of etcd says that it is well."""
        answer = httpx.get(self.url(f"PORT_ETCD{number}", "/health"), timeout=3).json()
        return bool(answer["health"] == "true")


def said_ever(member: str) -> str:
    """What a container wrote since it was made, to both its outputs."""
    words = ["docker", "logs", f"demo-{member}"]
    return subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=True).stdout


def logs_of_postgres() -> str:
    """The last that Patroni and PostgreSQL said on every node."""
    said = []
    for name in NODES:
        asked = "select pg_postmaster_start_time(), current_setting('primary_conninfo')"
        for command in (
            ["docker", "logs", "--tail", "250", f"demo-{name}"],
            ["docker", "exec", f"demo-{name}", "psql", "-h", "localhost", "-U", "postgres", "-tAc", asked],
        ):
            done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
            said.append(f"--- {name}\n{done.stdout}")
    return "\n".join(said)


def _wait(connection: psycopg2.extensions.connection) -> None:
    """A deadline of the client's own, since libpq waits for a frozen server for ever."""
    end_s = time.monotonic() + 4
    while (state := connection.poll()) != psycopg2.extensions.POLL_OK:
        left_s = max(0.0, end_s - time.monotonic())
        reading = [connection] if state == psycopg2.extensions.POLL_READ else []
        writing = [connection] if state == psycopg2.extensions.POLL_WRITE else []
        if not any(select.select(reading, writing, [], left_s)):
            raise psycopg2.OperationalError("no answer in time")


def services() -> list[str]:
    """What is to run: all services but those that WITHOUT names, whose images cannot be had."""
    without = os.environ.get("WITHOUT", "").split()
    named = docker("compose", "config", "--services", folder=ROOT / "hw3").split()
    return sorted(name for name in named if name not in without)
