"""One member of etcd, through python-etcd3: the only module that imports it.

Its generated code works with today's protobuf only if protobuf's Python implementation is chosen before the import. Its
Watcher reopens its stream forever and cannot be stopped cleanly, and its `status` drops the header with the revision;
so the watch and the status use its stubs.
"""

from __future__ import annotations

import os
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

from observer.sources.keys import Change, Key, Snapshot
from observer.sources.polling import ANONYMOUS, Access, PollFailed
from observer.sources.quorum import Status

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failures are recorded, not printed

import etcd3
import grpc
from etcd3 import etcdrpc
from etcd3.etcdrpc.kv_pb2 import Event

TIMEOUT_S = 1.0
PROBE_S = 0.3
NEEDS_LEADER = (("hasleader", "true"),)  # without this, requests wait and watches are silent while there is no leader
CHANNEL = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),  # the limit of one connection attempt
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 10_000),  # etcd disconnects a client that pings more often than every 5 s
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.enable_http_proxy", 0),
)
# How a connection fails, by words of gRPC's message in lower case.
WORDS = {
    "refused": "refused",
    "unreachable": "unreachable|no route",
    "unresolved": "dns|name resolution",
    "connect_timeout": "timed out|timeout",
    "closed": "reset|broken pipe|closed|goaway",
}
REFUSED = ("authentication failed", "user name is empty", "permission denied")


class AccessRefused(PollFailed):
    """etcd refused the user, the password, or the request without them."""


class Compacted(Exception):
    """etcd no longer holds the requested revision."""


class Stream:
    """Changes as they happen, in batches; any thread may call `cancel`.

    A batch holds whole revisions. The first batch is empty and means that the watch runs.
    """

    def __init__(self, endpoint: Endpoint, create: Any) -> None:
        self._endpoint = endpoint
        self._create = create
        self._over = threading.Event()
        self._call = endpoint.open_watch(self._requests())

    def __iter__(self) -> Iterator[tuple[Change, ...]]:
        """Raise PollFailed if the stream breaks or is cancelled, Compacted if its first revision is gone."""
        try:
            for answer in self._call:
                if answer.compact_revision:
                    raise Compacted
                if answer.canceled:
                    raise PollFailed("error", answer.cancel_reason or "etcd cancelled the watch")
                if answer.events or answer.created:
                    yield tuple(_change(event) for event in answer.events)
            raise PollFailed("closed", "etcd ended the watch")
        except grpc.RpcError as error:
            raise self._endpoint.failure_of(error) from error
        finally:
            self.cancel()

    def cancel(self) -> None:
        """End the stream."""
        self._over.set()
        self._call.cancel()

    def _requests(self) -> Iterator[Any]:
        yield self._create
        self._over.wait()  # the end of the requests would end the watch


