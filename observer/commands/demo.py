"""The whole story in about two minutes: a cluster comes up, its leader is killed, the report says what it cost.

Run by `make demo`. Whatever happens, the cluster is taken down again.
"""

from __future__ import annotations

import argparse
import locale
import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import stack.configs
import stack.faults
import stack.health
import stack.local
from observer.commands import launch, reporting
from observer.live.status import LATELY_NS
from observer.model.clock import boot_id
from observer.model.errors import NothingAnswers, ObserverError
from observer.model.recording import SECOND_NS, Operation, Outcome
from observer.store import Reader, is_being_recorded, tell
from reports.report import summary_lines
from stack.errors import StackError
from stack.settings import StackSettings

BUILD = Path("build")
QUIET_S = 10.0  # of undisturbed writes before the kill, and of stillness after the repair
LIMIT_S = 120.0
BEGAN_S = time.monotonic()


def say(text: str) -> None:
    """A line of progress, with the time since the beginning."""
    print(f"[{time.monotonic() - BEGAN_S:5.0f} s] {text}", flush=True)


def main() -> int:
    """Runs the story; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m observer.commands.demo", description=__doc__)
    parser.add_argument("--dir", type=Path, default=stack.local.default_directory(), help="where the cluster lives")
    parser.add_argument("--port-shift", type=int, default=0, help="added to every port")
    told = parser.parse_args()
    try:
        play(StackSettings(told.dir, told.port_shift))
    except StackError as error:
        say(str(error))
        return 69
    except ObserverError as error:
        say(str(error))
        return error.exit_code
    except KeyboardInterrupt:
        say("stopped by hand")
        return 130
    return 0


def play(settings: StackSettings) -> None:
    """Up, record, kill, wait, repair, stop, down, report. Raises StackError, ObserverError."""
    database, config, log = BUILD / "demo.db", BUILD / "demo.toml", BUILD / "demo.log"
    BUILD.mkdir(exist_ok=True)
    if is_being_recorded(database):
        raise NothingAnswers(f"{database}: a demo records into it; end that one first.")
    database.unlink(missing_ok=True)
    say("bringing up a cluster: three etcd, three Patroni with PostgreSQL, HAProxy")
    stack.local.up(settings, lambda line: say(f"  {line}"))
    try:
        config.write_text(stack.configs.observer_toml(settings), encoding="utf-8")
        _record(settings, config, database, log)
    except (Exception, KeyboardInterrupt):
        say(f"it did not go as planned; the logs: {log}, {settings.directory / 'logs'}")
        raise
    finally:
        say("taking the cluster down")
        stack.local.down(settings.directory, lambda _: None)
    _report(database)


def _record(settings: StackSettings, config: Path, database: Path, log: Path) -> None:
    """Starts the observer as a process of its own, lets the story happen before its eyes, ends it in order."""
    command = [sys.executable, "-m", "observer.cli", "start", "--plain", "-c", str(config), "--db", str(database)]
    say(f"starting the observer: observer start -c {config} --db {database}")
    with log.open("wb") as output:
        observer = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        _story(settings, database, lambda: observer.poll() is None)
        say("ending the recording; every acknowledged write is looked for in the tables")
        launch.ask_to_stop(database)
        if observer.wait(LIMIT_S) != 0:
            raise NothingAnswers(f"The observer ended with {observer.returncode}; its log is {log}.")
    finally:
        if observer.poll() is None:
            observer.terminate()
            with suppress(subprocess.TimeoutExpired):
                observer.wait(30)


def _story(settings: StackSettings, database: Path, alive: Callable[[], bool]) -> None:
    _until(lambda: is_being_recorded(database) and bool(_writes(database)), alive, "the first write")
    say(f"writes and reads go through HAProxy; {QUIET_S:.0f} s of peace first")
    quiet = time.monotonic() + QUIET_S
    _until(lambda: time.monotonic() > quiet and _well(database), alive, "ten seconds of writes")
    leader = stack.health.poll(settings).leader
    if leader is None:
        raise NothingAnswers("The cluster has no leader before anything was broken; see its logs.")
    say(f"SIGKILL to {leader}, the leader: Patroni and every process of its PostgreSQL at once")
    killed_ns = stack.faults.kill(settings, leader)
    _tell(database, "fault.told", "kill", leader, killed_ns)
    _until(lambda: not _well(database), alive, "the failure to show")
    say("writes fail; nobody is told to do anything, the cluster must find a new leader by itself")
    _until(lambda: _well(database), alive, "writes to be back", "still no write")
    say(f"writes are back after {(time.monotonic_ns() - killed_ns - LATELY_NS) / SECOND_NS:.0f} s")
    say(f"starting {leader} again, as a replica now")
    _tell(database, "repair.told", "start", leader, stack.faults.start(settings, leader))
    stack.local.wait_healthy(settings, LIMIT_S)
    say("redundancy is back: two replicas stream")
    quiet = time.monotonic() + QUIET_S
    _until(lambda: time.monotonic() > quiet, alive, "things to be still")


def _tell(database: Path, kind: str, action: str, target: str, at_ns: int) -> None:
    tell(database, boot_id(), kind, target, {"component": "patroni", "action": action, "target": target}, at_ns)


def _until(done: Callable[[], bool], alive: Callable[[], bool], what: str, waiting: str | None = None) -> None:
    began_s = said_s = time.monotonic()
    while not done():
        now_s = time.monotonic()
        if not alive():
            raise NothingAnswers(f"The observer died while it waited for {what}; see {BUILD / 'demo.log'}.")
        if now_s - began_s > LIMIT_S:
            raise NothingAnswers(f"{LIMIT_S:.0f} s were not enough for {what}; see {BUILD / 'demo.log'}.")
        if waiting is not None and now_s - said_s > 10:
            said_s = now_s
            say(f"  {waiting} after {now_s - began_s:.0f} s")
        time.sleep(0.2)


def _writes(database: Path) -> list[Operation]:
    """The writes that ended in the last seconds; none where nothing is recorded yet."""
    try:
        with Reader(database) as reader:
            recording = reader.recording()
            now_ns = time.monotonic_ns() - recording.anchor_ns
            latest = reader.operations(recording.id, 400)
    except ObserverError:
        return []
    return [o for o in latest if o.action == "write" and now_ns - o.finished_ns <= LATELY_NS]


def _well(database: Path) -> bool:
    """Whether writes have been acknowledged for some seconds, and none has failed."""
    lately = _writes(database)
    return len(lately) > LATELY_NS / SECOND_NS and all(o.outcome is Outcome.OK for o in lately)


def _report(database: Path) -> None:
    facts = reporting.facts(database, None)
    russian, english = BUILD / "report.md", BUILD / "report.en.md"
    reporting.write(russian, reporting.text(facts, "md", "ru", "homework"))
    reporting.write(english, reporting.text(facts, "md", "en", "homework"))
    spoken = os.environ.get("LC_ALL") or os.environ.get("LANG") or locale.getlocale()[0] or ""
    print()
    for line in summary_lines(facts, "ru" if spoken.startswith(("ru", "Russian")) else "en"):
        print(line)
    print(f"\nThe whole report: {russian} (in Russian), {english} (in English).")
    print(f'Ask the recording yourself: observer query "select * from leaders" --db {database}')


if __name__ == "__main__":
    sys.exit(main())
