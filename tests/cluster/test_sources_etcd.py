"""The source of etcd on a real etcd of three members, which the tests start, break and stop."""

from __future__ import annotations

import base64
import itertools
import json
import re
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import pytest

from observer.model.errors import ConfigError, CredentialsRefused, NothingAnswers
from observer.model.recording import Event
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import Discovery, ScopeAbsent, discover
from observer.sources.etcd import Endpoint
from observer.sources.polling import ANONYMOUS, Access
from tests.ports import free_port
from tests.waiting import eventually, held_up_s

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(shutil.which("etcd") is None, reason="etcd is not installed (Debian: etcd-server)"),
]

LIMIT_S = 60
LEADER = "/service/demo/leader"
T = TypeVar("T")


def wait_for(what: str, condition: Callable[[], T | None]) -> T:
    return eventually(condition, LIMIT_S, what)


# etcd's errors for a command that it may not have executed because of its present state.
TEMPORARY = re.compile(
    "timed out|leader changed|no leader|deadline exceeded|unavailable|connection refused",
    re.IGNORECASE,
)


class Etcds:
    """The members of an etcd, by number."""

    def __init__(self, directory: Path, count: int = 3) -> None:
        self.directory = directory
        self.clients, self.peers = ([free_port() for _ in range(count)] for _ in range(2))
        self.processes: dict[int, subprocess.Popen[bytes]] = {}
        for number in range(count):
            self.begin(number)
        wait_for("a first leader", lambda: self.leads(0))

    @property
    def endpoints(self) -> list[str]:
        return [f"127.0.0.1:{port}" for port in self.clients]

    def begin(self, number: int) -> None:
        peers = ",".join(f"m{n}=http://127.0.0.1:{port}" for n, port in enumerate(self.peers))
        client, peer = f"http://127.0.0.1:{self.clients[number]}", f"http://127.0.0.1:{self.peers[number]}"
        with (self.directory / f"m{number}.log").open("ab") as log:
            self.processes[number] = subprocess.Popen(
                [
                    *("etcd", "--name", f"m{number}", "--data-dir", str(self.directory / f"m{number}")),
                    *("--listen-client-urls", client, "--advertise-client-urls", client),
                    *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer),
                    *("--initial-cluster", peers, "--initial-cluster-state", "new", "--unsafe-no-fsync"),
                ],
                stdout=log,
                stderr=log,
            )

    def kill(self, *numbers: int) -> None:
        """Kill all at once: one by one, the remaining members might elect a leader in between."""
        dying = [self.processes.pop(number) for number in numbers]
        for process in dying:
            process.kill()
        for process in dying:
            process.wait()

    def signal(self, number: int, what: signal.Signals) -> None:
        self.processes[number].send_signal(what)

    def leads(self, number: int) -> bool:
        command = ["etcdctl", "--endpoints", self.endpoints[number], "--command-timeout=1s", "get", "none"]
        return subprocess.run(command, capture_output=True, check=False).returncode == 0

    def ctl(self, *words: str, stdin: str = "", number: int = 0) -> str:
        """Return the output of etcdctl. Retry temporary errors, so the command may be executed twice."""
        command = ["etcdctl", "--endpoints", self.endpoints[number], *words]
        done: list[subprocess.CompletedProcess[str]] = []

        def answered() -> bool:
            done[:] = [subprocess.run(command, input=stdin, capture_output=True, text=True, check=False)]
            return done[0].returncode == 0 or not TEMPORARY.search(done[0].stderr)

        eventually(answered, LIMIT_S, f"etcd answers {words}", lambda: done[0].stderr)
        assert done[0].returncode == 0 or "has been compacted" in done[0].stderr, done[0].stderr
        return done[0].stdout

    @contextmanager
    def keeping(self, lease: str) -> Iterator[None]:
        """Renew the lease as long as the block runs."""
        command = ["etcdctl", "--endpoints", self.endpoints[0], "lease", "keep-alive", lease]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            yield
        finally:
            process.kill()
            process.wait()

    def put(self, key: str, value: str, number: int = 0) -> None:
        """Put a value, and retry until etcd acknowledges it."""
        command = ["etcdctl", "--endpoints", self.endpoints[number], "--command-timeout=2s", "put", key, value]
        wait_for(f"{key} = {value}", lambda: subprocess.run(command, capture_output=True, check=False).returncode == 0)

    def history(self, key: str, number: int = 0) -> list[tuple[int, str]]:
        """Return each value of a key ("" for a deletion) with its revision, read at every revision.

        A repeated put of the same value adds nothing.
        """
        last = json.loads(self.ctl("get", key, "-w", "json", number=number))["header"]["revision"]
        values: list[tuple[int, str]] = []
        for revision in range(1, last + 1):
            answer = json.loads(self.ctl("get", key, f"--rev={revision}", "-w", "json", number=number))
            value = base64.b64decode(answer["kvs"][0]["value"]).decode() if answer.get("kvs") else ""
            if value != (values[-1][1] if values else ""):
                values.append((revision, value))
        return values

    def end(self) -> None:
        self.kill(*self.processes)


