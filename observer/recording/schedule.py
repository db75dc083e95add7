"""When the looks happen: APScheduler runs them, and a watchdog on the monotonic clock notices what it cannot."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_EXECUTED, EVENT_JOB_MAX_INSTANCES, JobEvent
from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler

from observer.model.recording import MS_NS, SECOND_NS, Event, Window
from observer.sources.polling import Job, Now, Record

TURN_S = 0.25
STEP_NS = 100 * MS_NS  # clocks that are slewed drift by far less in a turn
SLEPT_NS = 2 * SECOND_NS
THREADS = 64  # a look at a frozen target keeps its thread for a second; threads are made only as they are needed


@dataclass(slots=True)
class _Spell:
    """Runs of one job in which ticks were skipped: how many in all, and since the last run ended."""

    skipped: int = 0
    lately: int = 0


class Schedule:
    """Runs each job every so often, in a thread of its own; a run that is due while the last still goes is skipped.

    That a job begins to skip is recorded once (tick.skipped), and once that it runs in time again (tick.resumed).
    """

    def __init__(self, record: Record, now_ns: Now) -> None:
        logging.getLogger("apscheduler").setLevel(logging.CRITICAL)  # its misses are recorded, not printed
        self._record = record
        self._now_ns = now_ns
        self._jobs: dict[str, Job] = {}
        self._spells: dict[str, _Spell] = {}
        self._lock = threading.Lock()
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(THREADS)},
            job_defaults={"coalesce": True, "max_instances": 1, "misfire_grace_time": None},
            timezone=UTC,
        )
        self._scheduler.add_listener(self._skipped, EVENT_JOB_MAX_INSTANCES)
        self._scheduler.add_listener(self._ran, EVENT_JOB_EXECUTED | EVENT_JOB_ERROR)

    def start(self) -> None:
        """Begins to run what was added."""
        self._scheduler.start()

    def stop(self) -> None:
        """Waits for the looks under way, a second or so, and ends."""
        self._scheduler.shutdown(wait=True)

    def add(self, job: Job) -> None:
        """Runs the job from now on, in place of one of the same name."""
        with self._lock:
            self._jobs[job.name] = job
        # Not under our lock: APScheduler may tell of a run under its own, and would wait for ours meanwhile.
        self._scheduler.add_job(
            job.run,
            "interval",
            seconds=job.every_ms / 1000,
            id=job.name,
            replace_existing=True,
            next_run_time=datetime.now(UTC),
        )

    def begin_anew(self) -> None:
        """Adds every job again: APScheduler plans by the wall clock, and after a step back would wait it out."""
        with self._lock:
            jobs = list(self._jobs.values())
        for job in jobs:
            self.add(job)

    def _skipped(self, event: JobEvent) -> None:
        with self._lock:
            began = event.job_id not in self._spells
            spell = self._spells.setdefault(event.job_id, _Spell())
            spell.skipped += 1
            spell.lately += 1
        if began:
            self._tell("tick.skipped", event.job_id, 1)

    def _ran(self, event: JobEvent) -> None:
        with self._lock:
            spell = self._spells.get(event.job_id)
            if spell is None:
                return
            lately, spell.lately = spell.lately, 0
            if lately:
                return
            del self._spells[event.job_id]
        self._tell("tick.resumed", event.job_id, spell.skipped)

    def _tell(self, kind: str, job: str, skipped: int) -> None:
        self._record(Event("daemon", kind, job, Window.at(self._now_ns()), {"skipped": skipped}))


class Watchdog:
    """Compares the two clocks turn by turn: records clock.stepped and observer.slept.

    `stepped` is called after a step of the wall clock. `watch` turns until `over` is set.
    """

    def __init__(self, now_ns: Now, wall_ns: Now, record: Record, stepped: Callable[[], None]) -> None:
        self._now_ns = now_ns
        self._wall_ns = wall_ns
        self._record = record
        self._stepped = stepped
        self._last_ns = now_ns()
        self._offset_ns = wall_ns() - self._last_ns

    def watch(self, over: threading.Event) -> None:
        """Turns until `over` is set; for a thread of its own."""
        while not over.wait(TURN_S):
            self.turn()

    def turn(self) -> None:
        """One comparison."""
        now_ns = self._now_ns()
        offset_ns = self._wall_ns() - now_ns
        between = Window(self._last_ns, now_ns)
        slept_ns, step_ns = now_ns - self._last_ns, offset_ns - self._offset_ns
        self._last_ns, self._offset_ns = now_ns, offset_ns
        if slept_ns > SLEPT_NS:
            self._record(Event("daemon", "observer.slept", "daemon", between, {"for_ms": slept_ns // MS_NS}))
        if abs(step_ns) > STEP_NS:
            self._record(Event("daemon", "clock.stepped", "wall clock", between, {"by_ms": step_ns // MS_NS}))
            self._stepped()
