"""Everything that looks, wired: what is captured whole, part by part."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from observer.config.settings import Settings
from observer.model.recording import Event
from observer.recording.watchers import Sight
from tests.waiting import eventually

CSV = "# pxname,svname,status,type\nprimary,patroni1,UP,2\n"


class Page(BaseHTTPRequestHandler):
    """A stats page of one server."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(CSV.encode())

    def log_message(self, *_: object) -> None:
        """Says nothing."""


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


def sight(told: list[Event], **sections: Any) -> Sight:
    return Sight(Settings(**{"etcd": {"endpoints": ["127.0.0.1:9"]}, **sections}), told.append, lambda: 0)


class TestWhatIsCaptured:
    def test_each_page_is_a_part_by_itself_so_that_a_silent_one_repeats_no_other(self, page: str, nowhere: str) -> None:
        told: list[Event] = []
        looks = sight(told, haproxy={"stats": [page, nowhere]}, patroni={"members": {}})
        assert [capture() for capture in looks.captures()] == [True, False]
        assert [(event.kind, event.subject) for event in told] == [("pools.captured", page)]

    def test_the_cluster_is_not_captured_while_no_member_is_known(self) -> None:
        (cluster,) = sight([]).captures()
        assert not cluster()

    def test_a_cluster_whose_rest_api_is_not_looked_at_is_not_asked_for(self) -> None:
        assert sight([], patroni={"members": {}}).captures() == []


class TestEtcdIsLookedAt:
    def test_though_nobody_knows_the_scope_and_its_silence_is_recorded(self, nowhere: str) -> None:
        told: list[Event] = []
        endpoint = nowhere.removeprefix("http://").rstrip("/")
        looks = sight(told, etcd={"endpoints": [endpoint]}, docker={"socket": "off"})
        looks.start(None)
        try:
            eventually(lambda: told, 20, "its silence is recorded")
        finally:
            for _, stop in looks.stops():
                stop()
        assert {(event.source, event.kind, event.subject) for event in told} == {("etcd", "source.blind", endpoint)}
