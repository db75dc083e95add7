"""The interface of a cluster that can be broken: as processes on this machine or as containers in Docker."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from subprocess import CompletedProcess
from typing import Literal, Protocol

from stack.errors import StackError
from stack.scenario import Step

Service = Literal["patroni", "postgres"]
Action = Callable[[str], int]
ServiceAction = Callable[[str, Service | None], int]


class Ports(Protocol):
    """The ports of the members on this machine's loopback."""

    @property
    def stats_port(self) -> int:
        """HAProxy's stats page; the CSV is at /;csv."""

    def etcd_port(self, member: str) -> int:
        """Return the client port of an etcd member."""

    def rest_port(self, node: str) -> int:
        """Return the port of Patroni's REST API."""


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster, and the actions that break and repair it.

    A member is etcd1 to etcd3, a node (Patroni with its PostgreSQL) or haproxy. An action takes the name of a member
    and returns the time just before it was done, monotonic ns; it raises StackError. The second argument of a service
    action limits it to one of a node's two services.
    """

    ports: Ports
    logs: str  # where the members' logs are, as shown to the user
    observer_toml: str  # the observer's configuration for this cluster
    unsupported: Callable[[Step], str | None]  # why this cluster cannot run a step; None if it can
    kill: ServiceAction  # SIGKILL to every process at once; all are dead when it returns
    stop: ServiceAction  # a clean stop, awaited; PostgreSQL alone gets a fast shutdown
    pause: ServiceAction  # every process freezes: connections stay open, and nothing answers
    resume: ServiceAction
    start: Action  # starts a member that does not run; waits for nothing
    reload: Action  # HAProxy reads its configuration again
    switchover: Callable[[str, str], int]  # from a leader to a candidate; Patroni has confirmed it when it returns
    disconnect: Action  # cuts a node off from every other member
    cut_off: Action  # cuts a node off from etcd only
    cut_proxy: Action  # cuts HAProxy off from one node
    join: Action  # undoes every cut around a node; without a cut it does nothing
    restore: Callable[[], None]  # reconnects, resumes and starts every member that needs it
    psql: Callable[[str, Sequence[str]], CompletedProcess[str]]  # runs psql on a node as the superuser


def check_switchover(done: CompletedProcess[str], leader: str, candidate: str) -> None:
    """Raise StackError with the last line of patronictl's output if the switchover failed."""
    if done.returncode != 0 or "Successfully switched over" not in done.stdout:
        output = (done.stdout + done.stderr).strip().splitlines()
        raise StackError(
            f"patronictl did not switch over from {leader} to {candidate}: {output[-1] if output else 'no message'}."
        )
