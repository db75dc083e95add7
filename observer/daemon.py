"""The daemon: wires sources, traffic, recorder and judge together, keeps recording whatever dies, ends in order."""

from __future__ import annotations

import os
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from pathlib import Path

from observer.auditing import Auditor, audit_late
from observer.chores import Chores
from observer.clock import Clock, boot_id, wall_ns
from observer.config import Settings
from observer.errors import CannotWrite, ConfigError, ObserverError
from observer.live import Plain
from observer.members import Members
from observer.pulse import Pulse
from observer.recorder import Recorder
from observer.schedule import Schedule, Watchdog
from observer.sources import haproxy, patroni, postgres
from observer.sources.dcs import EtcdSource
from observer.sources.discovery import Discovery
from observer.starting import (
    dsn_of,
    etcd_access,
    find,
    haproxy_access,
    has_traffic,
    look_around,
    patroni_access,
)
from observer.store import Reader, Writer
from observer.timeline import Audit, Event, Findings, Operation, Recording, Timeline, Window
from observer.traffic.generator import Generator
from observer.versions import versions

Judge = Callable[[Timeline], Findings]

TURN_S = 0.5  # how often it looks whether somebody asked it to stop
FIND_S = 1.0


class Daemon:
    """One recording from beginning to end.

    `judge` is run over the recording in a thread of its own when things have become quiet, and at the stop.
    """

    def __init__(self, settings: Settings, path: Path, judge: Judge, view: Plain) -> None:
        self._settings = settings
        self._path = path
        self._judge = judge
        self._view = view
        self._stop = threading.Event()
        self._reason = "stop"
        self._tag = secrets.token_hex(4)
        traffic = settings.traffic
        self._pulse = Pulse(rate_per_s=traffic.rate_per_s + traffic.fresh_per_s)

    def ask_to_stop(self, reason: str) -> None:
        """Ends the recording in order; from a signal handler or any thread. The first reason counts."""
        if not self._stop.is_set():
            self._reason = reason
            self._stop.set()

    def run(self, for_s: float | None = None) -> None:
        """Records until asked to stop, or for so long. Raises ObserverError for what waiting cannot mend."""
        fresh = not self._path.exists()
        writer = Writer(self._path)
        begun = False
        try:
            before = writer.last()
            cluster = look_around(self._settings, self._view.say)
            if self._stop.is_set():
                return
            self._begin(writer, cluster)
            begun = True
            self._record_until_stopped(writer, before, for_s)
        finally:
            writer.close()
            if fresh and not begun:
                self._path.unlink(missing_ok=True)

    def _begin(self, writer: Writer, cluster: Discovery | None) -> None:
        self._clock = Clock.begin()
        self._now_ns = self._clock.now_ns
        self._cluster = cluster
        recording = Recording(
            id=0,
            began_utc=self._clock.began_utc,
            boot=boot_id(),
            anchor_ns=self._clock.anchor_ns,
            pid=os.getpid(),
            scope=cluster.scope if cluster else self._settings.cluster.scope,
            cluster_id=cluster.cluster_id if cluster else None,
            settings=self._settings.public(),
        )
        self._id = writer.begin(recording)

    def _record_until_stopped(self, writer: Writer, before: Recording | None, for_s: float | None) -> None:
        self._writer = writer
        self._recorder = Recorder(lambda batch: writer.append(self._id, batch), self._view.say)
        self._recorder.start()
        self._wire()
        self._chores = Chores(self._view.say)
        self._judging = ThreadPoolExecutor(1, "judge")
        self._say_where(before)
        watching = threading.Event()
        watchdog = Watchdog(self._now_ns, wall_ns, self._record, self._schedule.begin_anew)
        guard = threading.Thread(target=watchdog.watch, args=(watching,), name="watchdog", daemon=True)
        try:
            self._start_sources()
            guard.start()
            self._first_chores(before)
            self._wait(None if for_s is None else time.monotonic() + for_s)
        except BaseException:
            self._reason = "failed"
            raise
        finally:
            watching.set()
            self._end()

    # What is watched.

    def _wire(self) -> None:
        told = self._settings
        self._schedule = Schedule(self._record, self._now_ns)
        self._members = Members(told.patroni.members, told.postgres.members, self._watch_api, self._watch_postgres)
        self._auditor = Auditor(told, self._tag, self._record, self._now_ns, self._members)
        self._etcd: EtcdSource | None = None
        self._generator: Generator | None = None
        if has_traffic(told):
            self._generator = Generator(
                write_dsn=dsn_of(told, "write"),
                read_dsn=dsn_of(told, "read"),
                workload=told.traffic.workload,
                rate_per_s=told.traffic.rate_per_s,
                fresh_per_s=told.traffic.fresh_per_s,
                deadline_ms=told.traffic.deadline_ms,
                tag=self._tag,
                record=self._record,
                now_ns=self._now_ns,
                name_of=self._members.name_of,
            )

    def _start_sources(self) -> None:
        self._schedule.start()
        self._members.begin()
        if self._cluster is not None:
            self._found(self._cluster)
        elif self._settings.cluster.scope is not None:
            self._watch_etcd(self._settings.cluster.scope)
        for url in self._settings.haproxy.stats:
            every_ms, access = self._settings.haproxy.every_ms, haproxy_access(self._settings)
            self._schedule.add(haproxy.job(url, every_ms, self._record, self._now_ns, access))
        if self._generator is not None:
            self._generator.start()

    def _found(self, cluster: Discovery) -> None:
        for name, member in cluster.members.items():
            self._members.found(name, member.api_url, member.conn_url)
        if self._etcd is None:
            self._watch_etcd(cluster.scope)

    def _watch_etcd(self, scope: str) -> None:
        told = self._settings
        namespace, access = told.cluster.namespace, etcd_access(told)
        try:
            self._etcd = EtcdSource(told.etcd.endpoints, scope, namespace, self._record, self._now_ns, access)
        except OSError as error:
            raise ConfigError(
                f"{error.filename or 'a certificate'} of [etcd] cannot be read: {error.strerror}."
            ) from None
        self._etcd.start()
        for job in self._etcd.jobs():
            self._schedule.add(job)

    def _watch_api(self, member: str, url: str) -> None:
        every_ms, access = self._settings.patroni.every_ms, patroni_access(self._settings)
        self._schedule.add(patroni.job(member, url, every_ms, self._record, self._now_ns, access))

    def _watch_postgres(self, member: str, dsn: str) -> None:
        credentials = self._settings.postgres.dsn.get_secret_value() or dsn_of(self._settings, "write")
        direct, every_ms = postgres.direct_dsn(dsn, credentials), self._settings.postgres.every_ms
        self._schedule.add(postgres.job(member, direct, every_ms, self._record, self._now_ns))

    # What passes.

    def _record(self, entry: Event | Operation | Audit) -> None:
        """Where every record goes, from any thread."""
        self._recorder.record(entry)
        if isinstance(entry, Audit):
            return
        self._pulse.see(entry)
        self._view.see(entry)
        if isinstance(entry, Event):
            self._members.see(entry)

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
        span = self._pulse.to_audit(now_ns)
        if span is not None:
            self._chores.once(partial(self._auditor.look, *span))
        if self._pulse.became_quiet(now_ns):
            self._chores.once(self._capture)
            self._judging.submit(self._judge_now)

    # Chores: slow questions, one after the other, beside the recording.

    def _first_chores(self, before: Recording | None) -> None:
        self._record(Event("daemon", "versions.captured", "observer", Window.at(self._now_ns()), versions()))
        if self._cluster is None:
            self._chores.until_done(self._find_again)
        self._chores.until_done(self._capture)
        if before is not None and self._generator is not None:
            self._chores.until_done(lambda: audit_late(self._settings, self._writer, before, self._members))

    def _find_again(self) -> bool:
        try:
            cluster = find(self._settings, FIND_S)
        except ObserverError:
            return False
        if cluster is not None:
            self._writer.learn(self._id, cluster.scope, cluster.cluster_id)
            self._found(cluster)
        return True

    def _capture(self) -> bool:
        """The cluster and the pools, whole; True if all that is asked answered."""
        api = self._members.api
        done = not api or patroni.capture(dict(api), self._record, self._now_ns, patroni_access(self._settings))
        for url in self._settings.haproxy.stats:
            done &= haproxy.capture(url, self._record, self._now_ns, haproxy_access(self._settings))
        return done

    def _judge_now(self) -> None:
        try:
            with Reader(self._path) as reader:
                findings = self._judge(reader.load(self._id))
        except Exception as error:  # the recording goes on; the report judges anew
            self._view.say(f"The judge stumbled ({type(error).__name__}: {error}); the recording is not touched by it.")
            return
        self._recorder.record(findings)
        self._view.judged(findings)

    # The end.

    def _end(self) -> None:
        """Everything that runs is stopped, in the order in which nothing is lost."""
        self._stop.set()
        self._view.say("Ending the recording.")
        if self._generator is not None and self._generator.alive:
            self._try("the traffic", self._stop_traffic)
        self._chores.once(self._capture)
        if self._pulse.last_n:
            self._chores.once(lambda: self._auditor.look(1, self._pulse.last_n))
        self._chores.finish()
        self._try("the looks", self._schedule.stop)
        if self._etcd is not None:
            self._try("the watch of etcd", self._etcd.stop)
        self._judging.shutdown(wait=True)
        ended_ns = self._now_ns()
        self._recorder.stop()
        self._writer.end(self._id, ended_ns, self._reason)
        self._judge_last()

    def _stop_traffic(self) -> None:
        assert self._generator is not None
        self._generator.stop(drain_s=self._settings.traffic.deadline_ms / 1000 + 0.5)

    def _try(self, what: str, stop: Callable[[], None]) -> None:
        try:
            stop()
        except Exception as error:
            self._view.say(f"{what[:1].upper()}{what[1:]} ended with an error: {type(error).__name__}: {error}.")

    def _judge_last(self) -> None:
        try:
            with Reader(self._path) as reader:
                findings = self._judge(reader.load(self._id))
            self._writer.append(self._id, [findings])
            self._view.judged(findings)
        except CannotWrite:
            raise
        except Exception as error:
            self._view.say(f"The judge stumbled ({type(error).__name__}: {error}); `observer report` judges anew.")

    def _say_where(self, before: Recording | None) -> None:
        if before is not None and before.ended is None:
            self._view.say(
                f"Recording {before.id} in this file was cut off {before.last_ns / 1e9:.1f} s after its beginning; "
                "what it held until then is sound."
            )
        scope = self._cluster.scope if self._cluster else self._settings.cluster.scope or "a cluster yet to be found"
        self._view.say(f"Recording {self._id} of {scope} into {self._path}. Ctrl-C or `observer stop` ends it.")
