"""A timeline's file: whether it is ours, sound and free to be written, said in one sentence where it is not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from observer.model.errors import CannotWrite, ForeignDatabase, NotFound, ObserverError
from observer.store.schema import APPLICATION_ID, MIGRATIONS, version_of

BUSY_TIMEOUT_S = 5.0
_CANNOT_WRITE = {
    sqlite3.SQLITE_BUSY: "another program holds it locked",
    sqlite3.SQLITE_LOCKED: "another program holds it locked",
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_IOERR: "the disk answers with an error",
    sqlite3.SQLITE_READONLY: "it may not be written by this user",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened by this user",
    sqlite3.SQLITE_PERM: "it may not be opened by this user",
}


def is_empty(path: Path) -> bool:
    """Whether nothing was ever written there: no file, or one of no bytes."""
    try:
        return path.stat().st_size == 0
    except FileNotFoundError:
        return True
    except OSError as error:
        raise NotFound(f"{path}: cannot be read ({error.strerror}); check the path and its permissions.") from None


@contextmanager
def said_plainly(path: Path) -> Iterator[None]:
    """Turns SQLite's errors into ours: ForeignDatabase, CannotWrite."""
    try:
        yield
    except sqlite3.Error as error:
        raise plainly(path, error) from error


def is_damage(error: sqlite3.Error) -> bool:
    """Whether SQLite complains of the file and not of what it was asked."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def plainly(path: Path, error: sqlite3.Error) -> ObserverError:
    """SQLite's error as one of ours, in one sentence."""
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    if code in _CANNOT_WRITE:
        return CannotWrite(f"{path}: cannot be written, {_CANNOT_WRITE[code]}; mend that or choose another --db.")
    if code == sqlite3.SQLITE_NOTADB:
        return ForeignDatabase(f"{path}: not a SQLite file; choose another one with --db, this one was left as it is.")
    return ForeignDatabase(
        f"{path}: damaged ({error}); choose another file with --db, this one was left as it is "
        f"(`sqlite3 {path.name} .recover` may save rows)."
    )


def check(path: Path, connection: sqlite3.Connection) -> None:
    """Raises ForeignDatabase unless the open file is a timeline of this version or an older one.

    Asks SQLite alone: were the file opened and closed by other means, POSIX would drop the locks that SQLite holds on
    it in this process, and another program that closes it would take the log away from the daemon.
    """
    mark = connection.execute("pragma application_id").fetchone()[0]
    version = version_of(connection)
    if mark != APPLICATION_ID:
        raise ForeignDatabase(
            f"{path}: a SQLite file of another program; choose another one with --db, this one was left as it is."
        )
    if version > len(MIGRATIONS):
        raise ForeignDatabase(
            f"{path}: written by a newer observer (schema {version}, this one knows {len(MIGRATIONS)}); "
            "install that version, or choose another file with --db."
        )
    connection.execute("select count(*) from recordings").fetchone()