class Watching:
    """A running EtcdSource: its events, and its jobs in threads, as in the daemon."""

    def __init__(self, endpoints: list[str], access: Access = ANONYMOUS) -> None:
        self.events: list[Event] = []
        self.lasted_s: dict[str, list[float]] = {}
        self.closing = ExitStack()
        self.late_s = self.closing.enter_context(held_up_s())
        self.began_ns = time.monotonic_ns()
        self.source = EtcdSource(endpoints, "demo", "service", self.events.append, self.now_ns, access)
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._work, args=(job,)) for job in self.source.jobs()]
        self.source.start()
        for thread in self.threads:
            thread.start()

    def _work(self, job: Any) -> None:
        while not self.over.wait(job.every_ms / 1000):
            began = time.monotonic()
            job.run()
            self.lasted_s.setdefault(job.name, []).append(time.monotonic() - began)

    def now_ns(self) -> int:
        return time.monotonic_ns() - self.began_ns

    def of(self, *kinds: str, subject: str | None = None) -> list[Event]:
        return [e for e in list(self.events) if e.kind in kinds and subject in (None, e.subject)]

    def wait(self, kind: str, subject: str | None = None, after_ns: int = 0) -> Event:
        """Wait for the first event of that kind after a moment."""

        def found() -> list[Event]:
            return [e for e in self.of(kind, subject=subject) if e.by_ns > after_ns]

        return eventually(found, LIMIT_S, f"{kind} of {subject} is recorded", lambda: self.events[-8:])[0]

    def leaders(self) -> list[tuple[int, str]]:
        """Return the recorded values of the leader key as `Etcds.history` does; a leader seen again counts once."""
        events = self.of("leader.seen", "leader.elected", "leader.lost")
        pairs = [(e.detail["revision"], "" if e.kind == "leader.lost" else e.subject) for e in events]
        repeated = [pair for n, pair in enumerate(pairs) if n and events[n].kind == "leader.seen"]
        for pair in repeated:
            pairs.remove(pair)
        return pairs

    def end(self) -> None:
        self.over.set()
        for thread in self.threads:
            thread.join()
        began = time.monotonic()
        self.source.stop()
        lasted_s = time.monotonic() - began
        self.closing.close()
        assert lasted_s < 3 + self.late_s()


@pytest.fixture
def etcds(tmp_path: Path) -> Iterator[Etcds]:
    etcds = Etcds(tmp_path)
    try:
        yield etcds
    finally:
        etcds.end()


@pytest.fixture
def watching(etcds: Etcds) -> Iterator[Watching]:
    etcds.put(LEADER, "p1")
    watching = Watching(etcds.endpoints)
    try:
        watching.wait("leader.seen", "p1")
        yield watching
    finally:
        watching.end()


def test_changes_of_one_transaction_are_recorded_in_order_with_one_revision(etcds: Etcds, watching: Watching) -> None:
    # Each transaction has a condition, so a second execution changes nothing.
    present, absent = f'ver("{LEADER}") > "0"', f'ver("{LEADER}") = "0"'
    etcds.ctl("txn", stdin=f'{present}\n\ndel {LEADER}\nput /service/demo/members/p1 {{"role":"replica"}}\n\n\n')
    etcds.ctl("txn", stdin=f"{absent}\n\nput {LEADER} p2\nput /service/demo/config {{}}\n\n\n")
    watching.wait("leader.elected", "p2")
    watching.wait("config.changed")
    events = [e for e in watching.events if e.kind in ("leader.lost", "leader.elected", "member.changed")]
    assert [(e.kind, e.subject) for e in events] == [
        ("leader.lost", "p1"),
        ("member.changed", "p1"),
        ("leader.elected", "p2"),
    ]
    assert events[0].detail["revision"] == events[1].detail["revision"] == events[2].detail["revision"] - 1
    assert events[2].detail["previous"] == "p1"
    assert all(0 < e.window.after_ns < e.window.by_ns for e in events)


