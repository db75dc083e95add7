"""The timeline's file: the only package that knows SQLite. One writer records, any number of readers look on."""

from observer.store.lock import is_held as is_being_recorded
from observer.store.reading import Reader
from observer.store.writing import Entry, Writer, tell

__all__ = ["Entry", "Reader", "Writer", "is_being_recorded", "tell"]
