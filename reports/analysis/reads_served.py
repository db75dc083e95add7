"""Reads in incidents, and reads that a leader served: how soon after a role change, and on which connections."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event, Operation, Outcome, Recording
from reports.analysis.durability import in_slices
from reports.analysis.index import Index
from reports.analysis.results.evidence import FailedReads, LeaderReads, PersistentReads, ReaderMove, ReadsServed
from reports.analysis.results.reads import LastStaleRead
from reports.analysis.results.recording import Period
from reports.analysis.state_history import AWAY

# Persistent reads of this time before the fault show their servers.
BEFORE_NS = 2 * SECOND_NS
# A proxy that has not noticed a new role by then has another reason.
STALE_NS = 60 * SECOND_NS
MEMBER_CAUSES = ("leader.", "replica.", "postgres.", "patroni.")


def failed_reads(recording: Recording, incident: Incident) -> FailedReads | None:
    """Return the reads that failed; None: no read failed, or the incident has an outage of reads."""
    if incident.read.outages or not incident.read.failed + incident.read.unknown:
        return None
    own = [o for o in recording.between(incident.began_ns, incident.ended_ns) if o.action == "read"]
    failed = [o for o in own if o.outcome is not Outcome.OK]
    if not failed:
        return None
    new = [o for o in own if o.probe == "fresh"]
    messages = {o.message for o in failed}
    return FailedReads(
        new=sum(o.probe == "fresh" for o in failed),
        tried=len(new),
        persistent=sum(o.probe == "kept" for o in failed),
        from_ns=failed[0].finished_ns,
        to_ns=failed[-1].finished_ns,
        last_began_ns=max(o.started_ns for o in failed),
        message=messages.pop() if len(messages) == 1 else None,
        first_id=min((o.id for o in new if o.id is not None), default=None),
        last_id=max((o.id for o in new if o.id is not None), default=None),
    )


def reads_served(recording: Recording, incident: Incident) -> ReadsServed:
    """Return the reads that succeeded in the seconds of the incident in which writes were down throughout.

    Seconds count from the beginning of the incident, as in load.py.
    """
    outages = incident.write.outages
    replicas = unknown = 0
    leaders: dict[str, LeaderReads] = {}
    for o in recording.between(incident.began_ns, incident.ended_ns + BEFORE_NS) if outages else ():
        second_ns = o.due_ns - (o.due_ns - incident.began_ns) % SECOND_NS
        down = any(outage.began_ns <= second_ns and second_ns + SECOND_NS <= outage.ended_ns for outage in outages)
        if o.action != "read" or o.outcome is not Outcome.OK or not down:
            continue
        if o.in_recovery:
            replicas += 1
        elif o.in_recovery is None or o.server is None:
            unknown += 1
        else:
            own = leaders.get(o.server) or LeaderReads(o.server, 0, o.finished_ns, o.id)
            leaders[o.server] = replace(own, n=own.n + 1)
    return ReadsServed(replicas, tuple(leaders.values()), unknown)


def persistent_reads(recording: Recording, incident: Incident) -> PersistentReads | None:
    """Return the servers of the persistent reads before the fault; None: no member failed, or no server is known."""
    if not incident.cause.startswith(MEMBER_CAUSES):
        return None
    fault_ns = incident.fault_ns
    own = [
        o
        for o in recording.between(fault_ns - BEFORE_NS, incident.ended_ns)
        if (o.action, o.probe) == ("read", "kept") and (o.server is not None or o.outcome is not Outcome.OK)
    ]
    before = [o for o in own if o.finished_ns <= fault_ns and o.outcome is Outcome.OK]
    servers = tuple(sorted({o.server for o in before if o.server is not None}))
    if not servers:
        return None
    hit = bool({incident.target, *incident.targets} & set(servers))
    moved = _moved(own, servers[0]) if hit and len(servers) == 1 else None
    return PersistentReads(servers, hit, any(o.in_recovery is False for o in before), moved)


def _moved(own: Sequence[Operation], server: str) -> ReaderMove | None:
    good = [o for o in own if o.outcome is Outcome.OK]
    position = next((i for i, o in enumerate(good) if o.server != server), None)
    if position is None:
        return None
    last, first = good[position - 1], good[position]
    failed = sum(o.outcome is not Outcome.OK and last.due_ns < o.due_ns < first.due_ns for o in own)
    return ReaderMove(str(first.server), first.finished_ns - last.finished_ns, last.id, first.id, failed)


def last_stale_read(index: Index, roles: Iterable[Period]) -> LastStaleRead | None:
    """Return how long after a role change a leader last served a read on a new connection.

    None: there was no such read, or one that follows no role change. A role change lies between two polls, so a read
    between them is not late.
    """
    recording = index.recording
    own = [s for s in recording.served if s.action == "read" and s.probe == "fresh" and s.in_recovery is False]
    changes = _role_changes(index, roles)
    nearest: dict[int, tuple[int, Event, Operation]] = {}
    for change in changes:
        for o in recording.between(change.window.after_ns, change.by_ns + STALE_NS):
            if (o.action, o.probe, o.outcome, o.in_recovery) == ("read", "fresh", Outcome.OK, False):
                late_ns, key = max(o.finished_ns - change.by_ns, 0), (o.id or 0)
                if key not in nearest or late_ns < nearest[key][0]:
                    nearest[key] = (late_ns, change, o)
    if not nearest or len(nearest) != sum(s.operations for s in own):
        return None
    late_ns, change, last = max(nearest.values(), key=lambda found: found[0])
    return LastStaleRead(late_ns, change.id, last.id, tuple(e.id for e in changes if e.id is not None))


def _role_changes(index: Index, roles: Iterable[Period]) -> list[Event]:
    """Return the events that show a replica become a primary, and the restarts of a proxy."""
    rows = {event.id: event for event in index.of_kinds("member.changed", "source.sees")}
    last: dict[str, str] = {}
    found = index.of_kinds("proxy.restarted")
    for role in roles:
        if role.what == "primary" and last.get(role.subject) == "replica":
            found.append(rows[role.event_id])
        if role.what != AWAY:
            last[role.subject] = role.what
    return sorted(found, key=lambda event: event.by_ns)


def persistent_on_leader(recording: Recording) -> tuple[tuple[int, ...], ...] | None:
    """Return the rows of each leader's first persistent read and of the read before it.

    None: there was none, or one did not follow a read from the same member as a replica, so that nothing shows that
    its connection outlived a promotion.
    """
    if not any(s.action == "read" and s.probe == "kept" and s.in_recovery is False for s in recording.served):
        return None
    found: list[tuple[int, ...]] = []
    last: Operation | None = None
    own: dict[str, Operation] = {}
    for o in in_slices(recording, -1, recording.header.until_ns + SECOND_NS):
        if (o.action, o.probe, o.outcome) != ("read", "kept", Outcome.OK):
            continue
        before = own.get(o.server or "")
        if o.in_recovery is False and not (before is not None and _same_leadership(before, o)):
            if last is None or o.server is None or (last.server, last.in_recovery) != (o.server, True):
                return None
            found.append((last.id or 0, o.id or 0))
        own[o.server or ""] = last = o
    return tuple(found) or None


def _same_leadership(before: Operation, now: Operation) -> bool:
    return before.in_recovery is False and (None in (before.timeline, now.timeline) or before.timeline == now.timeline)
