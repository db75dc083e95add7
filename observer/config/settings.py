"""observer.toml -> frozen settings, every unit in the name."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator

from observer.model.errors import ConfigError
from observer.model.redaction import without_password

ENVIRONMENT_PREFIX = "OBSERVER_"
_TEXT = (str, str | None, SecretStr, SecretStr | None)


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=False)


Milliseconds = Annotated[int, Field(gt=0, le=60_000)]


class Cluster(_Section):
    """Which cluster of Patroni to watch."""

    scope: str | None = Field(None, description="Patroni's scope; may be left out when etcd holds a single one")
    namespace: str = Field("/service", description="Patroni's namespace in etcd; slashes around it do not matter")

    @field_validator("namespace")
    @classmethod
    def _slashes(cls, value: str) -> str:
        return "/" + value.strip("/")


class Etcd(_Section):
    """Where etcd listens for clients."""

    endpoints: tuple[str, ...] = Field((), description="host:port of each member of etcd, one client for each")
    user: str | None = Field(None, description="etcd user, where authentication is on")
    password: SecretStr | None = Field(None, description="that user's password")
    ca: str | None = Field(None, description="file of the CA certificate, which turns TLS on")
    cert: str | None = Field(None, description="file of the client certificate")
    key: str | None = Field(None, description="file of the client certificate's key")

    @field_validator("endpoints")
    @classmethod
    def _host_and_port(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for endpoint in value:
            host, _, port = endpoint.rpartition(":")
            if not host or "/" in endpoint or not port.isdigit() or not 0 < int(port) < 65536:
                raise ValueError(f'"{endpoint}" is not an address: write "host:port", without http://')
        return value


class Patroni(_Section):
    """Patroni's REST API, each member by itself."""

    members: dict[str, str] | None = Field(None, description="URL of each member; default: api_url in etcd; {}: off")
    every_ms: Milliseconds = Field(250, description="time between two looks at a member")
    ca: str | None = Field(None, description="file of the CA certificate")
    cert: str | None = Field(None, description="file of the client certificate")
    key: str | None = Field(None, description="file of the client certificate's key")
    username: str | None = Field(None, description="for basic authentication")
    password: SecretStr | None = Field(None, description="for basic authentication")


class Postgres(_Section):
    """PostgreSQL, each member directly."""

    members: dict[str, str] | None = Field(
        None, description="libpq connection string of each member; default: conn_url in etcd; {}: off"
    )
    dsn: SecretStr = Field(
        SecretStr(""), description="user, password, dbname, sslmode for them; default: those of traffic.write"
    )
    every_ms: Milliseconds = Field(200, description="time between two looks at a member")


class Haproxy(_Section):
    """HAProxy's stats page."""

    stats: tuple[str, ...] = Field((), description='URLs of stats pages; ";csv" is appended')
    primary: str = Field("", description="name of the primary's pool; default: learned from who is UP and who leads")
    replicas: str = Field("", description="name of the replicas' pool; default: learned")
    every_ms: Milliseconds = Field(100, description="time between two looks at a stats page")
    inter_ms: Milliseconds | None = Field(
        None, description="time between two checks of a server, as haproxy.cfg says, since the stats do not tell it"
    )
    rise: Annotated[int, Field(ge=1)] | None = Field(
        None, description="good checks in a row that bring a server back, as haproxy.cfg says, for the bound of routing"
    )
    username: str | None = Field(None, description="for basic authentication")
    password: SecretStr | None = Field(None, description="for basic authentication")
    ca: str | None = Field(None, description="file of the CA certificate")


