"""etcd, one member of it at a time, through python-etcd3: the only module that imports it.

Its generated code works with today's protobuf only by protobuf's Python implementation, chosen before the import. Its
own Watcher opens a new stream for ever and cannot be ended in order, and its `status` drops the header with the
revision; so the watch and the status go through its stubs.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from observer.sources.keys import Change, Key, Snapshot
from observer.sources.polling import LookFailed
from observer.sources.quorum import Status

os.environ["PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION"] = "python"
os.environ.setdefault("GRPC_VERBOSITY", "NONE")  # failures are recorded, not printed

import etcd3
import grpc
from etcd3 import etcdrpc
from etcd3.etcdrpc.kv_pb2 import Event

TIMEOUT_S = 1.0
PROBE_S = 0.3
NEEDS_LEADER = (("hasleader", "true"),)  # without it a request waits, and a watch is silent, while there is no leader
CHANNEL = (
    ("grpc.use_local_subchannel_pool", 1),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.min_reconnect_backoff_ms", 1000),  # how long one attempt to connect may take
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.keepalive_time_ms", 10_000),  # etcd hangs up on a client that pings more often than every 5 s
    ("grpc.keepalive_timeout_ms", 2_000),
    ("grpc.max_receive_message_length", 64 << 20),
    ("grpc.enable_http_proxy", 0),
)
# Words of gRPC's message, in lower case, that tell how a connection failed.
HOW_BY_WORD = (
    ("refused", "refused"),
    ("unreachable", "unreachable"),
    ("no route", "unreachable"),
    ("dns", "unresolved"),
    ("name resolution", "unresolved"),
    ("timed out", "connect_timeout"),
    ("timeout", "connect_timeout"),
    ("reset", "closed"),
    ("broken pipe", "closed"),
    ("closed", "closed"),
    ("goaway", "closed"),
)


@dataclass(frozen=True, slots=True)
class Access:
    """User and password, and the files of the CA (which turns TLS on), the client's certificate and its key."""

    user: str | None = None
    password: str | None = None
    ca: str | None = None
    cert: str | None = None
    key: str | None = None


OPEN = Access()  # to everybody


@dataclass(frozen=True, slots=True)
class TimeToLive:
    """Whole seconds that remain of a lease, and those it was granted; -1: it is gone."""

    remaining_s: int
    granted_s: int


class AccessRefused(LookFailed):
    """etcd answers, and refuses the user, the password, or the lack of them."""


class Compacted(Exception):
    """The revision that was asked for is no longer kept."""


class Stream:
    """Changes as they happen, in batches; `cancel` ends it from any thread.

    A batch holds whole revisions. The first is empty: it says that the watch runs.
    """

    def __init__(self, endpoint: Endpoint, create: Any) -> None:
        self._endpoint = endpoint
        self._create = create
        self._over = threading.Event()
        self._call = endpoint.open_watch(self._requests())

    def __iter__(self) -> Iterator[tuple[Change, ...]]:
        """Raises LookFailed when the stream breaks or is cancelled, Compacted when its start is no longer kept."""
        try:
            for answer in self._call:
                if answer.compact_revision:
                    raise Compacted
                if answer.canceled:
                    raise LookFailed("error", answer.cancel_reason or "etcd cancelled the watch")
                if answer.events or answer.created:
                    yield tuple(_change(event) for event in answer.events)
            raise LookFailed("closed", "etcd ended the watch")
        except grpc.RpcError as error:
            raise self._endpoint.failure_of(error) from error
        finally:
            self.cancel()

    def cancel(self) -> None:
        """Ends the stream."""
        self._over.set()
        self._call.cancel()

    def _requests(self) -> Iterator[Any]:
        yield self._create
        self._over.wait()  # etcd takes the end of the requests for the end of the watch


