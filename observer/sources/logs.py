"""Lines of a member's log that no other interface reports: pg_rewind ran, the member demoted itself."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from observer.sources.polling import Job, Now, Observation, Poller, PollFailed, Record

EVERY_MS = 200
READ_BYTES = 4 << 20
# The head of a line of Patroni's log, or of PostgreSQL's with the default or Debian's prefix, and the message.
_LINE = re.compile(
    r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\S*(?:.*?\s)?"
    r"(?:INFO|WARNING|ERROR|CRITICAL|LOG|FATAL|PANIC):\s+(.+)$"
)

# The meaning of a message, by its beginning: Patroni 3.0 and 4.0, then PostgreSQL 13 to 17.
MEANINGS: Mapping[str, str] = {
    r"promoted self to (?:a standby )?leader": "promoted",
    r"demot(?:ed|ing) self ": "demoted",
    r"manual failover: demoting myself|switchover: demoting myself": "handed_over",
    r"released leader key voluntarily": "released_key",
    r"failed to update leader lock": "key_not_renewed",
    r"continue to run as a leader because failsafe mode": "failsafe",
    r"running pg_rewind from (?P<from>[\w.-]+)$": "rewind_began",
    r"pg_rewind exit code=(?P<code>\d+)": "rewind_ended",
    r"Removing data directory": "data_removed",
    r"trying to bootstrap from (?:leader|replica) '(?P<from>[^']+)'": "bootstrap_began",
    r"bootstrapped from (?:leader|replica) '(?P<from>[^']+)'": "bootstrap_ended",
    r"Not promoting self because watchdog": "watchdog_refused",
    r"[\w ]*process \(PID (?P<pid>\d+)\) was terminated by signal (?P<signal>\d+)": "process_killed",
    r"terminating any other active server processes": "crashed",
    r"received (?P<mode>smart|fast|immediate) shutdown request": "shutdown_asked",
    r"database system was interrupted": "was_interrupted",
    r"database system was not properly shut down": "recovering",
    r"selected new timeline ID: (?P<timeline>\d+)": "new_timeline",
    r"requested timeline \d+ is not a child of this server's history": "diverged",
    r"new timeline \d+ forked off current database system timeline \d+ before current recovery point": "diverged",
}
_MEANINGS = {re.compile(pattern): says for pattern, says in MEANINGS.items()}


def decisive_line(line: str) -> dict[str, str] | None:
    """Return the detail of log.told, None if a line of a log has no known meaning.

    `says` is the meaning, `text` the message; the values in the message stand beside them.
    """
    head = _LINE.match(line)
    if head is None:
        return None
    message = head.group(1).strip()
    for pattern, says in _MEANINGS.items():
        found = pattern.match(message)
        if found is not None:
            facts = {name: value for name, value in found.groupdict().items() if value is not None}
            return {"says": says, "text": message[:300], **facts}
    return None


@dataclass(slots=True)
class LogReader:
    """Read the log of one member; consecutive lines of the same text count once."""

    member: str
    _last: dict[str, str] | None = None

    def read(self, lines: Iterable[str]) -> list[Observation]:
        """Return an observation for each of these lines that has a known meaning."""
        observations: list[Observation] = []
        for found in filter(None, map(decisive_line, lines)):
            if found != self._last:
                self._last = found
                observations.append(("log.told", self.member, found))
        return observations


def job(member: str, path: Path, record: Record, now_ns: Now) -> Job:
    """Return a job that reads what is appended to a log file, five times a second. It records log.told."""
    tail, reader = Tail(path), LogReader(member)

    def compare(_before: list[str] | None, after: list[str]) -> list[Observation]:
        return reader.read(after)

    return Job(f"log {member} {path.name}", EVERY_MS, Poller("log", member, tail.read, compare, record, now_ns).run)


@dataclass(slots=True)
class Tail:
    """The end of a growing file. A file that was replaced or truncated is read from its beginning."""

    path: Path
    _file: int | None = None  # its inode
    _at: int = 0
    _rest: bytes = b""

    def read(self) -> list[str]:
        """Return the lines that were added since the last call; none at the first. Raise PollFailed."""
        try:
            with self.path.open("rb") as file:
                now = os.fstat(file.fileno())
                if self._file is None:
                    self._at = now.st_size
                elif now.st_ino != self._file or now.st_size < self._at:
                    self._at, self._rest = 0, b""
                self._file = now.st_ino
                file.seek(self._at)
                added = file.read(READ_BYTES)
        except OSError as error:
            raise PollFailed("error", f"{self.path}: {error.strerror}") from error
        self._at += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]