def test_quorum_loss_and_its_end_are_recorded_and_the_watch_goes_on(etcds: Etcds, watching: Watching) -> None:
    etcds.put(LEADER, "p2")
    watching.wait("leader.elected", "p2")
    killed_ns = watching.now_ns()
    etcds.kill(0, 1)
    lost = watching.wait("quorum.lost", after_ns=killed_ns)
    assert lost.subject == "etcd"
    assert lost.detail["endpoints"] == dict(zip(etcds.endpoints, ["blind", "blind", "no leader"], strict=True))
    assert watching.wait("source.blind", etcds.endpoints[0], killed_ns).detail["how"] in ("refused", "closed")
    watching.wait("source.blind", "watch", killed_ns)
    restarted_ns = watching.now_ns()
    etcds.begin(0)
    etcds.begin(1)
    regained = watching.wait("quorum.regained", after_ns=restarted_ns)
    assert "leader" in regained.detail["endpoints"].values()
    watching.wait("source.sees", "watch", restarted_ns)
    assert watching.wait("leader.seen", "p2", restarted_ns).detail["revision"] == watching.leaders()[1][0]
    etcds.put(LEADER, "p3")
    watching.wait("leader.elected", "p3")
    wait_for("each quorum loss is over", lambda: len(watching.of("quorum.lost")) == len(watching.of("quorum.regained")))


def test_fifty_changes_of_leader_are_each_recorded_once_in_order_while_members_die_and_return(
    etcds: Etcds, watching: Watching
) -> None:
    numbers = itertools.cycle((0, 1, 2))
    down = next(numbers)
    etcds.kill(down)
    for change in range(50):
        if change % 5 == 0 and change:
            etcds.begin(down)
            wait_for("the member serves", partial(etcds.leads, down))
            down = next(numbers)
            etcds.kill(down)
        etcds.put(LEADER, f"p{change}", number=(down + 1) % 3)
    last = (down + 1) % 3
    wait_for("the last change is recorded", lambda: watching.leaders()[-1][1] == "p49")
    assert [pair for pair in watching.leaders() if pair[1]] == etcds.history(LEADER, number=last)


def test_no_change_is_missed_or_repeated_while_two_members_at_a_time_die_and_return(
    etcds: Etcds, watching: Watching
) -> None:
    for change in range(6):
        dead = (change % 3, (change + 1) % 3)
        etcds.put(LEADER, f"p{change}", number=dead[0])
        etcds.kill(*dead)
        for number in dead:
            etcds.begin(number)
        wait_for("etcd has quorum", lambda: etcds.leads(2))
    etcds.ctl("del", LEADER, number=2)
    watching.wait("leader.lost")
    assert watching.leaders() == etcds.history(LEADER, number=2)


def test_changes_compacted_during_a_loss_of_the_watch_are_recorded_as_their_difference(etcds: Etcds) -> None:
    etcds.put(LEADER, "p1")
    watching = Watching(etcds.endpoints[:1])
    try:
        watching.wait("leader.seen", "p1")
        killed_ns = watching.now_ns()
        etcds.kill(0)
        watching.wait("source.blind", "watch", killed_ns)
        before_ns = watching.now_ns()
        for name in ("p2", "p3", "p4"):
            etcds.put(LEADER, name, number=1)
        etcds.ctl("del", "/service/demo/members/none", number=1)
        revision = json.loads(etcds.ctl("get", LEADER, "-w", "json", number=1))["header"]["revision"]
        etcds.ctl("compact", str(revision), number=1)
        after_ns = watching.now_ns()
        etcds.begin(0)
        elected = watching.wait("leader.elected", "p4")
        assert elected.window.after_ns < before_ns < after_ns < elected.window.by_ns
        etcds.put(LEADER, "p5", number=1)
        watching.wait("leader.elected", "p5")
        assert [subject for _, subject in watching.leaders()] == ["p1", "p4", "p5"]
    finally:
        watching.end()


