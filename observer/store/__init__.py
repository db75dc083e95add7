"""The recording file: the only package that knows SQLite. One writer records; any number of readers may read."""

from observer.store.lock import is_held as is_being_recorded
from observer.store.reading import Reader
from observer.store.views import VIEWS
from observer.store.writing import Entry, Writer, append_event

__all__ = ["VIEWS", "Entry", "Reader", "Writer", "append_event", "is_being_recorded"]
