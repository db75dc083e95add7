"""The local cluster itself: start, faults, and removal."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from benchmarks.accuracy.probe import Probe, gaps, lateness_s
from stack import faults, health, local, packages, processes
from stack.errors import StackError
from stack.settings import ETCD, MARK, MEMBERS, NODES, PROXY, StackSettings, read
from tests.cluster.clusters import Cluster, free_port_shift, new_directory, quick_settings
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def _silent(_: str) -> None: ...


def _query(cluster: Cluster, sql: str) -> list[tuple[object, ...]]:
    with contextlib.closing(psycopg2.connect(cluster.write_dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall()


def test_status_shows_every_member_its_ports_and_the_folder(cluster: Cluster) -> None:
    eventually(lambda: local.status(cluster.settings.directory).up, 60, "the cluster is healthy")
    text = "\n".join(local.lines(local.status(cluster.settings.directory)))
    assert all(f"  {member} " in text for member in MEMBERS)
    assert str(cluster.settings.directory) in text
    assert str(cluster.settings.primary_port) in text


def test_the_homeworks_tables_exist_with_their_russian_rows(cluster: Cluster) -> None:
    assert _query(cluster, "select owner_name from owners order by id") == [
        ("Иван Петров",),
        ("Мария Сидорова",),
        ("Алексей Козлов",),
    ]
    assert _query(cluster, "select obj_description('events'::regclass)") == [("Таблица событий",)]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root changes the user of processes")
def test_for_root_every_process_runs_as_postgres(cluster: Cluster) -> None:
    for member in MEMBERS:
        for process in processes.of(cluster.settings.folder(member)):
            with contextlib.suppress(FileNotFoundError):  # a PostgreSQL session that has just ended
                assert pwd.getpwuid(Path(f"/proc/{process.pid}").stat().st_uid).pw_name == "postgres"


def test_the_ports_for_primary_and_replicas_lead_there(cluster: Cluster) -> None:
    assert _query(cluster, "select pg_is_in_recovery()") == [(False,)]
    dsn = cluster.settings.dsn(cluster.settings.replicas_port)
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("select pg_is_in_recovery()")
        assert cursor.fetchone() == (True,)


def test_a_second_up_in_the_same_directory_is_refused_with_the_fix(cluster: Cluster) -> None:
    with pytest.raises(StackError, match="observer stack down"):
        local.up(cluster.settings, _silent)
    cluster.healthy()


def test_a_killed_node_has_no_process_left_and_rejoins_after_a_start(cluster: Cluster) -> None:
    leader = cluster.leader
    pids = {process.pid for process in processes.of(cluster.settings.folder(leader))}
    assert len(pids) > 5
    with Probe(cluster.write_dsn, cluster.settings.directory / "logs" / "probe.jsonl") as probe:
        eventually(lambda: sum(one.ok for one in probe.attempts) > 100, 60, "the probe writes")
        moment_ns = faults.kill(cluster.settings, leader)
        left = {pid: process for pid, process in processes.living().items() if pid in pids}
        assert not left
        eventually(
            lambda: any(one.ok and one.due_ns > moment_ns + 5_000_000_000 for one in probe.attempts),
            180,
            "the probe writes again",
        )
    outage = max(gaps(probe.attempts), key=lambda gap: gap.seconds)
    assert outage.seconds > 10  # the lease had to expire
    assert abs(moment_ns - outage.from_ns) / 1e9 < 0.5 + lateness_s(probe.attempts)
    assert cluster.leader != leader
    faults.start(cluster.settings, leader)
    cluster.healthy()


def test_a_cleanly_stopped_leader_is_replaced_before_its_lease_ends(cluster: Cluster) -> None:
    leader = cluster.leader
    faults.stop(cluster.settings, leader)
    assert not processes.of(cluster.settings.folder(leader))
    eventually(lambda: health.poll(cluster.settings).leader not in (None, leader), 12, "another leads")


def test_after_a_switchover_the_candidate_leads(cluster: Cluster) -> None:
    leader, candidate = cluster.leader, cluster.replicas[0]
    faults.switchover(cluster.settings, leader, candidate)
    eventually(lambda: health.poll(cluster.settings).leader == candidate, 60, f"{candidate} leads")


def test_after_a_kill_of_postgres_only_patroni_starts_it_again(cluster: Cluster) -> None:
    node = cluster.replicas[0]
    folder = cluster.settings.folder(node)
    before = {p.pid: p.program for p in processes.of(folder)}
    faults.kill(cluster.settings, node, only="postgres")
    after = {p.pid for p in processes.of(folder)}
    assert [pid for pid, program in before.items() if program == "postgres" and pid in after] == []
    assert [pid for pid, program in before.items() if program == "patroni" and pid in after] != []
    cluster.healthy()


def test_after_a_kill_of_patroni_only_its_postgres_goes_on(cluster: Cluster) -> None:
    node = cluster.replicas[0]
    folder = cluster.settings.folder(node)
    server = {p.pid for p in processes.of(folder) if p.program == "postgres"}
    faults.kill(cluster.settings, node, only="patroni")
    left = processes.of(folder)
    assert server <= {p.pid for p in left}
    assert all(p.program != "patroni" for p in left)


def test_a_frozen_member_gives_no_answer_until_it_is_resumed(cluster: Cluster) -> None:
    for member in (ETCD[0], cluster.replicas[0], PROXY):
        faults.pause(cluster.settings, member)
        assert {p.state for p in processes.of(cluster.settings.folder(member))} == {"T"}
        assert health.poll(cluster.settings).states[member] == "no answer"
        faults.resume(cluster.settings, member)
        cluster.healthy()


def test_the_error_names_the_unknown_or_running_member(cluster: Cluster) -> None:
    with pytest.raises(StackError, match="no member patroni9"):
        faults.kill(cluster.settings, "patroni9")
    with pytest.raises(StackError, match="runs already"):
        faults.start(cluster.settings, NODES[0])
    with pytest.raises(StackError, match="etcd1 has no postgres"):
        faults.kill(cluster.settings, "etcd1", only="postgres")


@pytest.fixture
def spare() -> Iterator[StackSettings]:
    """Give the settings of a second cluster, and remove it after the test."""
    settings = quick_settings(new_directory(), free_port_shift())
    try:
        yield settings
    finally:
        local.down(settings.directory, _silent)
        shutil.rmtree(settings.directory, ignore_errors=True)


def test_down_ends_a_half_started_and_frozen_cluster_with_a_damaged_state_file(spare: StackSettings) -> None:
    settings = spare

    class Interrupted(Exception): ...

    def interrupt(line: str) -> None:
        if "patroni2" in line:
            raise Interrupted

    with pytest.raises(Interrupted):
        local.up(settings, interrupt)
    assert all(not processes.of(settings.folder(member)) for member in MEMBERS), "an interrupted `up` cleans up"

    local._lay_out(settings, packages.find(), processes.run_as())
    for member in (*ETCD, NODES[0]):
        faults.start(settings, member)
    # While initdb runs, it may wait for the disk and then cannot be frozen.
    eventually(lambda: health.poll(settings).leader == NODES[0], 180, "PostgreSQL runs", lambda: health.poll(settings))
    for member in (*ETCD, NODES[0]):
        faults.pause(settings, member)
    (settings.directory / MARK).write_text("{ damaged")
    with pytest.raises(StackError, match="damaged"):
        read(settings.directory)
    with pytest.raises(StackError, match=r"4 of 7 members run.*observer stack down"):
        local.up(settings, _silent)

    local.down(settings.directory, _silent)
    assert all(not processes.of(settings.folder(member)) for member in MEMBERS)
    assert [entry.name for entry in settings.directory.iterdir()] == ["logs"]
    output: list[str] = []
    local.down(settings.directory, output.append)
    assert output == [f"no cluster in {settings.directory}"]


def test_the_error_names_the_port_in_use_and_no_file_is_left(spare: StackSettings) -> None:
    settings = spare
    port = settings.postgres_port("patroni2")
    with (
        socket.create_server(("127.0.0.1", port)),
        pytest.raises(StackError, match=f"Port {port} of patroni2 is in use"),
    ):
        local.up(settings, _silent)
    assert list(settings.directory.iterdir()) == []
