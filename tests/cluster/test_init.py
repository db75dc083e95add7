"""`observer init` against real clusters: the local stack, and one with other names, namespace and ports."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from observer.config.loading import load
from observer.doctor.examine import examine
from observer.doctor.finding import Finding, lines
from stack import configs, packages, processes
from stack.settings import HOST, PASSWORD, SUPERUSER, StackSettings
from tests.cluster.clusters import Cluster, new_directory
from tests.cluster.test_doctor import put
from tests.ports import free_port
from tests.waiting import eventually

pytestmark = pytest.mark.cluster


def init(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "observer.cli", "init", *arguments]
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[2]), **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=180,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done


def examined(folder: Path, levels: set[str], **environment: str) -> list[Finding]:
    """Return the findings of doctor for the file in a folder, once all of them have these levels."""
    settings = load(folder / "observer.toml", environment)
    findings: list[Finding] = []

    def as_expected() -> bool:
        findings[:] = examine(settings, folder / "observer.db")
        return {finding.level for finding in findings} <= levels

    eventually(as_expected, 60, f"every finding is {' or '.join(levels)}", lambda: "\n".join(lines(findings)))
    return findings


@dataclass(frozen=True)
class Foreign:
    """A cluster of one etcd and one Patroni that has no name in common with the one in stack/."""

    etcd: str
    rest: str
    postgres: int


@pytest.fixture(scope="module")
def foreign() -> Iterator[Foreign]:
    directory, user, programs = new_directory(), processes.run_as(), packages.find()
    client, peer, rest_port, postgres = (free_port() for _ in range(4))
    config = json.loads(configs.patroni_yml(StackSettings(directory), programs, "patroni1"))
    folder = directory / "db-one.example"
    config |= {
        "scope": "shop",
        "namespace": "/pg/prod/",
        "name": "db-one.example",
        "etcd3": {"hosts": [f"{HOST}:{client}"]},
    }
    config["restapi"] = dict.fromkeys(("listen", "connect_address"), f"{HOST}:{rest_port}")
    config["postgresql"] |= dict.fromkeys(("listen", "connect_address"), f"{HOST}:{postgres}")
    config["postgresql"] |= {"data_dir": str(folder / "data"), "pgpass": str(folder / "pgpass")}
    config["postgresql"]["parameters"] = {"unix_socket_directories": str(folder)}
    for place in (folder, directory / "etcd"):
        place.mkdir()
        if user is not None:
            shutil.chown(place, user)
    (folder / "patroni.yml").write_text(json.dumps(config), encoding="utf-8")
    etcd = [str(programs.etcd), "--data-dir", str(directory / "etcd" / "data")]
    for option, port in (("client", client), ("peer", peer)):
        etcd += [f"--listen-{option}-urls", f"http://{HOST}:{port}"]
    etcd += ["--advertise-client-urls", f"http://{HOST}:{client}"]
    etcd += [
        "--initial-advertise-peer-urls",
        f"http://{HOST}:{peer}",
        "--initial-cluster",
        f"default=http://{HOST}:{peer}",
    ]

    def start(command: list[str], place: Path) -> subprocess.Popen[bytes]:
        environment = {"PATH": "/usr/bin:/bin", "HOME": str(place), "LANG": "C.UTF-8"}
        with (place / "log").open("wb") as log:
            return subprocess.Popen(
                command, cwd=place, stdout=log, stderr=log, env=environment, **processes.identity(user)
            )

    started = [start(etcd, directory / "etcd"), start([str(programs.patroni), str(folder / "patroni.yml")], folder)]
    try:
        url = f"http://{HOST}:{rest_port}"
        curl = ["curl", "-sf", f"{url}/primary"]
        eventually(
            lambda: subprocess.run(curl, capture_output=True).returncode == 0,
            180,
            "the foreign cluster has a leader",
            lambda: (folder / "log").read_text(encoding="utf-8", errors="replace")[-2000:],
        )
        yield Foreign(f"{HOST}:{client}", url, postgres)
    finally:
        for process in reversed(started):
            process.terminate()
            process.wait(120)
        shutil.rmtree(directory)


def test_an_etcd_address_is_enough_for_a_correct_file(foreign: Foreign, tmp_path: Path) -> None:
    done = init(tmp_path, "--etcd", foreign.etcd)
    assert done.returncode == 0, done.stderr
    settings = load(tmp_path / "observer.toml", {})
    assert (settings.cluster.scope, settings.cluster.namespace) == ("shop", "/pg/prod")
    assert settings.etcd.endpoints == (foreign.etcd,)
    text = (tmp_path / "observer.toml").read_text(encoding="utf-8")
    assert f"#   db-one.example = {foreign.rest}" in text

    password = f"user={SUPERUSER} password={PASSWORD} dbname=postgres"
    findings = examined(tmp_path, {"ok", "note"}, OBSERVER_POSTGRES_DSN=password)
    assert "leader db-one.example" in "\n".join(lines(findings))
    assert {"REST of db-one.example", "SQL of db-one.example"} <= {f.component for f in findings if f.level == "ok"}


def test_an_existing_file_is_never_overwritten(foreign: Foreign, tmp_path: Path) -> None:
    (tmp_path / "observer.toml").write_text("mine", encoding="utf-8")
    done = init(tmp_path, "--etcd", foreign.etcd)
    assert done.returncode == 73
    assert "never overwritten" in done.stderr
    assert (tmp_path / "observer.toml").read_text(encoding="utf-8") == "mine"


def test_the_environment_chooses_one_of_several_clusters(cluster: Cluster, tmp_path: Path) -> None:
    put(cluster, "/other/billing/initialize", "7")
    endpoint = cluster.settings.etcd_endpoints[1]
    done = init(tmp_path, "--etcd", endpoint)
    assert done.returncode == 78
    assert "/other/billing, /service/demo" in done.stderr
    assert "OBSERVER_CLUSTER_SCOPE" in done.stderr
    done = init(tmp_path, "--etcd", f"http://{endpoint}/", OBSERVER_CLUSTER_SCOPE="demo")
    assert done.returncode == 0, done.stderr
    settings = load(tmp_path / "observer.toml", {})
    assert sorted(settings.etcd.endpoints) == sorted(cluster.settings.etcd_endpoints)


def test_the_file_asks_for_addresses_that_this_machine_reaches(cluster: Cluster, tmp_path: Path) -> None:
    put(cluster, "/docker/hidden/initialize", "7")
    member = '{"api_url": "http://node1.invalid:8008/patroni", "conn_url": "postgres://node1.invalid:5432/postgres"}'
    put(cluster, "/docker/hidden/members/node1", member)
    done = init(tmp_path, "--etcd", cluster.settings.etcd_endpoints[0], OBSERVER_CLUSTER_SCOPE="hidden")
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "observer.toml").read_text(encoding="utf-8")
    assert '# members = { node1 = "http://HOST:8008" }' in text
    assert '# members = { node1 = "host=HOST port=5432" }' in text


def test_the_local_stack_needs_no_address(cluster: Cluster, tmp_path: Path) -> None:
    directory = str(cluster.settings.directory)
    done = init(tmp_path, OBSERVER_STACK_DIR=directory)
    assert done.returncode == 0, done.stderr
    assert examined(tmp_path, {"ok"})


def test_a_missing_cluster_and_a_bad_address_are_errors_without_a_traceback(tmp_path: Path) -> None:
    assert init(tmp_path, "--etcd", f"{HOST}:{free_port()}").returncode == 69
    assert init(tmp_path, "--etcd", "somewhere").returncode == 64
    done = init(tmp_path, OBSERVER_STACK_DIR=str(tmp_path / "nowhere"), COMPOSE_PROJECT_NAME="no-such-project")
    assert done.returncode == 69
    assert "--etcd HOST:PORT" in done.stderr
