"""The cluster of local processes as a `Cluster`: broken by signals, and by packets dropped on loopback."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from functools import partial

from stack import configs, faults, network, packages, processes
from stack.cluster import Cluster
from stack.scenario import Step
from stack.settings import MEMBERS, NODES, StackSettings


def local_cluster(settings: StackSettings) -> Cluster:
    """Return the cluster in the settings' directory."""
    return Cluster(
        ports=settings,
        logs=os.fspath(settings.directory / "logs"),
        observer_toml=configs.observer_toml(settings),
        unsupported=_unsupported,
        kill=partial(faults.kill, settings),
        stop=partial(faults.stop, settings),
        pause=partial(faults.pause, settings),
        resume=partial(faults.resume, settings),
        start=partial(faults.start, settings),
        reload=partial(faults.reload, settings),
        switchover=partial(faults.switchover, settings),
        disconnect=partial(network.disconnect, settings),
        cut_off=partial(network.cut_off, settings),
        cut_proxy=partial(network.cut_proxy, settings),
        join=partial(network.join, settings),
        restore=partial(_restore, settings),
        psql=partial(_psql, settings),
    )


def _unsupported(step: Step) -> str | None:
    return network.unsupported() if step.component == "network" else None


def _restore(settings: StackSettings) -> None:
    if network.unsupported() is None:
        for node in NODES:
            network.join(settings, node)
    for member in MEMBERS:
        running = processes.of(settings.folder(member))
        if any(process.state == "T" for process in running):
            faults.resume(settings, member)
        if not any(process.program in ("etcd", "patroni", "haproxy") for process in running):
            faults.start(settings, member)


def _psql(settings: StackSettings, node: str, arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(packages.find().psql), "-d", settings.dsn(settings.postgres_port(node)), *arguments],
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "PGCLIENTENCODING": "UTF8", "PGCONNECT_TIMEOUT": "10"},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
