"""Each mistake that people make gets a message that names the remedy, and an exit code."""

from __future__ import annotations

import json
import lzma
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from observer import cli
from observer.commands.options import progress
from observer.commands.report import LANGUAGES, language_of_locale
from stack.__main__ import main as stack_main
from tests.help_texts import commands, help_text, parts, rendered
from tests.recorded import FAILOVER, database

Answer = tuple[int, str, str]
Run = Callable[..., Answer]


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """Return a recording of a failover, packed with xz."""
    return lzma.compress(database(FAILOVER, tmp_path_factory.mktemp("mistakes") / "observer.db").read_bytes(), preset=0)


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], packed: bytes) -> Run:
    """Run `observer ARGUMENTS` in a folder with observer.db.xz; return exit code, standard output, standard error."""
    (tmp_path / "observer.db.xz").write_bytes(packed)
    monkeypatch.chdir(tmp_path)

    def run(*arguments: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["observer", *arguments])
        capsys.readouterr()
        code = cli.run()
        said = capsys.readouterr()
        for text in (said.out, said.err):
            assert "Traceback" not in text
            assert f"{tempfile.gettempdir()}/observer-" not in text, "the path of a temporary file"
        return code, said.out, said.err.strip()

    return run


@pytest.fixture
def ask(run: Run) -> Run:
    """Run `observer ARGUMENTS --db observer.db.xz`."""
    return lambda *arguments: run(*arguments, "--db", "observer.db.xz")


def test_01_a_misspelt_command_suggests_the_right_one(run: Run) -> None:
    code, out, error = run("repotr")
    assert (code, out) == (64, "")
    assert error.startswith("No such command 'repotr'.")


@pytest.mark.parametrize("arguments", [["--version"], ["-V"], ["version"]])
def test_02_the_version_can_be_asked(run: Run, arguments: list[str]) -> None:
    code, out, error = run(*arguments)
    assert (code, error) == (0, "")
    assert re.fullmatch(r"observer \d\S*\n", out)


def test_03_an_unknown_option_names_the_help(run: Run) -> None:
    assert run("start", "--bogus") == (64, "", "No such option '--bogus'. Try `observer start --help`.")