def test_a_frozen_member_delays_neither_the_watch_nor_a_poll(etcds: Etcds, watching: Watching) -> None:
    polls = watching.lasted_s.setdefault(f"etcd {etcds.endpoints[0]}", [])
    frozen_ns, before = watching.now_ns(), len(polls)
    etcds.signal(0, signal.SIGSTOP)
    assert watching.wait("source.blind", etcds.endpoints[0], frozen_ns).detail["how"] == "silent"
    etcds.put(LEADER, "p2", number=1)
    watching.wait("leader.elected", "p2")
    wait_for("polls of the frozen member end", lambda: len(polls) > before + 2)
    etcds.signal(0, signal.SIGCONT)
    watching.wait("source.sees", etcds.endpoints[0], frozen_ns)
    assert [subject for _, subject in watching.leaders() if subject] == ["p1", "p2"]
    assert max(max(lasted_s) for lasted_s in list(watching.lasted_s.values())) < 3 + watching.late_s()


def test_a_new_etcd_leader_is_recorded_with_its_term(etcds: Etcds, watching: Watching) -> None:
    def leading_now() -> tuple[int, int] | None:
        """Return the number of the leader and the term; None without a leader."""
        statuses = [Endpoint(address).status() for address in etcds.endpoints]
        return next(((n, status.term) for n, status in enumerate(statuses) if status.leader == status.member), None)

    wait_for("every endpoint was polled", lambda: len(watching.of("versions.captured")) == 3)
    leading, term = wait_for("etcd has a leader", leading_now)
    killed_ns = watching.now_ns()
    etcds.kill(leading)
    elected = watching.wait("raft.elected", after_ns=killed_ns)
    assert elected.detail["term"] > term
    assert elected.detail["before"] == {"leader": etcds.endpoints[leading], "term": term}
    assert elected.detail["leader"] in set(etcds.endpoints) - {etcds.endpoints[leading]}


def test_a_source_started_without_etcd_records_the_failure_and_the_start_of_etcd(etcds: Etcds) -> None:
    etcds.put(LEADER, "p1")
    etcds.kill(0, 1, 2)
    watching = Watching(etcds.endpoints)
    try:
        assert watching.wait("source.blind", "watch").detail["how"] == "refused"
        for number in range(3):
            etcds.begin(number)
        assert watching.wait("leader.seen", "p1").detail["initial"] is True
        watching.wait("source.sees", "watch")
    finally:
        watching.end()


def test_an_overdue_lease_and_its_renewal_are_recorded(etcds: Etcds) -> None:
    lease = etcds.ctl("lease", "grant", "20").split()[1]  # long enough to renew it after it is overdue
    etcds.put("/service/demo/config", '{"ttl": 20, "loop_wait": 1}')
    etcds.ctl("put", f"--lease={lease}", LEADER, "p1")
    watching = Watching(etcds.endpoints)
    try:
        overdue = watching.wait("lease.overdue", "p1")
        assert overdue.detail["ttl_s"] == 20
        assert overdue.detail["remaining_s"] < 17
        with etcds.keeping(lease):
            assert watching.wait("lease.renewed", "p1").detail["remaining_s"] >= 17
        assert watching.source.glance().lease is not None
        lost = watching.wait("leader.lost", "p1")
        assert lost.detail["lease"] == int(lease, 16)
    finally:
        watching.end()


