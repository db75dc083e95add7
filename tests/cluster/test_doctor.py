"""`observer doctor` on a real cluster with one fault at a time: it names the component and the remedy."""

from __future__ import annotations

import re
import socket
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import pytest

from observer.config.loading import load
from observer.doctor import observations
from observer.doctor.examine import examine
from observer.doctor.finding import Finding, exit_code, lines
from observer.model.clock import wall_ns
from observer.postgres.persistent import ask
from stack import configs, faults, packages
from stack.settings import ETCD, HOST, NODES, PASSWORD, PROXY
from tests.cluster.clusters import Cluster
from tests.ports import free_port
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


@dataclass
class Patient:
    """A configuration to break: change its text with `replace`, then `examine`."""

    cluster: Cluster
    folder: Path
    text: str = ""
    database: Path = field(init=False)

    def __post_init__(self) -> None:
        self.text = configs.observer_toml(self.cluster.settings)
        self.database = self.folder / "observer.db"

    def replace(self, old: str, new: str) -> Patient:
        assert old in self.text, f"{old} is not in the configuration"
        self.text = self.text.replace(old, new)
        return self

    def add(self, more: str) -> Patient:
        self.text += more
        return self

    def option(self, name: str, value: str) -> Patient:
        """Sets an option that the configuration has, whatever its value is."""
        self.text, count = re.subn(rf"(?m)^{name} = .*$", lambda _: f"{name} = {value}", self.text)
        assert count == 1, name
        return self

    def write(self) -> Path:
        path = self.folder / "observer.toml"
        path.write_text(self.text, encoding="utf-8")
        return path

    def examine(self) -> list[Finding]:
        return examine(load(self.write(), {}), self.database)

    def has_finding(self, component: str, title: str, remedy: str, code: int | None) -> Finding:
        """Examine until there is such a finding, and return it. `code` None: it is a note.

        A component that is slow for a moment has another finding: that it does not answer.
        """
        findings: list[Finding] = []

        def matching() -> list[Finding]:
            findings[:] = self.examine()
            return [
                f for f in findings if f.component.startswith(component) and re.search(title, f"{f.title} {f.meaning}")
            ]

        def shown() -> str:
            return "\n".join(lines(findings))

        found = eventually(matching, 40, f"a finding of {component} is {title!r}", shown)
        assert remedy in found[0].remedy, shown()
        assert found[0].level == ("note" if code is None else "error"), shown()
        if code is not None:
            assert found[0].exit_code == code, shown()
            assert exit_code(findings) != 0
        return found[0]

    def is_ok(self, component: str = "") -> None:
        """Examine until all findings of a component, or of all, are ok."""
        findings: list[Finding] = []

        def all_ok() -> bool:
            findings[:] = self.examine()
            return {f.level for f in findings if f.component.startswith(component)} == {"ok"}

        eventually(all_ok, 40, f"{component or 'everything'} is ok", lambda: "\n".join(lines(findings)))
        assert component or exit_code(findings) == 0


@pytest.fixture
def patient(cluster: Cluster, tmp_path: Path) -> Patient:
    return Patient(cluster, tmp_path)


@contextmanager
def running(*command: str, port: int) -> Iterator[None]:
    """A process of our own that listens on a port."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        eventually(lambda: _listens(port), 60, f"{command[0]} listens on {port}", process.poll)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _listens(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), 1).close()
    except OSError:
        return False
    return True


def put(cluster: Cluster, key: str, value: str) -> None:
    etcdctl = [str(packages.find().etcd).replace("bin/etcd", "bin/etcdctl")]
    endpoint = f"--endpoints={cluster.settings.etcd_endpoints[0]}"
    command = [*etcdctl, endpoint, "put", key, value]

    def is_put() -> bool:
        return subprocess.run(command, env={"ETCDCTL_API": "3"}, capture_output=True).returncode == 0

    eventually(is_put, 60, f"etcd takes {key}")


def sql(cluster: Cluster, statement: str) -> None:
    ask(cluster.write_dsn, statement, 60_000, time.monotonic_ns)


def everywhere(cluster: Cluster, question: str) -> None:
    """Wait until every member's PostgreSQL returns a row: replicas receive a write a moment later."""
    for node in NODES:
        dsn = cluster.settings.dsn(cluster.settings.postgres_port(node))
        eventually(partial(ask, dsn, question, 60_000, time.monotonic_ns), 60, f"{node} answers {question}")


