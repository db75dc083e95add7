"""Lines of Patroni's and PostgreSQL's logs with a known meaning, as the real ones wrote them."""

from __future__ import annotations

from pathlib import Path

import pytest

from observer.model.recording import Event
from observer.sources import logs
from observer.sources.logs import LogReader, Tail, decisive_line

DECIDE = {
    # Patroni 4.0.7 with PostgreSQL 17
    "2026-11-22 23:37:45,621 INFO: promoted self to leader by acquiring session lock": "promoted",
    "2026-11-22 23:37:53,975 INFO: running pg_rewind from patroni3": "rewind_began",
    "2026-11-22 23:37:54,951 INFO: pg_rewind exit code=0": "rewind_ended",
    "2026-11-22 23:35:45,108 INFO: trying to bootstrap from leader 'patroni1'": "bootstrap_began",
    "2026-11-22 23:35:45,615 INFO: bootstrapped from leader 'patroni1'": "bootstrap_ended",
    "2026-11-22 23:39:16,001 INFO: demoted self because DCS is not accessible and I was a leader": "demoted",
    "2026-11-22 23:37:53.976 UTC [214] LOG:  received fast shutdown request": "shutdown_asked",
    "2026-11-22 23:37:45.634 UTC [26] LOG:  selected new timeline ID: 4": "new_timeline",
    # Patroni 3.0.2 with PostgreSQL 15
    "2026-11-22 22:51:16,595 INFO: promoted self to leader because I had the session lock": "promoted",
    "2026-11-22 22:51:16,595 INFO: demoting self because DCS is not accessible and I was a leader": "demoted",
    "2026-11-22 22:51:16,595 INFO: demoting self because I do not have the lock and I was a leader": "demoted",
    "2026-11-22 22:51:16,595 INFO: manual failover: demoting myself": "handed_over",
    "2026-11-22 22:52:48.126 UTC [6499] LOG:  database system was interrupted; last known up at 2026-11-22": (
        "was_interrupted"
    ),
    "2026-11-22 22:52:48.126 UTC [12651] LOG:  new timeline 6 forked off current database system timeline 5"
    " before current recovery point 0/5300410": "diverged",
    "2026-11-22 22:52:48.126 UTC [99] LOG:  server process (PID 612) was terminated by signal 9: Killed": (
        "process_killed"
    ),
    "2026-11-22 22:52:48.126 UTC [99] LOG:  background writer process (PID 7) was terminated by signal 9: Killed": (
        "process_killed"
    ),
}
OTHERS = (
    "2026-11-22 23:38:24,916 INFO: no action. I am (patroni1), a secondary, and following a leader (patroni3)",
    "2026-11-22 23:37:54,070 INFO: running pg_rewind from dbname=postgres user=postgres host=patroni3 port=5432",
    "2026-11-22 23:37:54.000 UTC [214] LOG:  database system is shut down",
    "server promoting",
    "",
)


@pytest.mark.parametrize(("line", "says"), DECIDE.items())
def test_a_line_with_a_meaning_is_recorded_with_it(line: str, says: str) -> None:
    said = decisive_line(line)
    assert said is not None
    assert said["says"] == says
    assert said["text"] in line


@pytest.mark.parametrize("line", OTHERS)
def test_all_other_lines_are_nothing(line: str) -> None:
    assert decisive_line(line) is None


def test_what_a_line_names_is_kept() -> None:
    said = decisive_line("2026-11-22 23:37:53,975 INFO: running pg_rewind from patroni3")
    assert said == {"says": "rewind_began", "text": "running pg_rewind from patroni3", "from": "patroni3"}


def test_consecutive_lines_of_the_same_text_are_recorded_once() -> None:
    reader, line = LogReader("patroni1"), "2026-11-22 23:39:16,001 INFO: demoted self because DCS is not accessible"
    again = line.replace("16,001", "26,001")
    assert [len(reader.read([line])), len(reader.read([again])), len(reader.read([*DECIDE, again]))] == [
        1,
        0,
        len(DECIDE) + 1,
    ]


class TestAFile:
    def test_is_read_from_its_present_end_on_and_by_whole_lines(self, tmp_path: Path) -> None:
        path = tmp_path / "patroni1.log"
        path.write_text("old\n")
        tail = Tail(path)
        assert tail.read() == []
        with path.open("a") as file:
            file.write("new\nhal")
        assert tail.read() == ["new"]
        with path.open("a") as file:
            file.write("f\n")
        assert tail.read() == ["half"]

    def test_that_was_cut_off_or_replaced_is_read_from_its_beginning(self, tmp_path: Path) -> None:
        path = tmp_path / "patroni1.log"
        path.write_text("a long line\n")
        tail = Tail(path)
        tail.read()
        path.write_text("cut\n")
        assert tail.read() == ["cut"]
        (tmp_path / "next").write_text("another file, longer\n")
        (tmp_path / "next").replace(path)
        assert tail.read() == ["another file, longer"]

    def test_records_what_was_written_between_two_polls(self, tmp_path: Path) -> None:
        path, events, clock = tmp_path / "patroni1.log", list[Event](), iter(range(100))
        path.touch()
        job = logs.job("patroni1", path, events.append, lambda: next(clock))
        job.run()
        path.write_text(f"{next(iter(DECIDE))}\n")
        job.run()
        (recorded,) = events
        assert (recorded.source, recorded.kind, recorded.subject, recorded.detail["says"]) == (
            "log",
            "log.told",
            "patroni1",
            "promoted",
        )
        assert recorded.window.after_ns < recorded.window.by_ns

    def test_that_is_absent_makes_the_source_unreachable_once(self, tmp_path: Path) -> None:
        events, clock = list[Event](), iter(range(100))
        job = logs.job("patroni1", tmp_path / "none.log", events.append, lambda: next(clock))
        job.run()
        job.run()
        assert [(e.kind, e.detail["how"]) for e in events] == [("source.blind", "error")]
