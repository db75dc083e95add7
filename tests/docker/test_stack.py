"""The homework's stack: it is there quickly, survives what it should survive, and comes back from the rest."""

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


def test_nothing_restarts_by_itself_and_all_is_published_on_loopback(stack: Stack) -> None:
    whole = docker("compose", "config", folder=ROOT / "hw3")
    assert "restart:" not in whole
    assert whole.count("published:") == whole.count("host_ip: 127.0.0.1") > 10


def test_the_image_is_under_a_gigabyte(stack: Stack) -> None:
    size = int(docker("image", "inspect", "--format", "{{.Size}}", "patroni"))
    print(f"\nimage patroni: {size / 1e6:.0f} MB")
    assert size < 1e9


def test_a_leader_takes_writes_through_haproxy_in_under_a_minute(stack: Stack) -> None:
    print(f"\nup to the first write: {stack.up_s:.1f} s")
    assert stack.up_s < 60


@pytest.mark.parametrize("node", NODES)
def test_patronictl_is_set_up_in_every_patroni_container(whole: Stack, node: str) -> None:
    table = docker("exec", f"demo-{node}", "patronictl", "list")
    assert "Cluster: demo" in table
    assert [name in table for name in NODES] == [True, True, True]
    assert table.count("Leader") == 1


def test_nothing_runs_as_root_and_the_first_process_reaps(whole: Stack) -> None:
    for name in CLUSTER:
        assert docker("exec", f"demo-{name}", "id", "-un").strip() == "postgres"
        assert docker("exec", f"demo-{name}", "cat", "/proc/1/comm").strip() == "tini"


def test_5001_leads_to_the_primary_and_5002_to_every_replica(whole: Stack) -> None:
    here = whole.addresses()
    where = "select host(inet_server_addr())"
    assert whole.sql("PORT_PRIMARY", where) == here[whole.leader()]
    served = {whole.sql("PORT_REPLICAS", where) for _ in range(8)}
    assert served == {here[name] for name in whole.replicas()}


def test_the_stats_page_and_the_metrics_of_haproxy_are_published(whole: Stack) -> None:
    assert "Statistics Report for HAProxy" in httpx.get(whole.url("PORT_STATS")).text
    assert "haproxy_server_status" in httpx.get(whole.url("PORT_STATS", "/metrics")).text


def test_every_container_becomes_healthy(whole: Stack) -> None:
    def unhealthy() -> list[str]:
        form = "{{.State.Health.Status}}"
        return [n for n in CLUSTER if docker("inspect", "--format", form, f"demo-{n}").strip() != "healthy"]

    until("every health check", lambda: not unhealthy())


def fails_over(stack: Stack, *fault: str) -> float:
    """Breaks the leader's container, waits for writes on another, and gives how long that took."""
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


def test_a_leader_that_is_stopped_hands_over_and_returns_as_a_replica(whole: Stack) -> None:
    old = whole.leader()
    took_s = fails_over(whole, "stop")
    assert took_s < 30, "a clean stop gives the leader key back and does not wait for its lease"
    docker("start", f"demo-{old}")
    until(f"{old} streams", lambda: old in whole.replicas())
    whole.whole()


def test_a_leader_that_is_killed_is_replaced_and_returns_as_a_replica(whole: Stack) -> None:
    old = whole.leader()
    fails_over(whole, "kill")
    docker("start", f"demo-{old}")
    until(f"{old} streams", lambda: old in whole.replicas())
    whole.whole()


def test_a_leader_that_is_paused_is_replaced_and_returns_as_a_replica(whole: Stack) -> None:
    old = whole.leader()
    fails_over(whole, "pause")
    docker("unpause", f"demo-{old}")
    until(f"{old} streams", lambda: old in whole.replicas())
    whole.whole()


def keeps_writing(stack: Stack, for_s: float, what: str) -> None:
    """Every write must pass for so long."""
    end_s, written = time.monotonic() + for_s, 0
    while time.monotonic() < end_s:
        stack.write(what)
        written += 1
    assert written > for_s


def test_writes_go_on_without_a_replica_and_haproxy_starts_though_its_name_does_not_resolve(whole: Stack) -> None:
    gone = whole.replicas()[0]
    docker("stop", f"demo-{gone}")
    keeps_writing(whole, 15, "replica stopped")
    docker("restart", "demo-haproxy")
    until("writes through the new HAProxy", lambda: whole.write("restarted"))
    docker("start", f"demo-{gone}")
    whole.whole()


