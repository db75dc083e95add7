"""The reader of a recording file. It never writes, works beside a running daemon, and loads what the analysis needs."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from observer.model.errors import CannotWrite, ForeignDatabase, NotFound, ObserverError, UsageError
from observer.model.recording import SECOND_NS, Event, Operation, Recording, RecordingHeader, Second
from observer.store import lock, rows
from observer.store.files import BUSY_TIMEOUT_S, check, is_damage, is_empty, translated, translated_errors
from observer.store.migrations import MIGRATIONS, TABLES_VERSION, add_temporary_views
from observer.store.schema import INTERESTING, version_of
from observer.store.writing import Writer

AROUND_NS = 10 * SECOND_NS
"""The reader loads all operations this close to a failed or slow one."""

_SECONDS = """
select second, action, ok, failed, unknown, max_ns from counted_seconds where recording_id = ? order by second, action
"""
_SERVED = f"{rows.SELECT_SERVED} where recording_id = ? order by action, probe, server, address, timeline"


class Reader:
    """Read a recording file. One thread at a time may use it, and has to `close` it.

    Raise NotFound if there is no file or nothing in it, ForeignDatabase, CannotWrite if a file of an older version
    lacks tables and cannot be migrated. If it lacks views only, this connection gets temporary ones.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        if is_empty(path):
            packed = path.with_name(f"{path.name}.xz")
            if packed.is_file() and not path.exists():
                raise NotFound(f"{path}: no such file, but {packed} is there; name that one: --db {packed}.")
            wrong = "nothing was recorded into it" if path.exists() else "no such file"
            raise NotFound(f"{path}: {wrong}; record with `observer start`, or name the file by --db.")
        if path.is_dir():
            raise NotFound(f"{path}: is a folder; name a file by --db.")
        self._connection = _open(path)
        version = version_of(self._connection)
        if version < len(MIGRATIONS):
            self._connection.close()
            try:
                Writer(path).close()  # which migrates
            except CannotWrite as error:
                if version < TABLES_VERSION:
                    older = f"{path}: an older observer wrote it, and its tables have to be migrated first"
                    raise CannotWrite(f"{older}: {error}") from None
            self._connection = _open(path)

    def __enter__(self) -> Reader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def recordings(self) -> list[RecordingHeader]:
        """Return all recordings, the oldest first."""
        return [rows.recording_of(row) for row in self._all(f"{rows.SELECT_RECORDING} order by id")]

    def recording(self, recording_id: int | None = None) -> RecordingHeader:
        """Return one recording, the newest by default. Raise NotFound."""
        found = self.recordings()
        for recording in reversed(found):
            if recording_id in (None, recording.id):
                return recording
        if not found:
            raise NotFound(f"{self.path}: there is no recording in it; record with `observer start`.")
        there = ", ".join(str(recording.id) for recording in found)
        raise NotFound(f"{self.path}: there is no recording {recording_id}; there are: {there}.")

    def load(self, recording_id: int) -> Recording:
        """Return what the analysis needs of one recording, as `model.recording.Recording` describes it."""
        audits = f"{rows.SELECT_AUDIT} where recording_id = ? order by audited_ns, id"
        with translated_errors(self.path):
            return Recording(
                header=self.recording(recording_id),
                events=self.events(recording_id),
                operations=list(self._interesting(recording_id)),
                seconds=[Second(*row) for row in self._all(_SECONDS, recording_id)],
                served=[rows.served_of(row) for row in self._all(_SERVED, recording_id)],
                audits=[rows.audit_of(row) for row in self._all(audits, recording_id)],
                fetch=lambda after_ns, by_ns: list(self._between(recording_id, after_ns, by_ns)),
            )

    def events(self, recording_id: int, after_id: int = 0) -> list[Event]:
        """Return the events with an id above `after_id` in order of `by_ns`, then id."""
        query = f"{rows.SELECT_EVENT} where recording_id = ? and id > ? order by by_ns, id"
        return [rows.event_of(row) for row in self._all(query, recording_id, after_id)]

    def operations(self, recording_id: int, newest: int) -> list[Operation]:
        """Return the operations that finished last, in order of finishing."""
        query = f"{rows.SELECT_OPERATION} where recording_id = ? order by finished_ns desc, id desc limit ?"
        return [rows.operation_of(row) for row in self._all(query, recording_id, newest)][::-1]

    def tokens(self, recording_id: int) -> tuple[str, str] | None:
        """Return the first and the last token that a recording wrote, or None if it wrote nothing."""
        query = "select token from operations where recording_id = ? and token <> '' order by finished_ns"
        # Tokens are issued in order, and an operation ends by its deadline, so the two ends hold the extremes.
        first = self._all(f"{query} limit 1000", recording_id)
        last = self._all(f"{query} desc limit 10000", recording_id)
        return (min(first)[0], max(last)[0]) if first else None

    def last_audited(self, recording_id: int) -> str | None:
        """Return the last token that was audited, present or not."""
        [(found,)] = self._all("select max(last_token) from audits where recording_id = ?", recording_id)
        return str(found) if found is not None else None

    def stop_asked(self, recording_id: int) -> bool:
        """Return whether an operator asked this recording to stop."""
        query = "select 1 from events where kind = 'stop.asked' and recording_id = ? limit 1"
        return bool(self._all(query, recording_id))

    def _all(self, sql: str, *values: object) -> list[Any]:
        with translated_errors(self.path):
            return self._connection.execute(sql, values).fetchall()

    def query(self, sql: str) -> tuple[list[str], Iterator[Sequence[Any]]]:
        """Return the columns and the rows of one SQL statement that only reads. Both raise UsageError for any other."""
        with self._query_errors():
            cursor = self._connection.execute(sql)
        return [column[0] for column in cursor.description or ()], self._rows(cursor)

    def _rows(self, cursor: sqlite3.Cursor) -> Iterator[Sequence[Any]]:
        with self._query_errors():
            while (row := cursor.fetchone()) is not None:
                yield row

    @contextmanager
    def _query_errors(self) -> Iterator[None]:
        """Turn errors of SQLite into UsageError, unless the file is damaged."""
        try:
            yield
        except (sqlite3.Error, sqlite3.Warning) as error:
            if isinstance(error, sqlite3.Error) and is_damage(error):
                raise translated(self.path, error) from error
            raise UsageError(f"SQL error in the query: {error}.") from None

    def _interesting(self, recording_id: int) -> Iterator[Operation]:
        query = f"select finished_ns from operations where recording_id = ? and {INTERESTING} order by finished_ns"
        moments = self._connection.execute(query, (recording_id,))
        for after_ns, by_ns in _periods(moment for (moment,) in moments):
            yield from self._between(recording_id, after_ns, by_ns)

    def _between(self, recording_id: int, after_ns: int, by_ns: int) -> Iterator[Operation]:
        where = "where recording_id = ? and finished_ns > ? and finished_ns <= ? order by finished_ns, id"
        found = self._connection.execute(f"{rows.SELECT_OPERATION} {where}", (recording_id, after_ns, by_ns))
        return map(rows.operation_of, found)