def test_discovery_finds_the_scope_or_names_the_scopes_that_exist(etcds: Etcds) -> None:
    with pytest.raises(ScopeAbsent, match="no scope of Patroni"):
        discover(etcds.endpoints, "service", None)
    etcds.put("/service/demo/initialize", "77")
    member = {"api_url": "http://h:8008/patroni", "conn_url": "postgres://h:5432/postgres", "role": "master"}
    etcds.put("/service/demo/members/p1", json.dumps(member))
    etcds.put("/service/demo/config", '{"ttl": 30}')
    etcds.put(LEADER, "p1")

    def current() -> Discovery | None:
        answer = discover(etcds.endpoints, "/service/", None)
        return None if answer.stale else answer

    found = wait_for("a member with a leader answers", current)
    assert (found.scope, found.cluster_id, found.leader, found.config) == ("demo", "77", "p1", {"ttl": 30})
    assert found.members["p1"].role == "primary"
    assert found.members["p1"].api_url == "http://h:8008/patroni"
    etcds.put("/service/other/leader", "x")
    with pytest.raises(ScopeAbsent, match="demo, other"):
        discover(etcds.endpoints, "service", None)
    with pytest.raises(ScopeAbsent, match='no scope "demos"') as caught:
        discover(etcds.endpoints, "service", "demos")
    assert "(found: demo, other)" in str(caught.value)
    etcds.kill(0, 1)
    assert discover(etcds.endpoints, "service", "demo").stale
    etcds.kill(2)
    with pytest.raises(NothingAnswers, match="refused"):
        discover(etcds.endpoints, "service", "demo", timeout_s=0.1)


def test_an_etcd_with_users_requires_the_right_password(tmp_path: Path) -> None:
    etcds = Etcds(tmp_path, count=1)
    try:
        etcds.put(LEADER, "p1")
        etcds.ctl("user", "add", "root:secret")
        etcds.ctl("user", "grant-role", "root", "root")
        etcds.ctl("auth", "enable")
        assert discover(etcds.endpoints, "service", "demo", Access("root", "secret")).leader == "p1"
        for access in (Access(), Access("root", "wrong")):
            with pytest.raises(CredentialsRefused, match="check user and password"):
                discover(etcds.endpoints, "service", "demo", access)
        watching = Watching(etcds.endpoints, Access("root", "secret"))
        try:
            watching.wait("leader.seen", "p1")
            etcds.ctl("--user", "root:secret", "put", LEADER, "p2")
            watching.wait("leader.elected", "p2")
        finally:
            watching.end()
    finally:
        etcds.end()


def test_an_etcd_with_tls_requires_its_ca_and_a_client_certificate(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1,DNS:localhost")
    for command in (
        "req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.crt -subj /CN=ca -days 2",
        "req -newkey rsa:2048 -nodes -keyout me.key -out me.csr -subj /CN=127.0.0.1",
        "x509 -req -in me.csr -CA ca.crt -CAkey ca.key -CAcreateserial -out me.crt -days 2 -extfile names",
    ):
        subprocess.run(["openssl", *command.split()], cwd=tmp_path, check=True, capture_output=True)
    ca, cert, key = (str(tmp_path / name) for name in ("ca.crt", "me.crt", "me.key"))
    client, peer = free_port(), free_port()
    url = f"https://127.0.0.1:{client}"
    with (tmp_path / "log").open("ab") as log:
        process = subprocess.Popen(
            [
                *("etcd", "--data-dir", str(tmp_path / "data"), "--unsafe-no-fsync"),
                *("--listen-client-urls", url, "--advertise-client-urls", url),
                *("--listen-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-advertise-peer-urls", f"http://127.0.0.1:{peer}"),
                *("--initial-cluster", f"default=http://127.0.0.1:{peer}"),
                *("--cert-file", cert, "--key-file", key, "--trusted-ca-file", ca, "--client-cert-auth"),
            ],
            stdout=log,
            stderr=log,
        )
    try:
        put = ["etcdctl", "--endpoints", url, "--cacert", ca, "--cert", cert, "--key", key, "put", LEADER, "p1"]
        wait_for("etcd serves", lambda: subprocess.run(put, capture_output=True, check=False).returncode == 0)
        endpoints = [f"127.0.0.1:{client}"]
        assert discover(endpoints, "service", "demo", Access(ca=ca, cert=cert, key=key)).leader == "p1"
        watching = Watching(endpoints, Access(ca=ca, cert=cert, key=key))
        try:
            watching.wait("leader.seen", "p1")
        finally:
            watching.end()
        with pytest.raises(NothingAnswers, match="TLS"):
            discover(endpoints, "service", "demo", timeout_s=0.1)
        with pytest.raises(ConfigError, match=r"none\.crt of \[etcd\] cannot be read"):
            discover(endpoints, "service", "demo", Access(ca=str(tmp_path / "none.crt")))
    finally:
        process.kill()
        process.wait()
