"""A connection with deadlines: lookups in the background, silent sockets, sessions closed with a reset."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import psycopg2
import pytest

from observer.model.recording import SECOND_NS
from observer.postgres.persistent import PersistentConnection, ask
from observer.postgres.resolver import Resolver, Unresolved
from observer.postgres.session import (
    READ,
    DsnError,
    NoAnswer,
    Session,
    address_of,
    no_answer,
    parameters,
    server_message,
    server_reached,
)


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.ns = 0

    def __call__(self) -> int:
        return self.ns


class Names:
    """The lookups of a resolver, answered when the test calls `let`."""

    def __init__(self) -> None:
        self.answer: list[str] | OSError = []
        self.asked = 0
        self.go = threading.Event()
        self.done = threading.Event()

    def __call__(self, host: str) -> list[str]:
        self.asked += 1
        assert self.go.wait(10)
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer

    def let(self, answer: list[str] | OSError) -> None:
        self.answer = answer
        self.done.clear()
        self.go.set()
        assert self.done.wait(10)
        self.go.clear()


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """Yield a server that accepts, by its backlog, and never sends a byte."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(8)
        yield listener


def dsn_of(listener: socket.socket) -> str:
    return f"host=127.0.0.1 port={listener.getsockname()[1]} user=x dbname=x"


def test_a_name_that_cannot_even_be_asked_for_has_no_address() -> None:
    looked = threading.Event()
    resolver = Resolver(Clock(), looked.set)
    assert resolver.addresses("a..b") is None
    assert looked.wait(10)
    with pytest.raises(Unresolved, match=r"a\.\.b"):
        resolver.addresses("a..b")


def test_an_address_needs_no_lookup() -> None:
    resolver = Resolver(Clock(), look_up=lambda host: pytest.fail("looked up"))
    assert resolver.addresses("127.0.0.1") == ("127.0.0.1",)
    assert resolver.addresses("::1") == ("::1",)
    assert resolver.addresses("/var/run/postgresql") == ("/var/run/postgresql",)


def test_no_caller_waits_for_a_lookup_and_the_last_good_answer_stays() -> None:
    clock, names = Clock(), Names()
    resolver = Resolver(clock, names.done.set, names)
    assert resolver.addresses("db") is None
    names.let(["10.0.0.1", "10.0.0.2"])
    assert resolver.addresses("db") == ("10.0.0.1", "10.0.0.2")
    clock.ns += 6 * SECOND_NS  # stale: looked up again, aside
    assert resolver.addresses("db") == ("10.0.0.1", "10.0.0.2")
    names.let(OSError("the name server is down"))
    assert resolver.addresses("db") == ("10.0.0.1", "10.0.0.2")
    assert names.asked == 2


def test_a_name_that_never_resolved_fails_at_once_and_is_tried_again_a_second_later() -> None:
    clock, names = Clock(), Names()
    resolver = Resolver(clock, names.done.set, names)
    assert resolver.addresses("db") is None
    names.let(OSError("no such name"))
    with pytest.raises(Unresolved, match=r'"db".*no such name'):
        resolver.addresses("db")
    assert names.asked == 1
    clock.ns += SECOND_NS
    with pytest.raises(Unresolved):
        resolver.addresses("db")
    names.let(["10.0.0.1"])
    assert resolver.addresses("db") == ("10.0.0.1",)


def test_a_name_that_does_not_resolve_costs_no_more_than_the_deadline(silent: socket.socket) -> None:
    names = Names()
    kept = PersistentConnection(
        "host=db user=x", 100, time.monotonic_ns, Resolver(time.monotonic_ns, names.done.set, names)
    )
    with pytest.raises(NoAnswer) as caught:
        kept.ask("SELECT 1")
    assert (caught.value.how, caught.value.stage) == ("unresolved", "resolve")
    names.let(["10.0.0.1"])


def test_a_server_that_sends_nothing_is_silent_at_the_deadline(silent: socket.socket) -> None:
    began_ns = time.monotonic_ns()
    with pytest.raises(NoAnswer) as caught:
        ask(dsn_of(silent), "SELECT 1", 200, time.monotonic_ns)
    assert (caught.value.how, caught.value.stage, caught.value.lost) == ("silent", "connect", True)
    assert 0.2 <= (time.monotonic_ns() - began_ns) / SECOND_NS < 0.7


def test_a_server_whose_backlog_is_full_is_a_connect_timeout() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        clients = []
        for _ in range(8):  # more than a backlog of 0 takes
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
            clients.append(client)
        with pytest.raises(NoAnswer) as caught:
            ask(dsn_of(listener), "SELECT 1", 200, time.monotonic_ns)
        for client in clients:
            client.close()
    assert (caught.value.how, caught.value.stage) == ("connect_timeout", "connect")


