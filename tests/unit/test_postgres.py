"""The PostgreSQL source: how a member is reached, and what is worth an event."""

from __future__ import annotations

from dataclasses import replace

import pytest
from psycopg2.extensions import parse_dsn

from observer.postgres.session import DsnError
from observer.sources.postgres import Member, PollResult, direct_dsn, observations

PRIMARY = PollResult(Member(False, 3, "2026-01-01T00:00:00.000000Z", "7"), "10.0.0.1:5432", "15.4", None)


def test_a_conn_url_gives_the_place_and_the_traffic_gives_the_rest() -> None:
    dsn = direct_dsn(
        "postgres://10.0.0.1:5432/postgres",
        "host=proxy port=5001 user=app password=p dbname=app sslmode=require target_session_attrs=read-write",
    )
    assert parse_dsn(dsn) == {
        "host": "10.0.0.1",
        "port": "5432",
        "user": "app",
        "password": "p",
        "dbname": "app",
        "sslmode": "require",
    }


def test_the_database_of_a_conn_url_serves_where_nothing_else_is_named() -> None:
    assert parse_dsn(direct_dsn("postgres://10.0.0.1:5432/postgres", "user=app"))["dbname"] == "postgres"


def test_the_members_own_string_counts() -> None:
    dsn = direct_dsn(
        "host=10.0.0.1 user=watcher dbname=postgres", "host=proxy port=5001 user=app password=p dbname=app"
    )
    assert parse_dsn(dsn) == {"host": "10.0.0.1", "user": "watcher", "password": "p", "dbname": "postgres"}


def test_a_password_with_blanks_and_quotes_survives() -> None:
    assert parse_dsn(direct_dsn("host=a", r"password='it\'s a \\ secret'"))["password"] == r"it's a \ secret"


def test_a_string_that_cannot_be_read_is_an_error() -> None:
    with pytest.raises(DsnError):
        direct_dsn("what is this", "user=app")


def test_the_first_poll_records_the_member_its_address_and_its_version() -> None:
    assert [(kind, detail) for kind, _, detail in observations("a", None, PRIMARY)] == [
        (
            "member.changed",
            {"in_recovery": False, "timeline": 3, "started": "2026-01-01T00:00:00.000000Z", "system_identifier": "7"},
        ),
        ("identity.learned", {"address": "10.0.0.1:5432"}),
        ("versions.captured", {"postgres": "15.4"}),
    ]


def test_a_poll_that_finds_the_same_records_nothing() -> None:
    assert observations("a", PRIMARY, replace(PRIMARY)) == []


def test_a_new_start_alone_is_a_change_of_the_member() -> None:
    after = replace(PRIMARY, member=replace(PRIMARY.member, started="2026-01-01T00:00:09.000000Z"))
    assert [kind for kind, _, _ in observations("a", PRIMARY, after)] == ["member.changed"]


def test_the_state_that_ended_the_last_session_is_recorded_with_the_new_start() -> None:
    member = replace(PRIMARY.member, started="2026-01-01T00:00:09.000000Z")
    ((_, _, detail),) = observations("a", PRIMARY, replace(PRIMARY, member=member, parting="57P01"))
    assert (detail["started"], detail["parting"]) == ("2026-01-01T00:00:09.000000Z", "57P01")


def test_positions_are_recorded_when_they_were_taken_and_are_no_change_of_the_member() -> None:
    after = replace(PRIMARY, sample={"lsn": 1})
    assert observations("a", PRIMARY, after) == [("replication.sampled", "a", {"lsn": 1})]
