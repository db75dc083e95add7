"""The daemon: wires sources, traffic, recorder and judge together, keeps recording whatever dies, ends in order."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from observer.config.settings import Settings
from observer.live.metrics import Metrics, serve
from observer.live.plain import View
from observer.live.state import initial_state
from observer.model.clock import Clock, boot_id, wall_ns
from observer.model.errors import CannotWrite, ObserverError
from observer.model.findings import Findings
from observer.model.recording import Audit, Event, Operation, Recording, RecordingHeader, Window
from observer.recording.activity import ActivityMonitor
from observer.recording.audits import Auditor, LateAudit
from observer.recording.background import Again, Chores
from observer.recording.direct_write import prove
from observer.recording.discovery_retry import Seeker
from observer.recording.preflight import dsn_of, find, has_traffic, look_around
from observer.recording.recorder import Recorder
from observer.recording.schedule import Watchdog
from observer.recording.versions import versions
from observer.recording.watchers import Sight
from observer.sources.discovery import Discovery
from observer.sources.prometheus import Dashboards
from observer.store import Reader, Writer
from observer.traffic.generator import Generator

Judge = Callable[[Recording], Findings]

TURN_S = 0.5  # how often it looks whether somebody asked it to stop
FIND_S = 1.0


class Daemon:
    """One recording from beginning to end, by `run`.

    `judge` is run over the recording in a thread of its own when things have become quiet, and at the stop.
    """

    def __init__(self, settings: Settings, path: Path, analyze: Judge, view: View) -> None:
        self._settings = settings
        self._path = path
        self._judge = analyze
        self._view = view
        self._stop = threading.Event()
        self._reason = "stop"

    def ask_to_stop(self, reason: str) -> None:
        """Ends the recording in order; from a signal handler or any thread. The first reason counts."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    def run(self, for_s: float | None = None) -> None:
        """Records until asked to stop, or for so long. Raises ObserverError for what waiting cannot mend."""
        fresh = not self._path.exists()
        self._writer = Writer(self._path)
        begun = False
        try:
            before = self._writer.last()
            self._cluster = look_around(self._settings, self._view.say)
            if self._stop.is_set():
                return
            self._wire()
            recording = self._recording()
            self._id = self._writer.begin(recording)
            begun = True
            begun_as = replace(recording, id=self._id)
            self._view.begin(begun_as, str(self._path), self._now_ns, self._state, self._sight.glance)
            self._say_where(before)
            self._record_until_stopped(before, for_s)
        finally:
            self._writer.close()
            if fresh and not begun:
                self._path.unlink(missing_ok=True)

    def _wire(self) -> None:
        """Makes all parts, and starts none."""
        told, traffic = self._settings, self._settings.traffic
        self._clock = Clock.begin()
        self._now_ns = self._clock.now_ns
        tag = secrets.token_hex(4)
        self._state = initial_state(told.public())
        self._activity = ActivityMonitor(self._state, rate_per_s=traffic.rate_per_s + traffic.fresh_per_s)
        self._recorder = Recorder(lambda batch: self._writer.append(self._id, batch), self._view.say)
        self._sight = Sight(told, self._record, self._now_ns)
        self._members = self._sight.members
        began_s, url = self._clock.began_utc.timestamp(), told.prometheus.url
        self._dashboards = Dashboards(url, began_s, self._record, self._now_ns) if url else None
        self._shown_ns = 0
        self._auditor = Auditor(told, tag, self._record, self._now_ns, self._members)
        self._generator: Generator | None = None
        if has_traffic(told):
            self._generator = Generator(
                write_dsn=dsn_of(told, "write"),
                read_dsn=dsn_of(told, "read"),
                workload=traffic.workload,
                rate_per_s=traffic.rate_per_s,
                fresh_per_s=traffic.fresh_per_s,
                deadline_ms=traffic.deadline_ms,
                tag=tag,
                record=self._record,
                now_ns=self._now_ns,
                name_of=self._members.name_of,
            )
        self._chores = Chores(self._view.say)
        self._judging = Again(self._judge_now, "judge")
        self._metrics = Metrics(self._state, self._now_ns, self._sight.lease_s)
        self._stop_metrics = serve(self._metrics, told.metrics.listen) if told.metrics.listen else lambda: None

    def _recording(self) -> RecordingHeader:
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

    def _record_until_stopped(self, before: RecordingHeader | None, for_s: float | None) -> None:
        until_s = None if for_s is None else time.monotonic() + for_s
        over = threading.Event()
        watchdog = Watchdog(self._now_ns, wall_ns, self._record, self._sight.schedule.begin_anew)
        guard = threading.Thread(target=watchdog.watch, args=(over,), name="watchdog", daemon=True)
        self._recorder.start()
        try:
            self._sight.start(self._cluster)
            if self._generator is not None:
                self._generator.start()
            guard.start()
            self._first_chores(before)
            self._wait(until_s)
        except BaseException:
            self._reason = "failed"
            raise
        finally:
            over.set()
            self._end()

    # What passes.

    def _record(self, entry: Event | Operation | Audit) -> None:
        """Where every record goes, from any thread."""
        self._recorder.record(entry)
        if isinstance(entry, Audit):
            return
        self._view.show(entry)  # it compares a record with the state before it
        self._state.apply(entry)
        self._activity.apply(entry)
        self._metrics.count(entry)
        if isinstance(entry, Event):
            self._members.see(entry)
            if entry.kind == "source.blind" and entry.source == "haproxy":
                self._chores.once(self._prove)

    def _wait(self, until_s: float | None) -> None:
        """The main thread's turns, until the end."""
        with Reader(self._path) as reader:
            while not self._stop.wait(TURN_S):
                if until_s is not None and time.monotonic() >= until_s:
                    self.ask_to_stop("for")
                if self._recorder.failure is not None:
                    raise self._recorder.failure
                with suppress(ObserverError):  # a file that cannot be read for a moment is the recorder's to say
                    if reader.stop_asked(self._id):
                        self.ask_to_stop("stop")
                self._turn()

    def _turn(self) -> None:
        now_ns = self._now_ns()
        self._chores.turn()
        span = self._activity.to_audit(now_ns)
        if span is not None:
            self._chores.once(partial(self._auditor.look, *span))
        if self._activity.became_quiet(now_ns):
            self._capture()
            first = self._activity.endangered()
            if first is None:
                self._judging.ask()
            else:
                self._chores.once(partial(self._audit_and_judge, first))

    def _audit_and_judge(self, first_n: int) -> bool:
        """What became of the writes of an incident belongs to its judgement, which is told on the spot."""
        try:
            return self._auditor.look(first_n, self._activity.last_n)
        finally:
            self._judging.ask()

    # Chores: slow questions, one after the other, beside the recording.

    def _first_chores(self, before: RecordingHeader | None) -> None:
        self._record(Event("daemon", "versions.captured", "observer", Window.at(self._now_ns()), versions()))
        if self._cluster is None:
            look = partial(find, self._settings, FIND_S)
            found, say = self._sight.found, self._view.say
            self._chores.until_done(Seeker(look, found, self._learn, say, self._record, self._now_ns).look)
        for capture in self._sight.captures():
            self._chores.until_done(capture)
        if before is not None and self._generator is not None:
            late = LateAudit(self._settings, self._writer, before, self._members, self._view.say)
            self._chores.until_done(late.look)

    def _capture(self) -> None:
        for capture in self._sight.captures():
            self._chores.once(capture)

    def _learn(self, cluster: Discovery) -> None:
        self._writer.learn(self._id, cluster.scope, cluster.cluster_id)

    def _prove(self) -> bool:
        """A direct write, so that an outage behind a dead proxy is the proxy's for certain."""
        told = self._settings
        if not has_traffic(told) or not dsn_of(told, "write"):
            return True
        credentials = told.postgres.dsn.get_secret_value() or dsn_of(told, "write")
        return prove(dict(self._members.postgres), credentials, told.traffic.deadline_ms, self._record, self._now_ns)

    def _judge_now(self) -> None:
        try:
            with Reader(self._path) as reader:
                findings = self._judge(reader.load(self._id))
        except Exception as error:  # the recording goes on; the report judges anew
            self._view.say(f"The judge stumbled ({type(error).__name__}: {error}); the recording is not touched by it.")
            return
        self._recorder.record(findings)
        self._view.analyzed(findings)
        self._metrics.analyzed(findings)
        self._capture_dashboards(findings)

    def _capture_dashboards(self, findings: Findings) -> None:
        """What they showed of each incident that is new, or that turned out to be longer than when it was asked for."""
        if self._dashboards is not None and not self._stop.is_set():
            for began_ns, ended_ns in self._unshown(findings):
                self._chores.once(partial(self._dashboards.capture, began_ns, ended_ns))

    def _capture_last(self) -> bool:
        """The same at the stop, of what the file holds by then: the judge is not heard of an incident that is young."""
        if self._dashboards is None:
            return True
        with Reader(self._path) as reader:
            findings = self._judge(reader.load(self._id))
        return all(self._dashboards.capture(*span) for span in self._unshown(findings))

    def _unshown(self, findings: Findings) -> list[tuple[int, int]]:
        """The incidents, from and to, whose end no capture reached so far; from now on they count as captured."""
        spans = [(i.began_ns, i.ended_ns) for i in findings.incidents if i.ended_ns > self._shown_ns]
        self._shown_ns = max([self._shown_ns, *(ended_ns for _, ended_ns in spans)])
        return spans

    # The end.

    def _end(self) -> None:
        """Everything that runs is stopped, in the order in which nothing is lost."""
        self._stop.set()
        self._view.say("Ending the recording.")
        if self._generator is not None and self._generator.alive:
            drain_s = self._settings.traffic.deadline_ms / 1000 + 0.5
            self._stop_part("the traffic", partial(self._generator.stop, drain_s))
        self._capture()
        if self._dashboards is not None:
            self._chores.once(partial(self._dashboards.capture, 0, self._now_ns()))
        if self._activity.last_n:
            self._chores.once(lambda: self._auditor.look(1, self._activity.last_n))
        self._chores.once(self._capture_last)
        self._chores.finish()
        for what, stop in self._sight.stops():
            self._stop_part(what, stop)
        self._stop_part("the metrics", self._stop_metrics)
        self._judging.finish()
        ended_ns = self._now_ns()
        try:
            self._recorder.stop()
        except Exception:
            with suppress(CannotWrite):  # that records were lost is what there is to say
                self._end_in_file(ended_ns)
            raise
        self._end_in_file(ended_ns)

    def _end_in_file(self, ended_ns: int) -> None:
        self._writer.end(self._id, ended_ns, self._reason)
        self._judge_last()

    def _stop_part(self, what: str, stop: Callable[[], None]) -> None:
        try:
            stop()
        except Exception as error:
            self._view.say(f"{what[:1].upper()}{what[1:]} ended with an error: {type(error).__name__}: {error}.")

    def _judge_last(self) -> None:
        try:
            with Reader(self._path) as reader:
                findings = self._judge(reader.load(self._id))
            self._writer.append(self._id, [findings])
            self._view.analyzed(findings)
        except CannotWrite:
            raise
        except Exception as error:
            self._view.say(f"The judge stumbled ({type(error).__name__}: {error}); `observer report` judges anew.")

    def _say_where(self, before: RecordingHeader | None) -> None:
        if before is not None and before.ended is None:
            self._view.say(
                f"Recording {before.id} in this file was cut off {before.last_ns / 1e9:.1f} s after its beginning; "
                "what it held until then is sound."
            )
        scope = self._cluster.scope if self._cluster else self._settings.cluster.scope or "a cluster yet to be found"
        self._view.say(f"Recording {self._id} of {scope} into {self._path}. Ctrl-C or `observer stop` ends it.")