def test_writes_go_on_without_one_etcd(whole: Stack) -> None:
    docker("stop", "demo-etcd1")
    keeps_writing(whole, 25, "one etcd stopped")
    docker("start", "demo-etcd1")
    whole.whole()


def test_writes_stop_without_two_etcd_and_come_back_with_them(whole: Stack) -> None:
    docker("stop", "demo-etcd1", "demo-etcd2")

    def refused() -> bool:
        try:
            whole.write("no quorum")
        except psycopg2.Error:
            return True
        return False

    until("the primary demotes itself", refused)
    docker("start", "demo-etcd1", "demo-etcd2")
    whole.whole()


def test_nothing_is_reached_without_haproxy_and_all_is_well_with_it(whole: Stack) -> None:
    docker("stop", "demo-haproxy")
    with pytest.raises(psycopg2.Error):
        whole.write("no proxy")
    number = whole.leader().removeprefix("patroni")
    assert whole.sql(f"PORT_POSTGRES{number}", "select pg_is_in_recovery()") is False
    docker("start", "demo-haproxy")
    whole.whole()


@pytest.mark.parametrize("order", ["etcd last", "shuffled"])
def test_a_stop_and_a_start_of_everything_in_any_order_keeps_the_data(whole: Stack, order: str) -> None:
    whole.write(f"kept {order}")
    chance = random.Random(7)
    down, up = list(CLUSTER), [*reversed(NODES), "haproxy", *ETCD]
    if order == "shuffled":
        chance.shuffle(down)
        chance.shuffle(up)
    for name in down:
        docker("stop", f"demo-{name}")
    for name in up:
        docker("start", f"demo-{name}")
    until("writes through HAProxy", lambda: whole.write("again"), 150)
    for name in whole.forked():
        print(f"{name} holds another timeline of the leader's number; it is made anew, as docs/docker.md says")
        docker("exec", f"demo-{name}", "patronictl", "reinit", "demo", name, "--force")
    whole.whole()
    for number in (1, 2, 3):
        found = f"select count(*) from docker_test where token = 'kept {order}'"
        until(f"the row on patroni{number}", lambda n=number, s=found: whole.sql(f"PORT_POSTGRES{n}", s) == 1)


def test_a_replica_that_lost_its_primary_unnoticed_is_told_of_it_again(whole: Stack) -> None:
    lost = whole.replicas()[0]
    # As it is when Patroni read the setting just before a reload took it away: no file is younger than what it knows.
    forget = (
        "cd /data/postgres && touch -r postgresql.conf /tmp/then && sed -i '/^primary_/d' postgresql.conf "
        "&& touch -r /tmp/then postgresql.conf && pg_ctl reload -D ."
    )
    removed = 'parameter "primary_conninfo" removed'
    before = docker_said(lost).count(removed)
    docker("exec", f"demo-{lost}", "sh", "-c", forget)
    until(f"{lost} lost its primary", lambda: docker_said(lost).count(removed) > before, 20)
    until(f"{lost} streams", lambda: lost in whole.replicas(), 40)


def test_a_replica_that_lacks_wal_and_starts_while_nobody_leads_streams_once_somebody_does(whole: Stack) -> None:
    lacking, leader = whole.replicas()[0], whole.leader()
    for statement in (
        "create table if not exists lacking as select generate_series(1, 1000) as n",
        "checkpoint",
        "select pg_switch_wal()",
        "update lacking set n = n + 1",
    ):
        whole.sql("PORT_PRIMARY", statement)
    last = str(whole.sql("PORT_PRIMARY", "select pg_walfile_name(pg_current_wal_lsn())"))
    number = lacking.removeprefix("patroni")
    lsn = whole.sql("PORT_PRIMARY", "select pg_current_wal_lsn()")
    replayed = f"select pg_last_wal_replay_lsn() >= '{lsn}'"
    until("all is replayed", lambda: whole.sql(f"PORT_POSTGRES{number}", replayed), 20)
    for name in (lacking, *sorted(set(NODES) - {lacking, leader}), leader):
        docker("stop", f"demo-{name}")
    remove = f"rm /data/postgres/pg_wal/{last}"
    docker("run", "--rm", "--volumes-from", f"demo-{lacking}", "patroni", "sh", "-c", remove)
    docker("start", f"demo-{lacking}")
    until("PostgreSQL waits for what is not there", lambda: "Consistent recovery state" in docker_said(lacking), 60)
    for name in sorted(set(NODES) - {lacking}):
        docker("start", f"demo-{name}")
    whole.whole()


