"""The command line: exit codes, one message for each mistake, and only the answer on standard output."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

import pytest

from observer import cli
from observer.commands.objectives import junit
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, RecordingHeader, Window
from observer.recording import preflight as starting
from observer.store import Reader, Writer
from reports.analysis.results.whole import Objective

Run = Callable[..., "Done"]

S = SECOND_NS
NOWHERE = """
[cluster]
scope = "demo"
[etcd]
endpoints = ["127.0.0.1:9"]
"""


@dataclass(frozen=True)
class Done:
    """Hold the exit code and the output of a command."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Run `observer ARGUMENTS` in an empty folder; a traceback is a failure."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Done:
        monkeypatch.setattr(sys, "argv", ["observer", *arguments])
        capsys.readouterr()
        code = cli.run()
        said = capsys.readouterr()
        assert "Traceback" not in said.out + said.err
        assert code != cli.UNEXPECTED, said.err
        return Done(code, said.out, said.err)

    return run


@pytest.fixture
def process(tmp_path: Path) -> Run:
    """Run the same in a separate process, in the locale C."""

    def process(*arguments: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "observer.cli", *arguments],
            cwd=tmp_path,
            env={**os.environ, "PYTHONIOENCODING": "ascii", "LC_ALL": "C"},
            capture_output=True,
            timeout=60,
            check=False,
        )
        return Done(done.returncode, done.stdout.decode("utf-8"), done.stderr.decode("utf-8"))

    return process


