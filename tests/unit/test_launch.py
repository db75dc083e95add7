"""The daemon starts in the background, is identified by its recording, and stops on signals."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from observer.commands import launch
from observer.model.errors import ObserverError
from observer.model.recording import RecordingHeader
from observer.store import Writer

NO_PID = 999_999_999  # a pid that no recording names


def begin(path: Path, pid: int, ended: bool = False) -> None:
    writer = Writer(path)
    number = writer.begin(RecordingHeader(0, datetime(2026, 3, 1, 12, tzinfo=UTC), "b", 0, pid, "demo", None, {}))
    if ended:
        writer.end(number, 1, "stop")
    writer.close()


class Redirector:
    """A process with another pid than the one that records, as in a virtual environment on Windows."""

    def __init__(self, *_: Any, **__: Any) -> None:
        self.pid, self.returncode = NO_PID, None

    def poll(self) -> int | None:
        """Return the exit code; None: it continues."""
        return None


class TestInTheBackground:
    @pytest.fixture
    def path(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(launch, "STARTS_WITHIN_S", 0.5)
        return tmp_path / "observer.db"

    def test_the_daemon_is_identified_by_its_new_recording_whatever_its_pid(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Recorder(Redirector):
            def poll(self) -> int | None:
                begin(path, 42)
                return None

        monkeypatch.setattr(subprocess, "Popen", Recorder)
        assert "Recording 1" in launch.detach(path, None, None)

    def test_an_older_recording_that_was_cut_off_is_not_mistaken_for_the_new_one(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        begin(path, 42)
        monkeypatch.setattr(subprocess, "Popen", Redirector)
        assert "has not started" in launch.detach(path, None, None)

    def test_a_daemon_that_ends_immediately_is_reported_with_its_last_message(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Dead(Redirector):
            def poll(self) -> int | None:
                path.with_suffix(".log").write_text("etcd.endpoints is empty.\n")
                return 78

        monkeypatch.setattr(subprocess, "Popen", Dead)
        with pytest.raises(ObserverError, match=r"etcd\.endpoints is empty") as caught:
            launch.detach(path, None, None)
        assert caught.value.exit_code == 78


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGHUP on Windows")
class TestSignals:
    @pytest.fixture(autouse=True)
    def as_before(self) -> Iterator[None]:
        numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        before = [signal.getsignal(number) for number in numbers]
        yield
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)

    def test_closing_the_terminal_stops_a_recording(self) -> None:
        came: list[int] = []
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        launch.on_stop_signals(lambda number, _: came.append(number))
        for number in (signal.SIGHUP, signal.SIGTERM, signal.SIGINT):
            signal.raise_signal(number)
        assert came == [signal.SIGHUP, signal.SIGTERM, signal.SIGINT]

    def test_closing_the_terminal_does_not_stop_a_recording_started_with_nohup(self) -> None:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        launch.on_stop_signals(lambda number, _: None)
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
