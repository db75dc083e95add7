"""The lock that says that a living daemon records into a file: held by the operating system, so no crash leaves it.

Its file names the recording that the holder makes: one that was cut off is not the one that is about to begin.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import IO

from observer.model.errors import CannotWrite

TRIES = 5
BETWEEN_TRIES_S = 0.05
BEYOND_THE_LOCK = 1  # byte; on Windows nobody else may read the one that is locked

if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[bytes]) -> None:
        file.seek(0)  # from where one stands, one byte is locked
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_path(database: Path) -> Path:
    """The file beside the database whose lock counts."""
    return database.with_name(database.name + ".lock")


def acquire(database: Path) -> IO[bytes] | None:
    """The lock, held until `release` or the end of the process; None where a living daemon holds it."""
    path = lock_path(database)
    for _ in range(TRIES):
        try:
            file = path.open("a+b")
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
                file.truncate(0)  # of one that was killed
                return file
        except FileNotFoundError:
            pass
        file.close()
    return None


def name_recording(file: IO[bytes], recording_id: int) -> None:
    """Says which recording the holder makes. Raises CannotWrite."""
    try:
        file.truncate(0)
        file.write(b"%b%d" % (bytes(BEYOND_THE_LOCK), recording_id))
        file.flush()
    except OSError as error:
        raise CannotWrite(f"{file.name}: cannot be written ({error.strerror}); check the disk.") from None


def recording_named(database: Path) -> int | None:
    """The recording that the holder makes; None where it has not begun one. Of a file that nobody holds: anything."""
    try:
        with lock_path(database).open("rb") as file:
            file.seek(BEYOND_THE_LOCK)
            told = file.read()
    except OSError:
        return None
    return int(told) if told.isdigit() else None


def release(database: Path, file: IO[bytes]) -> None:
    """Gives the lock back and removes its file (Windows removes none that is open, so there it is closed first)."""
    if sys.platform == "win32":
        file.close()
    try:
        lock_path(database).unlink(missing_ok=True)
    except OSError:
        pass  # a leftover file says nothing: only the lock counts
    finally:
        file.close()


def is_held(database: Path) -> bool:
    """Whether a living daemon records into the file."""
    path = lock_path(database)
    try:
        file = path.open("r+b")
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
