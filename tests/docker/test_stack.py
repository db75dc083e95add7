"""The homework's stack: it starts quickly, survives some faults, and recovers from the others."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import httpx
import psycopg2
import pytest

from tests.docker.stacks import CLUSTER, ETCD, NODES, ROOT, Stack, docker, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]


def test_the_compose_files_are_clean(stack: Stack) -> None:
    for folder in ("hw3", "stack"):
        done = subprocess.run(
            ["docker", "compose", "config", "-q"], cwd=ROOT / folder, capture_output=True, text=True, check=True
        )
        assert done.stderr == ""


def test_no_container_restarts_by_itself_and_every_port_is_published_on_loopback(stack: Stack) -> None:
    config = docker("compose", "config", folder=ROOT / "hw3")
    assert "restart:" not in config
    assert config.count("published:") == config.count("host_ip: 127.0.0.1") > 10


def test_the_image_is_under_a_gigabyte(stack: Stack) -> None:
    size = int(docker("image", "inspect", "--format", "{{.Size}}", "patroni"))
    print(f"\nimage patroni: {size / 1e6:.0f} MB")
    assert size < 1e9


def test_a_leader_accepts_writes_through_haproxy_in_under_a_minute(stack: Stack) -> None:
    print(f"\nup to the first write: {stack.up_s:.1f} s")
    assert stack.up_s < 60


@pytest.mark.parametrize("node", NODES)
def test_patronictl_is_set_up_in_every_patroni_container(healthy: Stack, node: str) -> None:
    table = docker("exec", f"demo-{node}", "patronictl", "list")
    assert "Cluster: demo" in table
    assert [name in table for name in NODES] == [True, True, True]
    assert table.count("Leader") == 1


def test_no_process_runs_as_root_and_the_first_one_reaps_zombies(healthy: Stack) -> None:
    for name in CLUSTER:
        assert docker("exec", f"demo-{name}", "id", "-un").strip() == "postgres"
        assert docker("exec", f"demo-{name}", "cat", "/proc/1/comm").strip() == "tini"


def test_5001_leads_to_the_primary_and_5002_to_every_replica(healthy: Stack) -> None:
    here = healthy.addresses()
    where = "select host(inet_server_addr())"
    assert healthy.sql("PORT_PRIMARY", where) == here[healthy.leader()]
    served = {healthy.sql("PORT_REPLICAS", where) for _ in range(8)}
    assert served == {here[name] for name in healthy.replicas()}


def test_the_stats_page_and_the_metrics_of_haproxy_are_published(healthy: Stack) -> None:
    assert "Statistics Report for HAProxy" in httpx.get(healthy.url("PORT_STATS")).text
    assert "haproxy_server_status" in httpx.get(healthy.url("PORT_STATS", "/metrics")).text


def test_every_container_becomes_healthy(healthy: Stack) -> None:
    def unhealthy() -> list[str]:
        form = "{{.State.Health.Status}}"
        return [n for n in CLUSTER if docker("inspect", "--format", form, f"demo-{n}").strip() != "healthy"]

    until("every health check", lambda: not unhealthy())


def failover_s(stack: Stack, *fault: str) -> float:
    """Break the leader's container, wait for writes on another node, and return how long that took."""
    old = stack.leader()
    address = stack.addresses()[old]
    began_s = time.monotonic()
    docker(*fault, f"demo-{old}")

    def elsewhere() -> bool:
        return stack.write(" ".join(fault)) != address

    until(f"writes after {fault}", elsewhere, 120)
    took_s = time.monotonic() - began_s
    print(f"\n{' '.join(fault)} of the leader: writes on another node after {took_s:.1f} s")
    assert stack.leader() != old
    return took_s


def test_a_stopped_leader_is_replaced_and_rejoins_as_a_replica(healthy: Stack) -> None:
    old = healthy.leader()
    took_s = failover_s(healthy, "stop")
    assert took_s < 30, "a clean stop deletes the leader key, so no replica waits for the lease"
    docker("start", f"demo-{old}")
    until(f"{old} streams", lambda: old in healthy.replicas())
    healthy.wait_healthy()


def test_a_killed_leader_is_replaced_and_rejoins_as_a_replica(healthy: Stack) -> None:
    old = healthy.leader()
    failover_s(healthy, "kill")
    docker("start", f"demo-{old}")
    until(f"{old} streams", lambda: old in healthy.replicas())
    healthy.wait_healthy()


def test_a_paused_leader_is_replaced_and_rejoins_as_a_replica(healthy: Stack) -> None:
    old = healthy.leader()
    failover_s(healthy, "pause")
    docker("unpause", f"demo-{old}")
    until(f"{old} streams", lambda: old in healthy.replicas())
    healthy.wait_healthy()


