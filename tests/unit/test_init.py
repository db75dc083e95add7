"""What observer init makes of etcd's keys and of Docker's words, without either."""

from __future__ import annotations

import tomllib
from functools import partial

import pytest

from observer.config import discovery as init
from observer.config.containers import Published, projects, published
from observer.config.discovery import _of_one_project, choose, scopes_of
from observer.config.settings import Settings
from observer.config.template import Found, text
from observer.model.errors import ConfigError, NothingAnswers
from observer.postgres.session import parameters
from observer.sources import discovery
from observer.sources.discovery import Discovery
from observer.sources.discovery import FoundMember as Member
from observer.sources.keys import Key, Snapshot
from observer.sources.polling import PollFailed


def container(name: str, ports: dict[str, int], *environment: str, hostname: str = "", image: str = "patroni") -> dict:
    published = {f"{inner}/tcp": [{"HostIp": "0.0.0.0", "HostPort": str(outer)}] for inner, outer in ports.items()}
    config = {"Env": list(environment), "Hostname": hostname, "Image": image, "Cmd": None, "Labels": None}
    return {"Name": f"/{name}", "Config": config, "NetworkSettings": {"Ports": {**published, "9/tcp": None}}}


def test_a_scope_is_known_by_its_keys_wherever_it_is() -> None:
    keys = ["/service/demo/initialize", "/service/demo/members/a", "/a/b/shop/config", "/registry/members/x", "/leader"]
    assert scopes_of(keys) == [("/a/b", "shop"), ("/service", "demo")]


def test_one_of_several_clusters_is_chosen_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    scopes = [("/a", "demo"), ("/b", "demo"), ("/b", "shop")]
    with pytest.raises(ConfigError, match=r"several clusters .*/a/demo, /b/demo, /b/shop"):
        choose("here:1", scopes)
    monkeypatch.setenv("OBSERVER_CLUSTER_SCOPE", "demo")
    monkeypatch.setenv("OBSERVER_CLUSTER_NAMESPACE", "b")
    assert choose("here:1", scopes) == ("/b", "demo")
    monkeypatch.setenv("OBSERVER_CLUSTER_SCOPE", "none")
    with pytest.raises(ConfigError, match="no such cluster"):
        choose("here:1", scopes)


def test_containers_tell_what_they_publish() -> None:
    found = published(
        [
            container("demo-etcd1", {"2379": 23791}),
            container(
                "demo-patroni1", {"8008": 8011, "5432": 15431}, "PATRONI_NAME=db1", "PATRONI_SUPERUSER_PASSWORD=s"
            ),
            container("demo-patroni2", {"8008": 8012}, hostname="db2"),
            container("demo-haproxy", {"5000": 5001, "7000": 7001}),
            container("web", {"80": 80}, image="nginx"),
        ]
    )
    assert found.etcd == ("127.0.0.1:23791",)
    assert found.rest == {"db1": "127.0.0.1:8011", "db2": "127.0.0.1:8012"}
    assert found.postgres == {"db1": "127.0.0.1:15431"}
    assert found.others == {5000: "127.0.0.1:5001", 7000: "127.0.0.1:7001"}
    assert found.password == "s"


def test_only_containers_of_one_project_make_a_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("COMPOSE_PROJECT_NAME", raising=False)
    one, other, hidden = Published(etcd=("a:1",)), Published(etcd=("b:1",)), Published(patronis=3)
    assert _of_one_project({"demo": one, "course": hidden, "": Published()}) is one
    assert _of_one_project({"": Published()}) is None
    with pytest.raises(ConfigError, match="containers of course run Patroni and publish no port of etcd"):
        _of_one_project({"course": hidden})
    with pytest.raises(ConfigError, match="demo, shop"):
        _of_one_project({"demo": one, "shop": other})
    monkeypatch.setenv("COMPOSE_PROJECT_NAME", "shop")
    assert _of_one_project({"demo": one, "shop": other}) is other


def test_containers_are_grouped_by_their_project() -> None:
    first, second = container("e1", {"2379": 1}), container("e2", {"2379": 2})
    second["Config"]["Labels"] = {"com.docker.compose.project": "demo"}
    assert {name: found.etcd for name, found in projects([first, second]).items()} == {
        "": ("127.0.0.1:1",),
        "demo": ("127.0.0.1:2",),
    }


def test_the_file_is_toml_that_the_observer_takes() -> None:
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
    docker = Found("its containers", "shop", "/pg", ["a:1"], None, {"db-1.example": "http://127.0.0.1:8011"})
    assert Settings(**tomllib.loads(text(docker))).patroni.members == {"db-1.example": "http://127.0.0.1:8011"}


def test_a_password_with_spaces_and_quotes_is_written_as_one_that_the_observer_takes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    password = 'it\'s a "pass\\word"'
    running = [
        container("etcd1", {2379: 1}),
        container("patroni1", {8008: 2, 5432: 3}, "PATRONI_NAME=p1", f"PATRONI_SUPERUSER_PASSWORD={password}"),
        container("haproxy", {5001: 4}),
    ]
    monkeypatch.setattr(init.containers, "inspect", lambda: running)
    monkeypatch.setattr(init, "by_etcd", lambda *_: Found("etcd", "demo", "/service", ["127.0.0.1:1"]))
    monkeypatch.setattr(init, "_is_stats", lambda _: False)
    monkeypatch.setattr(init, "_in_recovery", lambda _: False)
    found = init._by_docker(print)
    assert found is not None
    written = Settings(**tomllib.loads(text(found))).traffic.write.get_secret_value()
    assert parameters(written) == {
        "host": "127.0.0.1",
        "port": "4",
        "user": "postgres",
        "dbname": "postgres",
        "password": password,
    }


def test_an_etcd_that_falls_silent_after_its_first_answer_is_one_that_does_not_answer(
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

    monkeypatch.setattr(init, "Endpoint", First)
    monkeypatch.setattr(discovery, "Endpoint", Silent)
    monkeypatch.setattr(init, "discover", partial(discovery.discover, timeout_s=0))
    with pytest.raises(NothingAnswers, match=r"no etcd answers at a:1 \(silent\)"):
        init.by_etcd("a:1", print, ["a:1"])
