"""Slow questions, asked one after the other in a thread beside the recording; some again until they are answered."""

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
