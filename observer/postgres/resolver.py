"""A resolver that looks names up in helper threads, so that a silent DNS server delays no caller."""

import ipaddress
import socket
import threading
from collections.abc import Callable, Sequence

from observer.model.recording import SECOND_NS

_VALID_NS = 5 * SECOND_NS  # an older answer is used, and looked up again in the background
_TRY_AGAIN_NS = SECOND_NS  # a failed lookup is repeated after this


class Unresolved(Exception):
    """A name without a known address; the text is one sentence that contains the name."""


class Resolver:
    """Resolve names to addresses in helper threads, and keep the last good answer.

    A helper thread calls `woken` after each lookup. Thread-safe.
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
        self._started_ns: dict[str, int] = {}
        self._running: set[str] = set()

    def addresses(self, host: str) -> tuple[str, ...] | None:
        """Return all addresses of a name, in the system's order; None while the first lookup runs. Never wait.

        Raise Unresolved if the last lookup failed and none succeeded before.
        """
        if _needs_no_lookup(host):
            return (host,)
        with self._lock:
            age_ns = self._now_ns() - self._started_ns.get(host, -_VALID_NS)
            stale = age_ns >= (_TRY_AGAIN_NS if host in self._failed else _VALID_NS)
            if stale and host not in self._running:
                self._running.add(host)
                self._started_ns[host] = self._now_ns()
                # A daemon thread: the process may end while the system's resolver still waits.
                threading.Thread(target=self._resolve, args=(host,), name=f"resolve {host}", daemon=True).start()
            if host in self._good:
                return self._good[host]
            if host in self._failed:
                raise Unresolved(self._failed[host])
            return None

    def _resolve(self, host: str) -> None:
        try:
            found, error = tuple(self._look_up(host)), ""
        except (OSError, UnicodeError) as failure:  # "a..b" is not a valid name
            why = getattr(failure, "strerror", None) or failure
            found, error = (), f'could not translate host name "{host}" to address: {why}'
        with self._lock:
            self._running.discard(host)
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
