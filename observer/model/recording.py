"""The vocabulary of a recording: windows, events, operations, audits. `findings.py` has the results of the analysis.

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

# Each kind of event and the sentence on it; names in braces are those of its detail. A kind names the meaning, not the
# origin, which the column `source` names. `observer/live/words.py` composes the sentences that depend on more.
KINDS: Mapping[str, str] = {
    "leader.seen": "{subject} leads",  # found at the first read, or unchanged after the source was unreachable
    "leader.elected": "{subject} took the leader key",
    "leader.lost": "{subject} lost the leader key",
    "lease.overdue": "{subject} has not renewed its lease: {remaining_s} s of {ttl_s} s remain",
    "lease.renewed": "{subject} renewed its lease",  # which was overdue
    "member.changed": "a value that this source watches of a member changed; the detail holds all of them",
    "member.lost": "the member key of {subject} is gone",
    "config.changed": "the dynamic configuration changed",  # the detail holds it as it is now
    "history.changed": "the timeline history changed",
    "sync.changed": "the synchronous standbys changed: {value}",
    "failsafe.changed": "the failsafe topology changed",
    "failover.asked": "a switchover or failover from {leader} to {candidate} was requested",
    "failover.cleared": "the request for a switchover or failover is gone",
    "quorum.lost": "etcd lost its quorum",  # it has no leader, so no key can change
    "quorum.regained": "etcd has a quorum again",
    "raft.elected": "etcd elected {leader} (term {term})",
    "route.up": "a pool of HAProxy began to route to a server",
    "route.down": "a pool of HAProxy stopped routing to a server",
    "route.changed": "the check of a server has another result; the route did not change",
    "proxy.restarted": "HAProxy was restarted or reloaded",  # its counters started again from zero
    "proxy.full": "HAProxy reached its connection limit ({sessions} of {limit}): new connections wait",
    "proxy.room": "HAProxy has connections available again ({sessions} of {limit})",
    "replication.sampled": "WAL positions and lag of a member, sampled at intervals",
    "cluster.captured": "captured the cluster as Patroni describes it",
    "pools.captured": "captured the pools of {subject}",  # all rows of HAProxy's stats page
    "versions.captured": "the versions of the cluster's components and of the observer",
    "identity.learned": "{subject} is PostgreSQL at {address}",  # the address that it reports as its own
    "workload.absent": "the tables for {subject}s are missing: {error}",  # nothing is written or read for now
    "workload.present": "the tables for {subject}s exist",
    "source.blind": "a source gets no answer; how the poll failed is in the detail",
    "source.sees": "{subject} answers again",
    "tick.skipped": 'poll "{subject}" runs late; observer skips polls',  # the poll before it still ran
    "tick.resumed": 'poll "{subject}" runs in time again; {skipped} were skipped',
    "clock.stepped": "the wall clock was stepped by {by_ms} ms",
    "observer.slept": "observer itself did not run for {for_ms} ms",
    "write.proved": "{subject} acknowledged a write sent directly to it",  # while HAProxy was down
    "audit.failed": "the audit could not read the writes back: {error}",
    "note.told": "note: {text}",  # of an operator
    "fault.told": "injected fault: {component} {action} {target}",  # as a drill, an operator or Docker reports it
    "repair.told": "repair: {component} {action} {target}",
    "container.ended": "the container of {subject} exited with code {exit_code}",
    "log.told": "log of {subject}: {text}",  # a line with a known meaning, which is `says` in the detail
    "dashboards.captured": "captured what the dashboards showed",  # which panels had data over a span
    "stop.asked": "the operator asked observer to stop",
}


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
