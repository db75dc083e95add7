"""Checks of a recording file: whether it is ours, sound and writable. Each error is one sentence."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observer.model.errors import CannotWrite, ForeignDatabase, NotFound, ObserverError
from observer.store.migrations import MIGRATIONS
from observer.store.schema import APPLICATION_ID, version_of

BUSY_TIMEOUT_S = 5.0
_CANNOT_WRITE = {
    sqlite3.SQLITE_BUSY: "another program holds it locked",
    sqlite3.SQLITE_LOCKED: "another program holds it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk reports an error",
    sqlite3.SQLITE_READONLY: "this user may not write it",
    sqlite3.SQLITE_CANTOPEN: "this user cannot open it",
    sqlite3.SQLITE_PERM: "this user may not open it",
}


def is_empty(path: Path) -> bool:
    """Return whether there is no file, or a file of no bytes. Raise NotFound if that cannot be read."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise NotFound(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from None


@contextmanager
def translated_errors(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into ForeignDatabase or CannotWrite."""
    try:
        yield
    except sqlite3.Error as error:
        raise translated(path, error) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Return whether the error is about the file, not about the statement."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def translated(path: Path, error: sqlite3.Error) -> ObserverError:
    """Return an error of SQLite as one of ours, in one sentence."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _CANNOT_WRITE:
        return CannotWrite(f"{path}: cannot be written, {_CANNOT_WRITE[code]}; fix that or choose another --db.")
    if code == sqlite3.SQLITE_NOTADB:
        return ForeignDatabase(f"{path}: not a SQLite file; choose another one with --db, this one was left as it is.")
    return ForeignDatabase(
        f"{path}: damaged ({error}); choose another file with --db, this one was left as it is "
        f"(`sqlite3 {path.name} .recover` may save rows)."
    )


def check(path: Path, connection: sqlite3.Connection) -> None:
    """Raise ForeignDatabase unless the open file is a recording file of this version or of an older one.

    The check uses the open connection only. If this process opened and closed the file by other means, POSIX would
    drop the locks that SQLite holds on it, and another program could then remove the log that the daemon uses.
    """
    application_id = connection.execute("pragma application_id").fetchone()[0]
    version = version_of(connection)
    if application_id != APPLICATION_ID:
        raise ForeignDatabase(
            f"{path}: a SQLite file of another program; choose another one with --db, this one was left as it is."
        )
    if version > len(MIGRATIONS):
        raise ForeignDatabase(
            f"{path}: written by a newer observer (schema {version}, this one knows {len(MIGRATIONS)}); "
            "install that version, or choose another file with --db."
        )
    connection.execute("select count(*) from recordings").fetchone()
