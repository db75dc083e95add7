"""The options of observer.toml as frozen settings, with the unit in each name."""

import re
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, field_validator

from observer.model.redaction import without_password


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


def _split(value: Any) -> Any:
    """Return text as a list: it is one entry, or several separated by commas. Return other values as they are."""
    if not isinstance(value, str):
        return value
    return tuple(entry.strip() for entry in value.split(",") if entry.strip())


def etcd_address(text: str) -> str:
    """Return "host:port" of an address of etcd, which may be written as a URL. Raise ValueError if it is neither."""
    address = text.partition("://")[2].rstrip("/") if "://" in text else text
    if "@" in address:
        raise ValueError("write the address without user and password, and set etcd.user and etcd.password")
    found = re.fullmatch(r"([^/\s]+):([0-9]{1,5})", address)
    if found is None or not 0 < int(found[2]) < 65536:
        raise ValueError('write each address as host:port, such as "db1:2379"')
    return address


Milliseconds = Annotated[int, Field(gt=0, le=60_000)]
TextList = Annotated[tuple[str, ...], BeforeValidator(_split)]


class Cluster(_Section):
    """The Patroni cluster to watch."""

    scope: str | None = Field(None, description="Patroni's scope; optional if etcd holds only one")
    namespace: str = Field(
        "/service", description="Patroni's namespace in etcd; leading and trailing slashes are ignored"
    )

    @field_validator("namespace")
    @classmethod
    def _slashes(cls, value: str) -> str:
        return "/" + value.strip("/")


