"""The daemon on a real cluster: it starts and ends cleanly, and keeps recording when parts of the cluster fail."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

import psycopg2
import pytest

from observer.model.errors import ObserverError
from observer.model.recording import SECOND_NS, Event, Outcome
from observer.store import Reader, is_being_recorded
from reports.analysis.durability import durability
from stack import faults
from stack.settings import ETCD
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

LIMIT_S = 120  # a limit for a busy machine, not a property of the daemon
WRITES_PER_S = 22  # by default, on persistent and on new connections
PATIENT = "deadline_ms = 10000\n"  # for the traffic: a slow machine alone must not fail an operation


class Observer:
    """Runs `observer` as processes, with one configuration and one recording file."""

    def __init__(self, folder: Path, config: Path) -> None:
        self.database = folder / "observer.db"
        self.log = folder / "log"
        self._config = config
        self._running: list[subprocess.Popen[bytes]] = []

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            process = subprocess.Popen(self._command("start", *arguments), stdout=log, stderr=log)
        self._running.append(process)
        return process

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            self._command(*arguments), capture_output=True, encoding="utf-8", timeout=2 * LIMIT_S, check=False
        )
        assert "Traceback" not in done.stdout + done.stderr
        return done

    def recording(self, number: int) -> None:
        """Wait until that recording has writes."""
        self.wait(lambda: self.acknowledged(number) > 20, f"recording {number} has writes")

    def wait(self, condition: Callable[[], object], what: str) -> None:
        """Wait for a condition; if it does not become true, show the last records."""
        eventually(condition, LIMIT_S, what, self.last)

    def last(self) -> str:
        """Return the last records as text."""
        try:
            with Reader(self.database) as reader:
                newest = reader.recording()
                events = reader.events(newest.id)[-10:]
        except ObserverError as error:
            return str(error)
        return "\n  ".join([f"recording {newest.id}, ended: {newest.ended}", *map(str, events)])

    def has_acknowledged(self, number: int, writes: int) -> bool:
        return self.acknowledged(number) >= writes

    def acknowledged(self, number: int) -> int:
        try:
            with Reader(self.database) as reader:
                newest = reader.operations(number, 1000)
        except ObserverError:
            return 0
        return sum(o.action == "write" and o.outcome is Outcome.OK for o in newest)

    def events(self, number: int, *kinds: str) -> list[Event]:
        with Reader(self.database) as reader:
            return [event for event in reader.events(number) if event.kind in kinds]

    def now_ns(self, number: int) -> int:
        """Return now on the clock of that recording, ns."""
        with Reader(self.database) as reader:
            return time.monotonic_ns() - reader.recording(number).anchor_ns

    def ended(self, number: int) -> str | None:
        with Reader(self.database) as reader:
            return reader.recording(number).ended

    def output(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def close(self) -> None:
        for process in self._running:
            if process.poll() is None:
                process.kill()
                process.wait()
        if self.database.exists() and is_being_recorded(self.database):  # a detached daemon
            self.run("stop")

    def _command(self, *arguments: str) -> list[str]:
        command, *rest = arguments
        config = ["-c", str(self._config), "--db", str(self.database)]
        return [sys.executable, "-m", "observer.cli", command, *config, *rest]


@pytest.fixture
def observer(cluster: Cluster, tmp_path: Path) -> Iterator[Observer]:
    observer = Observer(tmp_path, cluster.write_observer_toml(tmp_path / "observer.toml", PATIENT))
    try:
        yield observer
    finally:
        observer.close()


class TestEnds:
    @pytest.mark.parametrize(
        ("end", "reason"),
        [
            (lambda observer, process: process.send_signal(signal.SIGINT), "signal"),
            (lambda observer, process: process.send_signal(signal.SIGTERM), "signal"),
            (lambda observer, process: observer.run("stop"), "stop"),
        ],
        ids=["Ctrl-C", "SIGTERM", "observer stop"],
    )
    def test_cleanly_with_the_reason_and_one_plain_file(
        self, observer: Observer, end: Callable[[Observer, subprocess.Popen[bytes]], object], reason: str
    ) -> None:
        captures = ("cluster.captured", "pools.captured")
        process = observer.start()
        observer.recording(1)
        observer.wait(lambda: {e.kind for e in observer.events(1, *captures)} == set(captures), "both were captured")
        asked_ns = observer.now_ns(1)
        end(observer, process)
        assert process.wait(LIMIT_S) == 0
        assert observer.ended(1) == reason
        assert sorted(file.name for file in observer.database.parent.glob("observer.db*")) == ["observer.db"]
        with Reader(observer.database) as reader:
            recording = reader.load(1)
            written = reader.tokens(1)
            lost = durability(recording).lost
        # The end reads back every token and captures the cluster a second time.
        assert written is not None
        assert lost == ()
        assert max(audit.last_token for audit in recording.audits) == written[1]
        assert {e.kind for e in recording.events if e.kind in captures and e.window.after_ns > asked_ns} == set(
            captures
        )

    def test_a_second_ctrl_c_loses_nothing(self, observer: Observer) -> None:
        process = observer.start()
        observer.recording(1)
        process.send_signal(signal.SIGINT)
        observer.wait(lambda: "Ending the recording" in observer.output(), "the recording is ending")
        process.send_signal(signal.SIGINT)
        assert process.wait(LIMIT_S) == 0
        assert observer.ended(1) == "signal"

    def test_after_the_given_time(self, observer: Observer) -> None:
        process = observer.start("--for", "3s")
        assert process.wait(LIMIT_S) == 0
        assert observer.ended(1) == "for"

    def test_a_detached_daemon_takes_commands_through_the_file(self, observer: Observer) -> None:
        assert "in the background" in observer.run("start", "-d").stderr
        observer.recording(1)
        assert observer.run("mark", "я выдернул шнур").returncode == 0
        assert "running for" in observer.run("status").stdout
        assert observer.run("stop").returncode == 0
        assert [event.detail for event in observer.events(1, "note.told")] == [{"text": "я выдернул шнур"}]


class TestCrashes:
    def test_twenty_kills_leave_an_intact_file_and_the_next_start_continues_it(
        self, observer: Observer, cluster: Cluster
    ) -> None:
        for number in range(1, 21):
            process = observer.start()
            moment = random.randint(1, 25)
            observer.wait(partial(observer.has_acknowledged, number, moment), f"{moment} writes are there")
            process.send_signal(signal.SIGKILL)
            killed_ns = time.monotonic_ns()
            process.wait(LIMIT_S)
            with Reader(observer.database) as reader:
                assert [tuple(row) for row in reader.query("pragma integrity_check")[1]] == [("ok",)]
                cut_off, tokens = reader.recording(number), reader.tokens(number)
            assert cut_off.ended is None
            assert tokens is not None
            # If the machine stalled before the kill, the last record is old although hardly a write is missing.
            missing = held_after(cluster, tokens[1])
            assert killed_ns - cut_off.anchor_ns - cut_off.last_ns < SECOND_NS // 2 or missing <= WRITES_PER_S // 2
        observer.start()
        observer.recording(21)
        assert "Recording 20 in this file was cut off" in observer.output()
        # The next recording audits the writes of the one before.
        observer.wait(lambda: self.audited(observer, 20), "the recording that was cut off is audited")
        assert observer.run("stop").returncode == 0

    def audited(self, observer: Observer, number: int) -> bool:
        with Reader(observer.database) as reader:
            tokens, last = reader.tokens(number), reader.last_audited(number)
        return tokens is not None and last == tokens[1]

    def test_a_file_that_is_being_recorded_is_refused(self, observer: Observer) -> None:
        observer.start()
        observer.recording(1)
        refused = observer.run("start")
        assert (refused.returncode, "a daemon records into it" in refused.stderr) == (73, True)
        assert is_being_recorded(observer.database)
        assert observer.run("stop").returncode == 0


class TestFailures:
    def subjects(self, observer: Observer, kind: str, after_ns: int) -> set[str]:
        """Return the subjects of the events of a kind after a moment."""
        return {event.subject for event in observer.events(1, kind) if event.by_ns > after_ns}

    def test_it_keeps_recording_without_etcd_and_records_its_return(self, observer: Observer, cluster: Cluster) -> None:
        all_of_etcd = set(cluster.settings.etcd_endpoints)
        process = observer.start()
        observer.recording(1)
        # Wait for all members: one that was unreachable before the kill would fulfil the conditions below too early.
        observer.wait(
            lambda: self.subjects(observer, "versions.captured", 0) >= all_of_etcd, "all members of etcd are polled"
        )
        killed_ns = observer.now_ns(1)
        for member in ETCD:
            faults.kill(cluster.settings, member)
        # All members: one that returns before its next poll has neither event.
        observer.wait(
            lambda: self.subjects(observer, "source.blind", killed_ns) >= all_of_etcd, "etcd is recorded as unreachable"
        )
        started_ns = observer.now_ns(1)
        for member in ETCD:
            faults.start(cluster.settings, member)
        observer.wait(
            lambda: self.subjects(observer, "source.sees", started_ns) >= all_of_etcd,
            "etcd is recorded as reachable again",
        )
        assert process.poll() is None
        assert observer.run("stop").returncode == 0

    def test_it_starts_without_etcd_and_finds_the_cluster_when_it_is_back(
        self, observer: Observer, cluster: Cluster
    ) -> None:
        for member in ETCD:
            faults.kill(cluster.settings, member)
        process = observer.start()
        observer.wait(lambda: "no etcd answers" in observer.output().lower(), "it reports that etcd is down")
        for member in ETCD:
            faults.start(cluster.settings, member)
        # Either the leader kept its lease, or another one was elected after the lease expired.
        observer.wait(lambda: observer.events(1, "leader.seen", "leader.elected"), "the leader is recorded")
        observer.wait(lambda: observer.events(1, "identity.learned"), "members are polled")
        assert process.poll() is None
        assert observer.run("stop").returncode == 0


class TestErrorsThatWaitingCannotFix:
    def refuse(self, observer: Observer, cluster: Cluster, old: str, new: str) -> tuple[int, str]:
        config = observer.database.with_name("observer.toml")
        text = cluster.write_observer_toml(config).read_text(encoding="utf-8")
        assert old in text
        config.write_text(text.replace(old, new), encoding="utf-8")
        done = observer.run("start")
        assert not observer.database.exists()
        assert len(done.stderr.strip().splitlines()) == 1
        return done.returncode, done.stderr

    def test_a_wrong_password(self, observer: Observer, cluster: Cluster) -> None:
        code, message = self.refuse(observer, cluster, "password=postgres", "password=hunter2")
        assert (code, "hunter2" in message) == (77, False)

    def test_a_scope_that_etcd_does_not_have(self, observer: Observer, cluster: Cluster) -> None:
        code, message = self.refuse(observer, cluster, 'scope = "demo"', 'scope = "production"')
        assert code == 78
        assert "production" in message
        assert "demo" in message

    def test_a_database_that_does_not_exist(self, observer: Observer, cluster: Cluster) -> None:
        code, message = self.refuse(observer, cluster, "dbname=postgres", "dbname=nowhere")
        assert (code, "nowhere" in message) == (78, True)


def test_the_daemon_costs_little(observer: Observer) -> None:
    process = observer.start("--plain")
    observer.recording(1)
    before_s, began_s = cpu_s(process.pid), time.monotonic()
    eventually(lambda: time.monotonic() - began_s > 10, LIMIT_S, "ten seconds have passed")
    share = (cpu_s(process.pid) - before_s) / (time.monotonic() - began_s)
    assert share < 0.3  # the bar is 0.1, which benchmarks test; this bound is for a noisy machine
    assert observer.run("stop").returncode == 0


def held_after(cluster: Cluster, token: str) -> int:
    """Return how many writes of that recording the table has whose tokens come after this one."""
    name = f"observer {token}"
    tag = name.rpartition("-")[0]
    with closing(psycopg2.connect(cluster.write_dsn)) as connection, connection.cursor() as cursor:
        later = 'select count(*) from events where event_name collate "C" > %s and event_name collate "C" <= %s'
        cursor.execute(later, (name, f"{tag}-9999999999"))
        row = cursor.fetchone()
        assert row is not None
        return int(row[0])


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
