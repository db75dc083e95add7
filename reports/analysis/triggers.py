"""Triggers: what opens an incident, and what keeps one open."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from observer.model.findings import Unreachable
from observer.model.recording import SECOND_NS, Event, Outcome
from reports.analysis.index import ETCD, FAILOVER, Index, pool_of
from reports.analysis.reachability import INITIAL_NS

# A member that comes back reports many things in a row; all reports without a pause of this length are its return.
RETURN_NS = 15 * SECOND_NS
# The leader sees a request in its next loop after the request is due.
REQUEST_NS = 60 * SECOND_NS
# By then a proxy has noticed a new leader's role; a leader that leaves a pool later leaves it for another reason.
FOLLOWS_NS = 30 * SECOND_NS
OF_ETCD = ("quorum.lost", "quorum.regained", "raft.elected")
# What ends a loss.
ENDED_BY = {"leader.lost": "leader.elected", "quorum.lost": "quorum.regained"}


@dataclass(frozen=True, slots=True)
class Trigger:
    """A time in which something failed or changed. `opens`: it opens an incident if none is open.

    `fault`: it is evidence of a fault of `subject` by itself, so that it may also end an incident about another
    subject; the fault itself happened after `since_ns`. `with_outage`: an outage began with it.
    """

    from_ns: int
    until_ns: int
    subject: str
    opens: bool
    fault: bool = False
    since_ns: int = 0
    with_outage: bool = False


# Whether an event about a subject only continues what began before it.
_Covered = Callable[[str, Event], bool]


def triggers(index: Index) -> list[Trigger]:
    """Return all triggers of a recording, in order of beginning."""
    covered = _returns(index)
    found = [*_of_traffic(index), *_of_events(index, covered), *_of_reachability(index, covered)]
    found += [*_of_requests(index), *_of_pools(index)]
    found += [_at(both.from_ns, both.members[1], opens=True) for both in index.two_primaries]
    return sorted(found, key=lambda trigger: (trigger.from_ns, not trigger.opens))


def _at(at_ns: int, subject: str, opens: bool) -> Trigger:
    return Trigger(at_ns, at_ns, subject, opens)


def _of_traffic(index: Index) -> Iterator[Trigger]:
    """Yield outages, which hold an incident open from end to end, and all other failures."""
    for action, outages in index.outages.items():
        for outage in outages:
            yield Trigger(outage.began_ns, outage.ended_ns, action, opens=True)
    for o in index.recording.operations:
        if o.outcome is not Outcome.OK:
            yield Trigger(min(o.due_ns, o.finished_ns), o.finished_ns, o.action, opens=True)


def _of_events(index: Index, covered: _Covered) -> Iterator[Trigger]:
    """Yield triggers of keys, quorum, members and routes. A change that is part of a return opens no incident.

    A leader key that no member holds and a lost quorum hold an incident open.
    """
    changed, running = _changed(index), dict[str, Event]()
    for event in index.recording.events:
        at_ns, kind, initial = event.by_ns, event.kind, bool(event.detail.get("initial"))
        subject = ETCD if kind in OF_ETCD else event.subject
        if kind in ENDED_BY:
            running[ENDED_BY[kind]] = event
            yield _at(at_ns, subject, opens=True)
        elif kind in ENDED_BY.values() and not (initial and kind == "leader.elected"):
            yield Trigger(running.pop(kind, event).by_ns, at_ns, subject, opens=kind == "leader.elected")
        elif kind in ("member.lost", "proxy.restarted") or id(event) in changed:
            yield _at(at_ns, subject, opens=not covered(subject, event))
        elif kind == "raft.elected":
            known = event.detail.get("before") is not None and at_ns > INITIAL_NS
            yield _at(at_ns, subject, opens=known and not covered(subject, event))
        elif kind in ("route.up", "route.down") and not initial:
            down = kind == "route.down" and at_ns > INITIAL_NS
            follows = covered(index.member_of(event), event) or covered("haproxy", event)
            yield _at(at_ns, event.subject, opens=down and not follows)
    for lost in running.values():
        yield Trigger(lost.by_ns, index.end_ns, lost.subject, opens=True)


def _changed(index: Index) -> set[int]:
    """Return the id() of each event with a new role, state or start time of a member."""
    return {id(c.event) for c in index.changes if c.role is not None or c.left_running or c.restarted}


def _of_requests(index: Index) -> Iterator[Trigger]:
    """Yield requests: each is a trigger when it is due, and holds an incident open until it is carried out."""
    for request in index.requests:
        due_ns, cleared = request.due_ns, request.cleared
        if INITIAL_NS < due_ns < request.until_ns:
            yield Trigger(due_ns, due_ns, FAILOVER, opens=True, fault=True, since_ns=due_ns)
        if cleared is not None:
            soon = 0 <= cleared.by_ns - due_ns <= REQUEST_NS
            yield Trigger(due_ns if soon else cleared.by_ns, cleared.by_ns, FAILOVER, opens=False)


def _of_reachability(index: Index, covered: _Covered) -> Iterator[Trigger]:
    """Yield subjects that became unreachable. The holder of the leader key holds an incident open while it is away."""
    for one in index.unreachable:
        if one.initial or one.noise or not (one.source in ("patroni", "postgres", "haproxy") or one.etcd_member):
            continue
        at_ns = one.began_ns
        follows = covered(ETCD if one.source == "etcd" else one.subject, one.failures[0])
        with_outage = _outage_began(one, index)
        fault = _is_fault(one, index, with_outage) and (with_outage or not _slow_to_start(one, index))
        since_ns = one.failures[0].window.after_ns
        yield Trigger(at_ns, at_ns, one.subject, fault or not follows, fault, since_ns, with_outage)
        for led in index.leaderships:
            until_ns = index.end_ns if led.until_ns is None else led.until_ns
            if one.source == "patroni" and led.member == one.subject and led.from_ns <= at_ns < until_ns:
                yield Trigger(at_ns, min(until_ns, one.ended_ns(index.end_ns)), one.subject, opens=False)


def _slow_to_start(one: Unreachable, index: Index) -> bool:
    """Return whether a member was away a moment ago: while it starts it may answer slowly, which is no new fault."""
    own = (other for other in index.unreachable if (other.source, other.subject) == (one.source, one.subject))
    return one.how == "silent" and any(0 <= one.began_ns - o.ended_ns(index.end_ns) <= RETURN_NS for o in own)


def _outage_began(one: Unreachable, index: Index) -> bool:
    """Return whether an outage began when the subject went away: between its last answered and first failed poll.

    Operations that were under way get half a second more.
    """
    since_ns = one.failures[0].window.after_ns - SECOND_NS // 2
    return any(since_ns <= o.began_ns <= one.began_ns for own in index.outages.values() for o in own)


def _is_fault(one: Unreachable, index: Index, with_outage: bool) -> bool:
    """Return whether a period is evidence of a new fault by itself: Patroni, a proxy or an etcd member was away.

    PostgreSQL alone may be away as a consequence (a restart, a rewind), unless an outage began when it fell silent. A
    proxy that is silent may be merely too busy.
    """
    lasts_ns = one.ended_ns(index.end_ns) - one.began_ns
    if one.how == "error" or lasts_ns < 2 * SECOND_NS:
        return False
    if one.source == "haproxy":
        return one.how == "refused"
    return one.source in ("patroni", "etcd") or (with_outage and one.how == "silent")


def _of_pools(index: Index) -> Iterator[Trigger]:
    """Yield a pool for reads that lost its last server since that member was elected leader.

    The proxy takes its time to see that a new leader is no replica any more. Until then the change is not over, since
    reads have no server after it.
    """
    elected_ns: dict[str, int] = {}
    up: dict[tuple[object, str], set[str]] = {}
    for event in index.recording.events:
        if event.kind == "leader.elected" and not event.detail.get("initial"):
            elected_ns[event.subject] = event.by_ns
        elif event.kind in ("route.up", "route.down") and pool_of(event) not in index.primary_pools:
            name, servers = index.member_of(event), up.setdefault((event.detail.get("page"), pool_of(event)), set())
            if event.kind == "route.up":
                servers.add(name)
            elif name in servers:
                servers.remove(name)
                from_ns = elected_ns.pop(name, None)
                if from_ns is not None and not servers and event.by_ns - from_ns <= FOLLOWS_NS:
                    yield Trigger(from_ns, event.by_ns, name, opens=False)


def _returns(index: Index) -> _Covered:
    """Find for each subject the intervals in which it is away, comes back, or follows a change that is known already.

    An interval begins with the first event about a subject that means a change, and ends when no event about the
    subject came for a while. It does not end while the subject is away.
    """
    known: dict[str, list[tuple[int, int, bool, int]]] = {}

    def note(subject: str, event: Event, begins: bool, until_ns: int | None = None) -> None:
        ended_ns = event.by_ns if until_ns is None else until_ns
        known.setdefault(subject, []).append((event.by_ns, ended_ns, begins, id(event)))

    for one in index.unreachable:
        shared = {"etcd": {"etcd"}, "haproxy": {"haproxy", one.subject}}
        for subject in set() if one.noise else shared.get(one.source, {one.subject}):
            note(subject, one.failures[0], True, one.ended_ns(index.end_ns))
    changed = _changed(index)
    for event in index.recording.events:
        kind = event.kind
        if kind in ("member.changed", "member.lost"):
            note(event.subject, event, kind == "member.lost" or id(event) in changed)
        elif kind in ("leader.lost", "leader.elected", "proxy.restarted"):
            note(event.subject, event, True)
        elif kind in ("route.up", "route.down"):
            note(index.member_of(event), event, kind == "route.down" and not event.detail.get("initial"))
        elif kind in OF_ETCD:
            note(ETCD, event, kind != "raft.elected")
        if kind == "proxy.restarted":
            note("haproxy", event, True)
    intervals: dict[str, list[tuple[int, int, int]]] = {}  # from, until, id() of the event that began it
    for subject, events in known.items():
        own = intervals.setdefault(subject, [])
        for at_ns, until_ns, begins, began_by in sorted(events):
            if own and at_ns <= own[-1][1]:
                own[-1] = (own[-1][0], max(own[-1][1], until_ns + RETURN_NS), own[-1][2])
            elif begins:
                own.append((at_ns, until_ns + RETURN_NS, began_by))
    return lambda subject, event: any(
        from_ns <= event.by_ns <= until_ns and began_by != id(event)
        for from_ns, until_ns, began_by in intervals.get(subject, ())
    )
