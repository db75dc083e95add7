"""The real cluster of the session: started once, healthy before each test, repaired after it."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Generator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from stack import local
from stack.errors import StackError
from tests.cluster.clusters import Cluster, free_port_shift, new_directory, quick_settings

TIMEOUT_S = 900  # includes the start and the repair of the cluster; each wait has its own limit
TAIL = 15  # lines of each log


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(TIMEOUT_S))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Add the state of the cluster and the end of each log to the report of a failure."""
    report = yield
    if report.failed:
        fixtures = getattr(item, "funcargs", {})
        folders = [fixtures[name] for name in ("tmp_path", "folder") if name in fixtures]
        if "session_cluster" in fixtures:
            directory = fixtures["session_cluster"].settings.directory
            folders.append(directory / "logs")
            with suppress(StackError, OSError):
                report.sections.append(("the cluster", "\n".join(local.lines(local.status(directory)))))
        for log in (log for folder in folders for log in sorted(folder.rglob("*log")) if log.is_file()):
            with suppress(OSError):
                last = log.read_text(encoding="utf-8", errors="replace").splitlines()[-TAIL:]
                report.sections.append((f"the end of {log}", "\n".join(last)))
    return report


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
    """Give the healthy cluster, and repair it after the test."""
    session_cluster.healthy()
    try:
        yield session_cluster
    finally:
        session_cluster.repair()