class Traffic(_Section):
    """The observer's own reads and writes, through the proxy."""

    write: SecretStr = Field(SecretStr(""), description="libpq connection string for writes, as the application's")
    read: SecretStr = Field(SecretStr(""), description="libpq connection string for reads")
    workload: Literal["homework", "probe", "none"] = Field(
        "homework",
        description='"homework": the tables owners and events; "probe": one table of its own; "none": no operations',
    )
    rate_per_s: Annotated[float, Field(gt=0, le=5000)] = Field(
        20, description="writes, and as many reads, on kept connections"
    )
    fresh_per_s: Annotated[float, Field(ge=0, le=500)] = Field(
        2, description="more of each, on a new connection every time"
    )
    deadline_ms: Milliseconds = Field(1000, description="an operation without an answer by then is UNKNOWN")


class Store(_Section):
    """The timeline's file."""

    path: str = Field("observer.db", description="SQLite file; relative to this configuration file")


class Metrics(_Section):
    """The daemon's own Prometheus endpoint."""

    listen: str = Field("", description='"host:port" to serve metrics on; "": off')


class Prometheus(_Section):
    """A Prometheus that scrapes the cluster."""

    url: str = Field("", description='its URL; "": the dashboards\' queries are not run')


class Docker(_Section):
    """The Docker engine whose containers the cluster may be."""

    socket: str = Field(
        "", description='its socket, or "tcp://host:port"; "": DOCKER_HOST or the usual socket, if any; "off": not used'
    )


class Log(_Section):
    """Logs of members that are plain processes; those of containers are read through the Docker engine."""

    files: dict[str, tuple[str, ...]] = Field(
        {}, description="files of each member, as Patroni and PostgreSQL write them; relative to this file"
    )


class Objectives(_Section):
    """What `report --check` holds the recording against; what is left out is not checked."""

    write_outage_s: Annotated[float, Field(ge=0)] | None = Field(None, description="longest outage of writes, seconds")
    read_outage_s: Annotated[float, Field(ge=0)] | None = Field(None, description="longest outage of reads, seconds")
    lost_writes: Annotated[int, Field(ge=0)] | None = Field(None, description="most acknowledged writes lost")


class Report(_Section):
    """The report's own choices."""

    language: str | None = Field(None, description="language of the document; default: the locale's, else en")
    profile: Literal["homework", "drill"] = Field("drill", description="homework: with its questions and steps")


class Settings(_Section):
    """All of observer.toml. `directory` is where its relative paths begin."""

    cluster: Cluster = Cluster()
    etcd: Etcd = Etcd()
    patroni: Patroni = Patroni()
    postgres: Postgres = Postgres()
    haproxy: Haproxy = Haproxy()
    traffic: Traffic = Traffic()
    store: Store = Store()
    metrics: Metrics = Metrics()
    prometheus: Prometheus = Prometheus()
    docker: Docker = Docker()
    log: Log = Log()
    objectives: Objectives = Objectives()
    report: Report = Report()
    directory: Path = Field(Path(), exclude=True)

    @property
    def database(self) -> Path:
        """The timeline's file."""
        return self.directory / Path(self.store.path).expanduser()

    def public(self) -> dict[str, Any]:
        """The settings as they may be stored: every secret is left out, connection strings lose their passwords."""
        plain: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        plain["postgres"].pop("dsn", None)
        for name in ("write", "read"):
            plain["traffic"][name] = without_password(getattr(self.traffic, name).get_secret_value())
        members = self.postgres.members
        if members is not None:
            plain["postgres"]["members"] = {name: without_password(dsn) for name, dsn in members.items()}
        plain["haproxy"]["stats"] = [without_password(url) for url in self.haproxy.stats]
        plain["prometheus"]["url"] = without_password(self.prometheus.url)
        if self.patroni.members is not None:
            plain["patroni"]["members"] = {name: without_password(url) for name, url in self.patroni.members.items()}
        plain["docker"]["socket"] = without_password(self.docker.socket)
        for section in ("etcd", "patroni", "haproxy"):
            plain[section].pop("password", None)
        return plain


