"""What the settings give to those who connect: connection strings, credentials, certificates; and whether they work."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from observer.config.settings import Settings
from observer.model.errors import ConfigError
from observer.postgres.session import parameters
from observer.sources import web
from observer.sources.polling import Access

Service = Literal["etcd", "patroni", "haproxy"]
FILES = ("ca", "cert", "key")


def has_traffic(settings: Settings) -> bool:
    """Return whether observer sends its own reads and writes."""
    return settings.traffic.workload != "none" and bool(settings.traffic.write.get_secret_value())


def dsn_of(settings: Settings, action: str) -> str:
    """Return the connection string of "write" or "read"; reads use that of writes if they have none."""
    write = settings.traffic.write.get_secret_value()
    return (settings.traffic.read.get_secret_value() or write) if action == "read" else write


def postgres_credentials(settings: Settings) -> str:
    """Return the connection string whose user, password and dbname are used for direct connections to members."""
    return settings.postgres.dsn.get_secret_value() or dsn_of(settings, "write")


def access_to(settings: Settings, section: Service) -> Access:
    """Return the credentials and certificates for etcd, for the REST API of Patroni, or for the statistics page."""
    options = getattr(settings, section)
    user = options.user if section == "etcd" else options.username
    password = options.password.get_secret_value() if options.password else None
    return Access(user, password, *_files(settings, *(getattr(options, name, None) for name in FILES)))


def check_settings(settings: Settings) -> None:
    """Raise ConfigError if there is no etcd to watch, or if a connection string or a certificate cannot be used."""
    if not settings.etcd.endpoints:
        raise _error(settings, "etcd.endpoints is empty; name at least one, such as 127.0.0.1:2379.")
    for option, dsn in _dsns(settings):
        try:
            parameters(dsn)
        except ConfigError as error:
            raise _error(settings, f"{option}: {error}") from None
    check_files(settings, "etcd")
    sections: tuple[Service, ...] = ("patroni", "haproxy")
    for section in sections:
        check_files(settings, section)
        try:
            web.trust(access_to(settings, section))
        except OSError as error:  # ssl.SSLError is one of these
            raise _error(
                settings,
                f"[{section}]: its certificates cannot be used ({error.strerror or error}); "
                "give files in PEM, and as key the one that cert was made with.",
            ) from None


def check_files(settings: Settings, section: str) -> None:
    """Raise ConfigError if a certificate file of a section cannot be read, or if etcd has only one of cert and key."""
    options = getattr(settings, section)
    for option in FILES:
        path = getattr(options, option, None)
        try:
            for file in filter(None, _files(settings, path)):
                Path(file).read_bytes()
        except OSError as error:
            raise _error(
                settings,
                f'{section}.{option} = "{path}" cannot be read ({error.strerror}); name a PEM file, or leave it out.',
            ) from None
    if section == "etcd" and (options.cert is None) != (options.key is None):
        raise _error(settings, "etcd.cert and etcd.key work only together; give both, or neither.")


def _dsns(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield every connection string of the settings with the name of its option."""
    for action in ("write", "read"):
        yield f"traffic.{action}", getattr(settings.traffic, action).get_secret_value()
    yield "postgres.dsn", settings.postgres.dsn.get_secret_value()
    for member, dsn in (settings.postgres.members or {}).items():
        yield f"postgres.members.{member}", dsn


def _files(settings: Settings, *paths: str | None) -> list[str | None]:
    return [None if path is None else str(settings.resolve(path)) for path in paths]


def _error(settings: Settings, text: str) -> ConfigError:
    return ConfigError(text if settings.source is None else f"{settings.source}: {text}")
