"""The schedule of the polls, run by APScheduler, and a watchdog for steps of the clock and sleep of the machine."""

import logging
import threading
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from observer.model.recording import MS_NS, SECOND_NS, Event, Window
from observer.sources.polling import Job, Now, Record

CHECK_S = 0.25
STEP_NS = 100 * MS_NS  # a clock that is slewed drifts far less between two checks
SLEPT_NS = 2 * SECOND_NS
THREADS = 64  # a poll of a frozen target holds its thread for a second; threads are created only when needed


class Schedule:
    """Runs each job at its interval in a thread. A tick is skipped if the job's last run has not ended.

    The first skipped tick is recorded as tick.skipped; the first run in time after that as tick.resumed.
    """

    def __init__(self, record: Record, now_ns: Now) -> None:
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # skipped ticks are recorded, not logged
        self._record, self._now_ns = record, now_ns
        self._jobs: dict[str, Job] = {}
        self._skipped: Counter[str] = Counter()  # ticks of each job that is late
        self._just_skipped: set[str] = set()  # jobs that skipped a tick since their last run ended
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._scheduler.add_listener(self._on_skipped, EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._on_run, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)

    def start(self) -> None:
        """Start to run the jobs."""
        self._scheduler.start()

    def stop(self) -> None:
        """Wait for the running polls, about a second, and end."""
        self._scheduler.shutdown(wait=True)

    def add(self, job: Job) -> None:
        """Run a job from now on; it replaces a job of the same name."""
        with self._lock:
            self._jobs[job.name] = job
        # Not under our lock: APScheduler may call a listener under its own lock, which would then wait for ours.
        self._scheduler.add_job(
            job.run,
            "interval",
            seconds=job.every_ms / 1000,
            id=job.name,
            replace_existing=True,
            next_run_time=datetime.now(UTC),
        )

    def reschedule(self) -> None:
        """Add every job again: APScheduler plans by the wall clock, and after a step back it would wait too long."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self.add(job)

    def _on_skipped(self, event: JobEvent) -> None:
        with self._lock:
            self._skipped[event.job_id] += 1
            self._just_skipped.add(event.job_id)
            first = self._skipped[event.job_id] == 1
        if first:
            self._record_ticks("tick.skipped", event.job_id, 1)

    def _on_run(self, event: JobEvent) -> None:
        with self._lock:
            if event.job_id in self._just_skipped:
                self._just_skipped.discard(event.job_id)
                return
            skipped = self._skipped.pop(event.job_id, 0)
        if skipped:
            self._record_ticks("tick.resumed", event.job_id, skipped)

    def _record_ticks(self, kind: str, job: str, skipped: int) -> None:
        self._record(Event("daemon", kind, job, Window.at(self._now_ns()), {"skipped": skipped}))


class Watchdog:
    """Compares the wall clock with the monotonic clock: records clock.stepped and observer.slept.

    Calls `on_step` after a step of the wall clock.
    """

    def __init__(self, now_ns: Now, wall_ns: Now, record: Record, on_step: Callable[[], None]) -> None:
        self._now_ns, self._wall_ns, self._record, self._on_step = now_ns, wall_ns, record, on_step
        self._last_ns = now_ns()
        self._offset_ns = wall_ns() - self._last_ns

    def run(self, stop: threading.Event) -> None:
        """Check the clocks every CHECK_S until `stop` is set; for its own thread."""
        while not stop.wait(CHECK_S):
            self.check()

    def check(self) -> None:
        """Compare the clocks once with the last check."""
        now_ns = self._now_ns()
        offset_ns = self._wall_ns() - now_ns
        between = Window(self._last_ns, now_ns)
        slept_ns, step_ns = now_ns - self._last_ns, offset_ns - self._offset_ns
        self._last_ns, self._offset_ns = now_ns, offset_ns
        if slept_ns > SLEPT_NS:
            self._record(Event("daemon", "observer.slept", "daemon", between, {"for_ms": slept_ns // MS_NS}))
        if abs(step_ns) > STEP_NS:
            self._record(Event("daemon", "clock.stepped", "wall clock", between, {"by_ms": step_ns // MS_NS}))
            self._on_step()
