"""The recording file: what is written can be read, what the views show, and which files are refused."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlite_utils import Database

from observer.model.errors import CannotWrite, ForeignDatabase, NotFound, NothingAnswers, UsageError
from observer.model.findings import Cost, Evidence, Findings, Incident, Lost, Outage, Phase, Rejected
from observer.model.recording import SECOND_NS, Audit, Event, Operation, Outcome, RecordingHeader, Window
from observer.store import Reader, Writer, append_event, is_being_recorded, migrations, schema

S = SECOND_NS
BEGAN = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=UTC)


def recording(boot: str = "this boot") -> RecordingHeader:
    return RecordingHeader(0, BEGAN, boot, anchor_ns=0, pid=1, scope="demo", cluster_id="7", settings={"report": {}})


def event(kind: str, subject: str, by_s: float, source: str = "etcd", **detail: object) -> Event:
    by_ns = round(by_s * S)
    return Event(source, kind, subject, Window(by_ns - 1000, by_ns), detail)


def write(
    at_s: float, n: int, outcome: Outcome = Outcome.OK, took_s: float = 0.01, server: str | None = "a"
) -> Operation:
    due = round(at_s * S)
    finished = due + round(took_s * S)
    return Operation(
        "write",
        "kept",
        f"cafe0123-{n:010d}",
        due,
        due,
        finished,
        outcome,
        "done",
        None,
        server,
        "10.0.0.1:5432",
        False,
        3,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "observer.db"


@pytest.fixture
def writer(path: Path) -> Iterator[Writer]:
    writer = Writer(path)
    yield writer
    writer.close()


def contents(path: Path) -> frozenset[tuple[str, bytes]]:
    """Return the names and the bytes of the files in the folder of a copy."""
    return frozenset((file.name, file.read_bytes()) for file in path.parent.iterdir())


def as_it_lies(path: Path, folder: Path) -> Path:
    """Return a copy of a file and of what SQLite keeps beside it, as kill -9 would leave them at this moment."""
    folder.mkdir()
    for file in path.parent.glob(f"{path.name}*"):
        shutil.copy(file, folder)
    return folder / path.name


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with Reader(path) as reader:
        return [tuple(row) for row in reader.query(sql)[1]]


class TestWhatIsPutInComesBack:
    def test_an_event_with_its_window_and_its_detail_in_any_script(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [event("note.told", "мастер", 1.5, "operator", text="я выдернул шнур", nested={"a": [1]})])
        with Reader(path) as reader:
            (found,) = reader.load(one).events
        assert found.subject == "мастер"
        assert found.window == Window(1_499_999_000, 1_500_000_000)
        assert found.detail == {"text": "я выдернул шнур", "nested": {"a": [1]}}

    def test_an_operation_in_every_field(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        put = Operation(
            "read", "fresh", "", 1, 2, 3, Outcome.UNKNOWN, "answer", "57P01", "b", "h:1", True, 4, "t-1", "no", 1
        )
        writer.append(one, [put])
        with Reader(path) as reader:
            assert reader.load(one).operations == [put]

    def test_an_audit_and_the_recording_itself(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [Audit(9 * S, "t-1", "t-4", False, "a", 2)])
        with Reader(path) as reader:
            timeline = reader.load(one)
        assert timeline.audits == [Audit(9 * S, "t-1", "t-4", False, "a", 2, id=1)]
        assert (timeline.header.began_utc, timeline.header.scope) == (BEGAN, "demo")
        assert (timeline.header.ended, timeline.header.until_ns) == (None, 9 * S)

    def test_events_come_in_the_order_of_their_moment_not_of_their_arrival(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [event("leader.lost", "a", 2), event("route.down", "p/a", 1, "haproxy")])
        with Reader(path) as reader:
            assert [e.kind for e in reader.load(one).events] == ["route.down", "leader.lost"]

    def test_a_second_recording_is_kept_apart_from_the_first(self, writer: Writer, path: Path) -> None:
        one, two = writer.begin(recording()), writer.begin(recording())
        writer.append(one, [event("leader.seen", "a", 1), write(1, 1)])
        writer.append(two, [event("leader.seen", "b", 1)])
        with Reader(path) as reader:
            assert [e.subject for e in reader.load(two).events] == ["b"]
            assert reader.load(two).seconds == []
            assert reader.tokens(one) == ("cafe0123-0000000001", "cafe0123-0000000001")
            assert reader.tokens(two) is None


class TestADayDoesNotFillTheMemory:
    def test_only_operations_within_ten_seconds_of_a_failure_or_of_a_slow_one_are_loaded(
        self, writer: Writer, path: Path
    ) -> None:
        one = writer.begin(recording())
        outcomes = {30: Outcome.FAIL}
        writer.append(one, [write(n, n, outcomes.get(n, Outcome.OK), took_s=0.2 if n == 80 else 0) for n in range(100)])
        with Reader(path) as reader:
            timeline = reader.load(one)
            loaded = {o.due_ns // S for o in timeline.operations}
            assert loaded == {*range(20, 41), *range(71, 91)}
            assert len(timeline.between(0, 5 * S)) == 5
            assert sum(second.ok for second in timeline.seconds) == 99

    def test_operations_by_server_are_counted_over_the_whole_recording(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [write(1, 1), write(2, 2), write(3, 3, server="b"), write(4, 4, Outcome.FAIL, server=None)])
        with Reader(path) as reader:
            assert [(s.server, s.operations) for s in reader.load(one).served] == [("a", 2), ("b", 1)]


def test_counts_kept_while_writing_are_those_of_the_operations(writer: Writer, path: Path) -> None:
    writer.begin(recording())
    two = writer.begin(recording())
    outcomes = list(Outcome)
    for batch in range(20):
        numbers = range(batch * 7, batch * 7 + 7)
        writer.append(
            two,
            [
                write(n / 9, n, outcomes[n % 3], took_s=n / 100, server=[None, "a", "b"][n * 7 % 11 % 3])
                for n in numbers
            ],
        )
    assert rows(path, "select second, ok, failed, unknown, max_ns from counted_seconds order by 1") == rows(
        path,
        "select finished_ns / 1000000000 as s, sum(outcome = 'ok'), sum(outcome = 'fail'), sum(outcome = 'unknown'), "
        "max(finished_ns - due_ns) from operations group by s order by s",
    )
    assert rows(path, "select server, operations from counted_servers order by 1") == rows(
        path, "select server, count(*) from operations where outcome = 'ok' group by server order by 1"
    )


class TestTheViews:
    def test_leaders_has_each_period_with_the_timeline_that_its_leader_reported(
        self, writer: Writer, path: Path
    ) -> None:
        one = writer.begin(recording())
        writer.append(
            one,
            [
                event("member.changed", "a", 0.9, "postgres", in_recovery=False, timeline=1),
                event("leader.seen", "a", 1),
                event("member.changed", "b", 1.1, "postgres", in_recovery=True, timeline=1),
                event("leader.seen", "a", 5),
                event("leader.lost", "a", 11),
                event("leader.elected", "b", 12),
                event("member.changed", "b", 13, "patroni", role="primary", timeline=2),
            ],
        )
        writer.end(one, 20 * S, "stop")
        found = rows(
            path, "select member, timeline, from_utc, to_utc, seconds, recording_id from leaders order by from_ns"
        )
        assert found == [
            ("a", 1, "2026-03-01T12:00:01.250Z", "2026-03-01T12:00:11.250Z", 10.0, one),
            ("b", 2, "2026-03-01T12:00:12.250Z", None, 8.0, one),
        ]

    def test_leaders_counts_a_key_taken_again_by_the_same_member_as_a_period_of_its_own(
        self, writer: Writer, path: Path
    ) -> None:
        one = writer.begin(recording())
        writer.append(
            one, [event("leader.seen", "a", 1), event("leader.elected", "a", 4), event("leader.seen", "a", 6)]
        )
        assert rows(path, "select member, seconds from leaders order by from_ns") == [("a", 3.0), ("a", 2.0)]

    def test_per_second_counts_outcomes_by_the_second_in_which_they_ended(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [write(1, 1), write(1.5, 2), write(1.6, 3, Outcome.FAIL), write(2, 4, Outcome.UNKNOWN, 1.0)])
        found = rows(path, "select utc, action, ok, failed, unknown, max_ms, recording_id from per_second")
        assert found == [
            ("2026-03-01T12:00:01.250Z", "write", 2, 1, 0, 10.0, one),
            ("2026-03-01T12:00:03.250Z", "write", 0, 0, 1, 1000.0, one),
        ]

    def test_served_by_names_the_member_or_else_the_address(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [write(1, 1), write(2, 2), write(3, 3, server=None), write(4, 4, Outcome.FAIL)])
        found = rows(
            path, "select action, server, in_recovery, operations, recording_id from served_by order by server"
        )
        assert found == [("write", "10.0.0.1:5432", 0, 1, one), ("write", "a", 0, 2, one)]

    def test_outages_and_lost_writes_read_what_the_analysis_stored(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [findings()])
        assert rows(path, "select incident_id, action, from_utc, to_utc, seconds, recording_id from outages") == [
            (1, "write", "2026-03-01T12:00:10.250Z", "2026-03-01T12:00:42.250Z", 32.0, one)
        ]
        assert rows(path, "select token, acknowledged_utc, server, timeline, recording_id from lost_writes") == [
            ("cafe0123-0000000007", "2026-03-01T12:00:09.250Z", "a", 1, one)
        ]

    def test_operations_utc_gives_the_wall_clock_beside_each_operation(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [write(1, 1)])
        assert rows(path, "select due_utc, finished_utc, took_ms, recording_id from operations_utc") == [
            ("2026-03-01T12:00:01.250Z", "2026-03-01T12:00:01.260Z", 10.0, one)
        ]

    def test_an_event_carries_the_same_wall_clock_as_the_views(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        writer.append(one, [event("leader.seen", "a", 1.0019999)])
        assert rows(path, "select e.utc = l.from_utc from events e join leaders l on true") == [(1,)]


def findings() -> Findings:
    outage = Outage("write", 10 * S, 42 * S, False, 1, 2, 11 * S, failed=5, unknown=1)
    proof = Evidence("events", (1, 2), "evidence.lease_expired", {"member": "a"})
    write = Cost("write", (outage,), 32 * S, 33 * S, False, 7, 5, 1)
    incident = Incident(
        number=1,
        cause="leader.killed",
        target="a",
        targets=("a",),
        confidence="high",
        evidence=(proof,),
        rejected=(Rejected("leader.frozen", "rejected.refused"),),
        began_ns=10 * S,
        ended_ns=50 * S,
        write=replace(write, persistent_outages=(outage,), new_outages=(replace(outage, ended_ns=43 * S),)),
        read=Cost("read", (), 0, None, False, 7, 0, 0),
        leader_before="a",
        leader_after="b",
        timeline_before=1,
        timeline_after=2,
        phases=(Phase("detection", Window.at(10 * S), Window(35 * S, 36 * S), None, proof, (20.0, 30.0)),),
        brownout=None,
        lost=None,
        redundancy_back_ns=None,
        fault_to_write_ns=None,
    )
    lost = Lost("cafe0123-0000000007", 9 * S, "a", 1, None, None)
    return Findings((incident,), (), (), (lost,), 0)


def test_findings_replace_those_that_were_there(writer: Writer, path: Path) -> None:
    one, two = writer.begin(recording()), writer.begin(recording())
    writer.append(one, [findings()])
    writer.append(two, [findings()])
    writer.append(one, [findings()])
    assert rows(path, "select recording_id, cause from incidents order by 1") == [
        (1, "leader.killed"),
        (2, "leader.killed"),
    ]
    assert rows(path, "select count(*) from evidence where recording_id = 1") == [(3,)]
    writer.append(one, [Findings((), (), (), None, 0)])
    assert rows(path, "select distinct recording_id from phases") == [(2,)]


def test_outages_of_each_kind_of_connection_have_a_view_of_their_own(writer: Writer, path: Path) -> None:
    one = writer.begin(recording())
    writer.append(one, [findings()])
    assert rows(path, "select action, probe, seconds, open from outages_alone order by probe desc") == [
        ("write", "kept", 32.0, 0),
        ("write", "fresh", 33.0, 0),
    ]
    assert rows(path, "select action, seconds from outages") == [("write", 32.0)]
    writer.append(one, [Findings((), (), (), None, 0)])
    assert rows(path, "select * from outages_alone") == []


class TestFilesThatAreNotOurs:
    def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(self, path: Path) -> None:
        path.write_text("shopping list\n" * 100)
        for use in (Writer, Reader):
            with pytest.raises(ForeignDatabase, match="not a SQLite file"):
                use(path)
        assert path.read_text() == "shopping list\n" * 100

    def test_a_database_of_another_program_is_refused_and_left_as_it_is(self, path: Path) -> None:
        with sqlite3.connect(path) as other:
            other.execute("create table recordings (id)")
        before = path.read_bytes()
        for use in (Writer, Reader):
            with pytest.raises(ForeignDatabase, match="another program"):
                use(path)
        assert path.read_bytes() == before
        assert sorted(p.name for p in path.parent.iterdir()) == ["observer.db"]

    def test_a_damaged_recording_file_is_refused_and_left_as_it_is(self, path: Path) -> None:
        writer = Writer(path)
        one = writer.begin(recording())
        writer.append(one, [write(n / 20, n) for n in range(2000)])
        writer.close()
        damaged = bytearray(path.read_bytes())
        damaged[8192:] = b"\xaa" * (len(damaged) - 8192)
        path.write_bytes(damaged)
        with pytest.raises(ForeignDatabase, match="damaged"):
            Writer(path)
        with pytest.raises(ForeignDatabase, match="damaged"), Reader(path) as reader:
            reader.load(one)
        assert path.read_bytes() == damaged

    def test_a_file_that_this_user_may_not_open_cannot_be_written(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        Writer(path).close()

        def refused(*_: Any, **__: Any) -> sqlite3.Connection:
            error = sqlite3.OperationalError("unable to open database file")
            error.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
            raise error

        monkeypatch.setattr(sqlite3, "connect", refused)
        with pytest.raises(CannotWrite, match="this user cannot open it"):
            Writer(path)

    def test_a_file_of_a_newer_version_is_refused(self, path: Path) -> None:
        Writer(path).close()
        with sqlite3.connect(path) as other:
            other.execute("pragma user_version = 1000")
        with pytest.raises(ForeignDatabase, match="newer observer"):
            Writer(path)

    def test_a_file_of_an_older_version_is_migrated_when_it_is_read(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as before:
            before.setattr(migrations, "MIGRATIONS", migrations.MIGRATIONS[:1])
            old = Writer(path)
            old.begin(recording())
            old.close()
        with sqlite3.connect(path) as plain:
            assert plain.execute("pragma user_version").fetchone() == (1,)
            columns = "recording_id, action, probe, token, due_ns, started_ns, finished_ns, outcome, stage, server"
            for n, outcome in enumerate(("ok", "ok", "fail")):
                row = (1, "write", "kept", f"t-{n}", n, n, n, outcome, "done", "a")
                plain.execute(f"insert into operations ({columns}) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
        assert rows(path, "select ok, failed from per_second") == [(2, 1)]
        assert rows(path, "select server, operations from served_by") == [("a", 2)]

    def test_an_empty_file_is_a_new_file_for_the_writer_and_no_recording_for_a_reader(self, path: Path) -> None:
        path.touch()
        with pytest.raises(NotFound, match="nothing was recorded"):
            Reader(path)
        writer = Writer(path)
        assert writer.begin(recording()) == 1
        writer.close()

    def test_a_first_start_that_is_killed_at_any_statement_leaves_a_file_that_the_next_one_takes(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        connect = sqlite3.connect
        left: list[Path] = []

        def traced(*arguments: Any, **options: Any) -> sqlite3.Connection:
            connection: sqlite3.Connection = connect(*arguments, **options)
            connection.set_trace_callback(lambda _: left.append(as_it_lies(path, path.parent / str(len(left)))))
            return connection

        with monkeypatch.context() as once:
            once.setattr(sqlite3, "connect", traced)
            Writer(path).close()
        assert len(left) > 20
        assert len({contents(killed) for killed in left}) > 2
        for killed in {contents(killed): killed for killed in left}.values():  # most statements change no file
            writer = Writer(killed)
            assert writer.begin(recording()) == 1
            writer.close()

    def test_one_that_is_killed_while_its_first_transaction_is_written_out_too(self, path: Path) -> None:
        half = sqlite3.connect(path)
        half.execute("pragma cache_size = 1")  # so that pages are written before the transaction ends
        half.execute("begin")
        schema.create_tables(Database(half))
        killed = as_it_lies(path, path.parent / "killed")
        half.close()
        assert killed.stat().st_size
        writer = Writer(killed)
        assert writer.begin(recording()) == 1
        writer.close()

    def test_a_missing_file_is_not_made_by_a_reader(self, path: Path) -> None:
        with pytest.raises(NotFound, match="no such file"):
            Reader(path)
        assert not path.exists()

    def test_a_folder_that_is_not_there_cannot_be_written(self, tmp_path: Path) -> None:
        with pytest.raises(CannotWrite, match="no folder"):
            Writer(tmp_path / "nowhere" / "observer.db")

    def test_a_recording_that_is_not_there_is_named_with_those_that_are(self, writer: Writer, path: Path) -> None:
        with Reader(path) as reader:
            with pytest.raises(NotFound, match="no recording in it"):
                reader.recording()
            writer.begin(recording())
            writer.begin(recording())
            with pytest.raises(NotFound, match="no recording 7; there are: 1, 2"):
                reader.recording(7)


class TestWhoMayWrite:
    def test_one_daemon_at_a_time(self, writer: Writer, path: Path) -> None:
        assert is_being_recorded(path)
        with pytest.raises(CannotWrite, match="a daemon records into it"):
            Writer(path)

    def test_a_clean_end_leaves_one_plain_file(self, path: Path) -> None:
        writer = Writer(path)
        writer.append(writer.begin(recording()), [write(1, 1)])
        writer.close()
        assert sorted(p.name for p in path.parent.iterdir()) == ["observer.db"]
        assert not is_being_recorded(path)
        with sqlite3.connect(path) as plain:
            assert plain.execute("pragma journal_mode").fetchone() == ("delete",)

    def test_another_process_appends_an_event_to_the_running_recording(self, writer: Writer, path: Path) -> None:
        one = writer.begin(recording())
        with Reader(path) as reader:
            assert not reader.stop_asked(one)
            append_event(path, "this boot", "stop.asked", "", {}, at_ns=7 * S)
            assert reader.stop_asked(one)
            (note,) = reader.events(one)
        assert (note.source, note.kind, note.by_ns) == ("operator", "stop.asked", 7 * S)

    def test_an_interrupted_recording_gets_no_event_while_the_next_one_has_not_begun(self, path: Path) -> None:
        killed = Writer(path)
        one = killed.begin(recording())
        killed.close()
        Path(f"{path}.lock").write_bytes(b"\x00%d" % one)  # as kill -9 leaves it
        writer = Writer(path)
        with pytest.raises(NothingAnswers, match="has not begun to record yet"):
            append_event(path, "this boot", "stop.asked", "", {}, at_ns=7 * S)
        two = writer.begin(recording())
        append_event(path, "this boot", "stop.asked", "", {}, at_ns=7 * S)
        with Reader(path) as reader:
            assert (reader.stop_asked(one), reader.recording(one).last_ns, reader.stop_asked(two)) == (False, 0, True)
        writer.close()

    def test_no_event_is_appended_without_a_running_recording(self, path: Path) -> None:
        with pytest.raises(NothingAnswers, match="no recording is running"):
            append_event(path, "this boot", "note.told", "", {"text": "hello"})
        assert not path.exists()

    def test_a_query_reads_and_never_writes(self, writer: Writer, path: Path) -> None:
        writer.begin(recording())
        with Reader(path) as reader:
            for forbidden in ("delete from recordings", "drop view leaders", "pragma journal_mode = delete; select 1"):
                with pytest.raises(UsageError, match="query"):
                    list(reader.query(forbidden)[1])
            with pytest.raises(UsageError, match="no such column: nonsense"):
                reader.query("select nonsense")
            assert reader.query("select id from recordings")[0] == ["id"]
        assert rows(path, "select count(*) from recordings") == [(1,)]


class TestAQuery:
    @pytest.mark.parametrize(
        ("sql", "says"),
        [
            ("select 1 limit 'x'", "datatype mismatch"),
            ("select zeroblob(10000000000)", "too big"),
            ("select 1 union all select json('x')", "malformed JSON"),
            ("select cast(x'ff' as text)", "decode"),
        ],
    )
    def test_that_sqlite_cannot_answer_is_the_querys_fault_and_not_the_files_in_whichever_row(
        self, writer: Writer, path: Path, sql: str, says: str
    ) -> None:
        with Reader(path) as reader, pytest.raises(UsageError, match=says):
            list(reader.query(sql)[1])

    @pytest.mark.parametrize("sql", ["attach '{}' as x", "vacuum into '{}'"])
    def test_makes_no_file(self, writer: Writer, path: Path, sql: str) -> None:
        with Reader(path) as reader, pytest.raises(UsageError, match="attached"):
            reader.query(sql.format(path.with_name("made.db")))
        assert not path.with_name("made.db").exists()

    def test_of_a_damaged_file_is_the_files_fault(self, path: Path) -> None:
        writer = Writer(path)
        writer.append(writer.begin(recording()), [write(n / 20, n) for n in range(2000)])
        writer.close()
        sound = path.read_bytes()
        half = len(sound) // 2
        path.write_bytes(sound[:half] + b"\xaa" * half)
        with Reader(path) as reader, pytest.raises(ForeignDatabase, match="damaged"):
            list(reader.query("select * from operations")[1])


def test_another_program_that_comes_and_goes_takes_no_rows_away(writer: Writer, path: Path) -> None:
    one = writer.begin(recording())
    Reader(path).close()  # in the daemon's own process
    looking = [
        sys.executable,
        "-c",
        "import sqlite3, sys; sqlite3.connect(sys.argv[1]).execute('select * from events')",
    ]
    for n in range(3):
        writer.append(one, [event("note.told", "", n)])
        subprocess.run([*looking, str(path)], check=True)
        assert rows(path, "select count(*) from events") == [(n + 1,)]
