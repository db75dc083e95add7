"""What `observer init` finds in the keys of etcd and in the output of Docker, and the file that it writes."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.config import discovery_docker, discovery_etcd
from observer.config.discovery_docker import Published, choose_project, projects, published
from observer.config.discovery_etcd import choose, cluster_in_etcd, scopes_of
from observer.config.settings import Settings
from observer.config.template import Found, quoted, text
from observer.model.errors import ConfigError, NothingAnswers
from observer.postgres.session import parameters
from observer.sources import discovery
from observer.sources.discovery import Discovery
from observer.sources.discovery import FoundMember as Member
from observer.sources.keys import Key, Snapshot
from observer.sources.polling import PollFailed


def container(
    name: str, ports: Mapping[int, int], *environment: str, hostname: str = "", image: str = "patroni"
) -> dict[str, Any]:
    published = {f"{inner}/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(outer)}] for inner, outer in ports.items()}
    config = {"Env": list(environment), "Hostname": hostname, "Image": image, "Cmd": None, "Labels": None}
    return {"Name": f"/{name}", "Config": config, "NetworkSettings": {"Ports": {**published, "9/tcp": None}}}


def test_a_scope_is_recognized_by_its_keys_in_any_namespace() -> None:
    keys = ["/service/demo/initialize", "/service/demo/members/a", "/a/b/shop/config", "/registry/members/x", "/leader"]
    assert scopes_of(keys) == [("/a/b", "shop"), ("/service", "demo")]


def test_the_environment_chooses_one_of_several_clusters(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = [("/a", "demo"), ("/b", "demo"), ("/b", "shop")]
    with pytest.raises(ConfigError, match=r"several clusters .*/a/demo, /b/demo, /b/shop"):
        choose("here:1", scopes)
    monkeypatch.setenv("OBSERVER_CLUSTER_SCOPE", "demo")
    monkeypatch.setenv("OBSERVER_CLUSTER_NAMESPACE", "b")
    assert choose("here:1", scopes) == ("/b", "demo")
    monkeypatch.setenv("OBSERVER_CLUSTER_SCOPE", "none")
    with pytest.raises(ConfigError, match="no such cluster"):
        choose("here:1", scopes)


def test_the_published_ports_of_containers_are_found() -> None:
    found = published(
        [
            container("demo-etcd1", {2379: 23791}),
            container("demo-patroni1", {8008: 8011, 5432: 15431}, "PATRONI_NAME=db1", "PATRONI_SUPERUSER_PASSWORD=s"),
            container("demo-patroni2", {8008: 8012}, hostname="db2"),
            container("demo-haproxy", {5000: 5001, 7000: 7001}),
            container("web", {80: 80}, image="nginx"),
        ]
    )
    assert found.etcd == ("127.0.0.1:23791",)
    assert found.rest == {"db1": "127.0.0.1:8011", "db2": "127.0.0.1:8012"}
    assert found.postgres == {"db1": "127.0.0.1:15431"}
    assert found.others == {5000: "127.0.0.1:5001", 7000: "127.0.0.1:7001"}
    assert found.password == "s"


def test_a_cluster_is_the_containers_of_one_project(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    one, other, hidden = Published(etcd=("a:1",)), Published(etcd=("b:1",)), Published(patronis=3)
    assert choose_project({"demo": one, "course": hidden, "": Published()}) is one
    assert choose_project({"": Published()}) is None
    with pytest.raises(ConfigError, match="containers of course run Patroni and publish no port of etcd"):
        choose_project({"course": hidden})
    with pytest.raises(ConfigError, match="demo, shop"):
        choose_project({"demo": one, "shop": other})
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "shop")
    assert choose_project({"demo": one, "shop": other}) is other


def test_containers_are_grouped_by_their_project() -> None:
    first, second = container("e1", {2379: 1}), container("e2", {2379: 2})
    second["Config"]["Labels"] = {"com.docker.compose.project": "demo"}
    assert {name: found.etcd for name, found in projects([first, second]).items()} == {
        "": ("127.0.0.1:1",),
        "demo": ("127.0.0.1:2",),
    }


def test_the_file_is_toml_that_observer_reads() -> None:
    members = {
        "db-1.example": Member("http://db-1:8008/patroni", "postgres://u:secret@db-1:5432/x", "replica", "running")
    }
    found = Found(
        "etcd", "shop", "/pg", ["a:1"], Discovery("shop", "7", None, members, {}, False), unreached=["db-1.example"]
    )
    written = text(found)
    assert Settings(**tomllib.loads(written)).cluster.scope == "shop"
    assert "secret" not in written
    assert '# members = { "db-1.example" = "http://HOST:8008" }' in written
    docker = Found("its containers", "shop", "/pg", ["a:1"], rest={"db-1.example": "http://127.0.0.1:8011"})
    assert Settings(**tomllib.loads(text(docker))).patroni.members == {"db-1.example": "http://127.0.0.1:8011"}


@given(st.text(st.characters(codec="utf-8")))
def test_a_quoted_text_is_read_back_unchanged(value: str) -> None:
    assert tomllib.loads(f"key = {quoted(value)}") == {"key": value}
    assert tomllib.loads(f"{quoted(value)} = 1") == {value: 1}


@given(st.text())
def test_a_quoted_text_is_one_line_that_a_file_can_hold(value: str) -> None:
    line = quoted(value)
    assert "\n" not in line
    assert "\r" not in line
    assert tomllib.loads(f"key = {line}".encode().decode())["key"] is not None


@pytest.mark.parametrize("name", ["a\n[traffic]\nrate_per_s = 5000", 'a"\rb', "\x00\x7f\ud800", "é.ж"])
def test_a_name_with_a_line_break_writes_no_section(name: str) -> None:
    member = Member(f"http://{name}:8008/patroni", f"postgres://{name}:5432/x", "replica", "running")
    cluster = Discovery(name, "7", None, {name: member}, {}, False)
    etcd = Found("etcd", name, f"/{name}", ["a:1"], cluster, unreached=[name])
    docker = Found(
        "its containers", name, "/pg", ["a:1"], rest={name: name}, postgres={name: name}, logs={name: [name]}
    )
    for found in (etcd, docker):
        written = Settings(**tomllib.loads(text(found).encode().decode()))
        assert written.cluster.scope == name.replace("\ud800", "\ufffd")
        assert written.traffic.rate_per_s == 20


def test_the_file_has_the_options_that_were_needed_to_read_etcd() -> None:
    found = Found("etcd", "demo", "/service", ["a:1"], tls={"user": "observer", "ca": "/pki/ca.pem"})
    written = text(found)
    settings = Settings(**tomllib.loads(written))
    assert (settings.etcd.user, settings.etcd.ca, settings.etcd.cert) == ("observer", "/pki/ca.pem", None)
    assert "OBSERVER_ETCD_PASSWORD" in written
    assert "OBSERVER_ETCD_PASSWORD" not in text(Found("etcd", "demo", "/service", ["a:1"]))


def test_observer_reads_back_a_password_with_spaces_and_quotes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    password = 'it\'s a "pass\\word"'
    running = [
        container("etcd1", {2379: 1}),
        container("patroni1", {8008: 2, 5432: 3}, "PATRONI_NAME=p1", f"PATRONI_SUPERUSER_PASSWORD={password}"),
        container("haproxy", {5001: 4}),
    ]
    in_etcd = Found("etcd", "demo", "/service", ["127.0.0.1:1"])
    monkeypatch.setattr(discovery_docker, "inspect", lambda: running)
    monkeypatch.setattr(discovery_docker, "cluster_in_etcd", lambda *_: in_etcd)
    monkeypatch.setattr(discovery_docker, "_is_statistics_page", lambda _: False)
    monkeypatch.setattr(discovery_docker, "_in_recovery", lambda _: False)
    found = discovery_docker.cluster_in_docker(print)
    assert found is not None
    written = Settings(**tomllib.loads(text(found))).traffic.write.get_secret_value()
    assert parameters(written) == {
        "host": "127.0.0.1",
        "port": "4",
        "user": "postgres",
        "dbname": "postgres",
        "password": password,
    }


def test_an_etcd_that_stops_answering_after_its_first_answer_is_reported_as_not_answering(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class First:
        def __init__(self, address: str, _: object) -> None:
            self.address = address

        def read(self, *_: object, **__: object) -> Snapshot:
            return Snapshot((Key("/service/demo/initialize", b"7", 1, 1, 0),), 1, 1)

        def close(self) -> None:
            pass

    class Silent(First):
        def read(self, *_: object, **__: object) -> Snapshot:
            raise PollFailed("silent", "no answer")

    monkeypatch.setattr(discovery_etcd, "Endpoint", First)
    monkeypatch.setattr(discovery, "Endpoint", Silent)
    monkeypatch.setattr(discovery_etcd, "discover", partial(discovery.discover, timeout_s=0))
    with pytest.raises(NothingAnswers, match=r"no etcd answers at a:1 \(silent\)"):
        cluster_in_etcd("a:1", print, ["a:1"])
