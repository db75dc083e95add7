"""The lock that a running daemon holds on a recording file. The operating system drops it if the daemon crashes.

The lock file names the current recording, so that nothing mistakes an interrupted recording for the running one.
"""

import os
import sys
import time
from pathlib import Path
from typing import IO

from observer.model.errors import CannotWrite

TRIES = 5
BETWEEN_TRIES_S = 0.05
BEYOND_THE_LOCK = 1  # byte; on Windows no other process may read the locked byte

if sys.platform == "win32":
    import msvcrt

    def _try(file: IO[bytes]) -> None:
        file.seek(0)  # msvcrt locks from the current position
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _try(file: IO[bytes]) -> None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def lock_path(database: Path) -> Path:
    """Return the path of the lock file."""
    return database.with_name(database.name + ".lock")


def acquire(database: Path) -> IO[bytes] | None:
    """Take the lock, to hold until `release` or the end of the process. Return None if another daemon holds it."""
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
            time.sleep(BETWEEN_TRIES_S)  # a process that calls `is_held` holds it for an instant
            continue
        try:
            # The previous holder may have removed the name between our opening and our locking.
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                file.truncate(0)  # a daemon that was killed left its recording there
                return file
        except FileNotFoundError:
            pass
        file.close()
    return None


def name_recording(file: IO[bytes], recording_id: int) -> None:
    """Write the id of the current recording into the lock file. Raise CannotWrite."""
    try:
        file.truncate(0)
        file.write(b"%b%d" % (bytes(BEYOND_THE_LOCK), recording_id))
        file.flush()
    except OSError as error:
        raise CannotWrite(f"{file.name}: cannot be written ({error.strerror}); check the disk.") from None


def recording_named(database: Path) -> int | None:
    """Return the id in the lock file, None if no recording has begun. It means nothing unless the lock is held."""
    try:
        with lock_path(database).open("rb") as file:
            file.seek(BEYOND_THE_LOCK)
            content = file.read()
    except OSError:
        return None
    return int(content) if content.isdigit() else None


def release(database: Path, file: IO[bytes]) -> None:
    """Drop the lock and remove its file. Windows removes no open file, so there the file is closed first."""
    if sys.platform == "win32":
        file.close()
    try:
        lock_path(database).unlink(missing_ok=True)
    except OSError:
        pass  # a leftover file does no harm: only the lock counts
    finally:
        file.close()


def is_held(database: Path) -> bool:
    """Return whether a running daemon records into the file."""
    path = lock_path(database)
    try:
        file = path.open("r+b")
    except FileNotFoundError:
        return False
    except OSError:
        return True  # another user's lock file exists, and a daemon that stops cleanly removes its own
    with file:
        try:
            _try(file)
        except OSError:
            return True
        return False