class Endpoint:
    """One member of etcd at "host:port". Every call returns or raises LookFailed in about a second.

    Raises OSError if a file of the certificates cannot be read.
    """

    def __init__(self, address: str, access: Access = OPEN) -> None:
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
        """All keys under a prefix; `stale`: as this member knows them, which needs no leader."""
        start = prefix.encode()
        request = etcdrpc.RangeRequest(
            key=start, range_end=etcd3.utils.increment_last_byte(start), keys_only=keys_only, serializable=stale
        )
        answer = self._ask(self._client.kvstub.Range, request, () if stale else NEEDS_LEADER)
        return Snapshot(tuple(_key(kv) for kv in answer.kvs), answer.header.revision, answer.header.cluster_id)

    def status(self) -> Status:
        """What the member says of itself and of its leader."""
        answer = self._ask(self._client.maintenancestub.Status, etcdrpc.StatusRequest())
        return Status(
            answer.header.member_id, answer.leader, answer.raftTerm, answer.header.revision, str(answer.version)
        )

    def advertised(self) -> tuple[str, ...]:
        """Where the members of its cluster say that they listen for clients, as "host:port"."""
        answer = self._ask(self._client.clusterstub.MemberList, etcdrpc.MemberListRequest())
        urls = (url for member in answer.members for url in member.clientURLs)
        return tuple(url.partition("://")[2].rstrip("/") for url in urls)

    def identity(self, member: int) -> dict[str, str | list[str]]:
        """What etcd says of a member, {name, client_urls, peer_urls}; empty where it does not answer."""
        try:
            answer = self._ask(etcdrpc.ClusterStub(self._client.channel).MemberList, etcdrpc.MemberListRequest())
        except LookFailed:
            return {}
        own = [one for one in answer.members if member == one.ID]
        if not own:
            return {}
        return {"name": own[0].name, "client_urls": list(own[0].clientURLs), "peer_urls": list(own[0].peerURLs)}

    def time_to_live(self, lease: int) -> TimeToLive:
        """How long a lease has to live."""
        request = etcdrpc.LeaseTimeToLiveRequest(ID=lease)
        answer = self._ask(self._client.leasestub.LeaseTimeToLive, request, NEEDS_LEADER)
        return TimeToLive(answer.TTL, answer.grantedTTL)

    def watch(self, prefix: str, revision: int) -> Stream:
        """Changes under a prefix from a revision on, for as long as the member has a leader."""
        start = prefix.encode()
        create = etcdrpc.WatchCreateRequest(
            key=start, range_end=etcd3.utils.increment_last_byte(start), start_revision=revision
        )
        self._authenticate()
        return Stream(self, etcdrpc.WatchRequest(create_request=create))

    def open_watch(self, requests: Iterator[Any]) -> Any:
        """The stream's call, for Stream."""
        try:
            return self._watches.Watch(requests, metadata=(*NEEDS_LEADER, *self._token))
        except ValueError as error:  # the channel is closed
            raise LookFailed("closed", str(error)) from error

    def close(self) -> None:
        """Ends all calls and closes the connection."""
        self._client.close()

    def failure_of(self, error: grpc.RpcError) -> LookFailed:
        """How a call failed. What etcd itself says is "error"; of a call without an answer, TCP tells more."""
        code, text = error.code(), error.details() or ""
        if code is grpc.StatusCode.UNAUTHENTICATED:
            self._token = ()  # grown old, perhaps: the next call asks for another
        if code in (grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED) or _is_refusal(text):
            return AccessRefused("error", text, {"code": code.name})
        if text.startswith("etcdserver:") or code not in (
            grpc.StatusCode.UNAVAILABLE,
            grpc.StatusCode.DEADLINE_EXCEEDED,
            grpc.StatusCode.CANCELLED,
        ):
            return LookFailed("error", text, {"code": code.name})
        if code is grpc.StatusCode.CANCELLED:
            return LookFailed("closed", text)
        if code is grpc.StatusCode.UNAVAILABLE:
            for word, how in HOW_BY_WORD:
                if word in text.lower():
                    return LookFailed(how, text)
        return LookFailed(how_of_tcp(self._host.strip("[]"), int(self._port)) or "silent", text)

    def _ask(self, method: Any, request: Any, metadata: tuple[tuple[str, str], ...] = ()) -> Any:
        had_one = bool(self._token)
        try:
            self._authenticate()
            try:
                return method(request, TIMEOUT_S, metadata=(*metadata, *self._token))
            except grpc.RpcError as error:
                if not had_one or error.code() is not grpc.StatusCode.UNAUTHENTICATED:
                    raise
            self._token = ()  # it has grown old, which is no refusal: another one is asked for, once
            self._authenticate()
            return method(request, TIMEOUT_S, metadata=(*metadata, *self._token))
        except grpc.RpcError as error:
            raise self.failure_of(error) from error
        except ValueError as error:  # the channel is closed
            raise LookFailed("closed", str(error)) from error

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
    """How a plain connection fails now: refused, unresolved, connect_timeout, unreachable; None: it is accepted."""
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


def _is_refusal(text: str) -> bool:
    return any(words in text for words in ("authentication failed", "user name is empty", "permission denied"))


def _key(kv: Any) -> Key:
    return Key(kv.key.decode("utf-8", "replace"), kv.value, kv.mod_revision, kv.create_revision, kv.lease)


def _change(event: Any) -> Change:
    key = _key(event.kv)
    return Change(key.name, None if event.type == Event.DELETE else key, key.revision)