def rest(cluster: Cluster, node: str) -> str:
    return f"http://{HOST}:{cluster.settings.rest_port(node)}"


def haproxy_cfg(port: int, more: str = "") -> str:
    return f"""defaults
    mode http
    timeout connect 4s
    timeout client 30s
    timeout server 30s
listen stats
    bind {HOST}:{port}
    stats enable
    stats uri /
{more}
"""


def test_a_healthy_cluster_is_ok(patient: Patient) -> None:
    patient.is_ok()


class TestEtcd:
    def test_nothing_listens_on_an_endpoint(self, patient: Patient) -> None:
        endpoint = patient.cluster.settings.etcd_endpoints[1]
        patient.replace(endpoint, f"{HOST}:{free_port()}")
        patient.has_finding("etcd", "refused.*nothing listens", "endpoints", 69)

    def test_an_endpoint_is_another_service(self, patient: Patient) -> None:
        endpoint, port = patient.cluster.settings.etcd_endpoints[1], patient.cluster.settings.stats_port
        patient.replace(endpoint, f"{HOST}:{port}")
        patient.has_finding(f"etcd {HOST}:{port}", "another service|answers with an error", "endpoints", 69)

    def test_the_name_of_an_endpoint_is_not_known(self, patient: Patient) -> None:
        patient.replace(patient.cluster.settings.etcd_endpoints[2], "etcd3.invalid:2379")
        patient.has_finding("etcd etcd3.invalid", "cannot resolve that name", "endpoints", 69)

    def test_nothing_accepts_the_connection(self, patient: Patient) -> None:
        with socket.socket() as full, ExitStack() as waiting:
            full.bind((HOST, 0))
            full.listen(0)
            address = full.getsockname()
            for _ in range(3):  # its queue is full: a new connection gets no answer, as from a host that is down
                late = waiting.enter_context(socket.socket())
                late.setblocking(False)
                late.connect_ex(address)
            patient.replace(patient.cluster.settings.etcd_endpoints[2], f"{HOST}:{address[1]}")
            patient.has_finding(f"etcd {HOST}:{address[1]}", "connection timed out", "endpoints", 69)

    def test_tls_is_asked_of_an_etcd_without_it(self, patient: Patient) -> None:
        patient.replace("[etcd]", '[etcd]\nca = "/etc/ssl/certs/ca-certificates.crt"')
        patient.has_finding("etcd", "", "leave out ca", 69)

    def test_an_endpoint_belongs_to_another_etcd(self, patient: Patient, tmp_path: Path) -> None:
        port, peer = free_port(), free_port()
        command = [str(packages.find().etcd), "--data-dir", str(tmp_path / "etcd")]
        for option, at in (("client", port), ("peer", peer)):
            command += [f"--listen-{option}-urls", f"http://{HOST}:{at}"]
        command += ["--advertise-client-urls", f"http://{HOST}:{port}"]
        command += ["--initial-advertise-peer-urls", f"http://{HOST}:{peer}"]
        command += ["--initial-cluster", f"default=http://{HOST}:{peer}"]
        patient.replace(patient.cluster.settings.etcd_endpoints[2], f"{HOST}:{port}")
        with running(*command, port=port):
            patient.has_finding(f"etcd {HOST}:{port}", "belongs to another etcd", "leave", 78)

    def test_etcd_has_lost_its_quorum(self, patient: Patient) -> None:
        for member in ETCD[1:]:
            faults.kill(patient.cluster.settings, member)
        endpoint = patient.cluster.settings.etcd_endpoints[0]
        patient.has_finding(f"etcd {endpoint}", "no leader", "start the other members", 69)

    def test_etcd_holds_another_scope(self, patient: Patient) -> None:
        patient.replace('scope = "demo"', 'scope = "prod"')
        found = patient.has_finding("scope", 'no scope "prod"', "scope and namespace", 78)
        assert "demo" in found.title

    def test_the_namespace_is_another(self, patient: Patient) -> None:
        patient.replace('namespace = "/service"', 'namespace = "/patroni"')
        patient.has_finding("scope", "under /patroni/", "scope and namespace", 78)


