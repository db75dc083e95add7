"""The lock that says that a living daemon records into a file: held by the operating system, so no crash leaves it."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

from observer.errors import CannotWrite

TRIES = 5
BETWEEN_TRIES_S = 0.05

if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[str]) -> None:
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try(file: IO[str]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_path(database: Path) -> Path:
    """The empty file beside the database whose lock counts."""
    return database.with_name(database.name + ".lock")


def acquire(database: Path) -> IO[str] | None:
    """The lock, held until `release` or the end of the process; None where a living daemon holds it."""
    path = lock_path(database)
    for _ in range(TRIES):
        try:
            file = path.open("a")
        except OSError as error:
            raise CannotWrite(
                f"{path}: cannot be written ({error.strerror}); check the folder and its permissions."
            ) from None
        try:
            _try(file)
        except OSError:
            file.close()
            time.sleep(BETWEEN_TRIES_S)  # whoever asks `is_held` holds it for an instant
            continue
        try:
            # Whoever held it before may have removed the name between our opening and our locking.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        except FileNotFoundError:
            pass
        file.close()
    return None


def release(database: Path, file: IO[str]) -> None:
    """Gives the lock back and removes its file (Windows removes none that is open, so there it is closed first)."""
    if sys.platform == "win32":
        file.close()
    try:
        lock_path(database).unlink(missing_ok=True)
    except OSError:
        pass  # a leftover empty file says nothing: only the lock counts
    finally:
        file.close()


def is_held(database: Path) -> bool:
    """Whether a living daemon records into the file."""
    path = lock_path(database)
    try:
        file = path.open("r+")
    except FileNotFoundError:
        return False
    except OSError:
        return True  # another user's: it is there, and a daemon that ends in order removes it
    with file:
        try:
            _try(file)
        except OSError:
            return True
        return False
