"""The vocabulary of a recording: windows, events, operations, audits. What a judge finds in them is `findings.py`.

All times are integer nanoseconds of one monotonic clock since the recording began. UTC is for display only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Literal

SECOND_NS = 1_000_000_000
MS_NS = 1_000_000

Action = Literal["write", "read"]
Probe = Literal["kept", "fresh"]
PERSISTENT: Probe = "kept"  # one connection for all operations; the value is that of the column `probe`
NEW: Probe = "fresh"  # a connection of its own for each operation

# What each kind of event means. The kind names the meaning, never the origin: the source column names that.
KINDS: Mapping[str, str] = {
    "leader.seen": "the leader key as it was found when one could look (first look, or after a blind spell, unchanged)",
    "leader.elected": "the leader key was taken; the subject is the new leader",
    "leader.lost": "the leader key is gone; the subject is who held it",
    "lease.overdue": "the leader has not renewed its lease in time; remaining and full TTL in seconds",
    "lease.renewed": "an overdue lease was renewed",
    "member.changed": "what this source knows of a member changed; the whole of it is in the detail",
    "member.lost": "the member's key is gone",
    "config.changed": "the cluster's dynamic configuration, as it is now",
    "history.changed": "Patroni's history of timelines, as it is now",
    "sync.changed": "Patroni's synchronous standby state, as it is now",
    "failsafe.changed": "Patroni's failsafe topology, as it is now",
    "failover.asked": "somebody asked for a switchover or a manual failover",
    "failover.cleared": "the request for a switchover or failover is gone",
    "quorum.lost": "etcd has no leader, so that no key can change",
    "quorum.regained": "etcd has a leader again",
    "raft.elected": "etcd's own leader or term changed",
    "route.up": "a proxy's pool began to send clients to a server",
    "route.down": "a proxy's pool stopped sending clients to a server",
    "route.changed": "a server's check in a pool gives another answer; the route stays as it was",
    "proxy.restarted": "the proxy's counters began anew: it was started again or reloaded",
    "proxy.full": "the proxy has as many sessions as it may have: who connects now waits until somebody leaves",
    "proxy.room": "the proxy has fewer sessions than it may have again",
    "replication.sampled": "positions and lag of a member, taken now and then",
    "cluster.captured": "the cluster as Patroni describes it, whole, for the report",
    "pools.captured": "the proxy's pools as its stats page describes them, whole, for the report",
    "versions.captured": "the versions of what is watched and of what watches",
    "identity.learned": "the address under which a member's PostgreSQL knows itself",
    "workload.absent": "the tables that the workload needs are not there: nothing is written or read for now",
    "workload.present": "the tables that the workload needs are there",
    "source.blind": "a source cannot see its subject: how it failed is in the detail",
    "source.sees": "the source sees its subject (again)",
    "tick.skipped": "a poll did not run when it was due, since the one before it still ran",
    "tick.resumed": "the poll runs in time again; how many were skipped is in the detail",
    "clock.stepped": "the wall clock was stepped; by how much is in the detail",
    "observer.slept": "the observer itself did not run for a while",
    "write.proved": "a write sent to a member directly, while the proxy was away, was acknowledged",
    "audit.failed": "the tokens could not be read back",
    "note.told": "an operator's note",
    "fault.told": "somebody broke something, and says what",
    "repair.told": "somebody mended something, and says what",
    "container.ended": "a member's container ended; its exit code is in the detail",
    "log.told": "a line of a member's log that decides something: says is its meaning, text the line itself",
    "dashboards.captured": "which panels of the dashboards had data over a span: from_ns, to_ns, panels",
    "stop.asked": "somebody asked the recording to stop",
}


@dataclass(frozen=True, slots=True)
class Window:
    """A moment known only to lie in (after_ns, by_ns]."""

    after_ns: int
    by_ns: int

    @classmethod
    def at(cls, moment_ns: int) -> Window:
        """A moment that is known exactly."""
        return cls(moment_ns, moment_ns)


@dataclass(frozen=True, slots=True)
class Event:
    """Who said it, of which kind, about whom, when, and the raw evidence.

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
        """The first moment at which this was known to hold."""
        return self.window.by_ns


class Outcome(StrEnum):
    """What became of an operation. FAIL: certainly without effect. UNKNOWN: it may have taken effect."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Operation:
    """One read or write, as it was scheduled and as it ended.

    `stage` is how far it came: slot, resolve, connect, send, answer, done. `server` is the member that served it where
    its address is known to be a member's; `address` is what the server said of itself ("host:port"). `saw` is the
    newest token that a read found. `message` is the first line of the error.
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
    """The tokens from first to last, in order, were read back through the primary: all present, or all absent."""

    audited_ns: int
    first_token: str
    last_token: str
    present: bool
    server: str | None = None
    timeline: int | None = None
    id: int | None = None


@dataclass(frozen=True, slots=True)
class RecordingHeader:
    """One run of the daemon. `ended` says how: stop, signal, for, failed; None with `ended_ns` None: it was cut off.

    `settings` holds the observer's own configuration, without secrets. `last_ns` is the last moment that any row of
    the recording knows of.
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
        """The end of what is known: the orderly end, or the last row."""
        return self.last_ns if self.ended_ns is None else self.ended_ns

    def utc(self, at_ns: int) -> datetime:
        """The wall clock at a moment of the recording, for display."""
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
    """How many operations of one action a server acknowledged, and in which role and timeline it was."""

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
    """What the judge is given of one recording.

    `operations` holds, in order of finishing, every one that is not OK or is slow, and all that finished within 10 s
    of those; `between` asks for the rest. `events` are in order of `by_ns`, then id.
    """

    header: RecordingHeader
    events: Sequence[Event]
    operations: Sequence[Operation]
    seconds: Sequence[Second] = ()
    served: Sequence[Served] = ()
    audits: Sequence[Audit] = ()
    fetch: Fetch | None = None

    def between(self, after_ns: int, by_ns: int) -> Sequence[Operation]:
        """All operations that finished in (after_ns, by_ns], in order of finishing."""
        if self.fetch is not None:
            return self.fetch(after_ns, by_ns)
        return [o for o in self.operations if after_ns < o.finished_ns <= by_ns]
