"""Administrative requests to a running cluster: Patroni by REST, PostgreSQL by psql, etcd by its HTTP gateway.

Every function that changes the cluster returns the time just before its request, monotonic ns, and raises StackError
if the request is refused or not answered.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

from stack import health
from stack.cluster import Cluster
from stack.errors import StackError
from stack.settings import ETCD, HOST, NODES

_LIMIT_S = 120.0
_RELOAD = "select pg_reload_conf()"
_SCHEMA = Path(__file__).with_name("schema.sql")


def restart(cluster: Cluster, node: str) -> int:
    """Restart a node's PostgreSQL through its Patroni, and wait until Patroni has done it."""
    return _request(cluster, node, "POST", "restart", {})


def reinit(cluster: Cluster, node: str) -> int:
    """Ask Patroni to rebuild a replica from the leader."""
    return _request(cluster, node, "POST", "reinitialize", {"force": True})


def failover(cluster: Cluster, candidate: str) -> int:
    """Fail over to a candidate without naming the leader."""
    return _request(cluster, candidate, "POST", "failover", {"candidate": candidate})


def maintenance(cluster: Cluster, on: bool) -> int:
    """Switch Patroni's pause mode on or off, through the first node that accepts the request."""
    error: StackError | None = None
    for node in NODES:
        try:
            return _request(cluster, node, "PATCH", "config", {"pause": True if on else None})
        except StackError as refused:
            error = refused
    raise error or StackError("There is no node to send the request to.")


def failsafe(cluster: Cluster, on: bool) -> int:
    """Switch Patroni's failsafe mode on or off: a primary that reaches every member survives a loss of etcd."""
    return _request(cluster, NODES[0], "PATCH", "config", {"failsafe_mode": True if on else None})


def paused(cluster: Cluster) -> bool:
    """Return whether Patroni is in pause mode, according to the first node that answers."""
    for node in NODES:
        config = _get(f"http://{HOST}:{cluster.ports.rest_port(node)}/config")
        if config is not None:
            return bool(config.get("pause"))
    return False


def hold_replication(cluster: Cluster, node: str) -> int:
    """Stop a replica from receiving WAL: point its `primary_conninfo` at a port without a server.

    A value set by ALTER SYSTEM overrides the one that Patroni writes. Freezing the WAL receiver would not do: its
    socket keeps what the primary sent, and a promotion waits until the receiver has read it.
    """
    return _sql(cluster, node, "alter system set primary_conninfo = 'host=127.0.0.1 port=1'", _RELOAD)


def release_replication(cluster: Cluster, node: str) -> int:
    """Let a replica receive WAL again."""
    return _sql(cluster, node, "alter system reset primary_conninfo", _RELOAD)


def hold_replay(cluster: Cluster, node: str) -> int:
    """Pause WAL replay on a replica; it still receives WAL."""
    return _sql(cluster, node, "select pg_wal_replay_pause()")


def release_replay(cluster: Cluster, node: str) -> int:
    """Resume WAL replay on a replica; do nothing on a server that was promoted."""
    return _sql(cluster, node, "select case when pg_is_in_recovery() then pg_wal_replay_resume()::text end")


def promote(cluster: Cluster, node: str) -> int:
    """Promote a replica without Patroni: there are two primaries until Patroni notices."""
    return _sql(cluster, node, "select pg_promote()")


def lock_tables(cluster: Cluster, node: str) -> int:
    """Lock the homework's tables for eight seconds: every component is healthy, and every write waits."""
    lock = "begin; lock table events, owners in access exclusive mode; select pg_sleep(8); commit"
    return _sql(cluster, node, lock)


def make_read_only(cluster: Cluster, node: str) -> int:
    """Make every new transaction read-only by default."""
    return _sql(cluster, node, "alter system set default_transaction_read_only = on", _RELOAD)


def make_writable(cluster: Cluster, node: str) -> int:
    """Undo `make_read_only`."""
    return _sql(cluster, node, "alter system reset default_transaction_read_only", _RELOAD)


def move_etcd_leader(cluster: Cluster, member: str) -> int:
    """Transfer etcd's raft leadership to another member."""
    port, moment_ns = cluster.ports.etcd_port(etcd_leader(cluster)), time.monotonic_ns()
    status = _get(f"http://{HOST}:{cluster.ports.etcd_port(member)}/v3/maintenance/status", b"{}") or {}
    body = json.dumps({"targetID": status.get("header", {}).get("member_id")}).encode()
    if _get(f"http://{HOST}:{port}/v3/maintenance/transfer-leadership", body) is None:
        raise StackError(f"etcd did not transfer its leadership to {member}; see {cluster.logs}.")
    return moment_ns


def etcd_leader(cluster: Cluster) -> str:
    """Return the etcd member that leads its raft group. Raise StackError if no member does."""
    for member in ETCD:
        status = _get(f"http://{HOST}:{cluster.ports.etcd_port(member)}/v3/maintenance/status", b"{}")
        if status and status.get("leader") and status.get("leader") == status.get("header", {}).get("member_id"):
            return member
    raise StackError(f"etcd has no leader; see {cluster.logs}.")


def create_tables(cluster: Cluster) -> None:
    """Create the homework's tables if the cluster has a leader and the tables do not exist yet."""
    leader = health.poll(cluster.ports).leader
    if leader is not None:
        done = cluster.psql(leader, ["-X", "-At", "-c", "select to_regclass('public.owners') is null"])
        if done.stdout.strip() == "t":
            _sql(cluster, leader, _SCHEMA.read_text(encoding="utf-8"))


def _sql(cluster: Cluster, node: str, *statements: str) -> int:
    commands = [argument for statement in statements for argument in ("-c", statement)]
    moment_ns = time.monotonic_ns()
    done = cluster.psql(node, ["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *commands])
    if done.returncode != 0:
        message = done.stderr.strip().splitlines()
        raise StackError(
            f"{node}'s PostgreSQL refused ({message[0] if message else 'no message'}); see {cluster.logs}."
        )
    return moment_ns


def _request(cluster: Cluster, node: str, method: str, path: str, body: dict[str, Any]) -> int:
    url = f"http://{HOST}:{cluster.ports.rest_port(node)}/{path}"
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    moment_ns = time.monotonic_ns()
    try:
        with health.OPENER.open(request, timeout=_LIMIT_S):
            return moment_ns
    except urllib.error.HTTPError as error:
        message = error.read().decode("utf-8", "replace").strip()
        raise StackError(f"Patroni of {node} refused {method} /{path} ({error.code}: {message}).") from None
    except (OSError, ValueError) as error:
        raise StackError(f"Patroni of {node} did not answer {method} /{path} ({error}); start it first.") from None


def _get(url: str, body: bytes | None = None) -> dict[str, Any] | None:
    try:
        with health.OPENER.open(urllib.request.Request(url, body), timeout=2) as response:
            answer = json.load(response)
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None
