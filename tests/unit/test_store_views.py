"""The views of a recording file that count for people: each on a recording of a few rows."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from observer.model.errors import CannotWrite
from observer.model.findings import Cost, Findings, Incident, Outage
from observer.model.recording import SECOND_NS, Audit, Event, Operation, Outcome, RecordingHeader, Window
from observer.store import VIEWS, Entry, Reader, Writer, migrations
from observer.store.packed import unpacked

S = SECOND_NS
FAIL, OK, UNKNOWN = Outcome.FAIL, Outcome.OK, Outcome.UNKNOWN
HOMEWORK = Path(__file__).parents[2] / "hw3" / "observer.db.xz"


def recording() -> RecordingHeader:
    return RecordingHeader(0, datetime(2026, 3, 1, 12, tzinfo=UTC), "this boot", 0, 1, "demo", None, {})


def event(kind: str, subject: str, by_s: float, source: str = "postgres", **detail: object) -> Event:
    return Event(source, kind, subject, Window.at(round(by_s * S)), detail)


def operation(
    action: Any,
    at_s: float,
    token: str = "",
    outcome: Outcome = OK,
    probe: Any = "kept",
    saw: str | None = None,
    server: str | None = "a",
    took_s: float = 0.01,
    **more: Any,
) -> Operation:
    due = round(at_s * S)
    ended, stage = due + round(took_s * S), more.pop("stage", "done")
    return Operation(action, probe, token, due, due, ended, outcome, stage, server=server, saw=saw, **more)


def incident(began_s: float, ended_s: float) -> Findings:
    outage = Outage("write", round(began_s * S), round(ended_s * S), False, 1, 2, round(began_s * S), 1, 0)
    none = Cost("read", (), 0, None, False, 0, 0, 0)
    found = Incident(
        number=1,
        cause="leader.killed",
        target="a",
        targets=("a",),
        confidence="high",
        evidence=(),
        rejected=(),
        began_ns=round(began_s * S),
        ended_ns=round(ended_s * S),
        write=Cost("write", (outage,), outage.duration_ns, None, False, 0, 1, 0, new_outages=(outage,)),
        read=none,
        leader_before="a",
        leader_after="b",
        timeline_before=1,
        timeline_after=2,
        phases=(),
        brownout=None,
        lost=None,
        redundancy_back_ns=None,
        fault_to_write_ns=None,
    )
    return Findings((found,), (), (), None, 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observer.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    writer.begin(recording())
    yield writer
    writer.close()


def seen(writer: Writer, sql: str, *entries: Entry) -> list[tuple[Any, ...]]:
    writer.append(1, entries)
    with Reader(writer.path) as reader:
        return [tuple(row) for row in reader.query(sql)[1]]


def test_operations_of_an_incident_are_those_that_finished_in_it(writer: Writer) -> None:
    found = seen(
        writer,
        "select incident, cause, action, outcome, operations, kept, fresh from incident_operations",
        operation("write", 1, "t-1"),
        operation("write", 11, "t-2", FAIL),
        operation("write", 12, "t-3", FAIL, "fresh"),
        operation("read", 13),
        operation("read", 30),
        incident(10, 20),
    )
    assert found == [(1, "leader.killed", "read", "ok", 1, 1, 0), (1, "leader.killed", "write", "fail", 2, 1, 1)]


def test_outages_name_the_number_of_their_incident(writer: Writer) -> None:
    writer.append(1, [incident(10, 20)])
    assert seen(writer, "select incident, seconds from outages") == [(1, 10.0)]
    assert seen(writer, "select incident, probe, seconds from outages_alone") == [(1, "fresh", 10.0)]


def test_failures_are_counted_by_incident_error_and_server(writer: Writer) -> None:
    refused: dict[str, Any] = {"stage": "answer", "sqlstate": "25006", "message": "read-only"}
    found = seen(
        writer,
        "select incident, action, outcome, stage, sqlstate, message, server, operations from failures order by 1",
        operation("write", 1, "t-1", UNKNOWN, server=None, stage="answer"),
        operation("write", 11, "t-2", FAIL, **refused),
        operation("write", 12, "t-3", FAIL, **refused),
        operation("write", 13, "t-4"),
        incident(10, 20),
    )
    assert found == [
        (None, "write", "unknown", "answer", None, None, None, 1),
        (1, "write", "fail", "answer", "25006", "read-only", "a", 2),
    ]


def test_the_last_audit_of_a_token_decides_about_its_write(writer: Writer) -> None:
    found = seen(
        writer,
        "select outcome, writes, present, absent, not_read_back from write_durability order by outcome",
        *(operation("write", n, f"t-{n}") for n in (1, 2, 3, 4)),
        operation("write", 5, "t-5", UNKNOWN),
        Audit(8 * S, "t-1", "t-3", False),
        Audit(9 * S, "t-1", "t-2", True),
        Audit(9 * S, "t-5", "t-5", True),
    )
    assert found == [("ok", 4, 2, 1, 1), ("unknown", 1, 1, 0, 0)]


def test_a_read_is_behind_if_a_write_was_acknowledged_before_it_began(writer: Writer) -> None:
    found = seen(
        writer,
        "select saw, acknowledged, seen, behind, went_back, lost, writes_behind, seconds_behind from reads_seen "
        "order by id",
        operation("write", 1, "t-1"),
        operation("read", 2, saw="t-1"),
        operation("write", 3, "t-2"),
        operation("write", 4, "t-3"),
        operation("read", 5, saw="t-1"),
        operation("read", 6, saw="t-3"),
        operation("read", 7, saw="t-2"),
        Audit(9 * S, "t-3", "t-3", False),
    )
    assert found == [
        ("t-1", "t-1", None, 0, 0, 0, None, None),
        ("t-1", "t-3", "t-1", 1, 0, 0, 2, 1.99),
        ("t-3", "t-3", "t-1", 0, 0, 1, None, None),
        ("t-2", "t-3", "t-3", 1, 1, 0, 1, 2.99),
    ]


def test_reads_and_writes_by_server_tell_persistent_from_new_connections(writer: Writer) -> None:
    found = seen(
        writer,
        "select action, server, operations, kept, fresh, addresses, timelines from served_by",
        operation("write", 1, "t-1", address="h:1", timeline=1),
        operation("write", 2, "t-2", probe="fresh", address="h:1", timeline=2),
        operation("write", 3, "t-3", FAIL),
    )
    assert found == [("write", "a", 2, 1, 1, "h:1", "1,2")]


def test_persistent_reads_switch_when_another_server_or_role_answers(writer: Writer) -> None:
    found = seen(
        writer,
        "select id, server, in_recovery, before_id, server_before from reader_switches order by id",
        operation("read", 1, in_recovery=True),
        operation("read", 2, in_recovery=True),
        operation("read", 3, server="b", in_recovery=True, probe="fresh"),
        operation("read", 4, in_recovery=False),
        operation("read", 5, server="b", in_recovery=True),
    )
    assert found == [(1, "a", 1, None, None), (4, "a", 0, 2, "a"), (5, "b", 1, 4, "a")]


def test_a_percentile_is_the_value_at_its_nearest_rank(writer: Writer) -> None:
    found = seen(
        writer,
        "select action, probe, outcome, operations, p50_ms, p95_ms, p99_ms, max_ms from latencies",
        *(operation("write", n, f"t-{n}", took_s=n / 1000) for n in range(1, 101)),
    )
    assert found == [("write", "kept", "ok", 100, 50.0, 95.0, 99.0, 100.0)]


def test_a_period_without_an_answer_has_its_rows_and_the_operations_in_it(writer: Writer) -> None:
    found = seen(
        writer,
        "select source, subject, how, seconds, blind_id, sees_id, writes, reads, failed from unreachable "
        "order by from_ns",
        event("source.blind", "a", 10, how="refused", since_ns=9 * S),
        event("source.blind", "a", 12, how="silent", since_ns=9 * S),
        event("source.sees", "a", 20, how="silent"),
        event("source.blind", "b", 30, how="closed"),
        operation("write", 9, "t-1"),
        operation("write", 11, "t-2"),
        operation("read", 12),
        operation("write", 13, "t-3", FAIL),
        operation("write", 32, "t-4"),
    )
    assert found == [
        ("postgres", "a", "refused, silent", 11.0, 1, 3, 1, 1, 1),
        ("postgres", "b", "closed", 2.01, 4, None, 1, 0, 0),
    ]


def test_roles_are_those_that_postgresql_reported(writer: Writer) -> None:
    found = seen(
        writer,
        "select member, in_recovery, timeline, started from member_roles order by id",
        event("member.changed", "a", 1, in_recovery=False, timeline=2, started="12:00"),
        event("member.changed", "a", 1, "patroni", role="primary"),
    )
    assert found == [("a", 0, 2, "12:00")]


def test_a_rewind_that_failed_did_not_rebuild_a_member(writer: Writer) -> None:
    found = seen(
        writer,
        "select member, how from rebuilt_members order by id",
        event("log.told", "a", 1, "log", says="rewind_ended", code="1"),
        event("log.told", "a", 2, "log", says="rewind_ended", code="0"),
        event("log.told", "b", 3, "log", says="bootstrap_ended"),
        event("log.told", "b", 4, "log", says="promoted"),
    )
    assert found == [("a", "rewind"), ("b", "bootstrap")]


def test_lag_in_bytes_comes_from_the_primary_and_in_seconds_from_the_replica(writer: Writer) -> None:
    found = seen(
        writer,
        "select id, at_s, member, lag_bytes, lag_s from replica_lag order by id, member",
        event("replication.sampled", "a", 1, in_recovery=False, lag_s=None, lag_bytes={"b": 42, "c": -8}),
        event("replication.sampled", "b", 2, in_recovery=True, lag_s=0.5, lag_bytes=None),
    )
    assert found == [(1, 1.0, "b", 42, None), (1, 1.0, "c", 0, None), (2, 2.0, "b", None, 0.5)]


def test_a_pause_lies_between_two_consecutive_checks_that_the_page_showed(writer: Writer) -> None:
    def check(kind: str, at_s: float, status: str, took_ms: int = 5, **more: object) -> Event:
        return event(kind, "pool/a", at_s, "haproxy", status=status, page="p", check_duration_ms=took_ms, **more)

    found = seen(
        writer,
        "select server, pause_ms, before_id, id from check_pauses order by id",
        check("route.up", 1, "UP 2/3", initial=True),
        check("route.changed", 3, "UP 1/3"),
        check("route.changed", 5, "UP 2/3"),
        check("route.changed", 7, "UP 1/3", took_ms=100),
        check("route.down", 9, "DOWN"),
        event("proxy.restarted", "p", 10, "haproxy"),
        check("route.changed", 11, "DOWN 1/2"),
        check("route.up", 13, "UP"),
    )
    assert found == [("pool/a", 1900.0, 3, 4), ("pool/a", 1995.0, 4, 5), ("pool/a", 1995.0, 7, 8)]


def test_sessions_and_panels_are_taken_out_of_their_captures(writer: Writer) -> None:
    pool = {"pool": "primary", "server": "a", "sessions": 3, "sessions_max": 9, "sessions_limit": None}
    panel = {"board": "PostgreSQL", "panel": "Lag", "data": True, "series": 2}
    writer.append(1, [event("pools.captured", "p", 1, "haproxy", pools=[pool])])
    writer.append(1, [event("dashboards.captured", "p", 2, "prometheus", from_ns=0, to_ns=S, panels=[panel])])
    sessions = seen(writer, "select pool, server, sessions, sessions_max, sessions_limit from proxy_sessions")
    assert sessions == [("primary", "a", 3, 9, None)]
    panels = seen(writer, "select from_s, to_s, board, panel, data, series from dashboard_panels")
    assert panels == [(0.0, 1.0, "PostgreSQL", "Lag", 1, 2)]


def test_every_view_names_the_recording(writer: Writer) -> None:
    with Reader(writer.path) as reader:
        for name in VIEWS:
            assert "recording_id" in reader.query(f"select * from {name}")[0]


class TestAFileOfAnOlderVersion:
    @pytest.fixture
    def old(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        with monkeypatch.context() as before:
            before.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[: migrations.TABLES_VERSION])
            writer = Writer(path)
            writer.begin(recording())
            writer.append(1, [operation("write", 1, "t-1")])
            writer.close()
        return path

    def test_has_the_views_once_it_was_read(self, old: Path) -> None:
        Reader(old).close()
        with sqlite3.connect(old) as plain:
            assert plain.execute("select writes from write_durability").fetchall() == [(1,)]

    def test_that_cannot_be_written_has_them_for_its_reader_and_stays_as_it_is(
        self, old: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refused(path: Path) -> Writer:
            raise CannotWrite("this user may not write it")

        monkeypatch.setattr("observer.store.reading.Writer", refused)
        before = old.read_bytes()
        with Reader(old) as reader:
            assert [tuple(row) for row in reader.query("select writes from write_durability")[1]] == [(1,)]
        assert old.read_bytes() == before

    def test_has_the_tables_and_views_of_a_new_one(self, path: Path) -> None:
        def columns(path: Path) -> dict[str, list[tuple[Any, ...]]]:
            info = "select name, lower(type), \"notnull\", pk > 0 from pragma_table_info('{}')"
            with Reader(path) as reader:
                names = [name for (name,) in reader.query("select name from sqlite_master where type <> 'index'")[1]]
                return {name: [tuple(row) for row in reader.query(info.format(name))[1]] for name in names}

        Writer(path).close()
        with unpacked(HOMEWORK) as old:
            assert columns(old) == columns(path)
