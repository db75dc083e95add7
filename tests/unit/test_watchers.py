"""The sources and their wiring: what is captured, part by part."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from observer.config.settings import Settings
from observer.model.recording import Event
from observer.recording.watchers import Watchers
from tests.waiting import eventually

CSV = "# pxname,svname,status,type\nprimary,patroni1,UP,2\n"


class Page(BaseHTTPRequestHandler):
    """A stats page of one server."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CSV.encode())

    def log_message(self, *_: object) -> None:
        """Log nothing."""


@pytest.fixture
def page() -> Iterator[str]:
    server = HTTPServer(("127.0.0.1", 0), Page)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def nowhere() -> str:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{free.getsockname()[1]}/"


def watchers(recorded: list[Event], **sections: Any) -> Watchers:
    return Watchers(Settings(**{"etcd": {"endpoints": ["127.0.0.1:9"]}, **sections}), recorded.append, lambda: 0)


class TestWhatIsCaptured:
    def test_each_page_is_a_part_so_that_one_without_an_answer_repeats_no_other(self, page: str, nowhere: str) -> None:
        recorded: list[Event] = []
        sources = watchers(recorded, haproxy={"stats": [page, nowhere]}, patroni={"members": {}})
        assert [capture() for capture in sources.captures()] == [True, False]
        assert [(event.kind, event.subject) for event in recorded] == [("pools.captured", page)]

    def test_the_cluster_is_not_captured_while_no_member_is_known(self) -> None:
        (cluster,) = watchers([]).captures()
        assert not cluster()

    def test_a_cluster_whose_rest_api_is_off_is_not_captured(self) -> None:
        assert watchers([], patroni={"members": {}}).captures() == []


class TestEtcdIsPolled:
    def test_without_a_known_scope_and_a_missing_answer_is_recorded(self, nowhere: str) -> None:
        recorded: list[Event] = []
        endpoint = nowhere.removeprefix("http://").rstrip("/")
        sources = watchers(recorded, etcd={"endpoints": [endpoint]}, docker={"socket": "off"})
        sources.start(None)
        try:
            eventually(lambda: recorded, 20, "its missing answer is recorded")
        finally:
            for _, stop in sources.stops():
                stop()
        assert {(event.source, event.kind, event.subject) for event in recorded} == {("etcd", "source.blind", endpoint)}
