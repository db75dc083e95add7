"""Names to addresses in helper threads, so that a silent DNS holds nobody up."""

from __future__ import annotations

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence

from observer.model.recording import SECOND_NS

_FRESH_NS = 5 * SECOND_NS  # a name is looked up again, in the background, when what is known is older
_TRY_AGAIN_NS = SECOND_NS  # and a lookup that failed is tried again after this


class Unresolved(Exception):
    """A name that has no address, as far as is known; the text is one sentence that names it."""


class Resolver:
    """Names to addresses, in helper threads, so that a silent DNS holds nobody up. Keeps the last good answer.

    `woken` is called, from a helper thread, whenever a lookup ended. Thread-safe.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        woken: Callable[[], None] = lambda: None,
        look_up: Callable[[str], Sequence[str]] | None = None,
    ) -> None:
        self._now_ns = now_ns
        self._woken = woken
        self._look_up = look_up or _look_up
        self._lock = threading.Lock()
        self._good: dict[str, tuple[str, ...]] = {}
        self._failed: dict[str, str] = {}
        self._asked_ns: dict[str, int] = {}
        self._asking: set[str] = set()

    def addresses(self, host: str) -> tuple[str, ...] | None:
        """All addresses of a name, in the system's order; None while the first lookup runs. Never waits.

        Raises Unresolved when the last lookup failed and none succeeded before.
        """
        if _needs_no_lookup(host):
            return (host,)
        with self._lock:
            age_ns = self._now_ns() - self._asked_ns.get(host, -_FRESH_NS)
            stale = age_ns >= (_TRY_AGAIN_NS if host in self._failed else _FRESH_NS)
            if stale and host not in self._asking:
                self._asking.add(host)
                self._asked_ns[host] = self._now_ns()
                # A daemon thread: the process may end while the system's resolver still waits.
                threading.Thread(target=self._ask, args=(host,), name=f"resolve {host}", daemon=True).start()
            if host in self._good:
                return self._good[host]
            if host in self._failed:
                raise Unresolved(self._failed[host])
            return None

    def _ask(self, host: str) -> None:
        try:
            found, error = tuple(self._look_up(host)), ""
        except (OSError, UnicodeError) as failure:  # "a..b" cannot even be asked for
            why = getattr(failure, "strerror", None) or failure
            found, error = (), f'could not translate host name "{host}" to address: {why}'
        with self._lock:
            self._asking.discard(host)
            if found:
                self._good[host] = found
                self._failed.pop(host, None)
            else:
                self._failed[host] = error or f'could not translate host name "{host}" to address'
        self._woken()


def _look_up(host: str) -> list[str]:
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


def _needs_no_lookup(host: str) -> bool:
    if not host or host[0] in "/@":
        return True
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
