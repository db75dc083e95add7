"""One GET with a hard deadline, and the way it failed; for the sources that use HTTP."""

from __future__ import annotations

import errno
import ssl
import threading
import time
import weakref
from typing import Any

import httpx

from observer.postgres.resolver import Resolver, Unresolved
from observer.sources.polling import ANONYMOUS, Access, PollFailed

DEADLINE_S = 1.0
BODY_BYTES = 8 << 20


class Target:
    """One HTTP server with one persistent connection. Proxies of the environment are ignored, redirects not followed.

    Raise OSError if a certificate file cannot be read.
    """

    def __init__(self, access: Access = ANONYMOUS, deadline_s: float = DEADLINE_S) -> None:
        self._deadline_s = deadline_s
        auth = (access.user, access.password or "") if access.user else None
        self._client = httpx.Client(
            auth=auth,
            verify=trust(access),
            trust_env=False,
            limits=httpx.Limits(max_connections=2, max_keepalive_connections=1, keepalive_expiry=30),
        )
        weakref.finalize(self, self._client.close)  # a job has no end at which it could close its target
        self._resolved = threading.Event()
        self._resolver = Resolver(time.monotonic_ns, self._resolved.set)

    def get(self, url: str) -> tuple[int, bytes]:
        """Return status and body of a GET, whatever the status. Raise PollFailed within the deadline."""
        remaining = _Remaining(self._deadline_s)
        try:
            try:
                return self._get(httpx.URL(url), remaining)
            except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
                # Only the persistent connection may be broken, so the result of a new one counts.
                return self._get(httpx.URL(url), remaining)
        except httpx.HTTPError as error:
            raise failure_of(error) from error

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _get(self, url: httpx.URL, remaining: _Remaining) -> tuple[int, bytes]:
        """Return the answer of the first address that does not refuse."""
        *others, last = self._addresses(url.host, remaining)
        for address in others:
            try:
                return self._get_from(address, url, remaining)
            except httpx.ConnectError:
                continue
        return self._get_from(last, url, remaining)

    def _get_from(self, address: str, url: httpx.URL, remaining: _Remaining) -> tuple[int, bytes]:
        request = self._client.build_request(
            "GET",
            url.copy_with(host=address),
            headers={"Host": url.netloc.decode()},
            extensions={"timeout": remaining, "sni_hostname": url.host},
        )
        response = self._client.send(request, stream=True)
        try:
            body = bytearray()
            for part in response.iter_bytes():
                body += part
                if len(body) > BODY_BYTES or remaining.over():
                    raise httpx.ReadTimeout(f"{len(body)} bytes after {self._deadline_s:g} s, and no end of the answer")
            return response.status_code, bytes(body)
        finally:
            response.close()

    def _addresses(self, host: str, remaining: _Remaining) -> tuple[str, ...]:
        """Resolve a name; the system's resolver may take far longer than the deadline, so wait no longer than that."""
        while True:
            self._resolved.clear()
            try:
                found = self._resolver.addresses(host)
            except Unresolved as error:
                raise PollFailed("unresolved", str(error)) from error
            if found:
                return found
            if not self._resolved.wait(remaining.get("resolve")):
                raise PollFailed("unresolved", f'no address for "{host}" within {self._deadline_s:g} s')


class _Remaining(dict[str, Any]):
    """Timeouts for httpx that together keep one deadline: each stage gets what the earlier ones left."""

    def __init__(self, deadline_s: float) -> None:
        super().__init__()
        self._until = time.monotonic() + deadline_s

    def get(self, _key: str, _default: Any = None) -> float:
        return max(0.001, self._until - time.monotonic())

    def over(self) -> bool:
        return time.monotonic() > self._until


def failure_of(error: httpx.HTTPError) -> PollFailed:
    """Return how a request failed, from the exception and the operating system's error that caused it."""
    text = str(error) or type(error).__name__
    if isinstance(error, httpx.ConnectTimeout | httpx.PoolTimeout):
        return PollFailed("connect_timeout", text)
    if isinstance(error, httpx.TimeoutException):
        return PollFailed("silent", text)
    if isinstance(error, httpx.ConnectError):
        return PollFailed(_how_of_connect(error), text)
    if isinstance(error, httpx.RemoteProtocolError | httpx.ReadError | httpx.WriteError | httpx.CloseError):
        return PollFailed("closed", text)
    return PollFailed("error", text)


def _how_of_connect(error: BaseException) -> str:
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConnectionRefusedError):
            return "refused"
        if isinstance(cause, ssl.SSLError):
            return "error"
        if isinstance(cause, ConnectionResetError):
            return "closed"
        if isinstance(cause, OSError) and cause.errno in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN):
            return "unreachable"
        cause = cause.__cause__ or cause.__context__
    return "error"


def trust(access: Access) -> ssl.SSLContext | bool:
    """Return the TLS settings: the trusted CA and the client certificate. Raise OSError if a file cannot be used."""
    if access.ca is None and access.cert is None:
        return True
    context = ssl.create_default_context(cafile=access.ca)
    if access.cert is not None:
        context.load_cert_chain(access.cert, access.key)
    return context
