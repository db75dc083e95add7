"""The vocabulary of a recording: windows, events, operations, audits. `findings.py` has the results of the analysis.

All times are integer nanoseconds of one monotonic clock since the recording began. UTC is for display only.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from importlib import resources
from typing import Any, Literal

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000

Action = Literal["write", "read"]
Probe = Literal["kept", "fresh"]
PERSISTENT: Probe = "kept"  # one connection for all operations; the value is that of the column `probe`
NEW: Probe = "fresh"  # a connection of its own for each operation

_KINDS = tomllib.loads(resources.files("observer.model").joinpath("kinds.toml").read_text("utf-8"))
KINDS: Mapping[str, str] = _KINDS["sentences"]
"""Each kind of event and the sentence on it."""
SIGNS = frozenset[str](_KINDS["signs"])
"""Kinds of event that show that an incident goes on."""
TONES: Mapping[str, str] = {kind: tone for tone, kinds in _KINDS["tones"].items() for kind in kinds}
"""The tone of the kinds that are good or bad news, or a note: "good", "bad", "note"."""


@dataclass(frozen=True, slots=True)
class Window:
    """A moment known only to lie in (after_ns, by_ns]."""

    after_ns: int
    by_ns: int

    @classmethod
    def at(cls, moment_ns: int) -> Window:
        """Return the window of a moment that is known exactly."""
        return cls(moment_ns, moment_ns)


@dataclass(frozen=True, slots=True)
class Event:
    """What a source found: its kind, its subject, its window, and the raw evidence.

    `id` is the row's id once it is stored.
    """

    source: str
    kind: str
    subject: str
    window: Window
    detail: Mapping[str, Any] = field(default_factory=dict)
    id: int | None = None

    @property
    def by_ns(self) -> int:
        """Return the first moment at which this was known to be true."""
        return self.window.by_ns


class Outcome(StrEnum):
    """How an operation ended. FAIL: certainly without effect. UNKNOWN: it may have taken effect."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One read or write, as it was scheduled and as it ended.

    `stage` is how far it came: slot, resolve, connect, send, answer, done. `server` is the member that served it, if
    its address is a member's; `address` is the server's own ("host:port"). `saw` is the newest token that a read
    returned. `message` is the first line of the error.
    """

    action: Action
    probe: Probe
    token: str
    due_ns: int
    started_ns: int
    finished_ns: int
    outcome: Outcome
    stage: str
    sqlstate: str | None = None
    server: str | None = None
    address: str | None = None
    in_recovery: bool | None = None
    timeline: int | None = None
    saw: str | None = None
    message: str | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Audit:
    """The tokens from first to last were read back through the primary: all present, or all absent."""

    audited_ns: int
    first_token: str
    last_token: str
    present: bool
    server: str | None = None
    timeline: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """One run of the daemon. `ended`: stop, signal, for, failed; None with `ended_ns` None if the daemon was killed.

    `settings` holds the observer's own configuration, without secrets. `last_ns` is the latest moment in any row.
    """

    id: int
    began_utc: datetime
    boot: str
    anchor_ns: int
    pid: int
    scope: str | None
    cluster_id: str | None
    settings: Mapping[str, Any]
    ended_ns: int | None = None
    ended: str | None = None
    last_ns: int = 0

    @property
    def until_ns(self) -> int:
        """Return the clean end of the recording, or the moment of its last row."""
        return self.last_ns if self.ended_ns is None else self.ended_ns

    def utc(self, at_ns: int) -> datetime:
        """Return the wall clock at a moment of the recording, for display."""
        return self.began_utc + timedelta(microseconds=at_ns / 1000)


@dataclass(frozen=True, slots=True)
class Second:
    """How the operations of one action that finished in one second of the recording ended."""

    at_s: int
    action: Action
    ok: int
    failed: int
    unknown: int
    max_ns: int


@dataclass(frozen=True, slots=True)
class Served:
    """How many operations of one action a server acknowledged, and its role and timeline then."""

    action: Action
    probe: Probe
    server: str | None
    address: str | None
    in_recovery: bool | None
    timeline: int | None
    operations: int


Fetch = Callable[[int, int], Sequence[Operation]]


@dataclass(frozen=True, slots=True)
class Recording:
    """What the analysis gets of one recording.

    `operations` holds, in order of finishing, every one that is not OK or is slow, and all that finished within 10 s
    of those; `between` returns the rest. `events` are in order of `by_ns`, then id.
    """

    header: RecordingHeader
    events: Sequence[Event]
    operations: Sequence[Operation]
    seconds: Sequence[Second] = ()
    served: Sequence[Served] = ()
    audits: Sequence[Audit] = ()
    fetch: Fetch | None = None

    def between(self, after_ns: int, by_ns: int) -> Sequence[Operation]:
        """Return all operations that finished in (after_ns, by_ns], in order of finishing."""
        if self.fetch is not None:
            return self.fetch(after_ns, by_ns)
        return [o for o in self.operations if after_ns < o.finished_ns <= by_ns]