def test_04_the_configuration_may_be_named_before_the_command(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text('[store]\npath = "observer.db.xz"\n')
    before, after = run("-c", "x.toml", "status"), run("status", "-c", "x.toml")
    assert before == after
    assert before[0] == 0
    assert (
        run("-c", "nope.toml", "status")[2] == "nope.toml: no such file; write one with `observer init -o nope.toml`."
    )
    assert run("-c", "x.toml", "stack", "status") == (64, "", "stack takes no -c; leave it out.")


def test_05_a_missing_file_names_the_packed_one(run: Run) -> None:
    code, _, error = run("status")
    assert (code, "--db observer.db.xz" in error) == (66, True)


@pytest.mark.parametrize(
    "command",
    [["status"], ["datasette-metadata"], ["query", "select 1"], ["events"], ["report", "--lang", "en"]],
)
def test_06_every_command_that_reads_takes_a_packed_file(ask: Run, command: list[str]) -> None:
    code, out, error = ask(*command)
    assert (code, error) == (0, "")
    assert out


def test_06_status_names_the_packed_file(ask: Run) -> None:
    assert "in observer.db.xz: ended" in ask("status")[1]


def test_07_a_missing_file_is_named(run: Run) -> None:
    code, _, error = run("report", "--db", "nope.db")
    assert (code, error.startswith("nope.db: no such file;")) == (66, True)


def test_08_a_text_file_is_no_recording(run: Run, tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("not SQLite " * 100)
    code, _, error = run("report", "--db", "notes.txt")
    assert (code, error.startswith("notes.txt: not a SQLite file;")) == (65, True)


def test_09_a_packed_file_of_another_program_is_named_by_its_packed_name(run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.db.xz").write_bytes(lzma.compress(b"not SQLite " * 100))
    code, _, error = run("status", "--db", "other.db.xz")
    assert (code, error.startswith("other.db.xz: not a SQLite file;")) == (65, True)


def test_10_stop_without_a_recording_does_not_advise_to_start(run: Run) -> None:
    code, _, error = run("stop")
    assert (code, error) == (
        69,
        "No recording is running for observer.db; if yours uses another file, name it with --db.",
    )


def test_11_mark_without_a_recording_advises_to_start(run: Run) -> None:
    code, _, error = run("mark", "hello")
    assert (code, "observer start" in error) == (69, True)


@pytest.mark.parametrize(
    ("sql", "error"),
    [
        ("selct * from leaders", 'SQL error in the query: near "selct": syntax error.'),
        (
            "select * from leadres",
            "SQL error in the query: no such table: leadres; did you mean leaders? "
            "(Or list tables and columns with `observer query --tables`.)",
        ),
        (
            "select l.membr from leaders l",
            "SQL error in the query: no such column: l.membr; did you mean member? "
            "(Or list tables and columns with `observer query --tables`.)",
        ),
        ("drop table events", "SQL error in the query: attempt to write a readonly database."),
    ],
)
def test_12_to_14_wrong_sql_is_named_and_close_names_are_suggested(ask: Run, sql: str, error: str) -> None:
    assert ask("query", sql) == (64, "", error)


@pytest.mark.parametrize("sql", ["", " ;\n", "/* nothing */"])
def test_15_an_empty_query_is_wrong_usage(ask: Run, sql: str) -> None:
    code, out, error = ask("query", sql)
    assert (code, out, "write one SELECT statement" in error) == (64, "", True)


def test_16_the_name_of_a_table_is_answered_with_its_query(ask: Run) -> None:
    error = '"leaders" is not a statement; write: observer query "select * from leaders"'
    assert ask("query", "leaders") == (64, "", error)
    code, _, error = ask("query", ".tables")
    assert (code, "`observer query --tables`" in error) == (64, True)


def test_16_tables_and_views_are_listed_with_their_columns(ask: Run) -> None:
    code, out, _ = ask("query", "--tables", "--format", "json")
    found = {one["name"]: one for one in json.loads(out)}
    assert code == 0
    assert found["events"]["type"] == "table"
    assert found["leaders"]["type"] == "view"
    assert "member" in found["leaders"]["columns"].split(", ")
    assert not [name for name in found if name.startswith("sqlite_")]
    assert ask("query", "--tables", "select 1")[0] == 64


@pytest.mark.parametrize(
    ("option", "name", "suggested"),
    [
        ("--source", "etdc", "did you mean etcd?"),
        ("--kind", "leader.lots", "did you mean leader.lost?"),
        ("--kind", "leadre", "did you mean leader?"),
        ("--subject", "patroni9", "did you mean patroni"),
    ],
)
def test_17_a_misspelt_filter_of_events_is_an_error(ask: Run, option: str, name: str, suggested: str) -> None:
    code, out, error = ask("events", option, name)
    assert (code, out) == (64, "")
    assert error.startswith(f"{option} {name}: ")
    assert suggested in error


def test_17_a_known_kind_without_events_is_an_empty_answer(ask: Run) -> None:
    assert ask("events", "--kind", "quorum.lost") == (0, "", "")


def test_18_a_span_of_time_that_ends_before_it_begins_is_an_error(ask: Run) -> None:
    error = "--from 600s is later than --to 300s; swap them."
    assert ask("timeline", "--from", "10m", "--to", "5m") == (64, "", error)


def test_19_a_missing_recording_names_the_packed_file(ask: Run) -> None:
    assert ask("report", "--recording", "99") == (66, "", "observer.db.xz: there is no recording 99; there are: 1.")


def test_23_a_time_without_a_known_unit_shows_how_to_write_one(run: Run) -> None:
    error = "--for 10min: not a time; write it like 90s, 10m or 2h."
    assert run("start", "--for", "10min") == (64, "", error)


def test_24_a_misspelt_scenario_suggests_the_right_one(run: Run) -> None:
    code, _, error = run("drill", "leder-killed")
    assert (code, error) == (
        64,
        "There is no scenario leder-killed; did you mean leader-killed? To see all: observer drill --list",
    )


def test_25_a_fault_asked_of_stack_names_the_right_command(run: Run) -> None:
    error = "Faults have their own command; write: observer fault kill patroni1"
    assert run("stack", "kill", "patroni1") == (64, "", error)


@pytest.mark.parametrize("command", [["drill", "nothing"], ["stack", "up"]])
def test_26_a_directory_is_refused_for_the_cluster_in_docker(run: Run, command: list[str]) -> None:
    error = "--dir applies to the local cluster only; leave it out with --docker."
    assert run(*command, "--docker", "--dir", "x") == (64, "", error)


@pytest.mark.skipif(sys.platform != "linux", reason="the local cluster runs on Linux only")
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["kil", "patroni1"], 64),
        (["kill", "patroni9"], 64),
        (["kill"], 64),
        (["start", "patroni1", "--only", "postgres"], 64),
        (["switchover", "patroni1"], 64),
        (["kill", "patroni1"], 69),
    ],
)
def test_the_module_stack_ends_with_the_exit_codes_of_observer_fault(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, arguments: list[str], code: int
) -> None:
    monkeypatch.setenv("OBSERVER_STACK_DIR", str(tmp_path / "no cluster"))
    assert run("fault", *arguments)[0] == code
    monkeypatch.setattr(sys, "argv", ["stack", *arguments])
    try:
        found: object = stack_main()
    except SystemExit as end:
        found = end.code
    assert found == code


