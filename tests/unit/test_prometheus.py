"""The data behind the dashboards over a span, from a Prometheus of the test's own."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from observer.model.recording import SECOND_NS, Event
from observer.sources.prometheus import Dashboards, Query, boards, filled, has_value, queries, summary


class Prometheus(BaseHTTPRequestHandler):
    asked: list[dict[str, list[str]]]
    code = 200

    def do_GET(self) -> None:
        asked = parse_qs(urlsplit(self.path).query)
        type(self).asked.append(asked)
        up = "observer_" in asked["query"][0]
        result = [{"metric": {}, "values": [[0, "NaN"], [5, "1"]]}] if up else []
        body = json.dumps({"status": "success", "data": {"result": result}}).encode()
        self.send_response(self.code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.code == 200 else b"x" * len(body))

    def log_message(self, *_: object) -> None:
        return


@pytest.fixture
def prometheus() -> Iterator[str]:
    Prometheus.asked, Prometheus.code = [], 200
    server = HTTPServer(("127.0.0.1", 0), Prometheus)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    server.server_close()


def test_each_panel_of_our_dashboards_is_recorded_with_whether_it_had_data(prometheus: str) -> None:
    events: list[Event] = []
    clock = iter(range(100))
    assert Dashboards(prometheus, 1000.0, events.append, clock.__next__).capture(7 * SECOND_NS, 60 * SECOND_NS)
    (captured,) = events
    assert (captured.source, captured.kind) == ("prometheus", "dashboards.captured")
    assert (captured.detail["from_ns"], captured.detail["to_ns"]) == (7 * SECOND_NS, 60 * SECOND_NS)
    with_data = {panel["board"] for panel in captured.detail["panels"] if panel["data"]}
    assert len(with_data) == 1, "only the observer's own dashboard asks for its metrics"
    assert len(captured.detail["panels"]) == len({(q.board, q.panel) for board in boards() for q in queries(board)})
    asked = Prometheus.asked[0]
    assert (asked["start"], asked["end"], asked["step"]) == (["1007.000"], ["1060.000"], ["5"])


def test_a_prometheus_that_answers_nonsense_is_said_once_and_once_that_it_is_well_again(prometheus: str) -> None:
    events: list[Event] = []
    clock = iter(range(100))
    dashboards = Dashboards(prometheus, 1000.0, events.append, clock.__next__)
    Prometheus.code = 500
    assert [dashboards.capture(0, 1), dashboards.capture(0, 1)] == [False, False]
    Prometheus.code = 200
    assert dashboards.capture(0, 1)
    assert [event.kind for event in events] == ["source.blind", "source.sees", "dashboards.captured"]
    assert events[0].detail["http"] == 500


def test_a_prometheus_that_is_not_there_is_said() -> None:
    events: list[Event] = []
    clock = iter(range(100))
    assert not Dashboards("http://127.0.0.1:1", 0, events.append, clock.__next__).capture(0, 1)
    assert [(event.kind, event.detail["how"]) for event in events] == [("source.blind", "refused")]


def test_the_password_in_its_url_is_not_recorded(prometheus: str) -> None:
    events: list[Event] = []
    clock = iter(range(100))
    dashboards = Dashboards(prometheus.replace("://", "://me:hunter2@"), 0, events.append, clock.__next__)
    Prometheus.code = 500
    dashboards.capture(0, 1)
    Prometheus.code = 200
    dashboards.capture(0, 1)
    assert {event.subject for event in events} == {prometheus.rstrip("/")}


def test_a_curve_without_a_number_is_no_data() -> None:
    assert [has_value([]), has_value([[1, "NaN"]]), has_value([[1, "NaN"], [2, "0"]])] == [False, False, True]


def test_a_panel_has_data_if_one_of_its_queries_has() -> None:
    counts = [(Query("b", "p", "x"), 0), (Query("b", "p", "y"), 2), (Query("b", "q", "z"), 0)]
    assert [(row["panel"], row["data"], row["series"]) for row in summary(counts)] == [("p", True, 2), ("q", False, 0)]


def test_variables_are_filled_as_grafana_would() -> None:
    assert filled('rate(x{member=~"$member"}[$__rate_interval])') == 'rate(x{member=~".*"}[20s])'
