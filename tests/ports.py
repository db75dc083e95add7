"""Ports for servers that tests start themselves."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Above those of the session's cluster and below those that systems give to clients, 32768 and up on Linux: there, while
# a server is down, a client's connection may take its port, even one that meant to reach it and met itself.
_ORDER = iter(random.sample(range(30_000, 32_768), 2_768))


def free_port() -> int:
    """A port that nobody holds and that was given to no test before."""
    return next(port for port in _ORDER if is_free(port))


def is_free(port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((HOST, port))
        except OSError:
            return False
    return True
