"""Every query of every dashboard, run on the real Prometheus of the stack while the observer records."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

from tests.dashboards import FILES, Query, annotation_queries, filled, queries, read
from tests.docker.recordings import recording
from tests.docker.stacks import Stack, until

pytestmark = [pytest.mark.docker, pytest.mark.timeout(600)]

# Panels that are empty while the cluster is healthy, and why.
EMPTY_IN_HEALTH = {
    "Incidents by cause": "nothing happened",
    "Writes lost": "an audit follows a write outage, and there was none",
    "New leader": "an annotation: there was no change of leader",
    "Leader changed": "an annotation: there was no change of leader",
    "etcd elected a leader": "an annotation: there was no change of leader",
    "Incident": "an annotation: nothing happened",
}
QUERIES = [query for path in FILES for query in [*queries(read(path)), *annotation_queries(read(path))]]


def rows(stack: Stack, expr: str) -> list[object]:
    """Return the present answer of Prometheus."""
    address = stack.url("PORT_PROMETHEUS", "/api/v1/query")
    answer = httpx.get(address, params={"query": filled(expr)}, timeout=10).json()
    assert answer["status"] == "success", answer
    found: list[object] = answer["data"]["result"]
    return found


@pytest.fixture(scope="module")
def observed(stack: Stack, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """Give the stack with an observer that records it and that Prometheus scrapes."""
    stack.wait_healthy()
    with recording(stack, tmp_path_factory.mktemp("observer"), '[metrics]\nlisten = "0.0.0.0:9464"\n'):
        until("Prometheus scrapes the observer", lambda: rows(stack, 'up{job="observer"} == 1'), 60)
        # Rates need a few scrapes, and the first one of the slow layers.
        until(
            "rates of every layer",
            lambda: (
                rows(stack, "sum(rate(observer_operations_total[5s])) > 0")
                and rows(stack, "count(rate(pg_stat_database_xact_commit[20s])) > 0")
                and rows(stack, "count(up == 1) == 11")
            ),
            60,
        )
        yield stack


@pytest.mark.parametrize("query", QUERIES, ids=lambda query: f"{query.board}: {query.panel}")
def test_each_query_is_valid_and_returns_data_unless_the_list_says_why_not(observed: Stack, query: Query) -> None:
    if query.panel in EMPTY_IN_HEALTH:
        rows(observed, query.expr)
    else:
        until(f"data for {query.expr}", lambda: rows(observed, query.expr), 20)


def test_the_list_of_empty_panels_names_only_existing_ones() -> None:
    assert set(EMPTY_IN_HEALTH) <= {query.panel for query in QUERIES}


def test_the_metrics_name_the_leader_that_patroni_names_and_the_server_of_the_writes(observed: Stack) -> None:
    leader = observed.leader()
    until("the same leader", lambda: rows(observed, f'observer_leader{{member="{leader}"}} == 1'), 10)
    served = f'observer_operations_total{{action="write", outcome="ok", server="{leader}"}} > 0'
    until("writes that it served", lambda: rows(observed, served), 10)