class TestHelp:
    @pytest.mark.parametrize(("name", "command"), list(commands()), ids=lambda one: one if isinstance(one, str) else "")
    def test_of_a_command_explains_each_option_and_fits_a_terminal(self, name: str, command: click.Command) -> None:
        assert all(one.help for one in command.params if isinstance(one, click.Option))
        assert all(len(line) <= 100 for line in help_text(name, command).splitlines())

    def test_shows_the_first_sentence_of_each_command_whole(self, run: Run) -> None:
        _, listed, _ = run("--help")
        for name, command in cli.observer.commands.items():
            first = (command.help or "").partition("\n")[0]
            assert re.search(rf"^  {name} +{re.escape(first)}$", listed, re.MULTILINE), name

    def test_on_the_page_of_commands_is_current(self) -> None:
        _, texts, _ = parts()
        assert texts.strip() == rendered().strip(), "write it with: python -m tests.help_texts"

    def test_does_not_list_former_names_which_still_work(self, run: Run) -> None:
        _, listed, _ = run("--help")
        assert not re.search(r"^  (timeline|judge) ", listed, re.MULTILINE)
        assert [run(name, "--help")[0] for name in ("timeline", "judge")] == [0, 0]


class TestTheLanguageOfTheReport:
    @pytest.mark.parametrize(
        ("environment", "language"),
        [
            ({}, "en"),
            ({"LANG": "ru_RU.UTF-8"}, "ru"),
            ({"LANG": "ru_RU.UTF-8", "LC_MESSAGES": "de_DE.UTF-8"}, "en"),
            ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "C", "LC_ALL": "ru_RU"}, "ru"),
            ({"LANG": "ru_RU.UTF-8", "LC_ALL": ""}, "ru"),
        ],
    )
    def test_follows_the_locale(self, environment: dict[str, str], language: str) -> None:
        assert language_of_locale(environment) == language

    def test_comes_from_the_configuration_first_and_from_the_option_before_it(
        self, ask: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
            monkeypatch.delenv(name, raising=False)
        plain, english = ask("report"), ask("report", "--lang", "en")
        (tmp_path / "observer.toml").write_text('[report]\nlanguage = "ru"\n')
        assert plain == english
        assert ask("report") == ask("report", "--lang", "ru") != english

    def test_that_has_no_phrases_is_refused_with_the_languages_that_have(self, ask: Run, tmp_path: Path) -> None:
        code, out, error = ask("report", "--lang", "de")
        assert (code, out) == (64, "")
        assert all(f"'{name}'" in error for name in LANGUAGES)
        (tmp_path / "observer.toml").write_text('[report]\nlanguage = "de"\n')
        code, out, error = ask("report")
        assert (code, out, "known are: en, ru" in error) == (78, "", True)


def test_the_profile_of_a_report_is_drill_unless_the_configuration_names_another(ask: Run) -> None:
    assert ask("report", "--lang", "en") == ask("report", "--lang", "en", "--profile", "drill")


def test_status_as_json_names_the_leader_and_how_the_recording_ended(ask: Run) -> None:
    found = json.loads(ask("status", "--format", "json")[1])
    assert found["leader"].startswith("patroni")
    assert found["recording"]["ended"] == "signal"


def test_doctor_as_json_is_a_list_of_findings(run: Run, tmp_path: Path) -> None:
    (tmp_path / "observer.toml").write_text('[etcd]\nendpoints = ["127.0.0.1:9"]\n')
    code, out, _ = run("doctor", "--format", "json")
    findings = json.loads(out)
    assert code == 69
    assert {"component", "level", "title", "meaning", "remedy", "exit_code"} == set(findings[0])
    assert {one["level"] for one in findings} <= {"ok", "note", "error"}
    assert any(one["level"] == "error" and one["exit_code"] == 69 and one["remedy"] for one in findings)


def test_progress_is_shown_on_a_terminal_alone_and_cleared_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with progress() as show:
        show("Analyzing")
    assert capsys.readouterr() == ("", "")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(click.utils, "should_strip_ansi", lambda *_: False)
    with progress() as show:
        show("Analyzing")
    assert capsys.readouterr() == ("", "\r\033[KAnalyzing\r\033[K")


def test_the_shell_completes_scenarios() -> None:
    environment = {"_OBSERVER_COMPLETE": "bash_complete", "COMP_WORDS": "observer drill leader-ki", "COMP_CWORD": "2"}
    program = "import sys; sys.argv[0] = 'observer'; from observer import cli; cli.main()"
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        encoding="utf-8",
        timeout=60,
        check=False,
    )
    assert "plain,leader-killed" in done.stdout.splitlines()
