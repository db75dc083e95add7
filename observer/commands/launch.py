"""Starting and stopping the daemon: in this terminal, detached, by a signal, by a word in the file."""

from __future__ import annotations

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
    """90, 90s, 10m, 2h, 1d as seconds. Raises UsageError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)([smhd]?)", text.strip())
    if found is None or (float(found[1]) == 0 and option == "--for"):
        raise UsageError(f"{option} {text}: not a time; write it like 90s, 10m or 2h.")
    return float(found[1]) * UNITS_S[found[2]]


def record(settings: Settings, path: Path, for_s: float | None, plain: bool, say: Callable[[str], None]) -> None:
    """Records in this process until it is asked to stop; shows a live view where there is a terminal for it."""
    from observer.live.plain import Plain, View
    from observer.recording.daemon import Daemon
    from reports.analysis.analyze import analyze

    view: View = Plain(say)
    if not plain and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        from observer.live.screen import Screen
        from reports.analysis.theory import expected_back

        view = Screen(say, expected_back)
    daemon = Daemon(settings, path, analyze, view)

    def on_signal(number: int, _: FrameType | None) -> None:
        daemon.ask_to_stop("signal")

    end_by_signals(on_signal)
    view.start()
    try:
        daemon.run(for_s)
    finally:
        view.stop()


def end_by_signals(handler: Callable[[int, FrameType | None], object]) -> None:
    """Has `handler` called by every signal that means the end. Whom `nohup` began outlives the terminal's end."""
    for name in ("SIGINT", "SIGTERM", "SIGBREAK", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is None or (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            continue
        signal.signal(number, handler)


def detach(path: Path, config: Path | None, for_text: str | None) -> str:
    """Starts the daemon in the background and waits until it records. Raises what it died of."""
    log = path.with_suffix(".log")
    before = newest.id if (newest := _newest(path)) is not None else 0
    command = [sys.executable, "-m", "observer.cli", "start", "--plain", "--db", str(path)]
    command += ["-c", str(config)] if config is not None else []
    command += ["--for", for_text] if for_text is not None else []
    try:
        with log.open("ab") as output:
            began = output.tell()
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, **_apart())
    except OSError as error:
        raise _died(73, f"{log}: cannot be written ({error.strerror}); check the folder.") from None
    until_s = time.monotonic() + STARTS_WITHIN_S
    while time.monotonic() < until_s:
        code = child.poll()
        if code is not None:
            said = log.read_bytes()[began:].decode("utf-8", "replace").strip().splitlines()
            raise _died(code, said[-1] if said else f"The daemon ended at once; its log is {log}.")
        # Not by the child's pid: Python in a virtual environment on Windows only starts another, which records.
        newest = _newest(path)
        if newest is not None and newest.id > before and newest.ended is None:
            child.returncode = 0  # it lives on: nobody shall wait for it
            return f"Recording {newest.id} into {path} in the background (pid {newest.pid}); its log is {log}."
        time.sleep(0.1)
    return f"The daemon (pid {child.pid}) has not begun to record yet; its log is {log}."


def ask_to_stop(path: Path) -> str:
    """Asks the daemon that records into the file to end, and waits until it has."""
    append_event(path, boot_id(), "stop.asked", "", {})
    until_s = time.monotonic() + STOPS_WITHIN_S
    while is_being_recorded(path):
        if time.monotonic() > until_s:
            raise NothingAnswers(
                f"{path}: was asked to stop {STOPS_WITHIN_S:.0f} s ago and still records; see its log."
            )
        time.sleep(0.1)
    return f"Stopped; the recording is in {path}."


def _newest(path: Path) -> RecordingHeader | None:
    """The newest recording in a file, None where there is none yet."""
    with suppress(ObserverError), Reader(path) as reader:
        return reader.recording()
    return None


def _apart() -> dict[str, Any]:
    """How a process is begun that outlives the terminal."""
    if sys.platform == "win32":
        return {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    return {"start_new_session": True}


def _died(code: int, sentence: str) -> ObserverError:
    error = ObserverError(sentence)
    error.exit_code = code if code > 0 else 70
    return error
