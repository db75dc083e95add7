"""The settings of a local cluster: members, folders, ports, and options of Patroni and HAProxy."""

from __future__ import annotations

import getpass
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from stack.errors import StackError

ETCD = ("etcd1", "etcd2", "etcd3")
NODES = ("patroni1", "patroni2", "patroni3")
PROXY = "haproxy"
MEMBERS = (*ETCD, *NODES, PROXY)

SCOPE = "demo"
NAMESPACE = "/service"
# Fixed, since the cluster listens on loopback only and exists to be broken.
SUPERUSER = PASSWORD = "postgres"

HOST = "127.0.0.1"
_LONGEST = 80  # a socket's path, DIRECTORY/patroni1/.s.PGSQL.15431, may have 107
MARK = "stack.json"  # marks a directory that holds a cluster of ours


def default_directory() -> Path:
    """Return OBSERVER_STACK_DIR, or a directory under /var/tmp, which the unprivileged user can always reach."""
    named = os.environ.get("OBSERVER_STACK_DIR")
    if named:
        return Path(named)
    return Path("/var/tmp/observer-stack" if _is_root() else f"/var/tmp/observer-stack-{getpass.getuser()}")


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One local cluster. `port_shift` is added to every port, so that several clusters can run side by side."""

    directory: Path
    port_shift: int = 0
    ttl_s: int = 30
    loop_wait_s: int = 10
    retry_timeout_s: int = 10
    haproxy_maxconn: int = 100

    def __post_init__(self) -> None:
        """Raise StackError if Patroni or the kernel would refuse the values."""
        object.__setattr__(self, "directory", Path(os.path.abspath(self.directory)))  # noqa: PTH100 (keeps symlinks)
        if len(str(self.directory)) > _LONGEST:
            raise StackError(
                f"{self.directory} is too long for PostgreSQL's sockets; name one of at most {_LONGEST} characters."
            )
        if not 0 <= self.port_shift <= 40_000:
            raise StackError(f"The port shift {self.port_shift} is out of range; choose one from 0 to 40000.")
        if self.ttl_s < 20 or self.loop_wait_s < 1 or self.retry_timeout_s < 3:
            raise StackError(
                f"Patroni does not accept ttl {self.ttl_s}, loop_wait {self.loop_wait_s}, retry_timeout "
                f"{self.retry_timeout_s}; they must be at least 20, 1 and 3."
            )
        if self.loop_wait_s + 2 * self.retry_timeout_s > self.ttl_s:
            raise StackError(
                f"loop_wait {self.loop_wait_s} + 2 x retry_timeout {self.retry_timeout_s} is more than ttl "
                f"{self.ttl_s}; raise the ttl or lower the others."
            )

    def folder(self, member: str) -> Path:
        """Return the folder of a member's files, which is also its working directory."""
        return self.directory / member

    def log(self, member: str) -> Path:
        """Return a member's log file. PostgreSQL of patroniN writes to postgresN.log in the same folder."""
        return self.directory / "logs" / f"{member}.log"

    def etcd_port(self, member: str) -> int:
        """Return the client port of an etcd member."""
        return 23790 + _number(member) + self.port_shift

    def peer_port(self, member: str) -> int:
        """Return the peer port of an etcd member."""
        return 23800 + _number(member) + self.port_shift

    def rest_port(self, node: str) -> int:
        """Return the port of Patroni's REST API."""
        return 8010 + _number(node) + self.port_shift

    def postgres_port(self, node: str) -> int:
        """Return the port of PostgreSQL."""
        return 15430 + _number(node) + self.port_shift

    @property
    def primary_port(self) -> int:
        """HAProxy's port that leads to the primary."""
        return 5001 + self.port_shift

    @property
    def replicas_port(self) -> int:
        """HAProxy's port that leads to the replicas."""
        return 5002 + self.port_shift

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page; the CSV is at /;csv."""
        return 7001 + self.port_shift

    @property
    def etcd_endpoints(self) -> tuple[str, ...]:
        """host:port of every etcd member."""
        return tuple(f"{HOST}:{self.etcd_port(member)}" for member in ETCD)

    def ports(self, member: str) -> tuple[int, ...]:
        """Return every port that a member listens on."""
        if member in ETCD:
            return self.etcd_port(member), self.peer_port(member)
        if member in NODES:
            return self.rest_port(member), self.postgres_port(member)
        return self.primary_port, self.replicas_port, self.stats_port

    def dsn(self, port: int) -> str:
        """Return the libpq connection string of the superuser for any of the ports above."""
        return f"host={HOST} port={port} user={SUPERUSER} password={PASSWORD} dbname=postgres"


def write(settings: StackSettings) -> None:
    """Write the settings into the cluster's directory, where `down`, `status` and the faults read them."""
    values = {name: value for name, value in asdict(settings).items() if name != "directory"}
    (settings.directory / MARK).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read(directory: Path) -> StackSettings | None:
    """Return the settings of the cluster in a directory; None if there is none. Raise StackError if damaged."""
    mark = directory / MARK
    try:
        values = json.loads(mark.read_text(encoding="utf-8"))
        return StackSettings(directory, **values)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise StackError(f"{mark} belongs to another user; run as that user or name another directory.") from None
    except (OSError, ValueError, TypeError) as error:
        raise StackError(f"{mark} is damaged ({error}); `observer stack down` removes it.") from None


def _number(member: str) -> int:
    return int(member[-1])


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
