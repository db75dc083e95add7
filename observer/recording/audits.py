"""Which acknowledged writes are there: read back after an outage, at the stop, and for a recording that was cut off."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from observer.config.settings import Settings
from observer.model.clock import boot_id, same_boot, wall_ns
from observer.model.errors import ConfigError, NotFound
from observer.model.recording import Audit, Event, RecordingHeader, Window
from observer.postgres.session import parameters
from observer.recording.activity import number_of
from observer.recording.members import Members
from observer.recording.preflight import dsn_of
from observer.store import Reader, Writer
from observer.traffic.audit import QUESTION_MS, AuditFailed, audit

Record = Callable[[Event | Audit], None]

PAUSE_S = 10.0
LONGEST_PAUSE_S = 600.0


class Auditor:
    """Reads back the tokens of one recording. What it finds, or that it could not, goes to `record`."""

    def __init__(
        self, settings: Settings, tag: str, record: Record, now_ns: Callable[[], int], members: Members
    ) -> None:
        self._settings = settings
        self._tag = tag
        self._record = record
        self._now_ns = now_ns
        self._members = members

    def look(self, first_n: int, last_n: int) -> bool:
        """The tokens from first to last; False where not all could be read."""
        return self.read_back(first_n, last_n) is None

    def read_back(self, first_n: int, last_n: int) -> int | None:
        """The tokens from first to last; the number from which on they could not be read, None where all could."""
        workload, began_ns = self._settings.traffic.workload, self._now_ns()
        dsn, name_of = dsn_of(self._settings, "write"), self._members.name_of
        found: Sequence[Audit]
        try:
            found = audit(dsn, workload, self._tag, first_n, last_n, QUESTION_MS, self._now_ns, name_of)
            rest_n = None
        except AuditFailed as failure:
            found, rest_n = failure.found, failure.next_n
            detail = {"error": str(failure), "first": rest_n, "last": last_n}
            self._record(Event("daemon", "audit.failed", self._tag, Window(began_ns, self._now_ns()), detail))
        for part in found:
            self._record(part)
        return rest_n


class LateAudit:
    """Reads back the tokens of a recording that ended without that: a chore, asked for again until it is done.

    The pause after a try that failed grows; what was read back until then is kept.
    """

    def __init__(
        self, settings: Settings, writer: Writer, before: RecordingHeader, members: Members, say: Callable[[str], None]
    ) -> None:
        self._settings = settings
        self._writer = writer
        self._before = before
        self._members = members
        self._say = say
        self._first_n = 1
        self._pause_s = PAUSE_S
        self._again_s = 0.0

    def look(self) -> bool:
        """True: done, or there is nothing to do, or nothing that could be told."""
        if time.monotonic() < self._again_s:
            return False
        rest = unaudited(self._writer.path, self._before)
        if rest is None:
            return True
        with Reader(self._writer.path) as reader:
            now = reader.recording()
        why = elsewhere(self._before, now)
        if why is not None:
            self._say(
                f"The last writes of recording {self._before.id} were never read back, and {why}: "
                "what became of them stays unknown."
            )
            return True
        if now.cluster_id is None:
            return False  # etcd has yet to tell
        tag, first_n, last_n = rest
        return self._read_back(tag, max(first_n, self._first_n), last_n)

    def _read_back(self, tag: str, first_n: int, last_n: int) -> bool:
        found: list[Audit] = []

        def keep(entry: Event | Audit) -> None:
            if isinstance(entry, Audit):
                found.append(entry)

        auditor = Auditor(self._settings, tag, keep, lambda: now_of(self._before), self._members)
        rest_n = auditor.read_back(first_n, last_n)
        if found:
            self._writer.append(self._before.id, found)
        if rest_n is None:
            return True
        self._first_n = rest_n
        self._again_s = time.monotonic() + self._pause_s
        self._pause_s = min(2 * self._pause_s, LONGEST_PAUSE_S)
        return False


def elsewhere(before: RecordingHeader, now: RecordingHeader) -> str | None:
    """Why a token of an earlier recording that is absent here was not lost. None: nothing is known that tells so."""
    was, is_now = (recording.settings.get("traffic", {}) for recording in (before, now))
    if before.cluster_id is None:
        return "its cluster was never identified"
    if now.cluster_id not in (None, before.cluster_id):
        return "this is another cluster"
    if was.get("workload") != is_now.get("workload"):
        return f'its workload was "{was.get("workload")}"'
    if _database(was) != _database(is_now):
        return f'its database was "{_database(was)}"'
    return None


def _database(traffic: Mapping[str, str]) -> str | None:
    """Which database the writes go to, as far as the connection string says it."""
    with suppress(ConfigError):
        told = parameters(traffic.get("write", ""))
        return told.get("dbname") or told.get("user")
    return None


def unaudited(path: Path, recording: RecordingHeader) -> tuple[str, int, int] | None:
    """Tag, first and last number of a recording's tokens, where its last one was never read back."""
    with suppress(NotFound), Reader(path) as reader:
        tokens = reader.tokens(recording.id)
        if tokens is None:
            return None
        last_audited = reader.last_audited(recording.id)
        if last_audited is None or last_audited < tokens[1]:
            return tokens[0].rpartition("-")[0], number_of(tokens[0]), number_of(tokens[1])
    return None


def now_of(recording: RecordingHeader) -> int:
    """Now on the clock of an earlier recording: exact within one boot, else as the wall clock tells."""
    if same_boot(recording.boot, boot_id()):
        return time.monotonic_ns() - recording.anchor_ns
    return max(recording.until_ns, wall_ns() - round(recording.began_utc.timestamp() * 1e9))
