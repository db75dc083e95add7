"""Finding the cluster that `observer init` writes a file for: at an address of etcd, the local stack, or containers."""

import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

from observer.config.discovery_docker import cluster_in_docker
from observer.config.discovery_etcd import cluster_in_etcd
from observer.config.template import Found
from observer.model.errors import CannotWrite, NothingAnswers


def find(address: str | None, say: Callable[[str], None]) -> Found:
    """Return the cluster in the etcd at an address, else the local stack, else the cluster in Docker.

    Raise NothingAnswers, CredentialsRefused, ConfigError, UsageError.
    """
    if address is not None:
        return cluster_in_etcd(address, say)
    found = _local_stack() or cluster_in_docker(say)
    if found is None:
        raise NothingAnswers(
            "No cluster was found on this machine, neither the local stack nor containers that publish etcd's port; "
            "name etcd with --etcd HOST:PORT, or start a cluster with `observer stack up`."
        )
    return found


def write(path: Path, text: str) -> None:
    """Write a new file. Raise CannotWrite, also if the file exists."""
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(text)
    except FileExistsError:
        raise CannotWrite(f"{path}: exists already and is never overwritten; name another file with -o.") from None
    except OSError as error:
        raise CannotWrite(f"{path}: cannot be written ({error.strerror}); check the folder.") from None


def _local_stack() -> Found | None:
    """Return the cluster of local processes, None if it does not run."""
    if sys.platform != "linux":
        return None
    from stack import configs, local  # noqa: PLC0415 (only if asked for; Linux only)
    from stack.errors import StackError  # noqa: PLC0415 (as above)

    try:
        state = local.status(local.default_directory())
    except StackError:
        return None
    if state.settings is None or not any(state.processes.values()):
        return None
    config = tomllib.loads(configs.observer_toml(state.settings))
    haproxy, traffic = config["haproxy"], config["traffic"]
    return Found(
        "the local stack",
        config["cluster"]["scope"],
        config["cluster"]["namespace"],
        config["etcd"]["endpoints"],
        stats=haproxy["stats"][0],
        write=traffic["write"],
        read=traffic["read"],
        inter_ms=haproxy.get("inter_ms"),
        rise=haproxy.get("rise"),
        logs=config.get("log", {}).get("files", {}),
        workload="homework",
    )
