"""The live view on a real terminal, with a real cluster whose leader freezes and resumes."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread

import pytest

from stack import faults
from tests.cluster.clusters import Cluster
from tests.waiting import eventually

pytestmark = pytest.mark.cluster

LIMIT_S = 120
WIDTH, HEIGHT = 100, 40


@dataclass
class Terminal:
    """A pseudo-terminal with `observer start`, and all that was written to it."""

    process: subprocess.Popen[bytes]
    master: int
    written: bytearray = field(default_factory=bytearray)
    reader: Thread = field(init=False)

    def __post_init__(self) -> None:
        self.reader = Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self) -> None:
        with suppress(OSError):  # the other end is closed
            while part := os.read(self.master, 65536):
                self.written += part

    @property
    def text(self) -> str:
        """All that was written, without control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]", "", self.written.decode("utf-8", "replace"))

    def shows(self, pattern: str) -> None:
        eventually(lambda: re.search(pattern, self.text), LIMIT_S, f"the view shows {pattern!r}", self.last)

    def last(self) -> str:
        """Return the end of what was written: as many characters as the terminal has."""
        return self.text[-WIDTH * HEIGHT :]

    def ended(self) -> None:
        """Wait until the process has exited with 0 and all of its output was read."""
        assert self.process.wait(LIMIT_S) == 0
        self.reader.join(LIMIT_S)
        assert not self.reader.is_alive()

    def forget(self) -> None:
        self.written.clear()


@pytest.fixture
def terminal(cluster: Cluster, tmp_path: Path) -> Iterator[Terminal]:
    import fcntl
    import pty
    import struct
    import termios

    config = cluster.write_observer_toml(tmp_path / "observer.toml")
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
    command = [sys.executable, "-m", "observer.cli", "start", "-c", str(config)]
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    process = subprocess.Popen(
        command, stdin=slave, stdout=slave, stderr=slave, env={**environment, "TERM": "xterm-256color"}
    )
    os.close(slave)
    terminal = Terminal(process, master)
    try:
        yield terminal
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        os.close(master)


def test_the_view_counts_the_lease_of_a_frozen_leader_down_and_restores_the_terminal(
    cluster: Cluster, terminal: Terminal
) -> None:
    leader = cluster.leader
    terminal.shows("all is well: writes and reads succeed")
    terminal.shows(rf"leader  {leader}   lease +\d+ of 20 s")
    assert b"\x1b[?1049h" in terminal.written, "the view is on the alternate screen"

    faults.pause(cluster.settings, leader)
    terminal.shows(r"WRITES FAIL for \d+\.\d s")
    terminal.shows(rf"lease of {leader} ends in \d+ s; writes expected back in \d+ to \d+ s")
    faults.resume(cluster.settings, leader)
    terminal.forget()
    terminal.shows("all is well: writes and reads succeed")

    terminal.forget()
    terminal.process.send_signal(signal.SIGINT)
    terminal.ended()
    assert b"\x1b[?1049l" in terminal.written, "the normal screen is back"
    rest = terminal.text.partition("Ending the recording.")[2]
    assert "incident 1: " in rest
    assert "Traceback" not in terminal.text