def keeps_writing(stack: Stack, for_s: float, what: str) -> None:
    """Write for so long; every write must succeed."""
    end_s, written = time.monotonic() + for_s, 0
    while time.monotonic() < end_s:
        stack.write(what)
        written += 1
    assert written > for_s


def test_writes_go_on_without_a_replica_and_haproxy_starts_although_its_name_does_not_resolve(healthy: Stack) -> None:
    stopped = healthy.replicas()[0]
    docker("stop", f"demo-{stopped}")
    keeps_writing(healthy, 15, "replica stopped")
    docker("restart", "demo-haproxy")
    until("writes through the new HAProxy", lambda: healthy.write("restarted"))
    docker("start", f"demo-{stopped}")
    healthy.wait_healthy()


def test_writes_go_on_without_one_etcd_member(healthy: Stack) -> None:
    docker("stop", "demo-etcd1")
    keeps_writing(healthy, 25, "one etcd stopped")
    docker("start", "demo-etcd1")
    healthy.wait_healthy()


def test_writes_fail_without_two_etcd_members_and_succeed_again_with_them(healthy: Stack) -> None:
    docker("stop", "demo-etcd1", "demo-etcd2")

    def refused() -> bool:
        try:
            healthy.write("no quorum")
        except psycopg2.Error:
            return True
        return False

    until("the primary demotes itself", refused)
    docker("start", "demo-etcd1", "demo-etcd2")
    healthy.wait_healthy()


def test_without_haproxy_writes_fail_although_the_primary_runs(healthy: Stack) -> None:
    docker("stop", "demo-haproxy")
    with pytest.raises(psycopg2.Error):
        healthy.write("no proxy")
    number = healthy.leader().removeprefix("patroni")
    assert healthy.sql(f"PORT_POSTGRES{number}", "select pg_is_in_recovery()") is False
    docker("start", "demo-haproxy")
    healthy.wait_healthy()


@pytest.mark.parametrize("order", ["etcd last", "shuffled"])
def test_a_stop_and_a_start_of_all_members_in_any_order_keep_the_data(healthy: Stack, order: str) -> None:
    healthy.write(f"kept {order}")
    chance = random.Random(7)
    down, up = list(CLUSTER), [*reversed(NODES), "haproxy", *ETCD]
    if order == "shuffled":
        chance.shuffle(down)
        chance.shuffle(up)
    for name in down:
        docker("stop", f"demo-{name}")
    for name in up:
        docker("start", f"demo-{name}")
    until("writes through HAProxy", lambda: healthy.write("again"), 150)
    for name in healthy.diverged():
        print(f"{name} has another timeline with the leader's number; it is rebuilt, as docs/how-to/docker.md says")
        docker("exec", f"demo-{name}", "patronictl", "reinit", "demo", name, "--force")
    healthy.wait_healthy()
    count = f"select count(*) from docker_test where token = 'kept {order}'"
    until("the row on all nodes", lambda: all(healthy.sql(f"PORT_POSTGRES{n}", count) == 1 for n in (1, 2, 3)))


def test_patroni_restores_a_primary_conninfo_that_was_lost_unnoticed(healthy: Stack) -> None:
    lost = healthy.replicas()[0]
    # As if Patroni had read the setting just before a reload removed it: no file is newer than Patroni's cache.
    forget = (
        "cd /data/postgres && touch -r postgresql.conf /tmp/then && sed -i '/^primary_/d' postgresql.conf "
        "&& touch -r /tmp/then postgresql.conf && pg_ctl reload -D ."
    )
    removed = 'parameter "primary_conninfo" removed'
    before = logs(lost).count(removed)
    docker("exec", f"demo-{lost}", "sh", "-c", forget)
    until(f"{lost} lost its primary", lambda: logs(lost).count(removed) > before, 20)
    until(f"{lost} streams", lambda: lost in healthy.replicas(), 40)


def test_a_replica_that_lacks_wal_and_starts_without_a_leader_streams_once_there_is_one(healthy: Stack) -> None:
    lacking, leader = healthy.replicas()[0], healthy.leader()
    for statement in (
        "create table if not exists lacking as select generate_series(1, 1000) as n",
        "checkpoint",
        "select pg_switch_wal()",
        "update lacking set n = n + 1",
    ):
        healthy.sql("PORT_PRIMARY", statement)
    last = str(healthy.sql("PORT_PRIMARY", "select pg_walfile_name(pg_current_wal_lsn())"))
    number = lacking.removeprefix("patroni")
    lsn = healthy.sql("PORT_PRIMARY", "select pg_current_wal_lsn()")
    replayed = f"select pg_last_wal_replay_lsn() >= '{lsn}'"
    until("all is replayed", lambda: healthy.sql(f"PORT_POSTGRES{number}", replayed), 20)
    for name in (lacking, *sorted(set(NODES) - {lacking, leader}), leader):
        docker("stop", f"demo-{name}")
    remove = f"rm /data/postgres/pg_wal/{last}"
    docker("run", "--rm", "--volumes-from", f"demo-{lacking}", "patroni", "sh", "-c", remove)
    docker("start", f"demo-{lacking}")
    until("PostgreSQL waits for missing WAL", lambda: "Consistent recovery state" in logs(lacking), 60)
    for name in sorted(set(NODES) - {lacking}):
        docker("start", f"demo-{name}")
    healthy.wait_healthy()


