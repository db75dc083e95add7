"""The configuration files and command lines of the local cluster: pure functions of its settings."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from stack.packages import Programs
from stack.settings import ETCD, HOST, NAMESPACE, NODES, PASSWORD, SCOPE, SUPERUSER, StackSettings

REPLICATOR = "replicator"


def etcd_command(settings: StackSettings, programs: Programs, member: str) -> tuple[str, ...]:
    """Return the command that starts an etcd member, with flags that both 3.4 and 3.5 accept."""
    client = f"http://{HOST}:{settings.etcd_port(member)}"
    peers = ",".join(f"{name}=http://{HOST}:{settings.peer_port(name)}" for name in ETCD)
    peer = f"http://{HOST}:{settings.peer_port(member)}"
    return (
        str(programs.etcd),
        *("--name", member),
        *("--data-dir", str(settings.folder(member) / "data")),
        *("--listen-client-urls", client),
        *("--advertise-client-urls", client),
        *("--listen-peer-urls", peer),
        *("--initial-advertise-peer-urls", peer),
        *("--initial-cluster", peers),
        *("--initial-cluster-token", f"{SCOPE}-{settings.port_shift}"),
        *("--initial-cluster-state", "new"),
    )


def patroni_command(settings: StackSettings, programs: Programs, node: str) -> tuple[str, ...]:
    """Return the command that starts Patroni."""
    return str(programs.patroni), str(settings.folder(node) / "patroni.yml")


def haproxy_command(settings: StackSettings, programs: Programs, member: str) -> tuple[str, ...]:
    """Return the command that starts HAProxy: one process in the foreground."""
    return str(programs.haproxy), "-db", "-f", str(settings.folder(member) / "haproxy.cfg")


def patroni_yml(settings: StackSettings, programs: Programs, node: str) -> str:
    """Return Patroni's configuration. It is JSON, a subset of YAML, so no value needs quoting by hand."""
    folder = settings.folder(node)
    rest = f"{HOST}:{settings.rest_port(node)}"
    postgres = f"{HOST}:{settings.postgres_port(node)}"
    parameters = {
        "max_connections": 200,
        "shared_buffers": "32MB",
        "max_wal_size": "256MB",
        "wal_keep_size": "128MB",
        "wal_log_hints": "on",  # pg_rewind needs it or checksums
    }
    local_parameters = {
        "unix_socket_directories": str(folder),  # not the data directory, where pg_rewind stumbles over the socket
        "log_line_prefix": "%m [%p] ",
        "logging_collector": "on",
        "log_directory": str(settings.directory / "logs"),
        "log_filename": postgres_log_name(node),
        "log_rotation_age": 0,
        "log_rotation_size": 0,
    }
    text: Mapping[str, Any] = {
        "scope": SCOPE,
        "namespace": NAMESPACE,
        "name": node,
        "restapi": {"listen": rest, "connect_address": rest},
        "etcd3": {"hosts": list(settings.etcd_endpoints)},
        "bootstrap": {
            "dcs": {
                "ttl": settings.ttl_s,
                "loop_wait": settings.loop_wait_s,
                "retry_timeout": settings.retry_timeout_s,
                "maximum_lag_on_failover": 1_048_576,
                "postgresql": {"use_pg_rewind": True, "parameters": parameters},
            },
            "initdb": [{"encoding": "UTF8"}, {"locale": "C.UTF-8"}, {"auth-host": "scram-sha-256"}],
        },
        "postgresql": {
            "listen": postgres,
            "connect_address": postgres,
            "data_dir": str(folder / "data"),
            "bin_dir": str(programs.postgres_bin),
            "pgpass": str(folder / "pgpass"),
            "authentication": {
                "superuser": {"username": SUPERUSER, "password": PASSWORD},
                "replication": {"username": REPLICATOR, "password": PASSWORD},
            },
            "pg_hba": [
                "local all all trust",
                f"host all all {HOST}/32 scram-sha-256",
                f"host replication {REPLICATOR} {HOST}/32 scram-sha-256",
            ],
            "basebackup": [{"checkpoint": "fast"}],
            "parameters": local_parameters,
            # If pg_rewind fails, Patroni makes a new copy of the leader; otherwise the node would never rejoin.
            "remove_data_directory_on_rewind_failure": True,
            "remove_data_directory_on_diverged_timelines": True,
        },
        "watchdog": {"mode": "off"},
    }
    return json.dumps(text, indent=2) + "\n"


def postgres_log_name(node: str) -> str:
    """Return the name of the log file of a node's PostgreSQL."""
    return node.replace("patroni", "postgres") + ".log"


def haproxy_cfg(settings: StackSettings) -> str:
    """Return HAProxy's configuration, with the health checks and timeouts of the homework.

    The checks use OPTIONS, which Patroni answers like GET but without a body. HAProxy does not read the body of GET
    and resets the connection, which would fill Patroni's log with errors.
    """
    pools = "".join(
        f"""
listen {pool}
    bind {HOST}:{port}
    option httpchk OPTIONS /{role}
    http-check expect status 200
    default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions
"""
        + "".join(
            f"    server {node} {HOST}:{settings.postgres_port(node)} maxconn {settings.haproxy_maxconn} "
            f"check port {settings.rest_port(node)}\n"
            for node in NODES
        )
        for pool, role, port in (
            ("primary", "primary", settings.primary_port),
            ("replicas", "replica", settings.replicas_port),
        )
    )
    return f"""global
    maxconn {settings.haproxy_maxconn}
    log stdout format raw local0

defaults
    log global
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
    timeout check 5s

listen stats
    mode http
    bind {HOST}:{settings.stats_port}
    stats enable
    stats uri /
    stats show-legends
{pools}"""


def observer_toml(settings: StackSettings) -> str:
    """Return the observer's configuration for this cluster; it is needed only if the ports are shifted."""
    quoted = ", ".join(f'"{endpoint}"' for endpoint in settings.etcd_endpoints)
    files = {node: [settings.log(node), settings.log(node).with_name(postgres_log_name(node))] for node in NODES}
    logs = "\n".join(f"{node} = {json.dumps([str(file) for file in own])}" for node, own in files.items())
    return f"""[cluster]
scope = "{SCOPE}"
namespace = "{NAMESPACE}"
[etcd]
endpoints = [{quoted}]
[haproxy]
stats = ["http://{HOST}:{settings.stats_port}/"]
inter_ms = 3000
rise = 2
[log.files]
{logs}
[traffic]
write = "{settings.dsn(settings.primary_port)}"
read = "{settings.dsn(settings.replicas_port)}"
"""
