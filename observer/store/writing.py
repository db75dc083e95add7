"""The writer of a timeline: one process at a time records, everybody else may drop an event into the recording."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import IO

from sqlite_utils import Database

from observer.model.clock import same_boot
from observer.model.errors import CannotWrite, NothingAnswers
from observer.model.findings import Findings
from observer.model.recording import Audit, Event, Operation, RecordingHeader, Window
from observer.store import lock
from observer.store.counting import count
from observer.store.files import BUSY_TIMEOUT_S, check, is_empty, said_plainly
from observer.store.findings import replace_findings
from observer.store.rows import (
    INSERT_AUDIT,
    INSERT_EVENT,
    INSERT_OPERATION,
    SELECT_RECORDING,
    audit_row,
    event_row,
    moment_text,
    operation_row,
    recording_of,
    text_of,
    unix_ns,
)
from observer.store.schema import migrate

Entry = Event | Operation | Audit | Findings


class Writer:
    """Holds the file and its lock while a daemon records. Threads take turns.

    Opening raises CannotWrite where another daemon records into the file or the file cannot be written, and
    ForeignDatabase where it is not a sound timeline. Every method raises CannotWrite when the disk refuses.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: IO[bytes] | None = None
        self._one_at_a_time = threading.Lock()
        if not path.parent.is_dir():
            raise CannotWrite(f"{path}: there is no folder {path.parent}; make it, or choose another --db.")
        if path.is_dir():
            raise CannotWrite(f"{path}: is a folder; choose a file with --db.")
        if not is_empty(path):
            _check_sound(path)
        self._lock = lock.acquire(path)
        if self._lock is None:
            raise CannotWrite(f"{path}: a daemon records into it; end it with `observer stop`, or choose another --db.")
        try:
            with said_plainly(path):
                connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
                self._db = Database(connection)
                migrate(connection)
                connection.execute("pragma journal_mode = wal")
                connection.execute("pragma synchronous = normal")
        except BaseException:
            lock.release(path, self._lock)
            raise
        self._began_unix_ns: dict[int, int] = {}

    def last(self) -> RecordingHeader | None:
        """The newest recording in the file."""
        row = self._db.conn.execute(f"{SELECT_RECORDING} order by id desc limit 1").fetchone()
        return None if row is None else recording_of(row)

    def begin(self, recording: RecordingHeader) -> int:
        """Adds a recording and gives its id; the one in `recording` is not looked at."""
        with self._transaction() as connection:
            added = connection.execute(
                "insert into recordings (began_utc, boot, anchor_ns, pid, cluster_id, scope, settings, began_unix_ns) "
                "values (?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    moment_text(recording.began_utc),
                    recording.boot,
                    recording.anchor_ns,
                    recording.pid,
                    recording.cluster_id,
                    recording.scope,
                    text_of(dict(recording.settings)),
                    unix_ns(recording.began_utc),
                ),
            ).lastrowid
            assert added is not None
            if self._lock is not None:
                lock.name_recording(self._lock, added)
        return added

    def learn(self, recording_id: int, scope: str | None, cluster_id: str | None) -> None:
        """Which cluster it is, where that became known only after the beginning."""
        with self._transaction() as connection:
            connection.execute(
                "update recordings set scope = coalesce(?, scope), cluster_id = coalesce(?, cluster_id) where id = ?",
                (scope, cluster_id, recording_id),
            )

    def append(self, recording_id: int, batch: Sequence[Entry]) -> None:
        """Writes a batch in one transaction, each table in the batch's order. Findings replace those before."""
        began = self._began(recording_id)
        events = [event_row(recording_id, began, e) for e in batch if isinstance(e, Event)]
        operations = [o for o in batch if isinstance(o, Operation)]
        audits = [audit_row(recording_id, a) for a in batch if isinstance(a, Audit)]
        with self._transaction() as connection:
            connection.executemany(INSERT_OPERATION, [operation_row(recording_id, o) for o in operations])
            count(connection, recording_id, operations)
            connection.executemany(INSERT_AUDIT, audits)
            connection.executemany(INSERT_EVENT, events)
            for findings in (f for f in batch if isinstance(f, Findings)):
                replace_findings(connection, recording_id, findings)

    def end(self, recording_id: int, ended_ns: int, ended: str) -> None:
        """The orderly end of a recording, and how it came: stop, signal, for, failed."""
        with self._transaction() as connection:
            connection.execute(
                "update recordings set ended_ns = ?, ended = ? where id = ?", (ended_ns, ended, recording_id)
            )

    def close(self) -> None:
        """Leaves one plain file behind, where no reader keeps the log in use, and gives the lock back."""
        try:
            with suppress(sqlite3.Error):  # the rows are safe in the log; the next opening folds them in
                self._db.conn.execute("pragma wal_checkpoint(truncate)")
                self._db.conn.execute("pragma journal_mode = delete")
            self._db.conn.close()
        finally:
            if self._lock is not None:
                lock.release(self.path, self._lock)

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._one_at_a_time, said_plainly(self.path), self._db.conn as connection:
            yield connection

    def _began(self, recording_id: int) -> int:
        if recording_id not in self._began_unix_ns:
            with self._transaction() as connection:
                sought = "select began_unix_ns from recordings where id = ?"
                self._began_unix_ns[recording_id] = connection.execute(sought, (recording_id,)).fetchone()[0]
        return self._began_unix_ns[recording_id]


def tell(path: Path, boot: str, kind: str, subject: str, detail: dict[str, object], at_ns: int | None = None) -> Event:
    """Drops an event of source "operator" into the running recording: how other programs speak to the daemon.

    `at_ns` is a reading of the monotonic clock of this boot, now by default. Raises NothingAnswers where nothing
    records into the file.
    """
    if is_empty(path) or not lock.is_held(path):
        raise NothingAnswers(f"{path}: nothing records into it; start with `observer start`, or name the file by --db.")
    with said_plainly(path):
        connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
        try:
            check(path, connection)
            row = connection.execute(f"{SELECT_RECORDING} where id = ?", (lock.recording_named(path),)).fetchone()
            if row is None or recording_of(row).ended is not None:
                raise NothingAnswers(f"{path}: the daemon has not begun to record yet; try again in a second.")
            recording = recording_of(row)
            if not same_boot(recording.boot, boot):
                raise NothingAnswers(f"{path}: is recorded on another machine; run this command there.")
            now_ns = (time.monotonic_ns() if at_ns is None else at_ns) - recording.anchor_ns
            event = Event("operator", kind, subject, Window.at(now_ns), detail)
            with connection:
                connection.execute(INSERT_EVENT, event_row(recording.id, unix_ns(recording.began_utc), event))
            return event
        finally:
            connection.close()


def _check_sound(path: Path) -> None:
    """Looks at an existing file before anything is written to it. Raises ForeignDatabase, CannotWrite.

    A start that was killed in the midst of its first transaction left a journal: SQLite rolls it back, to no bytes.
    """
    how = "rw" if path.with_name(f"{path.name}-journal").exists() else "ro"
    uri = f"{path.absolute().as_uri()}?mode={how}"
    with said_plainly(path), closing(sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S)) as connection:
        connection.execute("select count(*) from sqlite_master").fetchone()
        if is_empty(path):
            return
        check(path, connection)
        sound = connection.execute("pragma quick_check(1)").fetchone()[0]
        if sound != "ok":
            raise sqlite3.DatabaseError(sound)