# The cluster in stack/, the same for processes and for Docker. `postgres` is the password that the stack sets: a fixed
# one, for a cluster on loopback that exists to be broken.
STACK: Mapping[str, Mapping[str, Any]] = {
    "cluster": {"scope": "demo"},
    "etcd": {"endpoints": ["127.0.0.1:23791", "127.0.0.1:23792", "127.0.0.1:23793"]},
    "patroni": {"members": {f"patroni{n}": f"http://127.0.0.1:801{n}" for n in (1, 2, 3)}},
    "postgres": {"members": {f"patroni{n}": f"host=127.0.0.1 port=1543{n}" for n in (1, 2, 3)}},
    "haproxy": {"stats": ["http://127.0.0.1:7001/"], "inter_ms": 3000, "rise": 2},
    "traffic": {
        "write": "host=127.0.0.1 port=5001 user=postgres password=postgres dbname=postgres",
        "read": "host=127.0.0.1 port=5002 user=postgres password=postgres dbname=postgres",
    },
}


def load(path: Path | None, environment: Mapping[str, str] = os.environ) -> Settings:
    """Settings from a file, or from ./observer.toml, or the defaults of the cluster in stack/; then OBSERVER_*.

    A file that names etcd endpoints gets no default address: see `docs/configuration.md`. Raises ConfigError.
    """
    if path is None and Path("observer.toml").exists():
        path = Path("observer.toml")
    told = _read(path) if path is not None else {}
    _override(told, environment)
    names_etcd = bool(isinstance(told.get("etcd"), dict) and told["etcd"].get("endpoints"))
    merged: dict[str, Any] = {} if names_etcd else {name: dict(values) for name, values in STACK.items()}
    for section, values in told.items():
        if not isinstance(values, dict):
            raise ConfigError(f"{_where(path)}: {section} stands outside a [section]; put it into one.")
        merged[section] = {**merged.get(section, {}), **values}
    try:
        return Settings(**merged, directory=path.parent if path is not None else Path())
    except ValidationError as error:
        raise ConfigError(f"{_where(path)}: {_sentence(error)}") from None


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ConfigError(f"{path}: no such file; write one with `observer init -o {path}`.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read ({error}); check the path, its permissions and UTF-8.") from None
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: not valid TOML: {error}.") from None


def _override(told: dict[str, Any], environment: Mapping[str, str]) -> None:
    """OBSERVER_SECTION_KEY=value: as it is where the option is text; else TOML, or a string where it is none."""
    sections = set(Settings.model_fields) - {"directory"}
    for name in sorted(environment):
        section, _, key = name.removeprefix(ENVIRONMENT_PREFIX).lower().partition("_")
        if not name.startswith(ENVIRONMENT_PREFIX) or section not in sections or not key:
            continue
        value: Any = environment[name]
        if not _is_text(section, key):
            with suppress(tomllib.TOMLDecodeError):
                value = tomllib.loads(f"value = {value}")["value"]
        table = told.setdefault(section, {})
        if isinstance(table, dict):
            table[key] = value


def _is_text(section: str, key: str) -> bool:
    """Whether an option takes nothing but text: a password of digits alone is no number."""
    model = Settings.model_fields[section].annotation
    assert isinstance(model, type)
    assert issubclass(model, BaseModel)
    return key in model.model_fields and model.model_fields[key].annotation in _TEXT


def _where(path: Path | None) -> str:
    return str(path) if path is not None else "settings"


def _sentence(error: ValidationError) -> str:
    """The first complaint of pydantic, in one sentence that names the option, the value and the mend."""
    first = error.errors(include_url=False)[0]
    option = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        known = _known(first["loc"])
        return f"unknown option {option}; known are: {', '.join(known)}."
    message = first["msg"].removeprefix("Value error, ")
    secret = any(part in ("password", "dsn", "write", "read") for part in first["loc"])
    value = "" if secret else f" = {first['input']!r}"
    return f"{without_password(f'{option}{value}: {message}')}."


def _known(location: tuple[int | str, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location[:-1]:
        annotation = model.model_fields[str(part)].annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            model = annotation
    return [name for name in model.model_fields if name != "directory"]
