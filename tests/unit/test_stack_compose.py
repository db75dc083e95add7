"""`observer stack ... --docker`: the docker commands that it runs, recorded by a stand-in for `docker`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from observer import cli
from stack import compose

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the docker of this test is a shell script")

Docker = Callable[[str], None]
FILE = compose.FOLDER / "compose.yaml"


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    """Make a `docker` the only program on the PATH; it records its arguments and then runs the given lines."""

    def docker(lines: str) -> None:
        program = tmp_path / "docker"
        program.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/commands\n{lines}\n')
        program.chmod(0o755)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PATRONI_IMAGE", raising=False)
    return docker


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["observer", "stack", *arguments])
    return cli.run()


def commands(tmp_path: Path) -> list[str]:
    return (tmp_path / "commands").read_text().splitlines()


def test_up_checks_the_image_and_then_runs_compose(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    docker("")
    assert run(monkeypatch, "up", "--docker") == 0
    assert commands(tmp_path) == ["compose version", "image inspect patroni", f"compose --file {FILE} up -d"]


def test_down_keeps_the_data(docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    docker("")
    assert run(monkeypatch, "down", "--docker") == 0
    assert commands(tmp_path) == ["compose version", f"compose --file {FILE} down"]


@pytest.mark.parametrize(
    ("running", "code"), [("etcd1 etcd2 etcd3 patroni1 patroni2 patroni3 haproxy grafana", 0), ("etcd1 haproxy", 69)]
)
def test_status_shows_the_output_of_compose_and_exits_with_0_if_every_member_runs(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], running: str, code: int
) -> None:
    docker(f'case "$*" in *--services*) echo {running};; *"ps --all") echo NAME STATUS;; esac')
    assert run(monkeypatch, "status", "--docker") == code
    assert capsys.readouterr().out == "NAME STATUS\n"


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('[ "$1" != compose ]', "no Compose v2"),
        ('[ "$1" != image ]', "There is no image patroni; build it by `docker build -t patroni patroni-master`."),
        (
            'case "$1" in image|version) echo "Cannot connect to the Docker daemon" >&2; exit 1;; esac',
            "`docker version` failed: Cannot connect to the Docker daemon",
        ),
        ('case "$*" in *up*) exit 1;; esac', "`docker compose up -d` in "),
    ],
)
def test_one_sentence_names_what_is_missing(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], lines: str, message: str
) -> None:
    docker(lines)
    assert run(monkeypatch, "up", "--docker") == 69
    error = capsys.readouterr().err
    assert message in error
    assert len(error.splitlines()) == 1


def test_the_error_says_if_docker_or_the_clone_is_missing(
    docker: Docker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(monkeypatch, "status", "--docker") == 69
    assert "docker is not installed" in capsys.readouterr().err
    monkeypatch.setattr(compose, "FOLDER", tmp_path / "hw3")
    assert run(monkeypatch, "status", "--docker") == 69
    assert "hw3/compose.yaml; use the observer of a clone" in capsys.readouterr().err


@pytest.mark.parametrize("option", [["--local"], ["--dir", "x"], ["--ttl", "20"], ["--port-shift", "0"]])
def test_an_option_of_the_local_cluster_is_a_usage_error_with_docker(
    docker: Docker, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], option: list[str]
) -> None:
    assert run(monkeypatch, "up", "--docker", *option) == 64
    assert option[0] in capsys.readouterr().err
