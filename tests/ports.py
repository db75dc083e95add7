"""Ports for the servers that tests start."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"
# Above the ports of the session's cluster, and below those of client connections (32768 and up on Linux): a client
# could take the port of a server that is down, and even connect to itself.
_ORDER = iter(random.sample(range(30_000, 32_768), 2_768))


def free_port() -> int:
    """Return a port that no process holds and that no test was given before."""
    return next(port for port in _ORDER if is_free(port))


def is_free(port: int) -> bool:
    """Return whether a server could listen there now."""
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((HOST, port))
        except OSError:
            return False
    return True
