"""The migrations of a recording file, each applied once and in order. An old file gets the newer tables and views."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Literal

from sqlite_utils import Database

from observer.store import schema
from observer.store.views import VIEWS


class Connection(sqlite3.Connection):
    """A connection whose transactions only `atomic` ends. sqlite-utils before 4.0 would end them at each insert."""

    def __exit__(self, *_: object) -> Literal[False]:
        return False


@contextmanager
def atomic(connection: sqlite3.Connection) -> Iterator[None]:
    """Make all statements of a block one transaction."""
    connection.execute("begin")
    try:
        yield
        connection.execute("commit")
    except BaseException:
        if connection.in_transaction:
            connection.execute("rollback")
        raise


def create_views(db: Database) -> None:
    """Create all views, and replace those of older versions. A migration that changes a view appends this again."""
    for name, view in VIEWS.items():
        db.create_view(name, view.select, replace=True)


def _run(statements: Sequence[str], db: Database) -> None:
    for statement in statements:
        db.conn.execute(statement)


MIGRATIONS: Sequence[Callable[[Database], None]] = (
    *(partial(_run, statements) for statements in schema.TABLES),
    create_views,
)
TABLES_VERSION = 3
"""The version whose tables are those of the newest one; later migrations change views only."""


def migrate(db: Database) -> None:
    """Bring a file to the newest version, in one transaction: a process killed meanwhile leaves the file unchanged."""
    done = schema.version_of(db.conn)
    if done == len(MIGRATIONS):
        return
    with atomic(db.conn):
        for migration in MIGRATIONS[done:]:
            migration(db)
        db.conn.execute(f"pragma application_id = {schema.APPLICATION_ID}")
        db.conn.execute(f"pragma user_version = {len(MIGRATIONS)}")


def add_temporary_views(connection: sqlite3.Connection) -> None:
    """Give a connection today's views of an older file that cannot be written. The file itself stays as it is."""
    connection.execute("pragma temp_store = memory")
    for name, view in VIEWS.items():
        connection.execute(f"create temp view {name} as {view.select}")
