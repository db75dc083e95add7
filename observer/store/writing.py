"""The writer of a recording file. One process at a time records; other processes may append an event to it."""

import sqlite3
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from observer.model.clock import same_boot
from observer.model.errors import CannotWrite, NothingAnswers
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Audit, Event, Operation, Outcome, RecordingHeader, Window
from observer.store import lock, rows
from observer.store.files import BUSY_TIMEOUT_S, check, is_empty, translated_errors
from observer.store.findings import replace_findings
from observer.store.migrations import Connection, atomic, migrate
from observer.store.schema import SERVED_ONCE

Entry = Event | Operation | Audit | Findings

_ADD_SECOND = """
insert into counted_seconds (recording_id, second, action, ok, failed, unknown, max_ns) values (?, ?, ?, ?, ?, ?, ?)
on conflict do update set ok = ok + excluded.ok, failed = failed + excluded.failed,
  unknown = unknown + excluded.unknown, max_ns = max(max_ns, excluded.max_ns)
"""
_ADD_SERVER = f"""
insert into counted_servers (recording_id, action, probe, server, address, in_recovery, timeline, operations)
values (?, ?, ?, ?, ?, ?, ?, ?)
on conflict ({SERVED_ONCE}) do update set operations = operations + excluded.operations
"""
_COLUMN = {Outcome.OK: 0, Outcome.FAIL: 1, Outcome.UNKNOWN: 2}