def test_a_port_without_a_listener_is_refused() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        dsn = dsn_of(free)
    with pytest.raises(NoAnswer) as caught:
        ask(dsn, "SELECT 1", 2000, time.monotonic_ns)
    assert (caught.value.how, caught.value.stage) == ("refused", "connect")


def test_a_server_that_hangs_up_at_once_is_closed(silent: socket.socket) -> None:
    def hang_up() -> None:
        for _ in range(2):
            silent.accept()[0].close()

    threading.Thread(target=hang_up, daemon=True).start()
    with pytest.raises(NoAnswer) as caught:
        ask(dsn_of(silent) + " sslmode=disable", "SELECT 1", 2000, time.monotonic_ns)
    assert (caught.value.how, caught.value.stage) == ("closed", "connect")


AT = 'connection to server at "127.0.0.1", port 5001 failed: '


@pytest.mark.parametrize(
    ("said", "state"),
    [
        ("FATAL:  the database system is starting up", "57P03"),
        ("ВАЖНО:  система баз данных запускается", "57P03"),
        ("ВАЖНО:  система БД ещё не принимает подключения", "57P03"),
        ('FATAL:  password authentication failed for user "x"', "28P01"),
        ('ВАЖНО:  пользователь "x" не прошёл проверку подлинности (по паролю)', "28P01"),
        ('ВАЖНО:  пользователь "x" не прошёл проверку подлинности (Peer)', "28000"),
        ('ВАЖНО:  в pg_hba.conf нет записи для компьютера "10.0.0.1", пользователя "x", базы "x", SSL выкл.', "28000"),
        ('ВАЖНО:  роль "x" не существует', "28000"),
        ('ВАЖНО:  база данных "x" не существует', "3D000"),
        ("ВАЖНО:  извините, уже слишком много клиентов", "53300"),
        ("ВАЖНО:  закрытие подключения по команде администратора", "57P01"),
    ],
)
def test_an_error_before_a_session_exists_is_recognized_by_its_text_in_english_and_russian(
    said: str, state: str
) -> None:
    failure = no_answer(psycopg2.OperationalError(AT + said), "connect")
    assert (failure.how, failure.sqlstate) == ("error", state)


def test_a_server_of_any_language_answered_and_a_bad_option_was_never_sent_to_one() -> None:
    assert server_reached(AT + "FATALE:  il database è in fase di avvio")
    assert server_reached("ФАТАЛЬНО:  система баз даних запускається")  # by libpq before version 14
    assert not server_reached('invalid sslmode value: "nonsense"')
    assert no_answer(psycopg2.OperationalError("致命错误:  连接被 closed"), "connect").how == "error"


def test_the_message_of_an_error_is_the_servers_own() -> None:
    assert server_message(AT + "ВАЖНО:  система баз данных запускается") == "система баз данных запускается"
    assert server_message("Connection refused") == "Connection refused"


def test_an_abandoned_session_is_reset_and_not_merely_closed(silent: socket.socket) -> None:
    session = Session(parameters(dsn_of(silent)), Resolver(time.monotonic_ns))
    session.step()
    peer, _ = silent.accept()
    peer.settimeout(5)
    while session.step() != READ:  # until libpq has sent its first message
        pass
    peer.recv(1000)  # the beginning of the conversation
    session.reset()
    with pytest.raises(ConnectionResetError):
        peer.recv(1000)
    peer.close()


def test_all_addresses_of_a_name_are_tried_and_all_hosts_of_the_string(silent: socket.socket) -> None:
    port = silent.getsockname()[1]
    with socket.socket() as free:
        free.bind(("127.0.0.2", 0))
        other = free.getsockname()[1]
    resolver = Resolver(time.monotonic_ns, look_up=lambda host: ["127.0.0.3", "127.0.0.1"])
    kept = PersistentConnection(
        f"host=127.0.0.2,db port={other},{port} user=x sslmode=disable", 500, time.monotonic_ns, resolver
    )
    with pytest.raises(NoAnswer) as caught:
        kept.ask("SELECT 1")
    assert caught.value.how == "silent"  # the last of three addresses took the connection
    peer, _ = silent.accept()
    assert b"user\0x" in peer.recv(1000)
    peer.close()


def test_the_error_of_a_connection_string_omits_its_password() -> None:
    with pytest.raises(DsnError) as caught:
        parameters("host=a password=secret nonsense")
    assert "secret" not in str(caught.value)


def test_addresses_are_written_alike_everywhere() -> None:
    assert address_of("10.0.0.1", 5432) == "10.0.0.1:5432"
    assert address_of("::1", 5432) == "[::1]:5432"
    assert address_of(None, None) is None
