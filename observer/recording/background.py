"""What is slow, in a thread beside the recording: questions, one after the other; one thing, again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Chore = Callable[[], bool]

AGAIN_S = 5.0


class Chores:
    """A chore returns whether it is done. What goes wrong in one is said and ends nothing."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._pool = ThreadPoolExecutor(1, "chores")
        self._later: list[tuple[float, Chore]] = []
        self._lock = threading.Lock()

    def once(self, chore: Chore) -> None:
        """Runs a chore after those before it, whatever comes of it."""
        self._pool.submit(self._run, chore)

    def until_done(self, chore: Chore) -> None:
        """Runs a chore now, and again some seconds after each time that it was not done."""
        self._pool.submit(self._run, chore, again=True)

    def turn(self) -> None:
        """Takes up the chores whose time has come again; called now and then."""
        now_s = time.monotonic()
        with self._lock:
            due = [chore for at_s, chore in self._later if at_s <= now_s]
            self._later = [(at_s, chore) for at_s, chore in self._later if at_s > now_s]
        for chore in due:
            self.until_done(chore)

    def finish(self) -> None:
        """Waits for what was asked for; what waits to be asked again is given up."""
        self._pool.shutdown(wait=True)

    def _run(self, chore: Chore, again: bool = False) -> None:
        try:
            done = chore()
        except Exception as error:
            self._say(f"A question beside the recording went wrong ({type(error).__name__}: {error}).")
            return
        if again and not done:
            with self._lock:
                self._later.append((time.monotonic() + AGAIN_S, chore))


class Again:
    """Runs one thing in a thread of its own whenever it is asked for; at most one run waits, and stands for all asked.

    `run` must not raise.
    """

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1, name)
        self._waits = threading.Lock()  # held while a run waits for its turn

    def ask(self) -> None:
        """Runs it once more, after the run that goes on; nothing new where one waits for that already."""
        if self._waits.acquire(blocking=False):
            self._pool.submit(self._begin)

    def finish(self) -> None:
        """Waits for the run that goes on; one that waits for its turn is given up."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        self._waits.release()  # what happens from here on needs another run
        self._run()