@pytest.fixture
def shell(tmp_path: Path) -> Run:
    """Run the rest of a line that begins with `observer` in a shell."""

    def shell(line: str) -> Done:
        command = ["bash", "-c", f"{shlex.quote(sys.executable)} -m observer.cli {line}"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=60, check=False)
        return Done(done.returncode, done.stdout, done.stderr)

    return shell


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Write a finished recording with one leader and two writes."""
    path = tmp_path / "observer.db"
    writer = Writer(path)
    began = datetime(2026, 3, 1, 12, tzinfo=UTC)
    one = writer.begin(RecordingHeader(0, began, "b", 0, 1, "demo", "7", {"traffic": {"rate_per_s": 20}}))
    writer.append(one, [Event("etcd", "leader.seen", "мастер", Window(0, S), {"initial": True})])
    for n in (1, 2):
        done = Operation("write", "kept", f"cafe0123-{n:010d}", n * S, n * S, n * S + 1, Outcome.OK, "done", None, "a")
        writer.append(one, [done])
    writer.end(one, 4 * S, "stop")
    writer.close()
    return path


class TestAMistakeIsOneMessageAndAnExitCode:
    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            ("[cluster]\nscoop = 'x'", ["observer.toml", "scoop", "scope"]),
            ("[postgres]\nevery_ms = 'often'", ["observer.toml", "postgres.every_ms", "often"]),
            ("[traffic]\nrate_per_s = 0", ["traffic.rate_per_s", "0"]),
            ("[etcd]\nendpoints = ['http://a']", ["http://a", "host:port"]),
            ("[cluster\n", ["observer.toml", "not valid TOML"]),
            ("scope = 'demo'", ["scope", "[section]"]),
        ],
    )
    @pytest.mark.parametrize("command", [["start"], ["report"], ["status"]])
    def test_a_bad_configuration(
        self, run: Run, tmp_path: Path, toml: str, words: list[str], command: list[str]
    ) -> None:
        (tmp_path / "observer.toml").write_text(toml)
        done = run(*command)
        assert (done.returncode, done.stdout) == (78, "")
        assert len(done.stderr.strip().splitlines()) == 1
        for word in words:
            assert word in done.stderr
        assert not (tmp_path / "observer.db").exists()

    @pytest.mark.parametrize(
        ("toml", "words"),
        [
            ("[etcd]\nca = 'nope.crt'", ['etcd.ca = "nope.crt"', "No such file"]),
            ("[etcd]\ncert = 'observer.toml'", ["etcd.cert and etcd.key", "both"]),
            ("[patroni]\nca = 'nope.crt'", ['patroni.ca = "nope.crt"', "No such file"]),
            ("[patroni]\ncert = '.'", ['patroni.cert = "."', "directory"]),
            ("[haproxy]\nca = 'nope.crt'", ['haproxy.ca = "nope.crt"', "No such file"]),
            ("[haproxy]\nca = 'observer.toml'", ["[haproxy]", "certificates cannot be used", "PEM"]),
            ("[postgres]\ndsn = 'a=b hunter2'", ["postgres.dsn", "host=... port=..."]),
            ("[postgres.members]\ndb1 = 'hunter2'", ["postgres.members.db1", "host=... port=..."]),
        ],
    )
    @pytest.mark.parametrize("command", ["start", "doctor"])
    def test_a_configuration_that_names_unusable_files_or_addresses(
        self, run: Run, tmp_path: Path, toml: str, words: list[str], command: str
    ) -> None:
        (tmp_path / "observer.toml").write_text(toml)
        done = run(command)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (78, 1)
        for word in words:
            assert word in done.stderr
        assert "hunter2" not in done.stderr
        assert not (tmp_path / "observer.db").exists()

    def test_a_certificate_of_etcd_that_init_cannot_read(self, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("OBSERVER_ETCD_CA", "nope.crt")
        done = run("init", "--etcd", "127.0.0.1:9")
        assert (done.returncode, 'etcd.ca = "nope.crt" cannot be read' in done.stderr) == (78, True)

    def test_a_missing_configuration(self, run: Run) -> None:
        done = run("start", "-c", "nowhere.toml")
        assert (done.returncode, "nowhere.toml: no such file" in done.stderr) == (78, True)

    def test_a_cluster_that_does_not_answer(self, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(starting, "LIMIT_S", 0.5)
        monkeypatch.setattr(starting, "DISCOVERY_S", 0.2)
        (tmp_path / "observer.toml").write_text(NOWHERE)
        done = run("start")
        assert done.returncode == 69
        assert "127.0.0.1:9 (refused)" in done.stderr
        assert not (tmp_path / "observer.db").exists()

    @pytest.mark.parametrize(
        "arguments",
        [["strat"], ["start", "--forever"], ["start", "--for", "soon"], ["report", "--lang", "de"], ["query"], []],
    )
    def test_wrong_usage(self, run: Run, arguments: list[str]) -> None:
        done = run(*arguments)
        assert (done.returncode, done.stdout) == (64, "")

    @pytest.mark.parametrize("command", [["report"], ["status"], ["events"], ["query", "select 1"]])
    def test_a_missing_recording_file(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        done = run(*command)
        assert (done.returncode, "no such file" in done.stderr) == (66, True)
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize("command", [["report"], ["status"], ["events"]])
    def test_a_file_of_another_program(self, run: Run, tmp_path: Path, command: list[str]) -> None:
        (tmp_path / "observer.db").write_bytes(b"not ours " * 1000)
        done = run(*command)
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (65, 1)

    def test_start_does_not_change_a_foreign_file(self, run: Run, tmp_path: Path) -> None:
        (tmp_path / "observer.db").write_bytes(b"not ours " * 1000)
        assert run("start").returncode == 65
        assert (tmp_path / "observer.db").read_bytes() == b"not ours " * 1000

    def test_a_missing_folder(self, run: Run) -> None:
        done = run("start", "--db", "nowhere/observer.db")
        assert (done.returncode, "there is no folder nowhere" in done.stderr) == (73, True)

    def test_a_recording_that_is_not_in_the_file(self, run: Run, recorded: Path) -> None:
        done = run("report", "--recording", "7")
        assert (done.returncode, "no recording 7; there are: 1" in done.stderr) == (66, True)

    def test_a_file_without_a_recording(self, run: Run, tmp_path: Path) -> None:
        Writer(tmp_path / "observer.db").close()
        done = run("report")
        assert (done.returncode, "no recording in it" in done.stderr) == (66, True)

    @pytest.mark.parametrize(
        ("command", "says"),
        [
            (["mark", "hello"], "no recording is running for this file"),
            (["stop"], "No recording is running for observer.db"),
        ],
    )
    def test_a_daemon_that_is_not_running(self, run: Run, recorded: Path, command: list[str], says: str) -> None:
        before = recorded.read_bytes()
        done = run(*command)
        assert (done.returncode, says in done.stderr) == (69, True)
        assert recorded.read_bytes() == before

    def test_a_query_that_writes(self, run: Run, recorded: Path) -> None:
        done = run("query", "delete from events")
        assert (done.returncode, len(done.stderr.strip().splitlines())) == (64, 1)
        with Reader(recorded) as reader:
            assert len(reader.events(1)) == 1


class TestAnswers:
    def test_standard_output_carries_the_report_alone_in_utf8_with_lf(self, process: Run, recorded: Path) -> None:
        done = process("report", "--lang", "ru")
        assert (done.returncode, done.stderr) == (0, "")
        assert done.stdout.startswith("# ")
        assert done.stdout.endswith("\n")
        assert "\r" not in done.stdout
        assert "запис" in done.stdout

    def test_a_mistake_ends_the_process_with_its_code_and_its_message(self, process: Run) -> None:
        done = process("report")
        assert (done.returncode, done.stdout, len(done.stderr.splitlines())) == (66, "", 1)

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
    @pytest.mark.parametrize("command", ["report", "status", "events", "query 'select * from events'"])
    def test_a_full_disk_is_output_that_cannot_be_written(self, shell: Run, recorded: Path, command: str) -> None:
        done = shell(f"{command} > /dev/full")
        assert (done.returncode, len(done.stderr.splitlines())) == (73, 1)
        assert "Standard output cannot be written (No space left on device)" in done.stderr

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no head on Windows")
    @pytest.mark.parametrize("command", ["report", "events", "query 'select * from events' --format json"])
    def test_a_reader_that_stops_early_is_no_error(self, shell: Run, recorded: Path, command: str) -> None:
        done = shell(f"{command} | true; exit ${{PIPESTATUS[0]}}")
        assert (done.returncode, done.stderr) == (0, "")

    def test_a_report_written_with_o_is_the_same_and_replaces_the_old_file(
        self, run: Run, recorded: Path, tmp_path: Path
    ) -> None:
        (tmp_path / "report.md").write_text("old")
        done = run("report", "-o", "report.md")
        assert (done.returncode, done.stdout) == (0, "")
        assert (tmp_path / "report.md").read_text(encoding="utf-8") == run("report").stdout
        assert sorted(path.name for path in tmp_path.iterdir()) == ["observer.db", "report.md"]

    def test_a_report_that_cannot_be_written(self, run: Run, recorded: Path) -> None:
        assert run("report", "-o", "nowhere/report.md").returncode == 73

    def test_a_report_as_json_has_the_keys_that_other_programs_read(self, run: Run, recorded: Path) -> None:
        document = json.loads(run("report", "--format", "json").stdout)
        assert {"recordings", "incidents", "durability", "consistency", "answers"} <= set(document)

    def test_the_objectives_determine_the_exit_code(self, run: Run, recorded: Path, tmp_path: Path) -> None:
        config = tmp_path / "observer.toml"
        assert run("report", "--check").returncode == 78
        config.write_text("[objectives]\nwrite_outage_s = 10")
        assert run("report", "--check").returncode == 0
        config.write_text("[objectives]\nread_outage_s = 10")
        done = run("report", "--check")
        assert (done.returncode, "read_outage_s: UNKNOWN" in done.stderr) == (2, True)
        config.write_text("[objectives]\nwrite_outage_s = 10\nlost_writes = 0")
        assert run("report", "--check").returncode == 2

    def test_the_results_are_written_as_junit_for_ci(self, run: Run, recorded: Path, tmp_path: Path) -> None:
        assert run("report", "--junit", "gate.xml").returncode == 78
        (tmp_path / "observer.toml").write_text("[objectives]\nwrite_outage_s = 10\nread_outage_s = 10")
        assert run("report", "--check", "--junit", "gate.xml").returncode == 2
        suite = ElementTree.parse(tmp_path / "gate.xml").find("testsuite")
        assert suite is not None
        assert {name: suite.get(name) for name in ("tests", "failures", "errors")} == {
            "tests": "2",
            "failures": "0",
            "errors": "1",
        }
        assert [case.get("name") for case in suite if case.find("error") is not None] == ["read_outage_s"]

    def test_a_missed_objective_is_a_failure_in_junit(self) -> None:
        results = [
            Objective("write_outage_s", 1, 2, "BROKEN"),
            Objective("lost_writes", 0, 0, "HOLDS"),
        ]
        suite = ElementTree.fromstring(junit(results)).find("testsuite")
        assert suite is not None
        assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("2", "1", "0")
        failure = suite.find("testcase[@name='write_outage_s']/failure")
        assert failure is not None
        assert failure.get("message") == "write_outage_s: BROKEN, 2 is more than 1."

    def test_a_query_as_table_json_and_csv(self, run: Run, recorded: Path) -> None:
        sql = "select member, seconds, timeline from leaders"
        assert run("query", sql).stdout.splitlines() == [
            "member  seconds  timeline",
            "------  -------  --------",
            "мастер      3.0         -",
        ]
        found = json.loads(run("query", sql, "--format", "json").stdout)
        assert found == [{"member": "мастер", "seconds": 3.0, "timeline": None}]
        assert run("query", sql, "--format", "csv").stdout == "member,seconds,timeline\nмастер,3.0,\n"

    def test_an_answer_without_rows_is_an_empty_list(self, run: Run, recorded: Path) -> None:
        assert run("query", "select * from lost_writes", "--format", "json").stdout == "[]\n"

    def test_status_shows_how_a_recording_ended_and_its_leader(self, run: Run, recorded: Path) -> None:
        text = run("status").stdout
        assert "ended (stop) after 4 s" in text
        assert "leader:  мастер" in text

    def test_events_are_printed_one_per_line(self, run: Run, recorded: Path) -> None:
        assert run("events").stdout == "    1.000 s  etcd      мастер leads\n"

    @pytest.mark.parametrize(
        ("asked", "found"),
        [
            (("--kind", "leader"), 1),
            (("--kind", "leader.seen", "--source", "etcd", "--subject", "мастер"), 1),
            (("--from", "1s", "--to", "1.5s"), 1),
            (("--from", "1.5s"), 0),
            (("--source", "haproxy"), 0),
            (("--kind", "route"), 0),
        ],
    )
    def test_events_are_filtered(self, run: Run, recorded: Path, asked: tuple[str, ...], found: int) -> None:
        assert len(run("events", *asked).stdout.splitlines()) == found

    def test_events_as_json_and_csv(self, run: Run, recorded: Path) -> None:
        (event,) = json.loads(run("events", "--format", "json").stdout)
        assert (event["kind"], event["by_s"], event["detail"]) == ("leader.seen", 1.0, {"initial": True})
        assert (
            run("events", "--format", "csv").stdout.splitlines()[0] == "id,utc,after_s,by_s,source,kind,subject,detail"
        )
        assert run("events", "--from", "soon").returncode == 64

    def test_help_loads_no_slow_library(self) -> None:
        heavy = {"grpc", "httpx", "pydantic", "psycopg2", "jinja2", "rich", "sqlite_utils"}
        code = f"import sys, observer.cli; print(sorted({heavy} & set(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
        assert done.stdout == "[]\n"
