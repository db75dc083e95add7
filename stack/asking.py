"""What one asks of a running cluster instead of breaking it by signals: Patroni by REST, PostgreSQL by psql."""

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
_SCHEMA = Path(__file__).with_name("schema.sql")


def restart(cluster: Cluster, node: str) -> int:
    """Restart a node's PostgreSQL through its Patroni; done when this returns. The moment it was asked, ns."""
    return _ask(cluster, node, "POST", "restart", {})


def reinit(cluster: Cluster, node: str) -> int:
    """Have a replica made anew from the leader. The moment it was asked, monotonic ns."""
    return _ask(cluster, node, "POST", "reinitialize", {"force": True})


def failover(cluster: Cluster, candidate: str) -> int:
    """Fail over to a candidate, naming no leader. The moment it was asked, monotonic ns."""
    return _ask(cluster, candidate, "POST", "failover", {"candidate": candidate})


def maintenance(cluster: Cluster, on: bool) -> int:
    """Patroni's pause mode, on or off: it watches and does nothing. The moment it was asked, monotonic ns."""
    error: StackError | None = None
    for node in NODES:
        try:
            return _ask(cluster, node, "PATCH", "config", {"pause": True if on else None})
        except StackError as refused:
            error = refused
    raise error or StackError("There is no node to ask.")


def failsafe(cluster: Cluster, on: bool) -> int:
    """Patroni's failsafe mode, on or off: with it a primary that reaches every member outlives a loss of etcd."""
    return _ask(cluster, NODES[0], "PATCH", "config", {"failsafe_mode": True if on else None})


def paused(cluster: Cluster) -> bool:
    """Whether Patroni is in its pause mode, by the word of any node that answers."""
    for node in NODES:
        seen = _get(f"http://{HOST}:{cluster.ports.rest_port(node)}/config")
        if seen is not None:
            return bool(seen.get("pause"))
    return False


def hold_replication(cluster: Cluster, node: str) -> int:
    """Have a replica receive no more of the log: it is sent to where nobody is. The moment, monotonic ns.

    What ALTER SYSTEM says stands above what Patroni writes. A frozen receiver would not do: what its socket holds
    arrives when it wakes, and a promotion waits for it.
    """
    return _sql(cluster, node, "alter system set primary_conninfo = 'host=127.0.0.1 port=1'", _RELOAD)


def release_replication(cluster: Cluster, node: str) -> int:
    """Let a replica receive again. The moment, monotonic ns."""
    return _sql(cluster, node, "alter system reset primary_conninfo", _RELOAD)


def hold_replay(cluster: Cluster, node: str) -> int:
    """Have a replica receive the log and replay none of it. The moment, monotonic ns."""
    return _sql(cluster, node, "select pg_wal_replay_pause()")


def release_replay(cluster: Cluster, node: str) -> int:
    """Let a replica replay again; one that was promoted does so anyway. The moment, monotonic ns."""
    return _sql(cluster, node, "select case when pg_is_in_recovery() then pg_wal_replay_resume()::text end")


def promote(cluster: Cluster, node: str) -> int:
    """Promote a replica behind Patroni's back: two primaries, until Patroni notices. The moment, monotonic ns."""
    return _sql(cluster, node, "select pg_promote()")


def lock_tables(cluster: Cluster, node: str) -> int:
    """Lock the homework's tables for eight seconds: everything is well, and no write gets on. The moment, ns."""
    lock = "begin; lock table events, owners in access exclusive mode; select pg_sleep(8); commit"
    return _sql(cluster, node, lock)


def make_read_only(cluster: Cluster, node: str) -> int:
    """Make every new transaction read-only by default. The moment, monotonic ns."""
    return _sql(cluster, node, "alter system set default_transaction_read_only = on", _RELOAD)


def make_writable(cluster: Cluster, node: str) -> int:
    """Undo that. The moment, monotonic ns."""
    return _sql(cluster, node, "alter system reset default_transaction_read_only", _RELOAD)


def move_etcd_leader(cluster: Cluster, member: str) -> int:
    """Have etcd's leader hand over to another member. The moment it was asked, monotonic ns."""
    port, moment_ns = cluster.ports.etcd_port(etcd_leader(cluster)), time.monotonic_ns()
    seen = _get(f"http://{HOST}:{cluster.ports.etcd_port(member)}/v3/maintenance/status", b"{}") or {}
    body = json.dumps({"targetID": seen.get("header", {}).get("member_id")}).encode()
    if _get(f"http://{HOST}:{port}/v3/maintenance/transfer-leadership", body) is None:
        raise StackError(f"etcd did not hand its leadership over to {member}; see {cluster.logs}.")
    return moment_ns


def etcd_leader(cluster: Cluster) -> str:
    """The member of etcd that leads its raft. Raises StackError where none does."""
    for member in ETCD:
        seen = _get(f"http://{HOST}:{cluster.ports.etcd_port(member)}/v3/maintenance/status", b"{}")
        if seen and seen.get("leader") and seen.get("leader") == seen.get("header", {}).get("member_id"):
            return member
    raise StackError(f"No member of etcd leads; see {cluster.logs}.")


def pour_tables(cluster: Cluster) -> None:
    """The homework's tables, where somebody leads and they are not there yet."""
    leader = health.look(cluster.ports).leader
    if leader is not None:
        seen = cluster.psql(leader, ["-X", "-At", "-c", "select to_regclass('public.owners') is null"])
        if seen.stdout.strip() == "t":
            _sql(cluster, leader, _SCHEMA.read_text(encoding="utf-8"))


_RELOAD = "select pg_reload_conf()"


def _sql(cluster: Cluster, node: str, *statements: str) -> int:
    asked = [argument for statement in statements for argument in ("-c", statement)]
    moment_ns = time.monotonic_ns()
    done = cluster.psql(node, ["-X", "-q", "-At", "-v", "ON_ERROR_STOP=1", *asked])
    if done.returncode != 0:
        said = done.stderr.strip().splitlines()
        raise StackError(f"{node}'s PostgreSQL refused ({said[0] if said else 'silent'}); see {cluster.logs}.")
    return moment_ns


def _ask(cluster: Cluster, node: str, method: str, path: str, body: dict[str, Any]) -> int:
    url = f"http://{HOST}:{cluster.ports.rest_port(node)}/{path}"
    request = urllib.request.Request(
        url, json.dumps(body).encode(), {"Content-Type": "application/json"}, method=method
    )
    moment_ns = time.monotonic_ns()
    try:
        with health.OPENER.open(request, timeout=_LIMIT_S):
            return moment_ns
    except urllib.error.HTTPError as error:
        said = error.read().decode("utf-8", "replace").strip()
        raise StackError(f"Patroni of {node} refused {method} /{path} ({error.code}: {said}).") from None
    except (OSError, ValueError) as error:
        raise StackError(f"Patroni of {node} did not answer {method} /{path} ({error}); start it first.") from None


def _get(url: str, body: bytes | None = None) -> dict[str, Any] | None:
    try:
        with health.OPENER.open(urllib.request.Request(url, body), timeout=2) as response:
            answer = json.load(response)
    except (OSError, ValueError):
        return None
    return answer if isinstance(answer, dict) else None
