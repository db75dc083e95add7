"""The status of a recording: what is printed is known at this moment, and what is not is unknown."""

from __future__ import annotations

from typing import Any

from observer.live.status import down_of, leader_of
from observer.model.recording import Event, Window

PAGE = "http://127.0.0.1:7001/"


def event(source: str, kind: str, subject: str, **detail: Any) -> Event:
    return Event(source, kind, subject, Window.at(0), detail)


def route(kind: str, subject: str, page: str = PAGE, **detail: Any) -> Event:
    return event("haproxy", kind, subject, page=page, **detail)


SEEN = event("etcd", "leader.seen", "patroni1")
LOST = event("etcd", "leader.lost", "patroni1")
BLIND = event("etcd", "source.blind", "watch", how="refused")
SEES = event("etcd", "source.sees", "watch", how="refused")
PRIMARY = event("patroni", "member.changed", "patroni1", role="primary")
REPLICA = event("patroni", "member.changed", "patroni1", role="replica")


class TestTheLeader:
    def test_is_who_holds_the_key(self) -> None:
        assert leader_of([SEEN, LOST, event("etcd", "leader.elected", "patroni2")]) == "patroni2"

    def test_is_nobody_where_the_key_is_known_to_be_empty_and_unknown_where_nothing_was_seen(self) -> None:
        assert leader_of([SEEN, LOST]) == ""
        assert leader_of([]) is None

    def test_is_unknown_while_etcd_cannot_be_watched_and_no_patroni_calls_itself_the_primary(self) -> None:
        assert leader_of([SEEN, BLIND]) is None
        assert leader_of([SEEN, PRIMARY, BLIND, REPLICA]) is None
        assert leader_of([SEEN, BLIND, SEES]) == "patroni1"

    def test_is_then_the_one_that_patroni_calls_the_primary_where_it_is_seen(self) -> None:
        assert leader_of([SEEN, PRIMARY, BLIND]) == "patroni1"
        assert leader_of([SEEN, PRIMARY, BLIND, event("patroni", "source.blind", "patroni1", how="silent")]) is None
        assert leader_of([PRIMARY, BLIND, event("patroni", "member.changed", "patroni2", role="primary")]) is None


class TestWhatIsDown:
    def test_is_what_cannot_be_seen(self) -> None:
        gone = event("patroni", "source.blind", "patroni1", how="refused")
        assert down_of([gone]) == ["patroni1 (patroni: refused)"]
        assert down_of([gone, event("patroni", "source.sees", "patroni1")]) == []

    def test_is_a_pool_with_nobody_to_send_clients_to(self) -> None:
        up, down = route("route.up", "primary/a"), route("route.down", "primary/b")
        assert down_of([up, down]) == []
        assert down_of([up, down, route("route.down", "primary/a")]) == ["no server of the pool primary is up"]

    def test_is_the_pool_of_one_proxy_though_that_of_another_has_a_server(self) -> None:
        up, down = route("route.up", "primary/a"), route("route.down", "primary/a", page="http://127.0.0.1:7002/")
        assert down_of([up, down]) == ["no server of the pool primary is up"]

    def test_is_no_pool_while_its_page_cannot_be_read_and_no_server_that_vanished_from_it(self) -> None:
        down = route("route.down", "primary/a")
        unread = event("haproxy", "source.blind", PAGE, how="refused")
        assert down_of([down, unread]) == [f"{PAGE} (haproxy: refused)"]
        assert down_of([down, route("route.down", "primary/a", status="gone")]) == []

    def test_is_the_quorum_of_etcd(self) -> None:
        lost = event("etcd", "quorum.lost", "etcd")
        assert down_of([lost]) == ["etcd has no quorum"]
        assert down_of([lost, event("etcd", "quorum.regained", "etcd")]) == []
