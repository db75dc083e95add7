"""The traffic, the audit and the source of PostgreSQL on a real PostgreSQL behind a real HAProxy."""

from __future__ import annotations

import contextlib
import csv
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from observer.model.recording import MS_NS, SECOND_NS, Event, Operation, Outcome
from observer.postgres.persistent import ask
from observer.postgres.session import NoAnswer
from observer.sources import postgres
from observer.traffic.audit import AuditFailed, audit
from observer.traffic.generator import Generator
from observer.traffic.preflight import preflight
from observer.traffic.workload import token
from stack import processes
from tests.ports import free_port
from tests.waiting import eventually, held_up_s

pytestmark = pytest.mark.cluster

PROGRAMS = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
TAG = "cafe0001"
PATIENCE_MS = 60_000  # deadline of the test's own statements
PATIENT_MS = 10_000  # deadline of the traffic if no operation may fail because the machine is busy
now_ns = time.monotonic_ns


def until(condition: Callable[[], object], last: Callable[[], object] | None = None) -> None:
    """Wait for a condition; the error shows the value of `last`."""
    eventually(condition, 120, "the condition holds", last)


@dataclass
class Server:
    """A PostgreSQL server: its data, port and postmaster."""

    data: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres password=postgres dbname=postgres"

    def up(self) -> None:
        """Start the server until it answers. After a kill it may need a second start: old processes end a bit later."""

        def answers() -> bool:
            if self.process is None or self.process.poll() is not None:
                self.start()
            return self.answers()

        until(answers, lambda: (self.data / "log").read_text()[-2000:])

    def start(self) -> None:
        command = [str(PROGRAMS[-1] / "postgres"), "-D", str(self.data), "-p", str(self.port)]
        with (self.data / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stderr=log, **as_postgres())

    def pids(self) -> list[int]:
        """Return the pids of the postmaster and its children."""
        assert self.process is not None
        children = ""
        with contextlib.suppress(FileNotFoundError):  # the postmaster has ended
            children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [self.process.pid, *map(int, children.split())]

    def signal(self, number: int) -> None:
        signaled: set[int] = set()
        while new := set(self.pids()) - signaled:  # the postmaster may have started a process meanwhile
            for pid in new:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, number)
            signaled |= new

    def kill(self) -> None:
        """Send SIGKILL to every process, and wait until all have ended."""
        assert self.process is not None
        pids = set(self.pids())
        self.signal(signal.SIGKILL)
        self.process.wait(60)
        until(lambda: not pids & processes.living().keys())

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.signal(signal.SIGCONT)
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(120)

    def answers(self) -> bool:
        try:
            return bool(ask(self.dsn, "SELECT 1", 1000, now_ns))
        except NoAnswer:
            return False


def as_postgres() -> dict[str, Any]:
    """Return the options that make subprocess run as `postgres` if we are root, since PostgreSQL refuses root."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def run(*command: object) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, **as_postgres())


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    if not PROGRAMS or shutil.which("haproxy") is None:
        pytest.skip("needs the packages postgresql and haproxy")
    folder = Path(tempfile.mkdtemp(prefix="observer-traffic-", dir="/tmp"))
    if os.geteuid() == 0:
        shutil.chown(folder, "postgres")
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[Server]:
    server = Server(folder / "data")
    (folder / "password").write_text("postgres\n")
    (folder / "password").chmod(0o644)
    options = ("-D", server.data, "-U", "postgres", "-A", "scram-sha-256", "--pwfile", folder / "password")
    run(PROGRAMS[-1] / "initdb", *options)
    with (server.data / "postgresql.conf").open("a") as file:
        file.write(f"listen_addresses = '127.0.0.1'\nunix_socket_directories = '{folder}'\nfsync = off\n")
    server.up()
    yield server
    server.stop()


@dataclass
class Proxy:
    """An HAProxy in front of the server, with maxconn 100 as in the homework."""

    port: int
    stats: int

    @property
    def dsn(self) -> str:
        return f"host=127.0.0.1 port={self.port} user=postgres password=postgres dbname=postgres"

    def clients(self) -> int:
        """Return the number of client sessions from the stats page; fail if the page is not readable within 10 s."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.stats}/;csv", timeout=10) as page:
            rows = csv.DictReader(page.read().decode().removeprefix("# ").splitlines())
            return sum(int(row["scur"]) for row in rows if row["svname"] == "FRONTEND" and row["pxname"] != "stats")