class Endpoint:
    """One member of etcd at "host:port". Every call returns or raises PollFailed in about a second.

    Raise OSError if a certificate file cannot be read.
    """

    def __init__(self, address: str, access: Access = ANONYMOUS) -> None:
        self.address = address
        self._host, _, self._port = address.rpartition(":")
        self._access = access
        self._client = etcd3.client(
            host=self._host,
            port=int(self._port),
            ca_cert=access.ca,
            cert_cert=access.cert,
            cert_key=access.key,
            timeout=TIMEOUT_S,
            grpc_options=CHANNEL,
        )
        self._watches = etcdrpc.WatchStub(self._client.channel)
        self._token: tuple[tuple[str, str], ...] = ()

    def read(self, prefix: str, keys_only: bool = False, stale: bool = False) -> Snapshot:
        """Return all keys under a prefix; `stale`: as this member knows them, which needs no leader."""
        request = etcdrpc.RangeRequest(**_range(prefix), keys_only=keys_only, serializable=stale)
        answer = self._ask(self._client.kvstub.Range, request, () if stale else NEEDS_LEADER)
        return Snapshot(tuple(_key(kv) for kv in answer.kvs), answer.header.revision, answer.header.cluster_id)

    def status(self) -> Status:
        """Return the member's status."""
        answer = self._ask(self._client.maintenancestub.Status, etcdrpc.StatusRequest())
        return Status(
            answer.header.member_id, answer.leader, answer.raftTerm, answer.header.revision, str(answer.version)
        )

    def advertised(self) -> tuple[str, ...]:
        """Return the client addresses that the members advertise, as "host:port"."""
        urls = (url for member in self._members() for url in member.clientURLs)
        return tuple(url.partition("://")[2].rstrip("/") for url in urls)

    def identity(self, member: int) -> dict[str, str | list[str]]:
        """Return {name, client_urls, peer_urls} of a member; empty if etcd does not answer."""
        with suppress(PollFailed):
            for one in self._members():
                if member == one.ID:
                    return {"name": one.name, "client_urls": list(one.clientURLs), "peer_urls": list(one.peerURLs)}
        return {}

    def time_to_live(self, lease: int) -> tuple[int, int]:
        """Return the remaining and the granted whole seconds of a lease; -1: it is gone."""
        request = etcdrpc.LeaseTimeToLiveRequest(ID=lease)
        answer = self._ask(self._client.leasestub.LeaseTimeToLive, request, NEEDS_LEADER)
        return answer.TTL, answer.grantedTTL

    def watch(self, prefix: str, revision: int) -> Stream:
        """Return the changes under a prefix from a revision on, for as long as the member has a leader."""
        create = etcdrpc.WatchCreateRequest(**_range(prefix), start_revision=revision)
        self._authenticate()
        return Stream(self, etcdrpc.WatchRequest(create_request=create))

    def open_watch(self, requests: Iterator[Any]) -> Any:
        """Open the call of a Stream."""
        try:
            return self._watches.Watch(requests, metadata=(*NEEDS_LEADER, *self._token))
        except ValueError as error:  # the channel is closed
            raise PollFailed("closed", str(error)) from error

    def close(self) -> None:
        """End all calls and close the connection."""
        self._client.close()

    def failure_of(self, error: grpc.RpcError) -> PollFailed:
        """Return how a call failed. An error of etcd itself is "error"; without an answer, TCP shows more."""
        code, text = error.code(), error.details() or ""
        if code is grpc.StatusCode.UNAUTHENTICATED:
            self._token = ()  # it may have expired: the next call requests another
        refusals = (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED)
        if code in refusals or any(words in text for words in REFUSED):
            return AccessRefused("error", text, {"code": code.name})
        lost = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED, grpc.StatusCode.CANCELLED)
        if text.startswith("etcdserver:") or code not in lost:
            return PollFailed("error", text, {"code": code.name})
        if code is grpc.StatusCode.CANCELLED:
            return PollFailed("closed", text)
        if code is grpc.StatusCode.UNAVAILABLE:
            for how, words in WORDS.items():
                if re.search(words, text.lower()):
                    return PollFailed(how, text)
        return PollFailed(how_of_tcp(self._host.strip("[]"), int(self._port)) or "silent", text)

    def _members(self) -> Any:
        return self._ask(self._client.clusterstub.MemberList, etcdrpc.MemberListRequest()).members

    def _ask(self, method: Any, request: Any, metadata: tuple[tuple[str, str], ...] = ()) -> Any:
        had_token = bool(self._token)
        try:
            self._authenticate()
            try:
                return method(request, TIMEOUT_S, metadata=(*metadata, *self._token))
            except grpc.RpcError as error:
                if not had_token or error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            self._token = ()  # an expired token is no refusal: request another one, once
            self._authenticate()
            return method(request, TIMEOUT_S, metadata=(*metadata, *self._token))
        except grpc.RpcError as error:
            raise self.failure_of(error) from error
        except ValueError as error:  # the channel is closed
            raise PollFailed("closed", str(error)) from error

    def _authenticate(self) -> None:
        if self._access.user is None or self._token:
            return
        request = etcdrpc.AuthenticateRequest(name=self._access.user, password=self._access.password or "")
        try:
            answer = etcdrpc.AuthStub(self._client.channel).Authenticate(request, TIMEOUT_S)
        except grpc.RpcError as error:
            if "authentication is not enabled" in (error.details() or ""):
                return
            raise self.failure_of(error) from error
        self._token = (("token", answer.token),)


def how_of_tcp(host: str, port: int) -> str | None:
    """Return how a plain TCP connection fails: refused, unresolved, connect_timeout, unreachable; None if it opens."""
    try:
        socket.create_connection((host, port), PROBE_S).close()
    except ConnectionRefusedError:
        return "refused"
    except (socket.gaierror, UnicodeError):
        return "unresolved"
    except TimeoutError:
        return "connect_timeout"
    except OSError:
        return "unreachable"
    return None


def _range(prefix: str) -> dict[str, bytes]:
    start = prefix.encode()
    return {"key": start, "range_end": etcd3.utils.increment_last_byte(start)}


def _key(kv: Any) -> Key:
    return Key(kv.key.decode("utf-8", "replace"), kv.value, kv.mod_revision, kv.create_revision, kv.lease)


def _change(event: Any) -> Change:
    key = _key(event.kv)
    return Change(key.name, None if event.type == Event.DELETE else key, key.revision)
