"""The API of a Docker engine over its socket: single requests, and streams that last until they are closed."""

import json
import os
import socket
import sys
import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx

from observer.model.redaction import without_credentials
from observer.sources.polling import PollFailed
from observer.sources.web import failure_of

DEADLINE_S = 5.0
SOCKETS = ("/var/run/docker.sock", "~/.docker/run/docker.sock")  # the machine's engine; Docker Desktop's
STREAMS = range(3)  # standard input, output and error, as the frames of a log name them


def address(configured: str, environment: Mapping[str, str] = os.environ) -> str | None:
    """Return where the engine is ("unix://...", "tcp://..."), None if there is none or it is turned off.

    `configured` is [docker] socket.
    """
    if configured == "off":
        return None
    if configured:
        return configured if "://" in configured else f"unix://{Path(configured).expanduser()}"
    if environment.get("DOCKER_HOST"):
        return environment["DOCKER_HOST"]
    if sys.platform == "win32":  # a named pipe, which is no socket
        return None
    return next((f"unix://{path}" for name in SOCKETS if (path := Path(name).expanduser()).exists()), None)


class Engine:
    """One engine. Every method raises PollFailed within the deadline; a stream lasts until `end_streams` or `close`."""

    def __init__(self, address: str) -> None:
        scheme, _, place = address.partition("://")
        if scheme not in ("unix", "tcp", "http"):
            raise PollFailed("error", f"{without_credentials(address)} is neither unix:// nor tcp://")
        transport = httpx.HTTPTransport(uds=place if scheme == "unix" else None)
        base = "http://docker" if scheme == "unix" else f"http://{place}"
        self._client = httpx.Client(transport=transport, base_url=base, timeout=DEADLINE_S, trust_env=False)
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._closed = False

    def ask(self, path: str, **parameters: Any) -> Any:
        """Return the answer of a GET as parsed JSON."""
        try:
            return _answer(self._client.get(path, params=parameters))
        except httpx.HTTPError as error:
            raise failure_of(error) from error

    @contextmanager
    def stream(self, path: str, **parameters: Any) -> Iterator[Iterator[bytes]]:
        """Yield the answer of a GET piece by piece, until the engine ends it."""
        if self._closed:
            raise PollFailed("closed", "the connection to the engine was closed")
        timeout = httpx.Timeout(DEADLINE_S, read=None)
        try:
            with self._client.stream("GET", path, params=parameters, timeout=timeout) as response:
                if response.is_error:
                    response.read()
                    _answer(response)
                with self._registered(response):
                    yield response.iter_raw()
        except httpx.HTTPError as error:
            raise failure_of(error) from error

    def close(self) -> None:
        """End every stream and close the connections."""
        self.end_streams()
        self._client.close()

    def end_streams(self) -> None:
        """End every stream, and refuse new ones; any thread may call it."""
        with self._lock:
            self._closed = True
            for connection in self._open:
                with suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)

    @contextmanager
    def _registered(self, response: httpx.Response) -> Iterator[None]:
        """Register the stream's socket, because only a shutdown of the socket ends a read in another thread."""
        connection = response.extensions["network_stream"].get_extra_info("socket")
        with self._lock:
            self._open.add(connection)
            if self._closed:
                connection.shutdown(socket.SHUT_RDWR)
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(connection)


def lines(pieces: Iterable[bytes], framed: bool = False) -> Iterator[str]:
    """Yield the lines of a stream. `framed`: each piece of a log has a header with its stream and its length."""
    rest: dict[int, bytes] = {}
    for stream, piece in _frames(pieces) if framed else ((1, piece) for piece in pieces):
        *whole, rest[stream] = (rest.get(stream, b"") + piece).split(b"\n")
        for line in whole:
            yield line.decode("utf-8", "replace")


def _frames(pieces: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    held = b""
    for piece in pieces:
        held += piece
        while len(held) >= 8:
            if held[0] not in STREAMS or held[1:4] != b"\0\0\0":
                return  # not a frame, so the rest cannot be read
            end = 8 + int.from_bytes(held[4:8], "big")
            if len(held) < end:
                break
            yield held[0], held[8:end]
            held = held[end:]


def _answer(response: httpx.Response) -> Any:
    try:
        answer = response.json()
    except json.JSONDecodeError:
        answer = None
    if response.is_error:
        message = answer.get("message") if isinstance(answer, dict) else None
        raise PollFailed("error", str(message or f"HTTP {response.status_code}"), {"http": response.status_code})
    return answer