@pytest.fixture(scope="module")
def proxy(folder: Path, server: Server) -> Iterator[Proxy]:
    proxy = Proxy(free_port(), free_port())
    config = folder / "haproxy.cfg"
    config.write_text(
        f"""global
    maxconn 100
defaults
    mode tcp
    retries 2
    timeout client 30m
    timeout connect 4s
    timeout server 30m
listen stats
    mode http
    bind 127.0.0.1:{proxy.stats}
    stats enable
    stats uri /
listen primary
    bind 127.0.0.1:{proxy.port}
    server one 127.0.0.1:{server.port} maxconn 100
"""
    )
    process = subprocess.Popen(["haproxy", "-db", "-f", config], stderr=subprocess.DEVNULL)

    def answers() -> bool:
        with contextlib.suppress(OSError):
            return proxy.clients() >= 0
        return False

    until(answers)
    yield proxy
    process.terminate()
    process.wait(10)


class Traffic:
    """A generator and its records."""

    def __init__(self, dsn: str, workload: str = "probe", deadline_ms: int = 1000) -> None:
        self.records: list[Event | Operation] = []
        self.generator = Generator(
            write_dsn=dsn,
            read_dsn=dsn,
            record=self.records.append,
            now_ns=now_ns,
            name_of=lambda address: "one" if address is not None else None,
            workload=workload,
            rate_per_s=20,
            fresh_per_s=2,
            deadline_ms=deadline_ms,
            tag=TAG,
        )

    @property
    def operations(self) -> list[Operation]:
        return [one for one in self.records if isinstance(one, Operation)]

    @property
    def kinds(self) -> list[tuple[str, str]]:
        """Kind and subject of each event, except that the machine held this process up."""
        events = [one for one in self.records if isinstance(one, Event)]
        return [(one.kind, one.subject) for one in events if one.kind != "observer.slept"]

    def of(self, outcome: Outcome) -> list[Operation]:
        return [one for one in self.operations if one.outcome is outcome]

    def __enter__(self) -> Traffic:
        self.generator.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.generator.stop(drain_s=15)

    def summary(self) -> object:
        """Return the counts of operations and the kinds of events."""
        ended = Counter((one.action, one.outcome.name, one.stage, one.sqlstate) for one in self.operations)
        return dict(ended), self.kinds

    def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition of the records."""
        until(condition, self.summary)


@pytest.fixture
def tables(server: Server) -> Iterator[None]:
    """Create an empty table of the workload `probe`."""
    server.up()
    ask(server.dsn, "DROP TABLE IF EXISTS observer_probe, events, owners", PATIENCE_MS, now_ns)
    assert preflight(server.dsn, "probe", PATIENCE_MS, now_ns).verdict == "ok"
    yield
    server.signal(signal.SIGCONT)


@pytest.fixture
def proxied(proxy: Proxy, tables: None) -> Traffic:
    return Traffic(proxy.dsn)


@pytest.fixture
def patient(proxy: Proxy, tables: None) -> Traffic:
    return Traffic(proxy.dsn, deadline_ms=PATIENT_MS)


def test_after_a_run_without_faults_the_table_holds_exactly_the_acknowledged_tokens(
    server: Server, patient: Traffic
) -> None:
    with patient:
        patient.until(lambda: len(patient.of(Outcome.OK)) >= 150)
    writes = {one.token for one in patient.of(Outcome.OK) if one.action == "write"}
    assert {row[0] for row in ask(server.dsn, "SELECT token FROM observer_probe", PATIENCE_MS, now_ns)} == writes
    assert not patient.of(Outcome.FAIL) and not patient.of(Outcome.UNKNOWN) and not patient.kinds
    last = patient.generator.last_n
    (whole,) = audit(server.dsn, "probe", TAG, 1, last, PATIENCE_MS, now_ns, lambda address: "one")
    assert (whole.first_token, whole.last_token, whole.present) == (token(TAG, 1), token(TAG, last), True)
    assert (whole.server, whole.timeline) == ("one", 1)


def test_a_user_without_the_right_to_create_writes_to_the_table_that_exists(server: Server, tables: None) -> None:
    """CREATE TABLE IF NOT EXISTS needs the right even if the table is there."""
    ask(server.dsn, "DROP ROLE IF EXISTS plain", PATIENCE_MS, now_ns)
    ask(server.dsn, "CREATE ROLE plain LOGIN PASSWORD 'postgres'", PATIENCE_MS, now_ns)
    ask(server.dsn, "GRANT SELECT, INSERT, DELETE ON observer_probe TO plain", PATIENCE_MS, now_ns)
    assert preflight(server.dsn.replace("user=postgres", "user=plain"), "probe", PATIENCE_MS, now_ns).verdict == "ok"
    ask(server.dsn, "DROP TABLE observer_probe", PATIENCE_MS, now_ns)
    assert preflight(server.dsn.replace("user=postgres", "user=plain"), "probe", PATIENCE_MS, now_ns).verdict != "ok"


def test_an_operation_names_its_server_and_a_read_the_newest_token(server: Server, patient: Traffic) -> None:
    with patient:
        patient.until(lambda: sum(one.action == "read" and one.probe == "fresh" for one in patient.of(Outcome.OK)) >= 3)
    for one in patient.of(Outcome.OK):
        assert (one.server, one.address) == ("one", f"127.0.0.1:{server.port}")
        assert (one.in_recovery, one.timeline, one.stage) == (False, 1, "done")
    reads = [(one, one.saw) for one in patient.operations if one.action == "read" and one.saw is not None]
    assert all(saw <= later for a, saw in reads for b, later in reads if a.finished_ns <= b.started_ns)
    assert token(TAG, 0) < max(saw for _, saw in reads) <= token(TAG, patient.generator.last_n)


def test_with_a_frozen_server_operations_end_at_their_deadline_and_sent_statements_are_unknown(
    server: Server, proxied: Traffic
) -> None:
    with held_up_s() as late_s, proxied:
        proxied.until(lambda: len(proxied.of(Outcome.OK)) >= 40)
        server.signal(signal.SIGSTOP)
        proxied.until(lambda: len(proxied.of(Outcome.FAIL)) >= 40 and proxied.of(Outcome.UNKNOWN))
        server.signal(signal.SIGCONT)
        resumed_ns = now_ns()
        proxied.until(lambda: any(one.started_ns > resumed_ns for one in proxied.of(Outcome.OK)))
    assert {one.stage for one in proxied.of(Outcome.UNKNOWN)} == {"answer"}
    # The server of a new connection is unknown until its first answer.
    assert {"one"} <= {one.server for one in proxied.of(Outcome.UNKNOWN)} <= {"one", None}
    # Operations that were due while this process was held up start at once, and may find no free connection.
    assert {"connect"} <= {one.stage for one in proxied.of(Outcome.FAIL)} <= {"connect", "slot"}
    late_ns = late_s() * SECOND_NS
    assert max(one.finished_ns - one.started_ns for one in proxied.operations) < 1500 * MS_NS + late_ns
    assert max(one.started_ns - one.due_ns for one in proxied.operations) < 500 * MS_NS + late_ns


def test_after_thirty_seconds_of_a_frozen_server_the_proxy_still_has_free_connections(
    server: Server, proxy: Proxy, proxied: Traffic
) -> None:
    most = 0
    with proxied:
        proxied.until(lambda: len(proxied.of(Outcome.OK)) >= 40)
        server.signal(signal.SIGSTOP)
        frozen_ns = now_ns()

        def thirty_seconds() -> bool:
            nonlocal most
            most = max(most, proxy.clients())
            return now_ns() - frozen_ns > 30 * SECOND_NS

        until(thirty_seconds)
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10):
            until(lambda: proxy.clients() > 0)
        server.signal(signal.SIGCONT)
        assert ask(proxy.dsn, "SELECT 1", PATIENCE_MS, now_ns) == [(1,)]
    assert 10 < most < 95  # of 100; connections closed normally reach that within seconds


def test_with_a_killed_server_unsent_operations_fail_and_no_acknowledged_write_is_lost(
    server: Server, proxied: Traffic
) -> None:
    with proxied:
        proxied.until(lambda: len(proxied.of(Outcome.OK)) >= 60)
        server.kill()
        proxied.until(lambda: len(proxied.of(Outcome.FAIL)) >= 20)
        with pytest.raises(AuditFailed, match="no answer"):
            audit(server.dsn, "probe", TAG, 1, 1, 1000, now_ns)
        server.up()
        restarted_ns = now_ns()
        proxied.until(lambda: any(one.started_ns > restarted_ns for one in proxied.of(Outcome.OK)))
    present = {
        token(TAG, n)
        for one in audit(server.dsn, "probe", TAG, 1, proxied.generator.last_n, PATIENCE_MS, now_ns)
        for n in range(int(one.first_token[-10:]), int(one.last_token[-10:]) + 1)
        if one.present
    }
    writes = [one for one in proxied.operations if one.action == "write"]
    assert {one.token for one in writes if one.outcome is Outcome.OK} <= present
    assert not {one.token for one in writes if one.outcome is Outcome.FAIL} & present


def test_refused_credentials_a_missing_database_and_no_server_have_different_verdicts(
    server: Server, tables: None
) -> None:
    wrong = server.dsn.replace("password=postgres", "password=wrong")
    assert preflight(wrong, "probe", PATIENCE_MS, now_ns).verdict == "credentials"
    assert (
        preflight(server.dsn.replace("user=postgres", "user=stranger"), "probe", PATIENCE_MS, now_ns).verdict
        == "credentials"
    )
    assert preflight(server.dsn + "x", "probe", PATIENCE_MS, now_ns).verdict == "database"
    elsewhere = server.dsn.replace(str(server.port), str(free_port()))
    assert preflight(elsewhere, "probe", PATIENCE_MS, now_ns).verdict == "nothing"
    with Traffic(wrong, deadline_ms=PATIENT_MS) as traffic:
        traffic.until(lambda: len(traffic.operations) >= 5)
    assert {(one.outcome, one.stage, one.sqlstate) for one in traffic.operations} == {
        (Outcome.FAIL, "connect", "28P01")
    }


def test_missing_tables_of_the_homework_are_no_outage_and_their_creation_is_recorded(
    server: Server, tables: None
) -> None:
    schema = """CREATE TABLE owners (id serial PRIMARY KEY, owner_name varchar(100) NOT NULL UNIQUE);
        CREATE TABLE events (id serial PRIMARY KEY, event_name varchar(200) NOT NULL,
            timestamp timestamp DEFAULT now(), owner_name varchar(100) NOT NULL REFERENCES owners (owner_name));"""
    assert preflight(server.dsn, "homework", PATIENCE_MS, now_ns).verdict == "tables"
    with Traffic(server.dsn, workload="homework", deadline_ms=5000) as traffic:
        traffic.until(lambda: {("workload.absent", "write"), ("workload.absent", "read")} <= set(traffic.kinds))
        ask(server.dsn, schema, PATIENCE_MS, now_ns)
        traffic.until(lambda: ("workload.present", "read") in traffic.kinds)
        assert ("workload.present", "write") not in traffic.kinds  # there is no owner yet
        ask(
            server.dsn,
            "INSERT INTO owners (owner_name) VALUES ('Иван Петров'), ('Мария Сидорова')",
            PATIENCE_MS,
            now_ns,
        )
        traffic.until(lambda: ("workload.present", "write") in traffic.kinds)
        traffic.until(lambda: any(one.saw for one in traffic.operations))
    assert {one.outcome for one in traffic.operations} == {Outcome.OK}
    assert sorted(traffic.kinds)[:2] == [("workload.absent", "read"), ("workload.absent", "write")]
    rows = ask(server.dsn, "SELECT DISTINCT left(event_name, 18), owner_name FROM events", PATIENCE_MS, now_ns)
    assert rows == [(f"observer {TAG}-", "Иван Петров")]
    writes = {one.token for one in traffic.operations if one.action == "write"}
    audits = audit(server.dsn, "homework", TAG, 1, traffic.generator.last_n, PATIENCE_MS, now_ns)
    assert sum(int(a.last_token[-10:]) - int(a.first_token[-10:]) + 1 for a in audits if a.present) == len(writes)


def source_of(server: Server) -> tuple[Callable[[], None], list[Event]]:
    """Return a function that polls a server, and the list of its events."""
    events: list[Event] = []
    dsn = postgres.direct_dsn(f"postgres://127.0.0.1:{server.port}/postgres", server.dsn)
    return postgres.job("one", dsn, 200, events.append, now_ns).run, events


def test_the_first_poll_records_the_identity_and_state_of_the_server(server: Server, tables: None) -> None:
    def two_polls() -> list[Event] | None:
        poll, events = source_of(server)
        poll()
        poll()
        return events if not any(one.kind == "source.blind" for one in events) else None

    events = eventually(two_polls, 60, "two polls are answered in time")
    found = {one.kind: one.detail for one in events}
    assert list(found) == ["member.changed", "identity.learned", "versions.captured", "replication.sampled"]
    assert len(events) == 4
    assert (found["member.changed"]["in_recovery"], found["member.changed"]["timeline"]) == (False, 1)
    assert int(found["member.changed"]["system_identifier"]) > 0
    assert found["identity.learned"] == {"address": f"127.0.0.1:{server.port}"}
    assert found["replication.sampled"]["lsn"] > 0


def test_frozen_killed_and_restarted_servers_are_distinguished(server: Server, tables: None) -> None:
    poll, events = source_of(server)

    def poll_until(kind: str) -> Event:
        """Poll until there is a new event of that kind."""
        before = len(events)

        def found() -> Event | None:
            poll()
            return next((one for one in events[before:] if one.kind == kind), None)

        return eventually(found, 60, f"a poll records {kind}", lambda: events[before:])

    first = poll_until("member.changed")
    server.signal(signal.SIGSTOP)
    assert poll_until("source.blind").detail["how"] == "silent"
    with held_up_s() as late_s:
        began_ns = now_ns()
        poll()
        assert now_ns() - began_ns < 1500 * MS_NS + late_s() * SECOND_NS
    server.signal(signal.SIGCONT)
    poll_until("source.sees")
    server.kill()
    assert poll_until("source.blind").detail["how"] == "refused"
    server.up()
    assert poll_until("member.changed").detail["started"] != first.detail["started"]


def test_a_server_that_refuses_all_clients_is_an_error_with_its_sqlstate(
    folder: Path, server: Server, tables: None
) -> None:
    closed = Server(folder / "closed")
    run(PROGRAMS[-1] / "pg_basebackup", "-d", server.dsn, "-D", closed.data, "-c", "fast", "-X", "stream")
    (closed.data / "standby.signal").touch()
    with (closed.data / "postgresql.conf").open("a") as file:
        file.write("hot_standby = off\nunix_socket_directories = ''\n")
    closed.start()
    poll, events = source_of(closed)

    def refused() -> bool:
        poll()
        return bool(events) and events[-1].detail.get("how") == "error"

    try:
        until(refused, lambda: events)
    finally:
        closed.stop()
    assert events[-1].detail["sqlstate"] == "57P03"


def test_the_timeline_and_the_lag_of_a_replica_are_recorded(folder: Path, server: Server, tables: None) -> None:
    replica = Server(folder / "replica")
    run(PROGRAMS[-1] / "pg_basebackup", "-d", server.dsn, "-D", replica.data, "-c", "fast", "-X", "stream", "-R")
    with (replica.data / "postgresql.conf").open("a") as file:
        file.write("unix_socket_directories = ''\n")
    try:
        replica.up()
        poll, events = source_of(replica)

        def member() -> Mapping[str, Any]:
            poll()
            return next((one.detail for one in reversed(events) if one.kind == "member.changed"), {})

        until(lambda: member().get("timeline") == 1, lambda: events)
        assert member()["in_recovery"] is True
        sample = next(one for one in events if one.kind == "replication.sampled").detail
        assert sample["in_recovery"] is True and sample["replay_lsn"] > 0
        until(
            lambda: ask(server.dsn, "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'", PATIENCE_MS, now_ns)
        )
        poll, primary_events = source_of(server)

        def samples() -> list[Event]:
            poll()
            return [one for one in primary_events if one.kind == "replication.sampled"]

        until(samples, lambda: primary_events)
        assert samples()[-1].detail["lag_bytes"].keys() == {"walreceiver"}
        with pytest.raises(AuditFailed, match="in recovery"):
            audit(replica.dsn, "probe", TAG, 1, 1, PATIENCE_MS, now_ns)
        with Traffic(replica.dsn, deadline_ms=PATIENT_MS) as traffic:
            traffic.until(lambda: len(traffic.of(Outcome.OK)) >= 5 and len(traffic.of(Outcome.FAIL)) >= 5)
        assert {one.sqlstate for one in traffic.of(Outcome.FAIL)} == {"25006"}
        assert {(one.action, one.in_recovery) for one in traffic.of(Outcome.OK)} == {("read", True)}
    finally:
        replica.stop()
