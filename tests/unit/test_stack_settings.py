"""The settings of the local cluster: their limits, and their file."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest

from stack.errors import StackError
from stack.settings import MARK, MEMBERS, StackSettings, default_directory, read, write


def test_the_ports_are_the_documented_ones() -> None:
    settings = StackSettings(Path("/x"))
    assert settings.etcd_endpoints == ("127.0.0.1:23791", "127.0.0.1:23792", "127.0.0.1:23793")
    assert [settings.peer_port(f"etcd{n}") for n in (1, 2, 3)] == [23801, 23802, 23803]
    assert [settings.rest_port(f"patroni{n}") for n in (1, 2, 3)] == [8011, 8012, 8013]
    assert [settings.postgres_port(f"patroni{n}") for n in (1, 2, 3)] == [15431, 15432, 15433]
    assert (settings.primary_port, settings.replicas_port, settings.stats_port) == (5001, 5002, 7001)


def test_a_shift_moves_every_port() -> None:
    plain, shifted = StackSettings(Path("/x")), StackSettings(Path("/x"), port_shift=100)
    for member in MEMBERS:
        assert shifted.ports(member) == tuple(port + 100 for port in plain.ports(member))


def test_written_settings_are_read_back_unchanged() -> None:
    with TemporaryDirectory() as directory:  # pytest's directories have too long paths for a cluster
        settings = StackSettings(Path(directory), 7, 20, 5, 5, 50)
        write(settings)
        assert read(Path(directory)) == settings


def test_without_a_cluster_there_are_no_settings(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path / "absent") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ttl": 1}', '{"port_shift": "a"}'])
def test_the_error_for_damaged_settings_names_the_fix(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text)
    with pytest.raises(StackError, match=r"damaged.*observer stack down"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ttl_s": 10}, "ttl 10"),
        ({"loop_wait_s": 11}, "more than ttl 30"),
        ({"retry_timeout_s": 2}, "retry_timeout 2"),
        ({"port_shift": -1}, "port shift -1"),
        ({"directory": Path("/" + "x" * 90)}, "too long"),
    ],
)
def test_wrong_settings_are_refused_at_once(values: dict[str, Any], message: str) -> None:
    with pytest.raises(StackError, match=message):
        StackSettings(**{"directory": Path("/x"), **values})


def test_the_environment_can_name_the_directory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVER_STACK_DIR", "/somewhere")
    assert default_directory() == Path("/somewhere")
