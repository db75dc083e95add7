"""A cluster that can be broken: what processes on this machine and containers in Docker have in common."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Literal, Protocol

from stack.scenario import Step

Part = Literal["patroni", "postgres"]
Deed = Callable[[str], int]
DeedOnPart = Callable[[str, Part | None], int]


class Ports(Protocol):
    """Where the members answer on this machine's loopback."""

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page; the CSV is at /;csv."""

    def etcd_port(self, member: str) -> int:
        """A member of etcd, for its clients."""

    def rest_port(self, node: str) -> int:
        """Patroni's REST API."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster, and how it is broken and mended.

    A deed takes the name of a member (of etcd, a node, HAProxy) and gives the moment just before it was done, monotonic
    ns; it raises StackError. Of a node (Patroni with its PostgreSQL) the second argument takes one of the two alone.
    """

    ports: Ports
    logs: str  # where the members' logs are, as one says it to a person
    observer_toml: str  # the observer's configuration for it
    lacks: Callable[[Step], str | None]  # why a step cannot be done here; None: it can
    kill: DeedOnPart  # SIGKILL to every process at once; all are dead when it returns
    stop: DeedOnPart  # asked to stop, and awaited; PostgreSQL alone is asked for a fast shutdown
    pause: DeedOnPart  # every process freezes: connections stay open, and nothing answers
    resume: DeedOnPart
    start: Deed  # of what does not run; waits for nothing
    reload: Deed  # HAProxy takes its configuration anew
    switchover: Callable[[str, str], int]  # from a leader to a candidate; Patroni has said it is done when it returns
    disconnect: Deed  # a node, from everyone
    cut_off: Deed  # a node, from etcd alone
    cut_proxy: Deed  # HAProxy, from one node
    join: Deed  # undoes every cut around a node; none is no error
    restore: Callable[[], None]  # joins, thaws and starts whatever is cut off, frozen or down
    psql: Callable[[str, Sequence[str]], CompletedProcess[str]]  # asked of a node's PostgreSQL as its superuser
