"""The outcome of an operation by its stage and end; and what the texts of errors mean."""

from __future__ import annotations

import psycopg2
import pytest

from observer.model.recording import Outcome
from observer.postgres.session import no_answer
from observer.traffic.results import Ended, outcome


@pytest.mark.parametrize("stage", ["slot", "resolve", "connect", "send"])
@pytest.mark.parametrize("ended", ["error", "lost", "deadline"])
def test_before_the_statement_is_sent_every_failure_is_without_effect(stage: str, ended: Ended) -> None:
    assert outcome(stage, ended, "57P01") is Outcome.FAIL


@pytest.mark.parametrize(
    ("ended", "sqlstate", "becomes"),
    [
        ("answered", None, Outcome.OK),
        ("error", "25006", Outcome.FAIL),  # read-only: the proxy routes to a replica
        ("error", "23505", Outcome.FAIL),  # unique violation
        ("error", "57014", Outcome.FAIL),  # statement cancelled, rolled back
        ("error", "53200", Outcome.FAIL),  # out of memory
        ("error", "57P01", Outcome.UNKNOWN),  # admin shutdown
        ("error", "57P02", Outcome.UNKNOWN),  # crash shutdown
        ("error", "08006", Outcome.UNKNOWN),  # connection failure
        ("error", "08P01", Outcome.UNKNOWN),  # protocol violation
        ("error", "40003", Outcome.UNKNOWN),  # statement completion unknown
        ("error", None, Outcome.UNKNOWN),
        ("lost", None, Outcome.UNKNOWN),
        ("lost", "25006", Outcome.UNKNOWN),  # said with the session's end: no live server
        ("deadline", None, Outcome.UNKNOWN),
    ],
)
def test_once_it_is_sent_only_an_error_from_a_live_server_is_without_effect(
    ended: Ended, sqlstate: str | None, becomes: Outcome
) -> None:
    assert outcome("done" if ended == "answered" else "answer", ended, sqlstate) is becomes


@pytest.mark.parametrize(
    ("text", "how", "sqlstate"),
    [
        ('connection to server at "127.0.0.1", port 1 failed: Connection refused\n\tIs it running?', "refused", None),
        ("Connection refused (0x0000274D/10061)", "refused", None),
        ('connection to server on socket "/tmp/.s.PGSQL.1" failed: No such file or directory', "refused", None),
        ("No route to host", "unreachable", None),
        ("Network is unreachable", "unreachable", None),
        ("Connection timed out", "connect_timeout", None),
        ("server closed the connection unexpectedly\n\tThis probably means", "closed", None),
        ("could not receive data from server: Connection reset by peer", "closed", None),
        ("SSL SYSCALL error: EOF detected", "closed", None),
        ('could not translate host name "x" to address: Name or service not known', "unresolved", None),
        ("FATAL:  the database system is starting up", "error", "57P03"),
        ("FATAL:  the database system is shutting down", "error", "57P03"),
        ("FATAL:  the database system is not yet accepting connections", "error", "57P03"),
        ("FATAL:  sorry, too many clients already", "error", "53300"),
        ("FATAL:  terminating connection due to administrator command\nserver closed", "error", "57P01"),
        ('FATAL:  password authentication failed for user "a"', "error", "28P01"),
        ("fe_sendauth: no password supplied", "error", "28P01"),
        ('FATAL:  no pg_hba.conf entry for host "::1"', "error", "28000"),
        ('FATAL:  role "closed" does not exist', "error", "28000"),
        ('FATAL:  database "refused" does not exist', "error", "3D000"),
        ("FATAL:  something unheard of was closed", "error", None),
        ("something else", "error", None),
    ],
)
def test_the_text_of_a_refused_connection_shows_how_it_failed_and_if_it_is_safe_the_state(
    text: str, how: str, sqlstate: str | None
) -> None:
    failure = no_answer(psycopg2.OperationalError(text), "connect")
    assert (failure.how, failure.sqlstate, failure.lost) == (how, sqlstate, True)
    assert failure.message == text.splitlines()[0]


def test_an_error_without_a_text_still_has_a_message() -> None:
    assert no_answer(psycopg2.OperationalError(), "answer").message == "OperationalError"
