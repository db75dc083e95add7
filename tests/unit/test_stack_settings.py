"""What the local cluster's settings allow, and how they are kept."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from stack.errors import StackError
from stack.settings import MARK, MEMBERS, StackSettings, default_directory, read, write


def test_the_ports_are_those_of_the_contract() -> None:
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


def test_settings_are_read_back_as_they_were_written() -> None:
    with TemporaryDirectory() as directory:  # pytest's own are too long for a cluster
        settings = StackSettings(Path(directory), 7, 20, 5, 5, 50)
        write(settings)
        assert read(Path(directory)) == settings


def test_where_there_is_no_cluster_there_are_no_settings(tmp_path: Path) -> None:
    assert read(tmp_path) is None
    assert read(tmp_path / "absent") is None


@pytest.mark.parametrize("text", ["", "{", "[]", '{"ttl": 1}', '{"port_shift": "a"}'])
def test_damaged_settings_are_one_sentence_with_the_mend(tmp_path: Path, text: str) -> None:
    (tmp_path / MARK).write_text(text)
    with pytest.raises(StackError, match=r"damaged.*observer stack down"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({"ttl_s": 10}, "ttl 10"),
        ({"loop_wait_s": 11}, "more than ttl 30"),
        ({"retry_timeout_s": 2}, "retry_timeout 2"),
        ({"port_shift": -1}, "port shift -1"),
        ({"directory": Path("/" + "x" * 90)}, "too long"),
    ],
)
def test_what_would_fail_later_is_refused_at_once(values: dict[str, object], says: str) -> None:
    with pytest.raises(StackError, match=says):
        StackSettings(**{"directory": Path("/x"), **values})  # type: ignore[arg-type]


def test_the_directory_can_be_named_from_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OBSERVER_STACK_DIR", "/somewhere")
    assert default_directory() == Path("/somewhere")