class Writer:
    """Hold the file and its lock while a daemon records. Threads take turns.

    Raise CannotWrite if another daemon records into the file or the file cannot be written, ForeignDatabase if it is
    not a sound recording file. Every method raises CannotWrite if the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        self._one_at_a_time = threading.Lock()
        if not path.parent.is_dir():
            raise CannotWrite(f"{path}: there is no folder {path.parent}; create it, or choose another --db.")
        if path.is_dir():
            raise CannotWrite(f"{path}: is a folder; choose a file with --db.")
        if not is_empty(path):
            _check_sound(path)
        self._lock = lock.acquire(path)
        if self._lock is None:
            raise CannotWrite(f"{path}: a daemon records into it; run `observer stop`, or choose another --db.")
        try:
            with translated_errors(path):
                connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False, factory=Connection)
                self._db = Database(connection)
                migrate(self._db)
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = normal")
        except BaseException:
            lock.release(path, self._lock)
            raise
        self._began_unix_ns: dict[int, int] = {}

    def last(self) -> RecordingHeader | None:
        """Return the newest recording in the file, None if there is none."""
        row = self._db.conn.execute(f"{rows.SELECT_RECORDING} order by id desc limit 1").fetchone()
        return None if row is None else rows.recording_of(row)

    def begin(self, recording: RecordingHeader) -> int:
        """Add a recording and return its id; the id in `recording` is ignored."""
        with self._transaction():
            added: int | None = self._db.table("recordings").insert(rows.recording_row(recording)).last_pk
            assert added is not None
            if self._lock is not None:
                lock.name_recording(self._lock, added)
        return added

    def learn(self, recording_id: int, scope: str | None, cluster_id: str | None) -> None:
        """Store which cluster it is, if that became known only after the beginning."""
        found = {name: value for name, value in (("scope", scope), ("cluster_id", cluster_id)) if value is not None}
        with self._transaction():
            self._db.table("recordings").update(recording_id, found)

    def append(self, recording_id: int, batch: Sequence[Entry]) -> None:
        """Write a batch in one transaction, each table in the batch's order. Findings replace earlier ones."""
        began = self._began(recording_id)
        events = [rows.event_row(recording_id, began, e) for e in batch if isinstance(e, Event)]
        operations = [o for o in batch if isinstance(o, Operation)]
        audits = [rows.audit_row(recording_id, a) for a in batch if isinstance(a, Audit)]
        with self._transaction():
            self._db.conn.executemany(rows.INSERT_OPERATION, [rows.operation_row(recording_id, o) for o in operations])
            _count(self._db.conn, recording_id, operations)
            self._db.conn.executemany(rows.INSERT_EVENT, events)
            self._db.table("audits").insert_all(audits)
            for findings in (f for f in batch if isinstance(f, Findings)):
                replace_findings(self._db, recording_id, findings)

    def end(self, recording_id: int, ended_ns: int, ended: str) -> None:
        """Store the clean end of a recording, and its reason: stop, signal, for, failed."""
        with self._transaction():
            self._db.table("recordings").update(recording_id, {"ended_ns": ended_ns, "ended": ended})

    def close(self) -> None:
        """Fold the log into the file, unless a reader uses it, close the file and drop the lock."""
        try:
            with suppress(sqlite3.Error):  # the rows are safe in the log; the next opening folds them in
                self._db.conn.execute("pragma wal_checkpoint(truncate)")
                self._db.conn.execute("pragma journal_mode = delete")
            self._db.conn.close()
        finally:
            if self._lock is not None:
                lock.release(self.path, self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._one_at_a_time, translated_errors(self.path), atomic(self._db.conn):
            yield

    def _began(self, recording_id: int) -> int:
        if recording_id not in self._began_unix_ns:
            with self._transaction():
                self._began_unix_ns[recording_id] = self._db.table("recordings").get(recording_id)["began_unix_ns"]
        return self._began_unix_ns[recording_id]


def append_event(
    path: Path, boot: str, kind: str, subject: str, detail: dict[str, object], at_ns: int | None = None
) -> Event:
    """Append an event of source "operator" to the running recording; this is how other processes reach the daemon.

    `at_ns` is a reading of the monotonic clock of this boot, now by default. Raise NothingAnswers if no daemon records
    into the file.
    """
    if is_empty(path) or not lock.is_held(path):
        remedy = "start one with `observer start`, or name another file with --db"
        raise NothingAnswers(f"{path}: no recording is running for this file; {remedy}.")
    with translated_errors(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
        try:
            check(path, connection)
            row = connection.execute(f"{rows.SELECT_RECORDING} where id = ?", (lock.recording_named(path),)).fetchone()
            if row is None or rows.recording_of(row).ended is not None:
                raise NothingAnswers(f"{path}: the daemon has not begun to record yet; try again in a second.")
            recording = rows.recording_of(row)
            if not same_boot(recording.boot, boot):
                raise NothingAnswers(f"{path}: is recorded on another machine; run this command there.")
            now_ns = (time.monotonic_ns() if at_ns is None else at_ns) - recording.anchor_ns
            event = Event("operator", kind, subject, Window.at(now_ns), detail)
            with connection:
                connection.execute(
                    rows.INSERT_EVENT, rows.event_row(recording.id, rows.unix_ns(recording.began_utc), event)
                )
            return event
        finally:
            connection.close()


def _count(connection: sqlite3.Connection, recording_id: int, operations: Iterable[Operation]) -> None:
    """Add operations to the counts, within the caller's transaction."""
    seconds: dict[tuple[int, str], list[int]] = {}
    servers: Counter[tuple[object, ...]] = Counter()
    for o in operations:
        row = seconds.setdefault((o.finished_ns // SECOND_NS, o.action), [0, 0, 0, 0])
        row[_COLUMN[o.outcome]] += 1
        row[3] = max(row[3], o.finished_ns - o.due_ns)
        if o.outcome is Outcome.OK:
            servers[o.action, o.probe, o.server, o.address, o.in_recovery, o.timeline] += 1
    connection.executemany(_ADD_SECOND, [(recording_id, *key, *counts) for key, counts in seconds.items()])
    connection.executemany(_ADD_SERVER, [(recording_id, *key, number) for key, number in servers.items()])


def _check_sound(path: Path) -> None:
    """Check an existing file before anything is written to it. Raise ForeignDatabase, CannotWrite.

    If `start` was killed in its first transaction, it left a journal: SQLite rolls it back, to no bytes.
    """
    how = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    uri = f"{path.absolute().as_uri()}?mode={how}"
    with translated_errors(path), closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.execute("select count(*) from sqlite_master").fetchone()
        if is_empty(path):
            return
        check(path, connection)
        sound = connection.execute("pragma quick_check(1)").fetchone()[0]
        if sound != "ok":
            raise sqlite3.DatabaseError(sound)
