"""All checks of `observer doctor`, in the order of the layers."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from observer.config.access import check_settings
from observer.config.settings import Settings
from observer.doctor import application, cluster
from observer.doctor.finding import Finding
from observer.doctor.observations import Observations, observe

Check = Callable[[Observations, Settings], Iterator[Finding]]

CHECKS: Sequence[Check] = (
    cluster.endpoints,
    cluster.one_etcd,
    cluster.scope,
    cluster.member_names,
    cluster.rest,
    cluster.sql,
    cluster.roles,
    cluster.versions,
    cluster.clocks,
    application.stats,
    application.backends,
    application.connection_limit,
    application.routes,
    application.logs,
    application.metrics,
)


def examine(settings: Settings, path: Path) -> list[Finding]:
    """Observe every component once and return the findings. Raise ConfigError for settings that cannot be used."""
    check_settings(settings)
    observed = observe(settings)
    findings = [finding for check in CHECKS for finding in check(observed, settings)]
    return [*findings, *application.file(path)]