def _periods(moments: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Return the periods (after, by] within AROUND_NS of a moment, merged. The moments come in order."""
    period: tuple[int, int] | None = None
    for moment in moments:
        after, by = moment - AROUND_NS - 1, moment + AROUND_NS
        if period is not None and after <= period[1]:
            period = (period[0], by)
            continue
        if period is not None:
            yield period
        period = (after, by)
    if period is not None:
        yield period


def _open(path: Path) -> sqlite3.Connection:
    """Open a file read-only, with the newest views.

    If the files of the log cannot be created (another user's folder) and no daemon runs, open it as immutable.
    """
    try:
        return _connect(path, "mode=ro")
    except CannotWrite:
        if lock.is_held(path):
            raise CannotWrite(f"{path}: another user records into it; run this command as that user.") from None
        return _connect(path, "mode=ro&immutable=1")


def _connect(path: Path, how: str) -> sqlite3.Connection:
    uri = f"{path.absolute().as_uri()}?{how}"
    try:
        connection = sqlite3.connect(uri, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
    except sqlite3.Error as error:
        failure = translated(path, error)
        if isinstance(failure, ForeignDatabase):
            raise failure from None
        raise NotFound(f"{path}: cannot be opened; check its permissions.") from None
    try:
        with translated_errors(path):
            connection.setlimit(sqlite3.SQLITE_LIMIT_ATTACHED, 0)  # `attach` and `vacuum into` make files
            check(path, connection)
            if TABLES_VERSION <= version_of(connection) < len(MIGRATIONS):
                add_temporary_views(connection)
            connection.execute("pragma query_only = on")
    except (OSError, ObserverError) as error:
        connection.close()
        if isinstance(error, OSError):
            raise NotFound(f"{path}: cannot be read ({error.strerror}); check its permissions.") from None
        raise
    return connection
