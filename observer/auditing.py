"""Which acknowledged writes are there: read back after an outage, at the stop, and for a recording that was cut off."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from observer.clock import boot_id, wall_ns
from observer.config import Settings
from observer.errors import NotFound
from observer.members import Members
from observer.pulse import number_of
from observer.starting import dsn_of
from observer.store import Reader, Writer
from observer.timeline import Audit, Event, Recording, Window
from observer.traffic.audit import AuditFailed, audit

Record = Callable[[Event | Audit], None]


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
        """The tokens from first to last; False where they could not be read."""
        traffic, began_ns = self._settings.traffic, self._now_ns()
        dsn = dsn_of(self._settings, "write")
        try:
            found = audit(
                dsn,
                traffic.workload,
                self._tag,
                first_n,
                last_n,
                traffic.deadline_ms,
                self._now_ns,
                self._members.name_of,
            )
        except AuditFailed as error:
            detail = {"error": str(error), "first": first_n, "last": last_n}
            self._record(Event("daemon", "audit.failed", self._tag, Window(began_ns, self._now_ns()), detail))
            return False
        for part in found:
            self._record(part)
        return True


def unaudited(path: Path, recording: Recording) -> tuple[str, int, int] | None:
    """Tag, first and last number of a recording's tokens, where its last one was never read back."""
    with suppress(NotFound), Reader(path) as reader:
        tokens = reader.tokens(recording.id)
        if tokens is None:
            return None
        last_audited = reader.last_audited(recording.id)
        if last_audited is None or last_audited < tokens[1]:
            return tokens[0].rpartition("-")[0], number_of(tokens[0]), number_of(tokens[1])
    return None


def audit_late(settings: Settings, writer: Writer, recording: Recording, members: Members) -> bool:
    """Reads back the tokens of a recording that ended without that. True: done, or there was nothing to do."""
    rest = unaudited(writer.path, recording)
    if rest is None:
        return True
    tag, first_n, last_n = rest
    found: list[Audit] = []

    def keep(entry: Event | Audit) -> None:
        if isinstance(entry, Audit):
            found.append(entry)

    auditor = Auditor(settings, tag, keep, lambda: now_of(recording), members)
    done = auditor.look(first_n, last_n)
    if found:
        writer.append(recording.id, found)
    return done


def now_of(recording: Recording) -> int:
    """Now on the clock of an earlier recording: exact within one boot, else as the wall clock tells."""
    if recording.boot == boot_id():
        return time.monotonic_ns() - recording.anchor_ns
    return max(recording.until_ns, wall_ns() - round(recording.began_utc.timestamp() * 1e9))
