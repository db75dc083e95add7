"""What a local cluster is made of and where: members, folders, ports, the settings of Patroni and HAProxy."""

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
MARK = "stack.json"  # its presence says that a directory holds a cluster of ours


def default_directory() -> Path:
    """OBSERVER_STACK_DIR, or a directory under /var/tmp, which the unprivileged user reaches wherever the clone is."""
    told = os.environ.get("OBSERVER_STACK_DIR")
    if told:
        return Path(told)
    return Path("/var/tmp/observer-stack" if _is_root() else f"/var/tmp/observer-stack-{getpass.getuser()}")


@dataclass(frozen=True, slots=True)
class StackSettings:
    """One local cluster. Every port is moved up by `port_shift`, so that several clusters can live side by side."""

    directory: Path
    port_shift: int = 0
    ttl_s: int = 30
    loop_wait_s: int = 10
    retry_timeout_s: int = 10
    haproxy_maxconn: int = 100

    def __post_init__(self) -> None:
        """Raises StackError where Patroni or the kernel would not take the values."""
        object.__setattr__(self, "directory", Path(os.path.abspath(self.directory)))  # noqa: PTH100 (keeps symlinks)
        if len(str(self.directory)) > _LONGEST:
            raise StackError(
                f"{self.directory} is too long for PostgreSQL's sockets; name one of {_LONGEST} characters."
            )
        if not 0 <= self.port_shift <= 40_000:
            raise StackError(f"The port shift {self.port_shift} is out of range; take one from 0 to 40000.")
        if self.ttl_s < 20 or self.loop_wait_s < 1 or self.retry_timeout_s < 3:
            raise StackError(
                f"Patroni does not take ttl {self.ttl_s}, loop_wait {self.loop_wait_s}, retry_timeout "
                f"{self.retry_timeout_s}; they must be at least 20, 1 and 3."
            )
        if self.loop_wait_s + 2 * self.retry_timeout_s > self.ttl_s:
            raise StackError(
                f"loop_wait {self.loop_wait_s} + 2 x retry_timeout {self.retry_timeout_s} is more than ttl "
                f"{self.ttl_s}; raise the ttl or lower the others."
            )

    def folder(self, member: str) -> Path:
        """Where a member keeps its files and works."""
        return self.directory / member

    def log(self, member: str) -> Path:
        """What a member said. PostgreSQL of patroniN has a log of its own, postgresN.log, beside it."""
        return self.directory / "logs" / f"{member}.log"

    def etcd_port(self, member: str) -> int:
        """Where a member of etcd listens for clients."""
        return 23790 + _number(member) + self.port_shift

    def peer_port(self, member: str) -> int:
        """Where a member of etcd listens for its peers."""
        return 23800 + _number(member) + self.port_shift

    def rest_port(self, node: str) -> int:
        """Where Patroni's REST API listens."""
        return 8010 + _number(node) + self.port_shift

    def postgres_port(self, node: str) -> int:
        """Where PostgreSQL itself listens."""
        return 15430 + _number(node) + self.port_shift

    @property
    def primary_port(self) -> int:
        """HAProxy's way to the primary."""
        return 5001 + self.port_shift

    @property
    def replicas_port(self) -> int:
        """HAProxy's way to the replicas."""
        return 5002 + self.port_shift

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page; the CSV is at /;csv."""
        return 7001 + self.port_shift

    @property
    def etcd_endpoints(self) -> tuple[str, ...]:
        """host:port of every member of etcd."""
        return tuple(f"{HOST}:{self.etcd_port(member)}" for member in ETCD)

    def ports(self, member: str) -> tuple[int, ...]:
        """Every port that a member listens on."""
        if member in ETCD:
            return self.etcd_port(member), self.peer_port(member)
        if member in NODES:
            return self.rest_port(member), self.postgres_port(member)
        return self.primary_port, self.replicas_port, self.stats_port

    def dsn(self, port: int) -> str:
        """libpq connection string of the superuser for any of the ports above."""
        return f"host={HOST} port={port} user={SUPERUSER} password={PASSWORD} dbname=postgres"


def write(settings: StackSettings) -> None:
    """Keep the settings in the cluster's directory, so that `down`, `status` and the faults know them."""
    values = {name: value for name, value in asdict(settings).items() if name != "directory"}
    (settings.directory / MARK).write_text(json.dumps(values, indent=2) + "\n", encoding="utf-8")


def read(directory: Path) -> StackSettings | None:
    """The settings of the cluster in a directory; None where there is no cluster. Raises StackError if damaged."""
    mark = directory / MARK
    try:
        values = json.loads(mark.read_text(encoding="utf-8"))
        return StackSettings(directory, **values)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except PermissionError:
        raise StackError(f"{mark} belongs to another user; act as that user or name another directory.") from None
    except (OSError, ValueError, TypeError) as error:
        raise StackError(f"{mark} is damaged ({error}); `observer stack down` clears it away.") from None


def _number(member: str) -> int:
    return int(member[-1])


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
