"""The daemon: wires sources, traffic, recorder and analysis together, keeps recording if parts fail, ends cleanly."""

import os
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from observer.config.access import dsn_of, has_traffic
from observer.config.settings import Settings
from observer.live.metrics import Metrics, serve
from observer.live.plain import View
from observer.live.state import initial_state
from observer.model.clock import Clock, boot_id, wall_ns
from observer.model.errors import CannotWrite, ObserverError
from observer.model.findings import Findings
from observer.model.recording import Audit, Event, Operation, Recording, RecordingHeader, Window
from observer.recording.activity import ActivityMonitor
from observer.recording.audits import Auditor, EarlierAudit
from observer.recording.background import BackgroundTasks, RerunThread
from observer.recording.direct_write import write_directly
from observer.recording.discovery_retry import DiscoveryRetry
from observer.recording.live_analysis import Analyze, DashboardCaptures, LiveAnalysis
from observer.recording.preflight import discover_cluster, find_cluster
from observer.recording.recorder import Recorder
from observer.recording.schedule import Watchdog
from observer.recording.versions import versions
from observer.recording.watchers import Watchers
from observer.sources.discovery import Discovery
from observer.sources.prometheus import Dashboards
from observer.store import Reader, Writer
from observer.traffic.generator import Generator

CHECK_S = 0.5  # how often the main thread checks whether to stop
DISCOVERY_S = 1.0


