"""The homework's stack in Docker, started once for all tests; `make test-docker` installs the engine and the images."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator

import pytest

from tests.docker.stacks import CLUSTER, DEFAULT_PORTS, ROOT, Stack, docker, services, until


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    try:
        docker("info")
        docker("image", "inspect", "patroni")
    except (OSError, subprocess.SubprocessError):
        pytest.skip("no Docker engine with the image `patroni` answers; `make test-docker` installs both")
    folder = ROOT / "hw3"
    ports = {name: int(os.environ.get(name, default)) for name, default in DEFAULT_PORTS.items()}
    docker("compose", "down", "-v", "--timeout", "5", folder=folder)
    began_s = time.monotonic()
    docker("compose", "up", "-d", *services(), folder=folder)
    try:
        before = Stack(0.0, ports)
        create = "create table if not exists docker_test (token text)"
        until("a leader that accepts writes", lambda: before.sql("PORT_PRIMARY", f"{create}; select true"), 120)
        stack = Stack(time.monotonic() - began_s, ports)
        stack.wait_healthy()
        yield stack
    finally:
        docker("compose", "down", "-v", "--timeout", "5", folder=folder)


@pytest.fixture
def healthy(stack: Stack) -> Iterator[Stack]:
    """Give the healthy stack; after the test, start and unpause what the test left stopped or paused."""
    stack.wait_healthy()
    try:
        yield stack
    finally:
        for name in CLUSTER:
            state = docker("inspect", "--format", "{{.State.Status}}", f"demo-{name}").strip()
            if state == "paused":
                docker("unpause", f"demo-{name}")
            elif state != "running":
                docker("start", f"demo-{name}")
