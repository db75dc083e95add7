"""The addresses of the members: from the configuration, from etcd, and as PostgreSQL reports them."""

from __future__ import annotations

import pytest

from observer.model.recording import Event, Window
from observer.recording.members import Members


@pytest.fixture
def used() -> list[tuple[str, str, str]]:
    return []


def members_of(
    used: list[tuple[str, str, str]], api: dict[str, str] | None, postgres: dict[str, str] | None
) -> Members:
    return Members(
        api,
        postgres,
        lambda name, url: used.append(("api", name, url)),
        lambda name, dsn: used.append(("postgres", name, dsn)),
    )


def changed(name: str, port: int) -> Event:
    urls = {"api_url": f"http://10.0.0.1:{port}/patroni", "conn_url": f"postgres://10.0.0.1:{port + 1}/postgres"}
    return Event("etcd", "member.changed", name, Window.at(0), urls)


def test_a_member_that_appears_in_etcd_is_used_once(used: list[tuple[str, str, str]]) -> None:
    members = members_of(used, None, None)
    members.observe(changed("a", 8008))
    members.observe(changed("a", 8008))
    assert used == [
        ("postgres", "a", "postgres://10.0.0.1:8009/postgres"),
        ("api", "a", "http://10.0.0.1:8008/patroni"),
    ]
    members.observe(changed("a", 9000))
    assert used[2:] == [
        ("postgres", "a", "postgres://10.0.0.1:9001/postgres"),
        ("api", "a", "http://10.0.0.1:9000/patroni"),
    ]


def test_addresses_of_the_configuration_override_those_of_etcd(used: list[tuple[str, str, str]]) -> None:
    members = members_of(used, {"a": "http://127.0.0.1:1"}, {})
    members.add_configured()
    members.observe(changed("a", 8008))
    assert used == [("api", "a", "http://127.0.0.1:1")]


def test_a_server_is_named_by_the_address_that_it_reports_or_else_by_that_in_etcd(
    used: list[tuple[str, str, str]],
) -> None:
    members = members_of(used, None, None)
    members.observe(changed("a", 8008))
    members.observe(Event("postgres", "identity.learned", "b", Window.at(0), {"address": "172.18.0.3:5432"}))
    assert members.name_of("10.0.0.1:8009") == "a"
    assert members.name_of("172.18.0.3:5432") == "b"
    assert members.name_of("172.18.0.9:5432") is None
