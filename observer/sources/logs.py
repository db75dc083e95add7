"""Lines of a member's log that no other interface reports: pg_rewind ran, the member demoted itself."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class DecisiveLine:
    """A line with a known meaning: `says` is the meaning, `text` the message, `facts` the values in it."""

    says: str
    text: str
    facts: Mapping[str, str] = field(default_factory=dict)


def decisive_line(line: str) -> DecisiveLine | None:
    """Return the meaning of a line of a log, None if it has no known one."""
    head = _LINE.match(line)
    if head is None:
        return None
    message = head.group(1).strip()
    for pattern, says in _MEANINGS.items():
        found = pattern.match(message)
        if found is not None:
            return DecisiveLine(says, message[:300], {k: v for k, v in found.groupdict().items() if v is not None})
    return None


class LogReader:
    """Read the log of one member; consecutive lines of the same text count once."""

    def __init__(self, member: str) -> None:
        self._member = member
        self._last: DecisiveLine | None = None

    def read(self, lines: Iterable[str]) -> list[Observation]:
        """Return an observation for each of these lines that has a known meaning."""
        observations: list[Observation] = []
        for line in filter(None, map(decisive_line, lines)):
            if line != self._last:
                self._last = line
                observations.append(("log.told", self._member, {"says": line.says, "text": line.text, **line.facts}))
        return observations


def job(member: str, path: Path, record: Record, now_ns: Now) -> Job:
    """Return a job that reads what is appended to a log file, five times a second. It records log.told."""
    tail, reader = Tail(path), LogReader(member)
    poller: Poller[list[str]] = Poller("log", member, tail.read, lambda _, lines: reader.read(lines), record, now_ns)
    return Job(f"log {member} {path.name}", EVERY_MS, poller.run)


class Tail:
    """The end of a growing file. A file that was replaced or truncated is read from its beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: int | None = None  # its inode
        self._at = 0
        self._rest = b""

    def read(self) -> list[str]:
        """Return the lines that were added since the last call; none at the first. Raise PollFailed."""
        try:
            with self._path.open("rb") as file:
                now = os.fstat(file.fileno())
                if self._file is None:
                    self._at = now.st_size
                elif now.st_ino != self._file or now.st_size < self._at:
                    self._at, self._rest = 0, b""
                self._file = now.st_ino
                file.seek(self._at)
                added = file.read(READ_BYTES)
        except OSError as error:
            raise PollFailed("error", f"{self._path}: {error.strerror}") from error
        self._at += len(added)
        *whole, self._rest = (self._rest + added).split(b"\n")
        return [line.decode("utf-8", "replace") for line in whole]