class TestMembers:
    def test_a_member_is_named_as_patroni_does_not(self, patient: Patient) -> None:
        patient.add(f'[patroni]\nmembers = {{ pg1 = "{rest(patient.cluster, "patroni1")}" }}\n')
        patient.has_finding("[patroni] pg1", "knows patroni1, patroni2, patroni3", "as Patroni does", 78)

    def test_rest_of_one_member_is_anothers(self, patient: Patient) -> None:
        urls = ["patroni2", "patroni1", "patroni3"]
        members = ", ".join(f'{node} = "{rest(patient.cluster, at)}"' for node, at in zip(NODES, urls, strict=True))
        patient.add(f"[patroni]\nmembers = {{ {members} }}\n")
        patient.has_finding("REST of patroni1", "answered by patroni2", "URL of patroni1", 78)

    def test_rest_is_asked_for_tls_that_it_does_not_speak(self, patient: Patient) -> None:
        url = rest(patient.cluster, "patroni1").replace("http:", "https:")
        patient.add(f'[patroni]\nmembers = {{ patroni1 = "{url}" }}\n')
        patient.has_finding("REST of patroni1", "does not speak TLS", "http://", 69)

    def test_another_service_listens_where_rest_should(self, patient: Patient) -> None:
        url = f"http://{HOST}:{patient.cluster.settings.stats_port}"
        patient.add(f'[patroni]\nmembers = {{ patroni1 = "{url}" }}\n')
        patient.has_finding("REST of patroni1", "not Patroni's", "members", 78)

    def test_a_frozen_patroni_is_silent(self, patient: Patient) -> None:
        replica = patient.cluster.replicas[0]
        faults.pause(patient.cluster.settings, replica)
        patient.has_finding(f"REST of {replica}", "does not answer|timed out", "start Patroni of", 69)

    def test_sql_of_one_member_is_anothers(self, patient: Patient) -> None:
        ports = {node: patient.cluster.settings.postgres_port(node) for node in NODES}
        ports["patroni1"], ports["patroni3"] = ports["patroni3"], ports["patroni1"]
        members = ", ".join(f'{node} = "host={HOST} port={port}"' for node, port in ports.items())
        patient.add(f"[postgres]\nmembers = {{ {members} }}\n")
        patient.has_finding("SQL of patroni1", "the PostgreSQL of patroni3", "address of patroni1", 78)

    def test_the_addresses_in_etcd_exist_only_inside_docker(self, patient: Patient) -> None:
        put(patient.cluster, "/docker/inner/initialize", "7")
        put(patient.cluster, "/docker/inner/leader", "patroni1")
        member = '{"role": "master", "state": "running", "api_url": "http://patroni1.invalid:8008/patroni", '
        put(patient.cluster, "/docker/inner/members/patroni1", member + '"conn_url": "postgres://patroni1.invalid/"}')
        patient.replace('"demo"', '"inner"').replace('"/service"', '"/docker"')
        patient.has_finding("REST of patroni1", "only inside Docker", "members", 69)
        patient.has_finding("SQL of patroni1", "only inside Docker", "members", 69)

    def test_the_cluster_is_paused(self, patient: Patient) -> None:
        put_config = ["curl", "-sf", "-X", "PATCH", "-H", "Content-Type: application/json"]
        url = f"{rest(patient.cluster, 'patroni1')}/config"
        subprocess.run([*put_config, "-d", '{"pause": true}', url], check=True, capture_output=True)
        try:
            patient.has_finding("scope demo", "maintenance mode", "resume", None)
        finally:
            subprocess.run([*put_config, "-d", '{"pause": null}', url], check=True, capture_output=True)

    def test_a_clock_is_off(self, patient: Patient, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(observations, "wall_ns", lambda: wall_ns() - 42_000_000_000)
        patient.has_finding("clock of patroni1", "42 s ahead of this machine's clock", "chrony", None)


class TestTheWayOfTheApplication:
    def test_the_password_is_wrong(self, patient: Patient) -> None:
        patient.replace(f"password={PASSWORD}", "password=wrong")
        patient.has_finding("traffic.write", "password authentication failed", "PGPASSWORD", 77)
        patient.has_finding("SQL of patroni1", "neither this user nor this password", "PGPASSWORD", 77)
        eventually(lambda: exit_code(patient.examine()) == 77, 40, "the code is that of credentials")

    def test_the_database_is_not_there(self, patient: Patient) -> None:
        patient.replace("dbname=postgres", "dbname=shop")
        patient.has_finding("traffic.write", '"shop" does not exist', "correct write", 78)

    def test_the_ports_lead_to_the_opposite_roles(self, patient: Patient) -> None:
        settings = patient.cluster.settings
        patient.option("write", f'"{settings.dsn(settings.replicas_port)}"')
        patient.option("read", f'"{settings.dsn(settings.primary_port)}"')
        patient.has_finding("traffic's ports", "opposite roles", "exchange write and read", 78)

    def test_writes_go_where_reads_go(self, patient: Patient) -> None:
        settings = patient.cluster.settings
        patient.option("write", f'"{settings.dsn(settings.replicas_port)}"')
        patient.has_finding("traffic.write", "leads to a replica", "primary's port", 78)

    def test_reads_go_where_writes_go(self, patient: Patient) -> None:
        settings = patient.cluster.settings
        patient.option("read", f'"{settings.dsn(settings.primary_port)}"')
        patient.has_finding("traffic.read", "leads to the primary", "replicas' port", None)

    def test_the_traffic_goes_past_the_proxy(self, patient: Patient) -> None:
        settings, leader = patient.cluster.settings, patient.cluster.leader
        patient.option("write", f'"{settings.dsn(settings.postgres_port(leader))}"')
        patient.has_finding("traffic.write", f"straight to {leader}", "port of HAProxy", None)

    def test_the_tables_are_not_there(self, patient: Patient) -> None:
        sql(patient.cluster, "DROP DATABASE IF EXISTS empty WITH (FORCE)")
        sql(patient.cluster, "CREATE DATABASE empty")
        patient.replace("dbname=postgres", "dbname=empty")
        patient.has_finding("traffic.write", "cannot use its tables", "stack/schema.sql", 78)

    def test_the_table_cannot_be_created(self, patient: Patient) -> None:
        sql(patient.cluster, "DROP ROLE IF EXISTS visitor")
        sql(patient.cluster, "CREATE ROLE visitor LOGIN PASSWORD 'visitor'")
        everywhere(patient.cluster, "SELECT 1 FROM pg_roles WHERE rolname = 'visitor'")
        try:
            patient.replace(f"user=postgres password={PASSWORD}", "user=visitor password=visitor")
            patient.replace("[traffic]", '[traffic]\nworkload = "probe"')
            patient.has_finding("traffic.write", "permission denied", "GRANT CREATE", 78)
            patient.has_finding("SQL of patroni1", "may not read statistics", "pg_monitor", None)
        finally:
            sql(patient.cluster, "DROP ROLE visitor")

    def test_nothing_listens_at_the_proxy(self, patient: Patient) -> None:
        faults.kill(patient.cluster.settings, PROXY)
        patient.has_finding("traffic.write", "refused", "start HAProxy", 69)
        patient.has_finding("HAProxy", "nothing listens", "start HAProxy", 69)

    def test_the_stats_page_is_another_service(self, patient: Patient) -> None:
        patient.option("stats", f'["{rest(patient.cluster, patient.cluster.leader)}/"]')
        patient.has_finding("HAProxy", "not the statistics page", "stats uri", 78)

    def test_the_stats_page_needs_a_password(self, patient: Patient, tmp_path: Path) -> None:
        port, config = free_port(), tmp_path / "haproxy.cfg"
        config.write_text(haproxy_cfg(port, "    stats auth someone:secret"), encoding="utf-8")
        patient.option("stats", f'["http://{HOST}:{port}/"]')
        with running(str(packages.find().haproxy), "-db", "-f", str(config), port=port):
            patient.has_finding("HAProxy", "requires a password", "username and password", 77)
            patient.replace("[haproxy]", '[haproxy]\nusername = "someone"\npassword = "secret"')
            patient.is_ok("HAProxy http")

    def test_the_servers_of_the_proxy_match_no_member(self, patient: Patient, tmp_path: Path) -> None:
        port, config = free_port(), tmp_path / "haproxy.cfg"
        pool = f"listen db\n    mode tcp\n    bind {HOST}:{free_port()}\n    server a {HOST}:1\n    server b {HOST}:2\n"
        config.write_text(haproxy_cfg(port, pool), encoding="utf-8")
        patient.option("stats", f'["http://{HOST}:{port}/"]')
        with running(str(packages.find().haproxy), "-db", "-f", str(config), port=port):
            patient.has_finding("HAProxy's servers", "db/a, db/b", "show-legends", None)

    def test_the_configured_backend_does_not_exist(self, patient: Patient) -> None:
        patient.replace("[haproxy]", '[haproxy]\nprimary = "postgres_write"')
        patient.has_finding("haproxy.primary", 'no backend "postgres_write"', "primary, replicas", 78)

    def test_the_traffic_may_use_all_connections_of_the_proxy(self, patient: Patient) -> None:
        patient.cluster.restart_proxy(40)
        patient.has_finding("HAProxy's connection limit", "maxconn is 40", "rate_per_s", None)


class TestHere:
    def test_the_folder_of_the_file_is_not_there(self, patient: Patient) -> None:
        patient.database = patient.folder / "nowhere" / "observer.db"
        patient.has_finding("file", "folder does not exist", "make the folder", 73)

    def test_the_file_is_another_programs(self, patient: Patient) -> None:
        connection = sqlite3.connect(patient.database)
        connection.execute("create table notes (text)")
        connection.commit()
        connection.close()
        patient.has_finding("file", "another program", "another file", 65)

    def test_a_log_is_not_there(self, patient: Patient) -> None:
        patient.replace("patroni1.log", "nowhere.log")
        patient.has_finding("log", "no such file", "[log.files]", None)

    def test_the_port_for_metrics_is_taken(self, patient: Patient) -> None:
        patient.add(f'[metrics]\nlisten = "{HOST}:{patient.cluster.settings.stats_port}"\n')
        patient.has_finding("metrics", "in use", "free port", 78)

    def test_the_command_prints_the_finding_and_exits_with_its_code(self, patient: Patient) -> None:
        patient.replace('scope = "demo"', 'scope = "prod"')
        command = [sys.executable, "-m", "observer.cli", "doctor", "-c", str(patient.write())]

        def only_that() -> subprocess.CompletedProcess[str] | None:
            done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
            return done if done.stdout.endswith("\n1 error to fix.\n") else None

        done = eventually(only_that, 40, "it finds that one thing")
        assert done is not None
        assert done.returncode == 78
        assert "remedy:  set scope and namespace in [cluster]" in done.stdout
        assert not done.stderr