class Daemon:
    """One recording from beginning to end, with `run`.

    `analyze` runs over the recording in its own thread when an incident is over, and at the stop.
    """

    def __init__(self, settings: Settings, path: Path, analyze: Analyze, view: View) -> None:
        self._settings = settings
        self._path = path
        self._view = view
        self._stop = threading.Event()
        self._reason = "stop"
        self._analysis = LiveAnalysis(self._opened, analyze, view.say)

    def ask_to_stop(self, reason: str) -> None:
        """End the recording cleanly; for signal handlers and any thread. The first reason counts."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    def run(self, for_s: float | None = None) -> None:
        """Record until asked to stop, or for some seconds. Raise ObserverError for what waiting cannot fix."""
        new_file = not self._path.exists()
        self._writer = Writer(self._path)
        begun = False
        try:
            before = self._writer.last()
            self._cluster = find_cluster(self._settings, self._view.say)
            if self._stop.is_set():
                return
            self._wire()
            header = self._header()
            self._id = self._writer.begin(header)
            begun = True
            begun_as = replace(header, id=self._id)
            self._view.begin(begun_as, str(self._path), self._now_ns, self._state, self._watchers.glance)
            self._announce(before)
            self._record_until_stopped(before, for_s)
        finally:
            self._writer.close()
            if new_file and not begun:
                self._path.unlink(missing_ok=True)

    # The parts.

    def _wire(self) -> None:
        """Create all parts; start none of them."""
        settings, traffic, say = self._settings, self._settings.traffic, self._view.say
        self._clock = Clock.begin()
        self._now_ns = self._clock.now_ns
        tag = secrets.token_hex(4)
        self._state = initial_state(settings.public())
        self._activity = ActivityMonitor(self._state, rate_per_s=traffic.rate_per_s + traffic.fresh_per_s)
        self._recorder = Recorder(lambda batch: self._writer.append(self._id, batch), say)
        self._watchers = Watchers(settings, self._record, self._now_ns)
        self._members = self._watchers.members
        self._auditor = Auditor(settings, tag, self._record, self._now_ns, self._members)
        self._generator = self._traffic_generator(tag)
        self._tasks = BackgroundTasks(say)
        self._analyzer = RerunThread(partial(self._analysis.run, [self._receive]), "analysis")
        self._dashboards = self._dashboard_captures()
        self._metrics = Metrics(self._state, self._now_ns, self._watchers.glance)
        self._stop_metrics = serve(self._metrics, settings.metrics.listen) if settings.metrics.listen else lambda: None

    def _traffic_generator(self, tag: str) -> Generator | None:
        if not has_traffic(self._settings):
            return None
        traffic = self._settings.traffic
        return Generator(
            write_dsn=dsn_of(self._settings, "write"),
            read_dsn=dsn_of(self._settings, "read"),
            workload=traffic.workload,
            rate_per_s=traffic.rate_per_s,
            fresh_per_s=traffic.fresh_per_s,
            deadline_ms=traffic.deadline_ms,
            tag=tag,
            record=self._record,
            now_ns=self._now_ns,
            name_of=self._members.name_of,
        )

    def _dashboard_captures(self) -> DashboardCaptures | None:
        url = self._settings.prometheus.url
        if not url:
            return None
        dashboards = Dashboards(url, self._clock.began_utc.timestamp(), self._record, self._now_ns)
        return DashboardCaptures(dashboards, self._tasks, self._stop)

    def _header(self) -> RecordingHeader:
        return RecordingHeader(
            id=0,
            began_utc=self._clock.began_utc,
            boot=boot_id(),
            anchor_ns=self._clock.anchor_ns,
            pid=os.getpid(),
            scope=self._cluster.scope if self._cluster else self._settings.cluster.scope,
            cluster_id=self._cluster.cluster_id if self._cluster else None,
            settings=self._settings.public(),
        )

    def _announce(self, before: RecordingHeader | None) -> None:
        if before is not None and before.ended is None:
            self._view.say(
                f"Recording {before.id} in this file was cut off {before.last_ns / 1e9:.1f} s after its beginning; "
                "its records up to then are intact."
            )
        scope = self._cluster.scope if self._cluster else self._settings.cluster.scope or "a cluster still to be found"
        self._view.say(f"Recording {self._id} of {scope} into {self._path}. Ctrl-C or `observer stop` ends it.")

    # The recording.

    def _record_until_stopped(self, before: RecordingHeader | None, for_s: float | None) -> None:
        until_s = None if for_s is None else time.monotonic() + for_s
        over = threading.Event()
        watchdog = Watchdog(self._now_ns, wall_ns, self._record, self._watchers.schedule.reschedule)
        clock_thread = threading.Thread(target=watchdog.run, args=(over,), name="watchdog", daemon=True)
        self._recorder.start()
        try:
            self._watchers.start(self._cluster)
            if self._generator is not None:
                self._generator.start()
            clock_thread.start()
            self._queue_first_tasks(before)
            self._wait(until_s)
        except BaseException:
            self._reason = "failed"
            raise
        finally:
            over.set()
            self._end()

    def _record(self, entry: Event | Operation | Audit) -> None:
        """Take a record from any thread."""
        self._recorder.record(entry)
        if isinstance(entry, Audit):
            return
        self._view.show(entry)  # it compares a record with the state before it
        self._state.apply(entry)
        self._activity.apply(entry)
        self._metrics.count(entry)
        if isinstance(entry, Event):
            self._members.observe(entry)
            if entry.kind == "source.blind" and entry.source == "haproxy":
                self._tasks.run_once(self._write_directly)

    def _wait(self, until_s: float | None) -> None:
        """Wait for the end in the main thread, and start what the activity calls for."""
        with Reader(self._path) as reader:
            while not self._stop.wait(CHECK_S):
                if until_s is not None and time.monotonic() >= until_s:
                    self.ask_to_stop("for")
                if self._recorder.failure is not None:
                    raise self._recorder.failure
                with suppress(ObserverError):  # the recorder reports a file that cannot be read for a moment
                    if reader.stop_asked(self._id):
                        self.ask_to_stop("stop")
                self._follow_activity()

    def _follow_activity(self) -> None:
        now_ns = self._now_ns()
        self._tasks.queue_due()
        span = self._activity.to_audit(now_ns)
        if span is not None:
            self._tasks.run_once(partial(self._auditor.read_back, *span))
        if self._activity.became_quiet(now_ns):
            for capture in self._watchers.captures():
                self._tasks.run_once(capture)
            first_n = self._activity.endangered()
            if first_n is None:
                self._analyzer.request()
            else:
                self._tasks.run_once(partial(self._audit_and_analyze, first_n))

    # The tasks beside the recording.

    def _queue_first_tasks(self, before: RecordingHeader | None) -> None:
        self._record(Event("daemon", "versions.captured", "observer", Window.at(self._now_ns()), versions()))
        say = self._view.say
        if self._cluster is None:
            discover, found = partial(discover_cluster, self._settings, DISCOVERY_S), self._watchers.add_cluster
            retry = DiscoveryRetry(discover, found, self._store_cluster, say, self._record, self._now_ns)
            self._tasks.run_until_done(retry.attempt)
        for capture in self._watchers.captures():
            self._tasks.run_until_done(capture)
        if before is not None and self._generator is not None:
            earlier = EarlierAudit(self._settings, self._writer, before, self._members, say)
            self._tasks.run_until_done(earlier.attempt)

    def _store_cluster(self, cluster: Discovery) -> None:
        self._writer.learn(self._id, cluster.scope, cluster.cluster_id)

    def _write_directly(self) -> None:
        write_directly(self._settings, dict(self._members.postgres), self._record, self._now_ns)

    def _audit_and_analyze(self, first_n: int) -> None:
        """Audit the writes of an incident before its analysis, which reports them."""
        try:
            self._auditor.read_back(first_n, self._activity.last_n)
        finally:
            self._analyzer.request()

    @contextmanager
    def _opened(self) -> Iterator[Recording]:
        with Reader(self._path) as reader:
            yield reader.load(self._id)

    def _receive(self, findings: Findings) -> None:
        self._recorder.record(findings)
        self._view.analyzed(findings)
        self._metrics.analyzed(findings)
        if self._dashboards is not None:
            self._dashboards.request(findings)

    # The end.

    def _end(self) -> None:
        """Stop all parts, in an order that loses no record."""
        self._stop.set()
        self._view.say("Ending the recording.")
        if self._generator is not None and self._generator.alive:
            drain_s = self._settings.traffic.deadline_ms / 1000 + 0.5
            self._stop_part("the traffic", partial(self._generator.stop, drain_s))
        self._queue_last_tasks()
        self._tasks.finish()
        for name, stop in self._watchers.stops():
            self._stop_part(name, stop)
        self._stop_part("the metrics", self._stop_metrics)
        self._analyzer.finish()
        ended_ns = self._now_ns()
        try:
            self._recorder.stop()
        except Exception:
            with suppress(CannotWrite):  # the error to report is that records were lost
                self._end_in_file(ended_ns)
            raise
        self._end_in_file(ended_ns)

    def _queue_last_tasks(self) -> None:
        for capture in self._watchers.captures():
            self._tasks.run_once(capture)
        dashboards = self._dashboards
        if dashboards is not None:
            self._tasks.run_once(partial(dashboards.capture_all, self._now_ns()))
        if self._activity.last_n:
            self._tasks.run_once(lambda: self._auditor.read_back(1, self._activity.last_n))
        if dashboards is not None:  # of incidents too young for the analysis so far
            self._tasks.run_once(lambda: dashboards.capture_new(self._analysis.findings()))

    def _end_in_file(self, ended_ns: int) -> None:
        self._writer.end(self._id, ended_ns, self._reason)
        self._analysis.run([lambda findings: self._writer.append(self._id, [findings]), self._view.analyzed])

    def _stop_part(self, name: str, stop: Callable[[], None]) -> None:
        try:
            stop()
        except Exception as error:  # noqa: BLE001 (the other parts must stop too)
            self._view.say(f"{name[:1].upper()}{name[1:]} ended with an error: {type(error).__name__}: {error}.")
