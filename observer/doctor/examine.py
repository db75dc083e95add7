"""The whole examination: look once at everything, then every check in turn."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from observer.config.settings import Settings
from observer.doctor import application, cluster
from observer.doctor.finding import Finding
from observer.doctor.looks import Seen, look
from observer.recording.preflight import must_say_where

Check = Callable[[Seen, Settings], Iterator[Finding]]

CHECKS: Sequence[Check] = (
    cluster.endpoints,
    cluster.one_etcd,
    cluster.scope,
    cluster.named,
    cluster.rest,
    cluster.sql,
    cluster.roles,
    cluster.versions,
    cluster.clocks,
    application.stats,
    application.pools,
    application.room,
    application.ways,
    application.logs,
    application.metrics,
)


def examine(settings: Settings, path: Path) -> list[Finding]:
    """All that was found, in the order of the layers. Raises ConfigError for what cannot even be looked at."""
    must_say_where(settings)
    seen = look(settings)
    findings = [finding for check in CHECKS for finding in check(seen, settings)]
    return [*findings, *application.file(path)]
