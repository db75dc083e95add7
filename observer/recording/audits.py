"""Audits: acknowledged writes are read back after an outage, at the stop, and for a recording that was cut off."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from observer.config.access import dsn_of
from observer.config.settings import Settings
from observer.model.clock import boot_id, same_boot, wall_ns
from observer.model.errors import ConfigError, NotFound
from observer.model.recording import Audit, Event, RecordingHeader, Window
from observer.postgres.session import parameters
from observer.recording.activity import number_of
from observer.recording.members import Members
from observer.store import Reader, Writer
from observer.traffic.audit import QUESTION_MS, AuditFailed, audit

Record = Callable[[Event | Audit], None]

PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0


@dataclass(frozen=True, slots=True)
class Auditor:
    """Reads back the tokens of one recording. The audits, or that they failed, go to `record`."""

    settings: Settings
    tag: str
    record: Record
    now_ns: Callable[[], int]
    members: Members

    def read_back(self, first_n: int, last_n: int) -> int | None:
        """Read back the tokens from first to last; return the first number that could not be read, None if none."""
        workload, began_ns = self.settings.traffic.workload, self.now_ns()
        dsn, name_of = dsn_of(self.settings, "write"), self.members.name_of
        found: Sequence[Audit]
        try:
            found = audit(dsn, workload, self.tag, first_n, last_n, QUESTION_MS, self.now_ns, name_of)
            unread_n = None
        except AuditFailed as failure:
            found, unread_n = failure.found, failure.next_n
            detail = {"error": str(failure), "first": unread_n, "last": last_n}
            self.record(Event("daemon", "audit.failed", self.tag, Window(began_ns, self.now_ns()), detail))
        for part in found:
            self.record(part)
        return unread_n


@dataclass(slots=True)
class EarlierAudit:
    """Audits an earlier recording that ended without an audit: a task that runs again until it is done.

    The pause after a failure doubles. Tokens that were read back are not read again.
    """

    settings: Settings
    writer: Writer
    before: RecordingHeader
    members: Members
    say: Callable[[str], None]
    _first_n: int = 1
    _pause_s: float = PAUSE_S
    _next_s: float = 0.0

    def attempt(self) -> bool:
        """Audit what is left; return whether the task is done, also because there is nothing that could be audited."""
        if time.monotonic() < self._next_s:
            return False
        unaudited = unaudited_tokens(self.writer.path, self.before)
        if unaudited is None:
            return True
        with Reader(self.writer.path) as reader:
            now = reader.recording()
        reason = reason_not_comparable(self.before, now)
        if reason is not None:
            self.say(
                f"The last writes of recording {self.before.id} were never read back, and {reason}: "
                "whether they were lost stays unknown."
            )
            return True
        if now.cluster_id is None:
            return False  # etcd has not answered yet
        tag, first_n, last_n = unaudited
        return self._read_back(tag, max(first_n, self._first_n), last_n)

    def _read_back(self, tag: str, first_n: int, last_n: int) -> bool:
        found: list[Event | Audit] = []
        unread_n = Auditor(self.settings, tag, found.append, self._now_ns, self.members).read_back(first_n, last_n)
        if audits := [entry for entry in found if isinstance(entry, Audit)]:
            self.writer.append(self.before.id, audits)
        if unread_n is None:
            return True
        self._first_n = unread_n
        self._next_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return False

    def _now_ns(self) -> int:
        return now_of(self.before)


def reason_not_comparable(before: RecordingHeader, now: RecordingHeader) -> str | None:
    """Return why a token of an earlier recording may be absent here without being lost, None if no reason is known."""
    traffic_before, traffic_now = (recording.settings.get("traffic", {}) for recording in (before, now))
    if before.cluster_id is None:
        return "its cluster was never identified"
    if now.cluster_id not in (None, before.cluster_id):
        return "this is another cluster"
    if traffic_before.get("workload") != traffic_now.get("workload"):
        return f'its workload was "{traffic_before.get("workload")}"'
    if _database(traffic_before) != _database(traffic_now):
        return f'its database was "{_database(traffic_before)}"'
    return None


def _database(traffic: Mapping[str, str]) -> str | None:
    """Return the database that writes go to, None if the connection string does not name it."""
    with suppress(ConfigError):
        given = parameters(traffic.get("write", ""))
        return given.get("dbname") or given.get("user")
    return None


def unaudited_tokens(path: Path, recording: RecordingHeader) -> tuple[str, int, int] | None:
    """Return tag, first and last number of a recording's tokens, None if its last token was audited."""
    with suppress(NotFound), Reader(path) as reader:
        tokens = reader.tokens(recording.id)
        if tokens is None:
            return None
        last_audited = reader.last_audited(recording.id)
        if last_audited is None or last_audited < tokens[1]:
            return tokens[0].rpartition("-")[0], number_of(tokens[0]), number_of(tokens[1])
    return None


def now_of(recording: RecordingHeader) -> int:
    """Return now on the clock of an earlier recording, ns: exact within one boot, else by the wall clock."""
    if same_boot(recording.boot, boot_id()):
        return time.monotonic_ns() - recording.anchor_ns
    return max(recording.until_ns, wall_ns() - round(recording.began_utc.timestamp() * 1e9))
