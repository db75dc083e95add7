"""A Docker engine's API, from a server of the test's own on a socket."""

from __future__ import annotations

import json
import socket
import threading
from pathlib import Path

import pytest

from observer.model.recording import Event
from observer.sources.docker import DockerSource
from observer.sources.engine import Engine, address, lines
from observer.sources.fault_actions import WatchedAddress
from observer.sources.polling import PollFailed

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="no Unix sockets here")


class TestWhereItIs:
    def test_off_is_nowhere(self) -> None:
        assert address("off", {"DOCKER_HOST": "tcp://h:1"}) is None

    def test_the_file_overrides_the_environment(self) -> None:
        assert address("/run/d.sock", {"DOCKER_HOST": "tcp://h:1"}) == "unix:///run/d.sock"
        assert address("tcp://x:2", {}) == "tcp://x:2"

    def test_without_a_setting_the_environment_decides(self) -> None:
        assert address("", {"DOCKER_HOST": "tcp://h:1"}) == "tcp://h:1"


class TestItsLogs:
    def frame(self, stream: int, text: bytes) -> bytes:
        return bytes([stream, 0, 0, 0]) + len(text).to_bytes(4, "big") + text

    def test_lines_are_put_together_from_frames_whatever_the_pieces(self) -> None:
        whole = self.frame(1, b"one\ntw") + self.frame(2, b"error\n") + self.frame(1, b"o\n")
        for size in (1, 3, 7, 100):
            pieces = [whole[at : at + size] for at in range(0, len(whole), size)]
            assert list(lines(pieces, framed=True)) == ["one", "error", "two"]

    def test_the_log_of_a_terminal_has_no_frames(self) -> None:
        assert list(lines([b"one\ntw", b"o\nrest"])) == ["one", "two"]


class Served:
    """An engine that answers each path with a fixed text; its stream of events ends when the client hangs up."""

    def __init__(self, path: Path, events: list[bytes], answers: dict[str, bytes], code: int = 200) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._events, self._answers, self._code = events, answers, code
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            while asked := connection.recv(65536):
                path = asked.split()[1].decode().partition("?")[0]
                if path == "/events" and self._code == 200:
                    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"".join(self._events))
                    continue  # the stream goes on until the client hangs up
                body = self._answers.get(path, b'{"message": "permission denied"}')
                head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n" % (self._code, len(body))
                connection.sendall(head + body)


INSPECTED = {
    "Id": "abc",
    "Name": "/demo-patroni1",
    "State": {"Running": False},
    "HostConfig": {"PortBindings": {"8008/tcp": [{"HostPort": "8011"}]}},
}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    return tmp_path / "d.sock"


def recorded(place: Path, count: int) -> list[Event]:
    """Return the first records of a source that follows the engine there."""
    events: list[Event] = []
    enough = threading.Event()

    def record(event: Event) -> None:
        events.append(event)
        if len(events) >= count:
            enough.set()

    clock = iter(range(1, 10**6))
    places = [WatchedAddress("patroni", "patroni1", "127.0.0.1", 8011)]
    source = DockerSource(f"unix://{place}", lambda: places, record, clock.__next__)
    source.start()
    try:
        assert enough.wait(10)
    finally:
        source.stop()
    return events


def test_events_of_the_clusters_containers_are_recorded_as_they_come(place: Path) -> None:
    def line(action: str, id: str, **attributes: str) -> bytes:
        event = {"Type": "container", "Action": action, "Actor": {"ID": id, "Attributes": attributes}}
        return json.dumps(event).encode() + b"\n"

    stranger = {"Id": "xyz", "Name": "/other", "State": {}, "HostConfig": {}}
    engine = Served(
        place,
        [line("kill", "xyz", signal="9"), line("kill", "abc", signal="9"), line("start", "abc")],
        {
            "/containers/json": json.dumps([{"Id": "abc"}, {"Id": "xyz"}]).encode(),
            "/containers/abc/json": json.dumps(INSPECTED).encode(),
            "/containers/xyz/json": json.dumps(stranger).encode(),
        },
    )
    events = recorded(place, 2)
    engine.close()
    assert [(e.source, e.kind, e.subject, e.detail["action"]) for e in events] == [
        ("docker", "fault.told", "patroni1", "kill"),
        ("docker", "repair.told", "patroni1", "start"),
    ]


@pytest.mark.parametrize("address", ["tcp://me:hunter2@127.0.0.1:1", "ssh://me:hunter2@h"])
def test_the_password_in_an_address_is_not_recorded(address: str) -> None:
    events: list[Event] = []
    recorded = threading.Event()
    clock = iter(range(1, 100))

    def record(event: Event) -> None:
        events.append(event)
        recorded.set()

    source = DockerSource(address, list, record, clock.__next__)
    source.start()
    assert recorded.wait(10)
    source.stop()
    assert events[0].kind == "source.blind"
    assert "hunter2" not in str(events)


def test_an_engine_that_is_not_there_is_recorded_once(place: Path) -> None:
    (blind,) = recorded(place, 1)
    assert (blind.kind, blind.subject) == ("source.blind", f"unix://{place}")


def test_an_engine_that_refuses_is_quoted(place: Path) -> None:
    engine = Served(place, [], {}, 403)
    (blind,) = recorded(place, 1)
    engine.close()
    assert (blind.detail["how"], blind.detail["error"], blind.detail["http"]) == ("error", "permission denied", 403)


def test_an_address_that_is_no_socket_is_refused_in_a_sentence() -> None:
    with pytest.raises(PollFailed, match="neither unix:// nor tcp://"):
        Engine("ssh://host")
