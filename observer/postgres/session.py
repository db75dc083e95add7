"""A PostgreSQL connection with hard deadlines, which its own poll drives and a reset can end.

libpq limits no query by time and resolves names synchronously even in its asynchronous mode, so every deadline here
is the client's own. All times come from the caller's `now_ns` (a monotonic clock, nanoseconds).
"""

import os
import re
import selectors
import socket
import struct
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ, parse_dsn

from observer.model.errors import ConfigError
from observer.postgres.resolver import Resolver, Unresolved

READY = 0
READ = selectors.EVENT_READ
WRITE = selectors.EVENT_WRITE
RESOLVING = 4  # a name lookup runs, so there is no socket to wait for

Now = Callable[[], int]

# pg_control_checkpoint() lags behind a promotion. On a replica only the WAL receiver shows the timeline, and only to a
# user that may read statistics; to others it is unknown. Sources and traffic share this SQL.
CURRENT_TIMELINE = """CASE WHEN pg_is_in_recovery() THEN (SELECT received_tli FROM pg_stat_wal_receiver)
 ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END"""

_CONNECTION_STARTED = 2  # libpq's ConnStatusType: the TCP handshake has not ended

# Before a session exists, the client gets the server's errors as text in the language of its lc_messages, without a
# SQLSTATE.
_STATES: Sequence[tuple[str, str]] = (
    (r"the database system is |not yet accepting connections|not accepting connections", "57P03"),
    (r"система (баз данных|БД) |не принимает подключения", "57P03"),
    (r"password authentication failed|no password supplied", "28P01"),
    (r"не прошёл проверку подлинности \(по паролю\)", "28P01"),
    (
        r"no pg_hba\.conf entry|pg_hba\.conf rejects|authentication failed|role \".*\" (does not|is not permitted)",
        "28000",
    ),
    (
        r"в pg_hba\.conf нет записи|pg_hba\.conf отвергает|не прошёл проверку подлинности|ошибка проверки подлинности|"
        r"роль \".*\" не существует|для роли \".*\" вход запрещён",
        "28000",
    ),
    (r"database \".*\" does not exist|база данных \".*\" не существует", "3D000"),
    (r"too many clients|too many connections|remaining connection slots", "53300"),
    (r"слишком много (клиентов|подключений)|оставшиеся слоты подключений", "53300"),
    (r"due to administrator command|по команде администратора", "57P01"),
)
# The severity is translated too. libpq writes two spaces after it and, since version 14, the address before it.
_SERVER_ERROR = r"(?m)(?:^|failed: )\w+:  "
# Errors of the socket, as libpq and the C library word them (on Windows, by number).
_HOWS: Sequence[tuple[str, str]] = (
    (_SERVER_ERROR, "error"),
    (r"refused|10061|No such file or directory", "refused"),
    (r"[Nn]o route to host|unreachable|Host is down|10065|10051", "unreachable"),
    (r"timed out|timeout expired|10060", "connect_timeout"),
    (r"could not translate host name|not known", "unresolved"),
    (
        r"closed|reset by peer|Broken pipe|EOF detected|no connection to the server|not connected|aborted|10054|10053",
        "closed",
    ),
)


class NoAnswer(Exception):
    """A query without an answer.

    `how`: refused, unreachable, connect_timeout, silent, closed, error, unresolved. `stage`: as in `Operation.stage`.
    `sqlstate`: if known. `lost`: the error did not come from a live session, or it ended the session, so the statement
    may have taken effect if it was sent. The text is the first line of the error.
    """

    def __init__(self, how: str, stage: str, message: str, sqlstate: str | None = None, lost: bool = True) -> None:
        super().__init__(message)
        self.how = how
        self.stage = stage
        self.message = message
        self.sqlstate = sqlstate
        self.lost = lost


def server_reached(message: str) -> bool:
    """Return whether an error text comes from a server, or from libpq after it tried to connect to one."""
    return message.startswith("connection to server ") or re.search(_SERVER_ERROR, message) is not None


def server_message(message: str) -> str:
    """Return the server's own message if there is one, else the text as it is."""
    return re.split(_SERVER_ERROR, message, maxsplit=1)[-1].strip()


class DsnError(ConfigError):
    """A connection string that libpq cannot read; the sentence omits the string, which may hold a password."""


def parameters(dsn: str) -> dict[str, str]:
    """Return the keywords and values of a libpq connection string, of either form. Raise DsnError."""
    try:
        return dict(parse_dsn(dsn))
    except psycopg2.ProgrammingError:
        raise DsnError(
            'the connection string cannot be read; write it as "host=... port=... user=... dbname=...".'
        ) from None


