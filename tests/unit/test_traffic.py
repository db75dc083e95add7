"""The traffic without a database: tokens, answers, the connection pool, absent tables, audits, deadlines."""

from __future__ import annotations

import contextlib
import itertools
import socket
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from observer.model.recording import MS_NS, SECOND_NS, Audit, Event, Operation, Outcome, Probe
from observer.traffic.audit import chunks, joined, ranges
from observer.traffic.connections import Connection, ConnectionPool, Running
from observer.traffic.generator import Generator
from observer.traffic.preflight import preflight
from observer.traffic.results import ResultRecorder
from observer.traffic.workload import WORKLOADS, Answer, answer, bounds, token
from tests.waiting import eventually


def running(n: int = 1, probe: Probe = "kept") -> Running:
    return Running("write", probe, token("cafe0001", n), 0, 0, False)


def pool_of_three(limit: int = 4) -> tuple[ConnectionPool, list[Connection]]:
    pool = ConnectionPool(limit)
    made = [Connection("write", session=None) for _ in range(3)]  # type: ignore[arg-type]  # never used
    for at_s, connection in enumerate(made):
        pool.opened(connection, at_s * SECOND_NS)
    return pool, made


def test_tokens_of_one_recording_sort_as_text_and_lie_within_their_bounds() -> None:
    tokens = [token("cafe0001", n) for n in (1, 9, 10, 9_999_999_999)]
    assert tokens == sorted(tokens)
    assert tokens[0] == "cafe0001-0000000001"
    for workload in WORKLOADS.values():
        low, high = bounds(workload, "cafe0001")
        assert all(low < workload.prefix + one < high for one in tokens)
        assert not low < workload.prefix + token("cafe0002", 1) < high


def test_an_answer_names_the_server_its_role_its_timeline_and_the_newest_token() -> None:
    homework = WORKLOADS["homework"]
    assert answer(homework, ("10.0.0.1", 5432, False, 2)) == Answer("10.0.0.1:5432", False, 2)
    assert answer(homework, ("10.0.0.1", 5432, True, None, "observer cafe0001-0000000007")) == Answer(
        "10.0.0.1:5432", True, None, "cafe0001-0000000007"
    )
    assert answer(homework, ("10.0.0.1", 5432, True, 2, None)).saw is None


def test_an_operation_takes_the_connection_that_was_used_last() -> None:
    pool, (first, second, _) = pool_of_three()
    pool.idle.extend([first, second])
    assert pool.serves(running(), 0)
    assert pool.idle.pop() is second


def test_unused_connections_reach_their_age_limit_and_are_closed() -> None:
    pool, (first, second, _) = pool_of_three()
    first.idle_since_ns, second.idle_since_ns = 5, 20
    pool.idle.extend([first, second])
    assert pool.spare(older_than_ns=10) is first
    pool.forget(first)
    assert pool.spare(older_than_ns=10) is None


def test_at_the_limit_an_idle_connection_is_closed_and_busy_ones_are_not() -> None:
    pool, (first, *_) = pool_of_three(limit=3)
    assert pool.full
    assert pool.spare(older_than_ns=0) is None
    pool.idle.append(first)
    assert not pool.full
    assert pool.spare(older_than_ns=0) is first


def test_while_no_answers_arrive_persistent_operations_open_a_connection_every_10_ms() -> None:
    pool, _ = pool_of_three()
    opened_ns = 2 * SECOND_NS
    assert not pool.serves(running(), opened_ns + 9 * MS_NS)
    assert pool.serves(running(), opened_ns + 10 * MS_NS)
    assert pool.serves(running(probe="fresh"), opened_ns)


def test_while_answers_arrive_an_operation_waits_for_a_connection_rather_than_open_one() -> None:
    pool, made = pool_of_three()
    opened_ns = 2 * SECOND_NS
    pool.freed(made[0], opened_ns + 5 * MS_NS)
    pool.idle.pop()
    pool.waiting.append(running())
    assert pool.next_waiting(opened_ns + 99 * MS_NS) is None
    assert pool.retry_ns(opened_ns + 99 * MS_NS) == opened_ns + 100 * MS_NS
    pool.freed(made[1], opened_ns + 99 * MS_NS)
    assert pool.next_waiting(opened_ns + 99 * MS_NS) is not None


def test_an_operation_that_ended_while_it_waited_takes_no_connection() -> None:
    pool, made = pool_of_three()
    late, next_one = running(1), running(2)
    late.ended = True
    pool.waiting.extend([late, next_one])
    pool.idle.append(made[0])
    assert pool.next_waiting(0) is next_one


