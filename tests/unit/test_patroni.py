"""Patroni's REST API, versions 3 and 4, from servers of the test's own."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from observer.model.recording import Event
from observer.sources import patroni
from observer.sources.patroni import answer_of, base
from observer.sources.polling import ANONYMOUS, Access, PollFailed
from observer.sources.web import Target

PRIMARY_3: dict[str, Any] = {
    "state": "running",
    "postmaster_start_time": "2026-11-22 22:38:40.268144+00:00",
    "role": "master",
    "server_version": 150018,
    "xlog": {"location": 67667976},
    "timeline": 1,
    "replication": [
        {"usename": "replicator", "application_name": "patroni3", "state": "streaming", "sync_state": "async"},
        {"usename": "replicator", "application_name": "patroni2", "state": "streaming", "sync_state": "async"},
    ],
    "dcs_last_seen": 1795387535,
    "patroni": {"version": "3.0.2", "scope": "demo"},
}
REPLICA_4: dict[str, Any] = {
    "state": "running",
    "role": "replica",
    "server_version": 170002,
    "xlog": {"received_location": 5, "replayed_location": 5, "paused": False},
    "timeline": 2,
    "replication_state": "streaming",
    "pause": True,
    "patroni": {"version": "4.0.4", "scope": "demo", "name": "patroni2"},
}


def test_master_is_called_primary_and_its_standbys_stand_in_one_order() -> None:
    member = answer_of(200, PRIMARY_3).member
    assert member.role == "primary"
    assert asdict(member)["replication"] == [
        {"application_name": "patroni2", "state": "streaming", "sync_state": "async"},
        {"application_name": "patroni3", "state": "streaming", "sync_state": "async"},
    ]
    turned = {**PRIMARY_3, "replication": PRIMARY_3["replication"][::-1]}
    assert answer_of(200, turned).member == member


def test_positions_and_the_last_sight_of_etcd_are_no_part_of_the_member() -> None:
    moved = {**PRIMARY_3, "xlog": {"location": 9}, "dcs_last_seen": 1}
    assert answer_of(200, moved).member == answer_of(200, PRIMARY_3).member
    assert answer_of(200, moved).positions == {"location": 9, "dcs_last_seen": 1}


def test_a_replica_of_patroni_4_is_read_as_well() -> None:
    detail = asdict(answer_of(200, REPLICA_4).member)
    assert (detail["role"], detail["patroni_version"], detail["pause"], detail["replication"]) == (
        "replica",
        "4.0.4",
        True,
        [],
    )


def test_a_member_without_postgresql_reports_what_it_knows() -> None:
    detail = asdict(answer_of(503, {"state": "stopped", "role": "master", "patroni": {"version": "3.0.2"}}).member)
    assert (detail["state"], detail["role"], detail["timeline"], detail["http"]) == ("stopped", "primary", None, 503)


def test_an_api_url_is_used_up_to_its_port() -> None:
    assert base("http://127.0.0.1:8211/patroni") == "http://127.0.0.1:8211"
    assert base("https://h:8008") == "https://h:8008"


@contextlib.contextmanager
def serving(*answers: bytes | None) -> Iterator[tuple[str, list[bytes]]]:
    """Serve each connection the next answer and close it; None: answer nothing and leave it open."""
    asked: list[bytes] = []
    kept: list[socket.socket] = []

    def serve() -> None:
        for answer in answers:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            asked.append(connection.recv(65536))
            if answer is None:
                kept.append(connection)
                continue
            connection.sendall(answer)
            connection.close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", asked
    for connection in kept:
        connection.close()


def http(body: bytes, code: int = 200) -> bytes:
    return b"HTTP/1.0 %d X\r\nContent-Length: %d\r\n\r\n%s" % (code, len(body), body)


def polled(url: str, count: int, access: Access = ANONYMOUS) -> list[Event]:
    events: list[Event] = []
    job = patroni.job("p1", url, 250, events.append, iter(range(1000)).__next__, access)
    for _ in range(count):
        job.run()
    return events


def test_a_member_is_recorded_once_and_again_when_it_changes() -> None:
    same, other = http(json.dumps(PRIMARY_3).encode()), http(json.dumps({**PRIMARY_3, "timeline": 2}).encode())
    with serving(same, same, other) as (url, asked):
        events = polled(url + "/patroni", 3)
    assert [(event.kind, event.subject, event.detail.get("timeline")) for event in events] == [
        ("member.changed", "p1", 1),
        ("replication.sampled", "p1", None),
        ("member.changed", "p1", 2),
    ]
    assert asked[0].startswith(b"GET /patroni HTTP/1.1\r\n")


def test_503_with_a_document_is_an_answer_and_503_without_one_is_not() -> None:
    with serving(http(b'{"state": "starting"}', 503), http(b"<html>", 503)) as (url, _):
        changed, blind = polled(url, 2)
    assert (changed.kind, changed.detail["state"], changed.detail["http"]) == ("member.changed", "starting", 503)
    assert (blind.kind, blind.detail["how"], blind.detail["http"]) == ("source.blind", "error", 503)


def test_a_closed_connection_differs_from_a_refused_one() -> None:
    with serving(b"", b"") as (url, _):
        assert polled(url, 1)[0].detail["how"] == "closed"
    assert polled(url, 1)[0].detail["how"] == "refused"


def test_a_server_that_accepts_and_never_answers_is_silent_within_the_deadline() -> None:
    with serving(None) as (url, _), pytest.raises(PollFailed) as failure:
        Target(deadline_s=0.2).get(url)
    assert failure.value.how == "silent"


def test_a_server_that_drips_its_answer_is_silent_too() -> None:
    over = threading.Event()

    def drip() -> None:
        connection, _ = listener.accept()
        connection.recv(65536)
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.0 200 X\r\nContent-Length: 900\r\n\r\n")
            while not over.wait(0.05):
                connection.sendall(b"x")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        with pytest.raises(PollFailed) as failure:
            Target(deadline_s=0.3).get(f"http://127.0.0.1:{listener.getsockname()[1]}/")
        over.set()
        thread.join(10)
    assert failure.value.how == "silent"


def test_a_persistent_connection_that_grew_old_is_replaced_without_a_failure() -> None:
    kept = b"HTTP/1.1 200 X\r\nContent-Length: 2\r\n\r\n{}"
    with serving(kept, kept) as (url, asked):
        target = Target()
        assert target.get(url) == (200, b"{}")
        assert target.get(url) == (200, b"{}")
    assert len(asked) == 2


def test_credentials_are_sent_and_the_environments_proxies_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with serving(http(b"{}")) as (url, asked):
        polled(url, 1, Access("me", "pw"))
    assert b"Authorization: Basic bWU6cHc=" in asked[0]


def test_the_cluster_is_captured_from_the_first_member_that_answers() -> None:
    events: list[Event] = []
    members = http(b'{"members": [{"name": "p2", "role": "leader"}]}')
    with serving(members, http(b'{"ttl": 30}')) as (url, _):
        dead = "http://127.0.0.1:1/patroni"
        assert patroni.capture({"p1": dead, "p2": url}, events.append, lambda: 0)
        assert not patroni.capture({"p1": dead}, events.append, lambda: 0)
    assert [(event.kind, dict(event.detail)) for event in events] == [
        (
            "cluster.captured",
            {"members": [{"name": "p2", "role": "leader"}], "config": {"ttl": 30}, "from": "p2"},
        )
    ]


def test_a_name_that_cannot_be_resolved_is_recorded_as_that() -> None:
    with pytest.raises(PollFailed) as failure:
        Target().get("http://no-such-host.invalid/")
    assert failure.value.how == "unresolved"


def test_every_address_of_a_name_is_tried_and_the_host_keeps_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("observer.postgres.resolver._look_up", lambda host: ["127.0.0.2", "127.0.0.1"])
    with serving(http(b"{}")) as (url, asked):
        port = url.rpartition(":")[2]
        assert Target().get(f"http://db.example:{port}/") == (200, b"{}")
    assert f"Host: db.example:{port}".encode() in asked[0]


def test_a_resolver_that_never_answers_holds_up_a_poll_no_longer_than_its_deadline(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    over = threading.Event()
    monkeypatch.setattr("observer.postgres.resolver._look_up", lambda host: [str(over.wait(10))])
    with pytest.raises(PollFailed) as failure:
        Target(deadline_s=0.1).get("http://db.example/")
    over.set()
    assert failure.value.how == "unresolved"
