"""Threads beside the recording: slow tasks, one after another, and a function that runs again on request."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

Task = Callable[[], bool]  # returns whether it is done

RETRY_S = 5.0


class BackgroundTasks:
    """Runs tasks in one thread. An error in a task goes to `say` and ends neither the recording nor other tasks."""

    def __init__(self, say: Callable[[str], None]) -> None:
        self._say = say
        self._pool = ThreadPoolExecutor(1, "tasks")
        self._later: list[tuple[float, Task]] = []
        self._lock = threading.Lock()

    def run_once(self, task: Callable[[], object]) -> None:
        """Queue a task; its result does not matter."""
        self._pool.submit(self._run, task)

    def run_until_done(self, task: Task) -> None:
        """Queue a task, and queue it again RETRY_S after each run that was not the last one."""
        self._pool.submit(self._run, task, again=task)

    def queue_due(self) -> None:
        """Queue the tasks whose retry is due. The owner calls this at short intervals."""
        now_s = time.monotonic()
        with self._lock:
            due = [task for at_s, task in self._later if at_s <= now_s]
            self._later = [(at_s, task) for at_s, task in self._later if at_s > now_s]
        for task in due:
            self.run_until_done(task)

    def finish(self) -> None:
        """Wait for the queued tasks; drop those that wait for a retry."""
        self._pool.shutdown(wait=True)

    def _run(self, task: Callable[[], object], again: Task | None = None) -> None:
        try:
            done = task()
        except Exception as error:  # noqa: BLE001 (the recording goes on)
            self._say(f"A background task failed ({type(error).__name__}: {error}); the recording continues.")
            return
        if again is not None and not done:
            with self._lock:
                self._later.append((time.monotonic() + RETRY_S, again))


class RerunThread:
    """Runs one function in its own thread on request. At most one run waits; it stands for all requests until then.

    `run` must not raise.
    """

    def __init__(self, run: Callable[[], None], name: str) -> None:
        self._run = run
        self._pool = ThreadPoolExecutor(1, name)
        self._waiting = threading.Lock()  # held while a run waits for the run before it

    def request(self) -> None:
        """Run the function once more, unless a run is waiting already."""
        if self._waiting.acquire(blocking=False):
            self._pool.submit(self._begin)

    def finish(self) -> None:
        """Wait for the current run; drop a run that is waiting."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _begin(self) -> None:
        self._waiting.release()  # a request from here on needs another run
        self._run()