class Etcd(_Section):
    """The client addresses of etcd."""

    endpoints: TextList = Field((), description="host:port of each etcd member; observer opens one client per member")
    user: str | None = Field(None, description="user of etcd, if authentication is on")
    password: SecretStr | None = Field(None, description="password of that user")
    ca: str | None = Field(None, description="CA certificate file; turns TLS on")
    cert: str | None = Field(None, description="client certificate file")
    key: str | None = Field(None, description="key file of the client certificate")

    @field_validator("endpoints")
    @classmethod
    def _host_and_port(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(etcd_address(endpoint) for endpoint in value)


class Patroni(_Section):
    """The REST API of each Patroni member."""

    members: dict[str, str] | None = Field(None, description="URL of each member; default: api_url in etcd; {}: off")
    every_ms: Milliseconds = Field(250, description="interval between two polls of a member")
    ca: str | None = Field(None, description="CA certificate file")
    cert: str | None = Field(None, description="client certificate file")
    key: str | None = Field(None, description="key file of the client certificate")
    username: str | None = Field(None, description="user for basic authentication")
    password: SecretStr | None = Field(None, description="password for basic authentication")


class Postgres(_Section):
    """Direct connections to the PostgreSQL server of each member."""

    members: dict[str, str] | None = Field(
        None, description="libpq connection string of each member; default: conn_url in etcd; {}: off"
    )
    dsn: SecretStr = Field(
        SecretStr(""), description="user, password, dbname, sslmode for these; default: those of traffic.write"
    )
    every_ms: Milliseconds = Field(200, description="interval between two polls of a member")


class Haproxy(_Section):
    """HAProxy's statistics page."""

    stats: TextList = Field((), description='URLs of statistics pages; observer appends ";csv"')
    primary: str = Field("", description="backend that routes to the primary; default: found from server states")
    replicas: str = Field("", description="backend that routes to replicas; default: found from server states")
    every_ms: Milliseconds = Field(100, description="interval between two polls of a statistics page")
    inter_ms: Milliseconds | None = Field(
        None, description="`inter` of haproxy.cfg: interval between two checks; the statistics do not show it"
    )
    rise: Annotated[int, Field(ge=1)] | None = Field(
        None, description="`rise` of haproxy.cfg: passed checks before a server is UP; bounds the routing phase"
    )
    username: str | None = Field(None, description="user for basic authentication")
    password: SecretStr | None = Field(None, description="password for basic authentication")
    ca: str | None = Field(None, description="CA certificate file")


class Traffic(_Section):
    """Observer's own reads and writes through HAProxy."""

    write: SecretStr = Field(SecretStr(""), description="libpq connection string for writes, as the application's")
    read: SecretStr = Field(SecretStr(""), description="libpq connection string for reads; default: traffic.write")
    workload: Literal["homework", "probe", "none"] = Field(
        "homework",
        description='"homework": tables owners and events; "probe": table observer_probe; "none": no operations',
    )
    rate_per_s: Annotated[float, Field(gt=0, le=5000)] = Field(
        20, description="writes, and as many reads, on persistent connections"
    )
    fresh_per_s: Annotated[float, Field(ge=0, le=500)] = Field(
        2, description="additional writes and reads, each on a new connection"
    )
    deadline_ms: Milliseconds = Field(1000, description="an operation without an answer by then is UNKNOWN")


class Store(_Section):
    """The recording file."""

    path: str = Field("observer.db", description="SQLite file; relative to this configuration file")


class Metrics(_Section):
    """Prometheus metrics of the daemon."""

    listen: str = Field("", description='"host:port" to serve metrics on; "": off')


class Prometheus(_Section):
    """A Prometheus server that scrapes the cluster."""

    url: str = Field("", description='URL; "": observer does not run the queries of the dashboards')


class Docker(_Section):
    """The Docker engine, if the cluster runs in containers."""

    socket: str = Field(
        "", description='socket, or "tcp://host:port"; "": DOCKER_HOST or the usual socket, if present; "off": not used'
    )


class Log(_Section):
    """Log files of members that run as plain processes. Docker provides the logs of containers."""

    files: dict[str, TextList] = Field(
        {}, description="log files of Patroni and PostgreSQL for each member; relative to this file"
    )


class Objectives(_Section):
    """The limits that `report --check` tests. An objective that is not set is not tested."""

    write_outage_s: Annotated[float, Field(ge=0)] | None = Field(None, description="longest write outage, seconds")
    read_outage_s: Annotated[float, Field(ge=0)] | None = Field(None, description="longest read outage, seconds")
    lost_writes: Annotated[int, Field(ge=0)] | None = Field(None, description="most acknowledged writes lost")


class Report(_Section):
    """Defaults of `observer report`."""

    language: str | None = Field(None, description="language of the document; default: the locale's, else en")
    profile: Literal["homework", "drill"] = Field("drill", description="homework: with its questions and steps")


class Settings(_Section):
    """All options of observer.toml. `source` is the file that they come from, None if there is none."""

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
    source: Path | None = Field(None, exclude=True)

    def resolve(self, path: str) -> Path:
        """Return a path of the file: relative paths begin at the folder of the file, ~ is the home directory."""
        return (self.source.parent if self.source is not None else Path()) / Path(path).expanduser()

    @property
    def database(self) -> Path:
        """The path of the recording file."""
        return self.resolve(self.store.path)

    def public(self) -> dict[str, Any]:
        """Return the settings that a recording stores: no secret, connection strings and URLs without passwords."""
        plain: dict[str, Any] = self.model_dump(mode="json", exclude_none=True)
        plain["postgres"].pop("dsn", None)
        for name in ("write", "read"):
            plain["traffic"][name] = without_password(getattr(self.traffic, name).get_secret_value())
        plain["haproxy"]["stats"] = [without_password(url) for url in self.haproxy.stats]
        plain["prometheus"]["url"] = without_password(self.prometheus.url)
        plain["docker"]["socket"] = without_password(self.docker.socket)
        for section in ("patroni", "postgres"):
            members = getattr(self, section).members
            if members is not None:
                plain[section]["members"] = {name: without_password(address) for name, address in members.items()}
        for section in ("etcd", "patroni", "haproxy"):
            plain[section].pop("password", None)
        return plain