def test_a_node_that_missed_the_last_timeline_does_not_become_leader(healthy: Stack) -> None:
    first = healthy.leader()
    second, paused = healthy.replicas()
    port = f"PORT_REST{second.removeprefix('patroni')}"
    docker("pause", f"demo-{paused}")
    docker("stop", f"demo-{first}")
    until(f"{second} leads", lambda: httpx.get(healthy.url(port, "/primary"), timeout=3).status_code == 200, 60)
    timeline = httpx.get(healthy.url(port, "/patroni"), timeout=3).json()["timeline"]

    def history() -> bool:
        value = docker("exec", "demo-etcd1", "etcdctl", "get", "/service/demo/history", "--print-value-only")
        return bool(json.loads(value)[-1][0] == timeline - 1)

    until("its timeline is in the history", history, 30)
    docker("kill", f"demo-{second}")
    docker("unpause", f"demo-{paused}")
    until(f"{paused} does not take the key", lambda: "behind last known cluster timeline" in logs(paused), 60)
    for name in (second, first):
        docker("start", f"demo-{name}")
    healthy.wait_healthy()


def logs(member: str) -> str:
    """Return the output of a container since its last start."""
    started = docker("inspect", "--format", "{{.State.StartedAt}}", f"demo-{member}").strip()
    command = ["docker", "logs", "--since", started, f"demo-{member}"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    return done.stdout


def test_prometheus_has_a_target_for_the_observer_only_while_its_container_runs(healthy: Stack, tmp_path: Path) -> None:
    if "observer" not in docker("image", "ls", "--format", "{{.Repository}}").split():
        pytest.skip("no image `observer`; `make test-docker` builds it")

    def targets() -> list[dict[str, str]]:
        query = {"query": 'up{job="observer", instance!~"host.docker.internal.*"}'}
        answer = httpx.get(healthy.url("PORT_PROMETHEUS", "/api/v1/query"), params=query, timeout=5).json()
        return [row for row in answer["data"]["result"] if row["value"][1] == "1"]

    assert targets() == []
    environment = {**os.environ, "RECORDING": str(tmp_path), "COMPOSE_PROFILES": "observer"}
    compose = ["docker", "compose"]
    subprocess.run([*compose, "up", "-d", "--no-deps", "observer"], cwd=ROOT / "hw3", env=environment, check=True)
    try:
        until("Prometheus scrapes the observer", targets, 60)
    finally:
        for command in (["logs", "--tail", "20", "observer"], ["rm", "--stop", "--force", "observer"]):
            subprocess.run([*compose, *command], cwd=ROOT / "hw3", env=environment, check=False)
    until("its target is gone", lambda: not targets(), 60)


def test_the_homeworks_generator_names_the_server_and_writes_again_after_a_failover(
    healthy: Stack, tmp_path: Path
) -> None:
    if healthy.sql("PORT_PRIMARY", "select to_regclass('events') is null"):
        healthy.sql("PORT_PRIMARY", (ROOT / "stack" / "schema.sql").read_text(encoding="utf-8"))
    log = tmp_path / "generator.log"
    environment = {**os.environ, **{name: str(port) for name, port in healthy.ports.items()}}
    with log.open("w", encoding="utf-8") as output:
        generator = subprocess.Popen(
            [sys.executable, str(ROOT / "hw3" / "traffic-generator.py")], stdout=output, env=environment
        )
    try:
        old = healthy.leader()

        def shows(pattern: str) -> bool:
            return re.search(pattern, log.read_text(encoding="utf-8")) is not None

        until("a write", lambda: shows(rf"запись  успех   {old} .*лидер"), 30)
        until("a read", lambda: shows(r"чтение  успех   patroni\d .*реплика"), 30)
        docker("kill", f"demo-{old}")
        until("a failed write", lambda: shows(r"запись  ОШИБКА"), 60)
        until("a write on another node", lambda: shows(rf"запись  успех   (?!{old}).*снова работает"), 120)
        assert generator.poll() is None
    finally:
        generator.terminate()
        generator.wait(10)
    assert "Traceback" not in log.read_text(encoding="utf-8")
    docker("start", f"demo-{old}")
    healthy.wait_healthy()