def address_of(host: str | None, port: int | None) -> str | None:
    """Return a server's own address as "host:port" or "[::1]:5432"; None for a Unix socket."""
    if host is None or port is None:
        return None
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Session:
    """One asynchronous connection and at most one statement on it. No method blocks.

    `step` proceeds as far as it can without waiting and returns what to wait for. `stage`: resolve, connect, send
    (connected, nothing sent), answer (a statement is sent), done (answered). libpq chooses among several hosts of the
    connection string, and among several addresses of one name. It moves on only if one refuses, so one that never
    answers costs the whole deadline. libpq itself resolves a host that comes from a service file.
    """

    __slots__ = ("_connection", "_cursor", "_parameters", "_resolver", "stage")

    def __init__(self, parameters: dict[str, str], resolver: Resolver) -> None:
        self._parameters = parameters
        self._resolver = resolver
        self._connection: Any = None
        self._cursor: Any = None
        self.stage = "resolve"

    def fileno(self) -> int:
        """Return the socket's descriptor, -1 if there is none. While connecting, each step may change it."""
        try:
            return int(self._connection.fileno()) if self._connection is not None else -1
        except psycopg2.Error:
            return -1

    def step(self) -> int:
        """Return READY (connected, or answered), READ, WRITE or RESOLVING. Raise NoAnswer.

        After an error the session cannot be used, unless the error is not `lost`. Call again only after what it waits
        for has happened: while connecting, libpq takes the call as a sign that the socket is connected.
        """
        try:
            if self._connection is None:
                placed = _placed(self._parameters, self._resolver)
                if placed is None:
                    return RESOLVING
                self.stage = "connect"
                self._connection = psycopg2.connect(**placed, async_=True)
            state = self._connection.poll()
        except Unresolved as error:
            raise NoAnswer("unresolved", self.stage, str(error)) from None
        except psycopg2.Error as error:
            failure = no_answer(error, self.stage)
            if not failure.lost:
                self.stage = "done"
            raise failure from None
        if state != POLL_OK:
            return READ if state == POLL_READ else WRITE
        if self.stage == "connect":
            self.stage = "send"
        elif self.stage == "answer":
            self.stage = "done"
        return READY

    def send(self, sql: str, values: Sequence[object] | None = None) -> None:
        """Pass the statement to the socket; `step` then waits for its answer. Raise NoAnswer if it was not sent."""
        self.stage = "send"
        try:
            self._cursor = self._connection.cursor()
            self._cursor.execute(sql, values)
        except psycopg2.Error as error:
            raise no_answer(error, self.stage) from None
        self.stage = "answer"

    def rows(self) -> list[tuple[Any, ...]]:
        """Return the rows of the answer; none for a statement without rows."""
        return list(self._cursor.fetchall()) if self._cursor.description is not None else []

    def deadline_error(self) -> NoAnswer:
        """Return the error of a session whose deadline has passed."""
        if self.stage == "resolve":
            return NoAnswer("unresolved", self.stage, "the name was not resolved by the deadline")
        if self.stage == "connect" and self._connection.info.status == _CONNECTION_STARTED:
            return NoAnswer("connect_timeout", self.stage, "no connection by the deadline")
        return NoAnswer("silent", self.stage, "no answer by the deadline")

    def close(self) -> None:
        """Close the session cleanly."""
        if self._connection is not None:
            self._connection.close()

    def reset(self) -> None:
        """Close the session at once, with a TCP reset.

        After a plain close HAProxy keeps the session, because its client may still read. Enough of these reach its
        maxconn, and the observer disturbs the cluster. With a linger of zero, closing sends a reset. The option belongs
        to the socket, not to the descriptor, so a second object sets it and then detaches; this works on Windows too,
        where `os.dup` cannot duplicate a socket.
        """
        descriptor = self.fileno()
        if descriptor >= 0:
            with suppress(OSError):  # already closed, or in a state in which it takes no options
                handle = socket.socket(fileno=descriptor)
                try:
                    handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                finally:
                    handle.detach()
        self.close()


def no_answer(error: psycopg2.Error, stage: str) -> NoAnswer:
    """Return what an error of psycopg2 means: how it failed, its SQLSTATE if known, and whether the session is lost."""
    lines = str(error).strip().splitlines()
    message = lines[0].strip() if lines else type(error).__name__
    if error.pgcode is not None:
        lost = error.diag.severity_nonlocalized in ("FATAL", "PANIC")
        return NoAnswer("error", stage, message, error.pgcode, lost)
    text = "\n".join(lines)
    state = next((state for pattern, state in _STATES if re.search(pattern, text)), None)
    if state is not None:
        return NoAnswer("error", stage, message, state)
    return NoAnswer(next((how for pattern, how in _HOWS if re.search(pattern, text)), "error"), stage, message)


_LINGER_ZERO = struct.pack("hh" if os.name == "nt" else "ii", 1, 0)


def _placed(given: dict[str, str], resolver: Resolver) -> dict[str, Any] | None:
    """Return the parameters with a `hostaddr` for each `host`, one pair per address; None while a lookup runs."""
    placed: dict[str, Any] = {"application_name": "observer", "gssencmode": "disable", **given}
    host = given.get("host") or os.environ.get("PGHOST", "")
    if not host or "hostaddr" in given or "PGHOSTADDR" in os.environ or "service" in given:
        return placed
    names = host.split(",")
    ports = (given.get("port") or os.environ.get("PGPORT", "")).split(",")
    if len(ports) == 1:
        ports *= len(names)
    if len(ports) != len(names):
        return placed  # libpq reports what is wrong
    places: list[tuple[str, str, str]] = []
    for name, port in zip(names, ports, strict=True):
        addresses = resolver.addresses(name)
        if addresses is None:
            return None
        places += [(name, "" if address[:1] in ("", "/", "@") else address, port) for address in addresses]
    placed["host"], placed["hostaddr"], placed["port"] = (",".join(column) for column in zip(*places, strict=True))
    return placed
