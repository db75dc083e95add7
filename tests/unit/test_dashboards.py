"""The dashboards without Grafana: sound enough to be drawn, whole enough to be imported anywhere."""

from __future__ import annotations

import json
import re
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from observer.live.metrics import Metrics
from observer.live.state import initial_state
from observer.model.findings import Findings
from observer.model.recording import Event, Operation, Outcome, Window
from observer.sources.lease import EtcdSnapshot, Lease
from tests.dashboards import FILES, ROOT, annotation_queries, panels, queries, read, variables_in

CORE = {"timeseries", "stat", "state-timeline", "bargauge", "gauge", "table", "barchart", "text", "row"}
BOARDS = [pytest.param(read(path), id=path.stem) for path in FILES]


def exported() -> set[str]:
    """The names that the daemon's endpoint has once everything was seen."""
    state = initial_state({})
    metrics = Metrics(state, now_ns=lambda: 0, etcd=lambda: EtcdSnapshot(Lease(30, 30, 0)))
    at = Window.at(0)
    records = (
        Operation("write", "kept", "t", 0, 0, 1, Outcome.OK, "done", server="patroni1"),
        Event("etcd", "leader.seen", "patroni1", at),
        Event("postgres", "member.changed", "patroni1", at, {"in_recovery": False, "timeline": 1}),
        Event("haproxy", "route.up", "primary/patroni1", at),
    )
    for record in records:
        state.apply(record)
        metrics.count(record)
    metrics.analyzed(Findings((), (), (), lost=(), unaudited=0))
    names = {sample.name for family in metrics.collect() for sample in family.samples}
    return names | {"observer_incidents_total"}  # of which there is none before the first


def test_there_are_four_dashboards() -> None:
    assert [path.stem for path in FILES] == ["haproxy_etcd", "observer", "patroni", "postgresql"]


def test_no_two_dashboards_share_a_uid_or_a_title() -> None:
    boards = [read(path) for path in FILES]
    assert len({board["uid"] for board in boards}) == len({board["title"] for board in boards}) == len(boards)


@pytest.mark.parametrize("board", BOARDS)
def test_the_ids_of_the_panels_are_unique(board: dict[str, Any]) -> None:
    ids = [panel["id"] for panel in panels(board)]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_is_of_a_type_that_grafana_brings_along(board: dict[str, Any]) -> None:
    assert {panel["type"] for panel in panels(board)} <= CORE


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_lies_within_the_grid_and_on_no_other(board: dict[str, Any]) -> None:
    places = [panel["gridPos"] for panel in panels(board)]
    assert all(place["x"] >= 0 and place["w"] > 0 and place["x"] + place["w"] <= 24 for place in places)
    for a, b in combinations(places, 2):
        beside = a["x"] + a["w"] <= b["x"] or b["x"] + b["w"] <= a["x"]
        below = a["y"] + a["h"] <= b["y"] or b["y"] + b["h"] <= a["y"]
        assert beside or below, (a, b)


@pytest.mark.parametrize("board", BOARDS)
def test_every_panel_but_a_heading_asks_something_and_has_a_title(board: dict[str, Any]) -> None:
    for panel in panels(board):
        assert panel["title"]
        expressions = [target["expr"] for target in panel.get("targets", ())]
        assert panel["type"] == "row" or (expressions and all(expressions)), panel["title"]


@pytest.mark.parametrize("board", BOARDS)
def test_every_variable_that_is_used_is_defined(board: dict[str, Any]) -> None:
    defined = {variable["name"] for variable in board["templating"]["list"]}
    used = variables_in(json.dumps([board["panels"], board["annotations"]]))
    used |= {name for variable in board["templating"]["list"] for name in variables_in(json.dumps(variable["query"]))}
    assert "datasource" in used <= defined | {"__all"}


@pytest.mark.parametrize("board", BOARDS)
def test_the_data_source_is_a_variable_that_begins_with_the_provisioned_one(board: dict[str, Any]) -> None:
    provisioned = (ROOT / "stack/docker/grafana/datasources/prometheus.yaml").read_text(encoding="utf-8")
    uid = re.search(r"^ *uid: (\S+)$", provisioned, re.MULTILINE)
    variable = next(v for v in board["templating"]["list"] if v["type"] == "datasource")
    assert uid is not None and variable["current"]["value"] == uid.group(1)
    used = [target["datasource"] for panel in panels(board) for target in panel.get("targets", ())]
    used += [annotation["datasource"] for annotation in board["annotations"]["list"] if "expr" in annotation]
    assert {source["uid"] for source in used} == {"${datasource}"}


@pytest.mark.parametrize("board", BOARDS)
def test_a_change_of_the_leader_is_marked_on_every_dashboard(board: dict[str, Any]) -> None:
    assert any("leader" in query.expr or "primary" in query.expr for query in annotation_queries(board))


@pytest.mark.parametrize("board", BOARDS)
def test_what_is_asked_of_the_observer_is_what_the_observer_exports(board: dict[str, Any]) -> None:
    asked = {
        name for q in [*queries(board), *annotation_queries(board)] for name in re.findall(r"observer_\w+", q.expr)
    }
    assert asked <= exported()


def test_the_compose_file_mounts_the_dashboards_where_grafana_looks() -> None:
    compose = Path(ROOT / "stack/compose.yaml").read_text(encoding="utf-8")
    provider = Path(ROOT / "stack/docker/grafana/dashboards/files.yaml").read_text(encoding="utf-8")
    where = re.search(r"path: (\S+)", provider)
    assert where is not None
    assert f"../grafana_dashboards:{where.group(1)}:ro" in compose
