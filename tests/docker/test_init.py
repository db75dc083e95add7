"""`observer init` and `observer doctor` on the homework's stack in Docker, run on the host."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from observer.config.loading import load
from observer.doctor.examine import examine
from observer.doctor.finding import lines
from tests.docker.stacks import ETCD, NODES, Stack

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

# So that `init` finds the containers, and not a local stack of this machine.
NOWHERE = {"OBSERVER_STACK_DIR": "/nonexistent", "COMPOSE_PROJECT_NAME": "demo"}


def test_the_configuration_for_containers_with_published_ports_is_correct(
    healthy: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {**NOWHERE, "PGPASSWORD": "postgres"}.items():
        monkeypatch.setenv(name, value)
    path = tmp_path / "observer.toml"
    command = [sys.executable, "-m", "observer.cli", "init", "-o", str(path)]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    settings = load(path, {})
    assert len(settings.etcd.endpoints) == len(ETCD)
    assert set(settings.patroni.members or {}) == set(settings.postgres.members or {}) == set(NODES)
    assert f"port={healthy.ports['PORT_PRIMARY']}" in settings.traffic.write.get_secret_value()
    assert f"port={healthy.ports['PORT_REPLICAS']}" in settings.traffic.read.get_secret_value()
    findings = examine(settings, tmp_path / "observer.db")
    assert not [f for f in findings if f.level == "error"], "\n".join(lines(findings))
