"""The real cluster of the session: brought up once, handed whole to each test, mended after it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator

import pytest

from stack import local
from stack.errors import StackError
from tests.cluster.clusters import Cluster, free_port_shift, new_directory, quick_settings


@pytest.fixture(scope="session")
def session_cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    if not sys.platform.startswith("linux"):
        pytest.skip("the local cluster is Linux only")
    settings = quick_settings(new_directory(), free_port_shift())
    try:
        local.up(settings, print)
    except StackError as error:
        pytest.fail(str(error), pytrace=False)
    try:
        yield Cluster(settings)
    finally:
        local.down(settings.directory, print)
        if request.session.testsfailed:
            print(f"the cluster's logs stay in {settings.directory / 'logs'}")
        else:
            shutil.rmtree(settings.directory)


@pytest.fixture
def cluster(session_cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, whole; mended after the test, whatever the test did to it."""
    session_cluster.healthy()
    try:
        yield session_cluster
    finally:
        session_cluster.mend()
