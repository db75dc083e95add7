"""The configuration files of the local cluster."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

from stack import configs
from stack.packages import Programs, newest_postgres_bin
from stack.settings import StackSettings

SETTINGS = StackSettings(Path("/x"), ttl_s=20, loop_wait_s=5, retry_timeout_s=5)
PROGRAMS = Programs(Path("/e"), Path("/p"), Path("/c"), Path("/h"), Path("/pg"))


def test_patroni_gets_the_requested_times_and_pg_rewind() -> None:
    text = json.loads(configs.patroni_yml(SETTINGS, PROGRAMS, "patroni2"))
    dcs = text["bootstrap"]["dcs"]
    assert (dcs["ttl"], dcs["loop_wait"], dcs["retry_timeout"]) == (20, 5, 5)
    assert dcs["postgresql"]["use_pg_rewind"] is True
    assert (text["scope"], text["namespace"], text["name"]) == ("demo", "/service", "patroni2")


def test_each_postgres_has_its_own_log_and_a_socket_outside_its_data() -> None:
    texts = [json.loads(configs.patroni_yml(SETTINGS, PROGRAMS, f"patroni{n}"))["postgresql"] for n in (1, 2, 3)]
    assert [text["parameters"]["log_filename"] for text in texts] == ["postgres1.log", "postgres2.log", "postgres3.log"]
    assert all(not text["parameters"]["unix_socket_directories"].startswith(text["data_dir"]) for text in texts)


def test_haproxy_checks_servers_as_in_the_homework() -> None:
    text = configs.haproxy_cfg(SETTINGS)
    assert text.count("default-server inter 3s fall 3 rise 2 on-marked-down shutdown-sessions") == 2
    assert "option httpchk OPTIONS /primary\n    http-check expect status 200" in text
    assert "option httpchk OPTIONS /replica\n" in text
    assert "bind 127.0.0.1:5001" in text
    assert "stats show-legends" in text
    assert "server patroni3 127.0.0.1:15433 maxconn 100 check port 8013" in text


def test_every_etcd_member_knows_all_three() -> None:
    for member in ("etcd1", "etcd2", "etcd3"):
        command = configs.etcd_command(SETTINGS, PROGRAMS, member)
        peers = command[command.index("--initial-cluster") + 1]
        assert peers == "etcd1=http://127.0.0.1:23801,etcd2=http://127.0.0.1:23802,etcd3=http://127.0.0.1:23803"


def test_the_observers_configuration_follows_the_shift() -> None:
    text = tomllib.loads(configs.observer_toml(StackSettings(Path("/x"), port_shift=100)))
    assert text["etcd"]["endpoints"][0] == "127.0.0.1:23891"
    assert "port=5101 " in text["traffic"]["write"]
    assert "port=5102 " in text["traffic"]["read"]
    assert text["haproxy"]["stats"] == ["http://127.0.0.1:7101/"]


def test_the_newest_postgres_is_the_one_with_the_highest_number(tmp_path: Path) -> None:
    for version in ("9.6", "9", "15", "17"):
        (tmp_path / version / "bin").mkdir(parents=True)
        (tmp_path / version / "bin" / "postgres").touch()
    (tmp_path / "18" / "bin").mkdir(parents=True)  # a client only
    assert newest_postgres_bin(tmp_path) == tmp_path / "17" / "bin"
    assert newest_postgres_bin(tmp_path / "absent") is None


def test_the_schema_is_the_homeworks() -> None:
    text = (Path(configs.__file__).parent / "schema.sql").read_text(encoding="utf-8")
    assert "CREATE TABLE owners" in text
    assert "('Алексей Козлов')" in text
    assert "COMMENT ON TABLE events IS 'Таблица событий'" in text