def test_a_leader_that_nobody_heard_of_is_not_replaced_by_one_of_the_same_timeline(whole: Stack) -> None:
    first = whole.leader()
    second, deaf = whole.replicas()
    port = f"PORT_REST{second.removeprefix('patroni')}"
    docker("pause", f"demo-{deaf}")
    docker("stop", f"demo-{first}")
    until(f"{second} leads", lambda: httpx.get(whole.url(port, "/primary"), timeout=3).status_code == 200, 60)
    timeline = httpx.get(whole.url(port, "/patroni"), timeout=3).json()["timeline"]

    def history() -> bool:
        told = docker("exec", "demo-etcd1", "etcdctl", "get", "/service/demo/history", "--print-value-only")
        return bool(json.loads(told)[-1][0] == timeline - 1)

    until("its timeline is in the history", history, 30)
    docker("kill", f"demo-{second}")
    docker("unpause", f"demo-{deaf}")
    until(f"{deaf} stands back", lambda: "behind last known cluster timeline" in docker_said(deaf), 60)
    for name in (second, first):
        docker("start", f"demo-{name}")
    whole.whole()


def docker_said(member: str) -> str:
    """What a container wrote in its last run, to both its outputs."""
    started = docker("inspect", "--format", "{{.State.StartedAt}}", f"demo-{member}").strip()
    words = ["docker", "logs", "--since", started, f"demo-{member}"]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60, check=True)
    return done.stdout


def test_prometheus_finds_the_observer_in_its_container_and_misses_none_where_there_is_none(
    whole: Stack, tmp_path: Path
) -> None:
    if "observer" not in docker("image", "ls", "--format", "{{.Repository}}").split():
        pytest.skip("no image `observer`; `make test-docker` builds it")

    def targets() -> list[dict[str, str]]:
        asked = {"query": 'up{job="observer", instance!~"host.docker.internal.*"}'}
        answer = httpx.get(whole.url("PORT_PROMETHEUS", "/api/v1/query"), params=asked, timeout=5).json()
        return [row for row in answer["data"]["result"] if row["value"][1] == "1"]

    assert targets() == []
    told = {**os.environ, "RECORDING": str(tmp_path), "COMPOSE_PROFILES": "observer"}
    compose = ["docker", "compose"]
    subprocess.run([*compose, "up", "-d", "--no-deps", "observer"], cwd=ROOT / "hw3", env=told, check=True)
    try:
        until("Prometheus scrapes the observer", targets, 60)
    finally:
        for words in (["logs", "--tail", "20", "observer"], ["rm", "--stop", "--force", "observer"]):
            subprocess.run([*compose, *words], cwd=ROOT / "hw3", env=told, check=False)
    until("its target is gone", lambda: not targets(), 60)


def test_the_homeworks_generator_names_the_server_and_comes_back_after_a_failover(whole: Stack, tmp_path: Path) -> None:
    if whole.sql("PORT_PRIMARY", "select to_regclass('events') is null"):
        whole.sql("PORT_PRIMARY", (ROOT / "stack" / "schema.sql").read_text(encoding="utf-8"))
    log = tmp_path / "generator.log"
    told = {**os.environ, **{name: str(port) for name, port in whole.ports.items()}}
    with log.open("w", encoding="utf-8") as output:
        generator = subprocess.Popen(
            [sys.executable, str(ROOT / "hw3" / "traffic-generator.py")], stdout=output, env=told
        )
    try:
        old = whole.leader()

        def said(pattern: str) -> bool:
            return re.search(pattern, log.read_text(encoding="utf-8")) is not None

        until("a write", lambda: said(rf"запись  успех   {old} .*лидер"), 30)
        until("a read", lambda: said(r"чтение  успех   patroni\d .*реплика"), 30)
        docker("kill", f"demo-{old}")
        until("a failed write", lambda: said(r"запись  ОШИБКА"), 60)
        until("writes again, elsewhere", lambda: said(rf"запись  успех   (?!{old}).*снова работает"), 120)
        assert generator.poll() is None
    finally:
        generator.terminate()
        generator.wait(10)
    assert "Traceback" not in log.read_text(encoding="utf-8")
    docker("start", f"demo-{old}")
    whole.whole()
