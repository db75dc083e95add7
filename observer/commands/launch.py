"""Start and stop the daemon: in this terminal or in the background, by a signal or by an event in its file."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from typing import Any

from observer.config.settings import Settings
from observer.model.clock import boot_id
from observer.model.errors import NothingAnswers, ObserverError, UsageError
from observer.model.recording import RecordingHeader
from observer.store import Reader, append_event, is_being_recorded

UNITS_S = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86400}
STARTS_WITHIN_S = 30.0
STOPS_WITHIN_S = 120.0


def seconds_of(text: str, option: str = "--for") -> float:
    """Return 90, 90s, 10m, 2h or 1d in seconds. Raise UsageError for anything else."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None or (float(found[1]) == 0 and option == "--for"):
        raise UsageError(f"{option} {text}: not a time; write it like 90s, 10m or 2h.")
    return float(found[1]) * UNITS_S[found[2]]


def record(settings: Settings, path: Path, for_s: float | None, plain: bool, say: Callable[[str], None]) -> None:
    """Record in this process until it is asked to stop; show a live view if standard error is a terminal."""
    from observer.live.plain import Plain, View
    from observer.recording.daemon import Daemon
    from reports.analysis.analyze import analyze

    view: View = Plain(say)
    if not plain and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from observer.live.screen import Screen
        from reports.analysis.theory import expected_back

        view = Screen(say, expected_back)
    daemon = Daemon(settings, path, analyze, view)

    on_stop_signals(lambda *_: daemon.ask_to_stop("signal"))
    view.start()
    try:
        daemon.run(for_s)
    finally:
        view.stop()


def on_stop_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Call `handler` on every termination signal. Under `nohup`, SIGHUP stays ignored."""
    for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, handler)


def detach(path: Path, config: Path | None, for_text: str | None) -> str:
    """Start the daemon in the background, wait until it records, and return a message. Raise its error if it ends."""
    log = path.with_suffix(".log")
    before = newest.id if (newest := _newest(path)) is not None else 0
    command = [sys.executable, "-m", "observer.cli", "start", "--plain", "--db", str(path)]
    command += ["-c", str(config)] if config is not None else []
    command += ["--for", for_text] if for_text is not None else []
    try:
        with log.open("ab") as output:
            began = output.tell()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_detached())
    except OSError as error:
        raise _failed(73, f"{log}: cannot be written ({error.strerror}); check the folder.") from None
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        code = child.poll()
        if code is not None:
            said = log.read_bytes()[began:].decode("utf-8", "replace").strip().splitlines()
            raise _failed(code, said[-1] if said else f"The daemon ended immediately; its log is {log}.")
        # The pid cannot identify the daemon: on Windows, Python in a virtual environment starts another process.
        newest = _newest(path)
        if newest is not None and newest.id > before and newest.ended is None:
            child.returncode = 0  # it continues: Popen must not warn about it
            return f"Recording {newest.id} into {path} in the background (pid {newest.pid}); its log is {log}."
        time.sleep(0.1)
    return f"The daemon (pid {child.pid}) has not started to record yet; its log is {log}."


def ask_to_stop(path: Path) -> str:
    """Ask the daemon that records into the file to stop, wait until it has, and return a message.

    Raise NothingAnswers if no daemon records, or if it does not stop.
    """
    if not is_being_recorded(path):
        raise NothingAnswers(f"No recording is running for {path}; if yours uses another file, name it with --db.")
    append_event(path, boot_id(), "stop.asked", "", {})
    until_s = time.monotonic() + STOPS_WITHIN_S
    while is_being_recorded(path):
        if time.monotonic() > until_s:
            raise NothingAnswers(
                f"{path}: the daemon was asked to stop {STOPS_WITHIN_S:.0f} s ago and still records; see its log."
            )
        time.sleep(0.1)
    return f"Stopped; the recording is in {path}."


def _newest(path: Path) -> RecordingHeader | None:
    """Return the newest recording in a file, or None if there is none yet."""
    with suppress(ObserverError), Reader(path) as reader:
        return reader.recording()
    return None


def _detached() -> dict[str, Any]:
    """Return the options of Popen for a process that outlives the terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _failed(code: int, sentence: str) -> ObserverError:
    error = ObserverError(sentence)
    error.exit_code = code if code > 0 else 70
    return error
