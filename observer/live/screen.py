"""The screen that the live view is drawn on: a thread of its own, so that a slow terminal holds up nothing else."""

from __future__ import annotations

import threading
from collections.abc import Callable

from rich.console import Console, Group
from rich.live import Live

from observer.live.board import ACTIONS, Board, Expect, Glance, Look
from observer.live.drawing import draw
from observer.model.findings import Findings
from observer.model.recording import Event, Operation, RecordingHeader

CALM_S = 0.5
OUTAGE_S = 0.125  # so that a counter runs in tenths
END_S = 1.0


class Screen:
    """A view on the terminal's second page; when it ends, what was said stays on the first."""

    def __init__(self, say: Callable[[str], None], expect: Expect, console: Console | None = None) -> None:
        self._say = say
        self._expect = expect
        self._console = console or Console(stderr=True, highlight=False)
        self._board = Board()
        self._lock = threading.Lock()  # guards the board
        self._now_ns: Callable[[], int] = lambda: 0
        self._look: Look = Glance
        self._said: list[str] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live", daemon=True)

    def start(self) -> None:
        """Nothing is drawn before the recording begins."""

    def begin(self, recording: RecordingHeader, path: str, now_ns: Callable[[], int], look: Look) -> None:
        """From now on the view is drawn."""
        self._board.begin(recording, path)
        self._now_ns, self._look = now_ns, look
        self._thread.start()

    def stop(self) -> None:
        """Back to the terminal's first page, with all that was said and what the judge found."""
        drawn = self._thread.ident is not None
        self._over.set()
        if drawn:
            self._thread.join(END_S)
            for text in (*self._said, *self._board.incidents):
                self._say(text)

    def say(self, text: str) -> None:
        """A sentence of the daemon's own."""
        if not self._thread.is_alive():
            self._say(text)
            return
        self._said.append(text)
        with self._lock:
            self._board.say(self._now_ns(), text)

    def see(self, entry: Event | Operation) -> None:
        """A record passed."""
        with self._lock:
            self._board.see(entry)

    def judged(self, findings: Findings) -> None:
        """The judge spoke."""
        with self._lock:
            self._board.judged(findings, self._now_ns())

    def _run(self) -> None:
        try:
            with Live(console=self._console, screen=True, auto_refresh=False, redirect_stdout=False) as live:
                while not self._over.is_set():
                    outage = self._draw(live)
                    self._over.wait(OUTAGE_S if outage else CALM_S)
        except (OSError, ValueError):
            return  # the terminal is gone; the recording is not
        except Exception as error:
            self._say(f"The live view stumbled ({type(error).__name__}: {error}); the recording goes on.")

    def _draw(self, live: Live) -> bool:
        """Draws once; whether an outage runs."""
        glance = self._look()
        with self._lock:
            self._board.glance = glance
            board = self._board.copy()
        now_ns, size = self._now_ns(), self._console.size
        live.update(Group(*draw(board, now_ns, size.width, size.height, self._expect)), refresh=True)
        return any(board.flows[action].running_ns(now_ns) for action in ACTIONS)
