"""The source of HAProxy on a real HAProxy with two small servers behind it."""

from __future__ import annotations

import http.server
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from observer.model.recording import Event
from observer.sources import haproxy
from observer.sources.polling import ANONYMOUS, Access
from tests.ports import free_port
from tests.waiting import eventually, held_up_s

HAPROXY = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(HAPROXY is None, reason="haproxy is not installed"),
]

CONFIG = """
defaults
    timeout connect 1s
    timeout client 5s
    timeout server 5s
    timeout check 5s
listen stats
    bind 127.0.0.1:{stats}
    mode http
    stats enable
    stats uri /stats
    stats show-legends
    stats auth me:pw
listen primary
    bind 127.0.0.1:{primary}
    mode tcp
    option httpchk GET /
    default-server inter 100ms fall 2 rise 2
    server one 127.0.0.1:{one} check
    server two 127.0.0.1:{two} check
"""
ME = Access("me", "pw")
LIMIT_S = 60


class CheckServer(http.server.ThreadingHTTPServer):
    """A server that answers every check with a status code, which the test may change."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answer)
        self.code = 200
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()


class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        assert isinstance(self.server, CheckServer)
        self.send_response(self.server.code)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


class Proxy:
    """An HAProxy of the test and the events of its source, which a test polls while it waits."""

    def __init__(self, directory: Path) -> None:
        self.one, self.two = CheckServer(), CheckServer()
        stats, primary = free_port(), free_port()
        self.config = directory / "haproxy.cfg"
        ports = {"one": self.one.server_port, "two": self.two.server_port}
        self.config.write_text(CONFIG.format(stats=stats, primary=primary, **ports))
        self.stats = f"http://127.0.0.1:{stats}/stats"
        self.process: subprocess.Popen[bytes] | None = None
        self.events: list[Event] = []
        self.job = haproxy.job(self.stats, 100, self.events.append, time.monotonic_ns, ME)

    def begin(self) -> None:
        self.process = subprocess.Popen([str(HAPROXY), "-f", str(self.config)], stderr=subprocess.DEVNULL)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def poll_until(self, what: str, fits: Callable[[Event], Any]) -> Event:
        """Poll until a new event fits."""
        before = len(self.events)

        def poll() -> Event | None:
            self.job.run()
            return next((event for event in self.events[before:] if fits(event)), None)

        return eventually(poll, LIMIT_S, f"a poll finds {what}", lambda: self.events[-5:])

    def latest(self, subject: str) -> Event | None:
        return next((event for event in reversed(self.events) if event.subject == subject), None)

    def checked(self) -> bool:
        """Poll; return whether both servers have passed a check."""
        self.job.run()
        latest = (self.latest("primary/one"), self.latest("primary/two"))
        return all(event is not None and event.detail["check_status"] == "L7OK" for event in latest)

    def end(self) -> None:
        self.kill()
        for server in (self.one, self.two):
            server.shutdown()
            server.server_close()


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Proxy]:
    proxy = Proxy(tmp_path)
    try:
        proxy.begin()
        eventually(proxy.checked, LIMIT_S, "both servers have passed a check", lambda: proxy.events[-5:])
        proxy.job.run()  # so that its counters have grown; smaller counters later show a new process
        yield proxy
    finally:
        proxy.end()


def test_a_server_whose_check_fails_goes_down_and_comes_back(proxy: Proxy) -> None:
    up = proxy.latest("primary/one")
    assert up is not None and up.detail["status"] == "UP"
    proxy.one.code = 503
    down = proxy.poll_until("one to go down", lambda e: (e.kind, e.subject) == ("route.down", "primary/one"))
    assert (down.detail["check_status"], down.detail["check_code"]) == ("L7STS", 503)
    # Polls may miss the state between, in which one check has failed.
    assert down.detail["before"]["status"] in ("UP", "UP 1/2")
    before = [e for e in proxy.events[: proxy.events.index(down)] if e.subject == "primary/one"][-1]
    assert down.detail["before"]["status"] == before.detail["status"]
    assert down.detail["address"] == f"127.0.0.1:{proxy.one.server_port}"
    assert down.window.after_ns < down.window.by_ns
    proxy.one.code = 200
    up = proxy.poll_until("one to come up", lambda e: (e.kind, e.subject) == ("route.up", "primary/one"))
    assert up.detail["status"] == "UP"
    assert not [e for e in proxy.events if e.subject == "primary/two" and e.kind == "route.down"]


def test_the_absence_and_the_restart_of_a_proxy_are_recorded(proxy: Proxy) -> None:
    proxy.kill()
    blind = proxy.poll_until("a refused connection", lambda e: e.kind == "source.blind")
    assert (blind.subject, blind.detail["how"]) == (proxy.stats, "refused")
    proxy.begin()
    proxy.poll_until("a new process", lambda e: e.kind == "proxy.restarted")
    assert [e.detail for e in proxy.events if e.kind == "source.sees"][-1] == {"how": "refused"}


def test_a_poll_of_a_frozen_proxy_ends_at_its_deadline(proxy: Proxy) -> None:
    assert proxy.process is not None
    proxy.process.send_signal(signal.SIGSTOP)
    blind = proxy.poll_until("no answer", lambda e: e.kind == "source.blind")
    assert blind.detail["how"] == "silent"
    with held_up_s() as late_s:
        began = time.monotonic()
        proxy.job.run()
        assert time.monotonic() - began < 1.5 + late_s()
    proxy.process.send_signal(signal.SIGCONT)
    proxy.poll_until("an answer", lambda e: e.kind == "source.sees")
    assert not [e for e in proxy.events if e.kind == "proxy.restarted"]


def test_the_error_for_missing_credentials_holds_the_http_code(proxy: Proxy) -> None:
    events: list[Event] = []
    job = haproxy.job(proxy.stats, 100, events.append, time.monotonic_ns, ANONYMOUS)

    def refused() -> bool:
        job.run()
        return bool(events[-1].detail["how"] == "error")

    eventually(refused, LIMIT_S, "the request is refused", lambda: events)
    assert (events[-1].kind, events[-1].detail["http"]) == ("source.blind", 401)


def test_every_row_and_the_version_are_captured(proxy: Proxy) -> None:
    events: list[Event] = []

    def captured() -> bool:
        events.clear()
        return haproxy.capture(proxy.stats, events.append, time.monotonic_ns, ME)

    eventually(captured, LIMIT_S, "the page is captured in time")
    pools, versions = events
    rows = [(row["pool"], row["server"]) for row in pools.detail["pools"]]
    assert {("primary", "FRONTEND"), ("primary", "one"), ("primary", "two"), ("primary", "BACKEND")} <= set(rows)
    assert versions.detail["haproxy"][0].isdigit()
