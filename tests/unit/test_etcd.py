"""One member of etcd with scripted answers: expired tokens, and names that do not resolve."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from etcd3 import etcdrpc

from observer.sources.etcd import AccessRefused, Endpoint, how_of_tcp
from observer.sources.polling import Access


class Refused(grpc.RpcError):  # type: ignore[misc]  # grpc has no types
    """What etcd says to a token that it does not know."""

    def code(self) -> grpc.StatusCode:
        return grpc.StatusCode.UNAUTHENTICATED

    def details(self) -> str:
        return "etcdserver: invalid auth token"


class Member:
    """Gives the tokens "1", "2", ... and answers to those that it holds good."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given = 0
        self.good: set[str] = set()
        monkeypatch.setattr(etcdrpc, "AuthStub", lambda _: SimpleNamespace(Authenticate=self.authenticate))
        self.endpoint = Endpoint("127.0.0.1:1", Access("me", "secret"))
        self.endpoint._client = SimpleNamespace(channel=None, kvstub=SimpleNamespace(Range=self.range))

    def authenticate(self, *_: Any) -> SimpleNamespace:
        self.given += 1
        return SimpleNamespace(token=str(self.given))

    def range(self, *_: Any, metadata: tuple[tuple[str, str], ...]) -> SimpleNamespace:
        if dict(metadata)["token"] not in self.good:
            raise Refused
        return SimpleNamespace(kvs=[], header=SimpleNamespace(revision=7, cluster_id=1))


def test_a_token_that_has_grown_old_is_replaced_and_the_poll_succeeds(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    member.good = {"1"}
    assert member.endpoint.read("/").revision == 7
    member.good = {"2"}
    assert member.endpoint.read("/").revision == 7
    assert member.given == 2


def test_a_token_that_is_refused_though_it_is_new_is_a_refusal(monkeypatch: pytest.MonkeyPatch) -> None:
    member = Member(monkeypatch)
    with pytest.raises(AccessRefused):
        member.endpoint.read("/")
    assert member.given == 1


def test_a_name_that_is_none_is_unresolved() -> None:
    assert how_of_tcp("a..b", 1) == "unresolved"