def test_absent_tables_are_recorded_once_and_no_operation_until_they_are_back() -> None:
    recorded: list[Event | Operation] = []
    clock = itertools.count(0, MS_NS)
    results = ResultRecorder(recorded.append, lambda: next(clock), lambda address: "patroni1")
    results.absent("write", 'relation "events" does not exist')
    results.absent("write", 'relation "events" does not exist')
    results.ended(running(), Outcome.FAIL, "connect")
    assert results.trying("write")
    assert not results.trying("read")
    assert not results.may_try("write", 0)
    results.ended(running(2), Outcome.OK, "done", Answer("10.0.0.1:5432", False, 1))
    assert [one.kind if isinstance(one, Event) else one.outcome for one in recorded] == [
        "workload.absent",
        "workload.present",
        Outcome.OK,
    ]
    assert operations(recorded)[0].server == "patroni1"


def test_absent_tables_are_checked_for_once_a_second() -> None:
    now_ns = 0
    results = ResultRecorder(lambda one: None, lambda: now_ns, lambda address: None)
    results.absent("write", "gone")
    tries = []
    for now_ns in range(0, 3_500 * MS_NS, 100 * MS_NS):
        if results.may_try("write", 500 * MS_NS):
            tries.append(now_ns // MS_NS)
    assert tries == [1000, 2000, 3000]


def test_a_range_is_folded_into_what_is_present_and_what_is_not() -> None:
    assert ranges([(3, 4), (7, 7)], 1, 9) == [(1, 2, False), (3, 4, True), (5, 6, False), (7, 7, True), (8, 9, False)]
    assert ranges([], 1, 3) == [(1, 3, False)]
    assert ranges([(1, 3)], 1, 3) == [(1, 3, True)]


@given(st.sets(st.integers(1, 30)))
def test_every_number_is_folded_into_exactly_one_range(present: set[int]) -> None:
    runs = [(n, n) for n in sorted(present)]
    folded = ranges(runs, 1, 30)
    assert [(n, held) for a, b, held in folded for n in range(a, b + 1)] == [(n, n in present) for n in range(1, 31)]


def test_a_long_range_is_asked_for_in_chunks_and_an_empty_one_not_at_all() -> None:
    assert list(chunks(1, 25, 10)) == [(1, 10), (11, 20), (21, 25)]
    assert list(chunks(5, 4, 10)) == []


def test_neighbouring_ranges_that_say_the_same_of_the_same_server_are_one() -> None:
    def audit(at_ns: int, first: int, last: int, present: bool, server: str = "a") -> Audit:
        return Audit(at_ns, token("t", first), token("t", last), present, server, 1)

    assert joined([audit(1, 1, 10, True), audit(2, 11, 20, True), audit(2, 21, 30, False)], "t") == [
        audit(1, 1, 20, True),
        audit(2, 21, 30, False),
    ]
    apart = [audit(1, 1, 10, True), audit(2, 11, 20, True, "b"), audit(3, 22, 30, True, "b")]
    assert joined(apart, "t") == apart


@pytest.fixture
def silent() -> Iterator[str]:
    """Yield the connection string of a server that never answers."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(128)
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=x dbname=x"


def generator(dsn: str, recorded: list[Event | Operation], **changed: Any) -> Generator:
    plain: dict[str, Any] = {
        "workload": "probe",
        "rate_per_s": 50,
        "fresh_per_s": 5,
        "deadline_ms": 200,
        "tag": "cafe0001",
    }
    return Generator(
        write_dsn=dsn,
        read_dsn=dsn,
        record=recorded.append,
        now_ns=time.monotonic_ns,
        name_of=lambda address: None,
        **{**plain, **changed},
    )


def operations(recorded: list[Event | Operation]) -> list[Operation]:
    return [entry for entry in recorded if isinstance(entry, Operation)]


def until(condition: Callable[[], bool]) -> None:
    eventually(condition, 20, "the condition holds")


def test_a_server_that_never_answers_holds_no_operation_past_its_deadline_and_delays_none(silent: str) -> None:
    recorded: list[Event | Operation] = []
    traffic = generator(silent, recorded)
    traffic.start()
    until(lambda: len(recorded) >= 60)
    traffic.stop(drain_s=2)
    assert {(one.outcome, one.stage) for one in operations(recorded)} == {(Outcome.FAIL, "connect")}
    assert max(one.finished_ns - one.started_ns for one in operations(recorded)) < 700 * MS_NS
    assert max(one.started_ns - one.due_ns for one in operations(recorded)) < 500 * MS_NS
    assert not traffic.alive


def test_every_operation_issued_is_recorded_exactly_once_and_tokens_are_counted_from_1(silent: str) -> None:
    recorded: list[Event | Operation] = []
    traffic = generator(silent, recorded)
    traffic.start()
    until(lambda: len(recorded) >= 20)
    traffic.stop(drain_s=2)
    writes = sorted(one.token for one in operations(recorded) if one.action == "write")
    assert writes == [token("cafe0001", n) for n in range(1, traffic.last_n + 1)]
    assert {one.token for one in operations(recorded) if one.action == "read"} == {""}


def test_an_operation_that_finds_no_free_connection_is_not_sent(silent: str) -> None:
    recorded: list[Event | Operation] = []
    # 2 connections an action, and 2 s until the first are free again
    traffic = generator(silent, recorded, rate_per_s=0.5, fresh_per_s=40, deadline_ms=1)
    traffic._pools["write"].limit = traffic._pools["read"].limit = 0
    traffic.start()
    until(lambda: len(recorded) >= 4)
    traffic.stop(drain_s=0)
    assert {(one.outcome, one.stage) for one in operations(recorded)} == {(Outcome.FAIL, "slot")}
    assert "connections wait" in (operations(recorded)[0].message or "")


def test_an_error_in_the_generators_own_thread_is_recorded_and_raised_at_the_stop(silent: str) -> None:
    recorded: list[Event] = []

    def record(one: Event | Operation) -> None:
        if isinstance(one, Operation):
            raise RuntimeError("the disk is on fire")  # noqa: TRY004 (the type is right)
        recorded.append(one)

    traffic = generator(silent, [])
    traffic._results = ResultRecorder(record, time.monotonic_ns, lambda address: None)
    traffic.start()
    until(lambda: not traffic.alive)
    with pytest.raises(RuntimeError, match="on fire"):
        traffic.stop(drain_s=0)
    assert [(one.kind, one.subject) for one in recorded] == [("source.blind", "generator")]
    assert "on fire" in recorded[0].detail["error"]


def test_a_pause_of_the_observer_is_recorded_and_no_flood_follows_it(silent: str) -> None:
    recorded: list[Event | Operation] = []
    pause_ns = 0
    traffic = generator(silent, recorded)
    traffic._now_ns = lambda: time.monotonic_ns() + pause_ns
    traffic._results.now_ns = traffic._now_ns
    traffic.start()
    until(lambda: len(recorded) >= 5)
    before = traffic.last_n
    pause_ns = 60 * SECOND_NS
    until(lambda: any(isinstance(one, Event) for one in recorded))
    assert traffic.last_n - before < 55  # a minute's writes would be 3,300
    traffic.stop(drain_s=1)
    slept = next(one for one in recorded if isinstance(one, Event))
    assert slept.kind == "observer.slept"
    assert slept.detail["for_ms"] >= 59_000
    assert 6_000 < slept.detail["skipped"] <= 6_800


def test_a_preflight_names_the_address_without_an_answer_and_never_the_password(silent: str) -> None:
    found = preflight(silent + " password=secret", "probe", 100, time.monotonic_ns)
    assert found.verdict == "nothing"
    assert "127.0.0.1" in found.says
    assert "secret" not in found.says


def test_a_preflight_refuses_an_unusable_connection_string(silent: str) -> None:
    assert preflight("what is this", "probe", 100, time.monotonic_ns).verdict == "dsn"
    assert preflight(silent + " sslmode=nonsense", "probe", 100, time.monotonic_ns).verdict == "dsn"


@contextlib.contextmanager
def replying(words: str) -> Iterator[str]:
    """Yield the connection string of a server that answers every connection with one FATAL, without its SQLSTATE."""
    text = b"".join(
        field + value.encode() + b"\0" for field, value in ((b"S", "ВАЖНО"), (b"V", "FATAL"), (b"M", words))
    )
    answer = b"E" + (len(text) + 5).to_bytes(4, "big") + text + b"\0"
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()

        def serve() -> None:
            with contextlib.suppress(OSError):
                while True:
                    peer, _ = listener.accept()
                    with peer:
                        peer.recv(1000)
                        peer.sendall(answer)

        threading.Thread(target=serve, daemon=True).start()
        yield f"host=127.0.0.1 port={listener.getsockname()[1]} user=x dbname=x sslmode=disable"


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("система баз данных запускается", "error"),
        ('пользователь "x" не прошёл проверку подлинности (по паролю)', "credentials"),
        ('роль "x" не существует', "credentials"),
        ('база данных "x" не существует', "database"),
        ("ein Fehler, den niemand kennt", "error"),
    ],
)
def test_an_error_of_a_server_in_any_language_proves_a_usable_connection_string(words: str, verdict: str) -> None:
    with replying(words) as dsn:
        found = preflight(dsn, "probe", 5000, time.monotonic_ns)
    assert (found.verdict, words in found.says) == (verdict, True)
