"""The containers of a cluster, from the output of `docker inspect`, and the cluster that they make."""

from __future__ import annotations

import json
import re
import tomllib
from typing import Any

import pytest

from stack import containers
from stack.containers import Containers, Link, clusters
from stack.docker_cluster import docker_cluster
from stack.errors import StackError
from stack.scenario import Step
from stack.settings import ETCD, MEMBERS, NODES

WITHIN = {"etcd": (2379,), "patroni": (8008, 5432), "haproxy": (5001, 5002, 7001)}


def inspected(member: str, project: str = "demo", running: bool = True, shift: int = 0) -> dict[str, Any]:
    """Return one container. Its port 2379 is published as 42379 plus 200 times the number of its member."""
    add = 40_000 + shift + 200 * (int(member[-1]) if member[-1].isdigit() else 0)
    ports = {
        f"{port}/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(port + add)}] for port in WITHIN[member.rstrip("123")]
    }
    link = {
        "IPAMConfig": {"IPv4Address": "10.77.53.11"} if member == "patroni1" else None,
        "Aliases": [f"{project}-{member}", member, "0123456789ab"],
        "IPAddress": "10.77.53.11" if running else "",
    }
    return {
        "Id": "0123456789abcdef",
        "Name": f"/{project}-{member}",
        "Config": {"Labels": {"com.docker.compose.service": member, "com.docker.compose.project": project}},
        "HostConfig": {"PortBindings": ports},
        "NetworkSettings": {"Ports": ports if running else {}, "Networks": {f"{project}_default": link}},
    }


def whole(project: str = "demo", **more: Any) -> list[dict[str, Any]]:
    return [inspected(member, project, **more) for member in MEMBERS]


def demo() -> Containers:
    return clusters(whole())[0]


def test_a_project_with_all_members_is_a_cluster_and_one_without_some_is_not() -> None:
    found = clusters([*whole("demo"), *whole("second", shift=1000), *whole("third")[:-1]])
    assert [one.project for one in found] == ["demo", "second"]
    assert [one.name("patroni2") for one in found] == ["demo-patroni2", "second-patroni2"]


def test_a_container_without_a_project_belongs_to_no_cluster() -> None:
    other = inspected("etcd1")
    other["Config"]["Labels"] = None
    assert clusters([other]) == []


@pytest.mark.parametrize("running", [True, False])
def test_the_published_ports_are_known_of_running_and_of_stopped_containers(running: bool) -> None:
    (found,) = clusters(whole(running=running))
    assert [found.etcd_port(member) for member in ETCD] == [42579, 42779, 42979]
    assert [found.rest_port(node) for node in NODES] == [48208, 48408, 48608]
    assert [found.postgres_port(node) for node in NODES] == [45632, 45832, 46032]
    assert found.stats_port == 47001


@pytest.mark.parametrize(
    ("projects", "chosen", "message"),
    [
        ([], None, "There is no cluster in Docker to break; bring one up with `docker compose up -d` in hw3."),
        (["demo"], "mine", "There is no cluster in Docker to break in the project mine; bring one up with"),
        (
            ["demo", "other"],
            None,
            "There are several clusters in Docker (demo, other); choose one by COMPOSE_PROJECT_NAME",
        ),
    ],
)
def test_without_exactly_one_cluster_nothing_is_broken(
    monkeypatch: pytest.MonkeyPatch, projects: list[str], chosen: str | None, message: str
) -> None:
    text = json.dumps([one for project in projects for one in whole(project)])
    monkeypatch.setattr(containers, "docker", lambda what, *_: "x" if what == "ps" else text)
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    if chosen is not None:
        monkeypatch.setenv("COMPOSE_PROJECT_NAME", chosen)
    with pytest.raises(StackError, match=re.escape(message)):
        containers.find()


def test_a_port_chosen_by_docker_is_the_published_one() -> None:
    found = whole()
    found[0]["HostConfig"]["PortBindings"] = {"2379/tcp": [{"HostIp": "", "HostPort": ""}]}
    found[0]["NetworkSettings"]["Ports"] = {
        "2379/tcp": [{"HostIp": "0.0.0.0", "HostPort": "32768"}],
        "22/tcp": None,
    }
    assert clusters(found)[0].etcd_port("etcd1") == 32768


def test_an_error_names_the_port_that_is_not_published() -> None:
    found = whole()
    found[0]["HostConfig"]["PortBindings"] = found[0]["NetworkSettings"]["Ports"] = None
    with pytest.raises(StackError, match="demo-etcd1 does not publish its port 2379"):
        clusters(found)[0].etcd_port("etcd1")


def test_a_member_joins_its_network_with_its_fixed_address_and_its_aliases() -> None:
    assert demo().link("patroni1") == Link("demo_default", "10.77.53.11", ("demo-patroni1", "patroni1"))
    assert demo().link("etcd1") == Link("demo_default", None, ("demo-etcd1", "etcd1"))


def test_a_member_without_a_network_cannot_join_one() -> None:
    found = whole()
    found[3]["NetworkSettings"]["Networks"] = {}
    with pytest.raises(StackError, match="demo-patroni1 is in no network"):
        clusters(found)[0].link("patroni1")


def test_the_configuration_of_observer_has_the_published_ports() -> None:
    config = tomllib.loads(docker_cluster(demo()).observer_toml)
    assert config["etcd"]["endpoints"] == ["127.0.0.1:42579", "127.0.0.1:42779", "127.0.0.1:42979"]
    assert config["patroni"]["members"]["patroni2"] == "http://127.0.0.1:48408"
    assert config["postgres"]["members"]["patroni3"] == "host=127.0.0.1 port=46032"
    assert config["haproxy"]["stats"] == ["http://127.0.0.1:47001/"]
    assert "port=45001" in config["traffic"]["write"]
    assert "port=45002" in config["traffic"]["read"]


@pytest.mark.parametrize(("do", "what"), [("kill_alone", "patroni"), ("reload", "haproxy")])
def test_a_step_that_would_end_the_container_cannot_be_run(do: str, what: str) -> None:
    assert "container" in (docker_cluster(demo()).unsupported(Step(do, what, ("leader",))) or "")


@pytest.mark.parametrize(("do", "what"), [("kill", "patroni"), ("pause", "postgres"), ("disconnect", "network")])
def test_other_steps_can_be_run(do: str, what: str) -> None:
    assert docker_cluster(demo()).unsupported(Step(do, what, ("leader",))) is None


def test_only_a_node_has_a_postgresql() -> None:
    with pytest.raises(StackError, match="haproxy has no postgres; name one of patroni1, patroni2, patroni3"):
        docker_cluster(demo()).kill("haproxy", "postgres")
