"""First signs: what opens an incident, and what keeps one open."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from observer.model.recording import SECOND_NS, Event
from reports.analysis.blindness import FOUND_SO_NS, Spell
from reports.analysis.index import ETCD, FAILOVER, Index, pool_of

# A member that comes back says many things in a row; what it says without a pause of this length is its return.
RETURN_NS = 15 * SECOND_NS
# The leader sees a request in its next round, once its hour has come.
REQUEST_NS = 60 * SECOND_NS
# By then a proxy has seen what a new leader is; one that leaves a pool later leaves it for another reason.
FOLLOWS_NS = 30 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Sign:
    """A stretch of time in which something was wrong or changed. `opens`: it opens an incident where none is open.

    `fault`: it is evidence of a fault of `subject` by itself, so that it may also end an incident about another; the
    fault itself happened after `since_ns`. `anew`: an outage began with it.
    """

    from_ns: int
    until_ns: int
    subject: str
    opens: bool
    fault: bool = False
    since_ns: int = 0
    anew: bool = False


def signs(index: Index) -> list[Sign]:
    """All signs of a timeline, in order of their beginning."""
    returning = _returns(index)
    found = [*_of_traffic(index), *_of_keys(index, returning), *_of_sight(index, returning)]
    found += [*_of_requests(index), *_of_members(index, returning), *_of_routes(index, returning), *_of_pools(index)]
    for both in index.both:
        found.append(Sign(both.from_ns, both.from_ns, both.members[1], opens=True))
    return sorted(found, key=lambda sign: (sign.from_ns, not sign.opens))


def _of_traffic(index: Index) -> Iterator[Sign]:
    """An outage holds an incident open from end to end; any other failure opens one as well."""
    for action in ("write", "read"):
        for outage in index.outages[action]:
            yield Sign(outage.began_ns, outage.ended_ns, action, opens=True)
    for operation in index.recording.operations:
        if operation.outcome != "ok":
            yield Sign(
                min(operation.due_ns, operation.finished_ns), operation.finished_ns, operation.action, opens=True
            )


def _of_keys(index: Index, returning: _Returns) -> Iterator[Sign]:
    """Leader key, member keys, quorum, etcd's own elections."""
    vacant: Event | None = None
    without: Event | None = None
    for event in index.recording.events:
        at_ns, kind, subject = event.by_ns, event.kind, event.subject
        if kind == "leader.lost":
            vacant = event
            yield Sign(at_ns, at_ns, subject, opens=True)
        elif kind == "leader.elected" and not event.detail.get("initial"):
            from_ns = at_ns if vacant is None else vacant.by_ns
            yield Sign(from_ns, at_ns, subject, opens=True)
            vacant = None
        elif kind == "member.lost":
            yield Sign(at_ns, at_ns, subject, opens=not returning.covers(subject, event))
        elif kind == "quorum.lost":
            without = event
            yield Sign(at_ns, at_ns, ETCD, opens=True)
        elif kind == "quorum.regained":
            yield Sign(at_ns if without is None else without.by_ns, at_ns, ETCD, opens=False)
            without = None
        elif kind == "raft.elected":
            known = event.detail.get("before") is not None and at_ns > FOUND_SO_NS
            yield Sign(at_ns, at_ns, ETCD, opens=known and not returning.covers("etcd", event))
    for lost in (vacant, without):
        if lost is not None:
            yield Sign(lost.by_ns, index.end_ns, lost.subject, opens=True)


def _of_requests(index: Index) -> Iterator[Sign]:
    """A request is a sign when its hour has come, and holds an incident open until it is carried out."""
    for request in index.requests:
        due_ns, cleared = request.due_ns, request.cleared
        if FOUND_SO_NS < due_ns < request.until_ns:
            yield Sign(due_ns, due_ns, FAILOVER, opens=True, fault=True, since_ns=due_ns)
        if cleared is not None:
            soon = 0 <= cleared.by_ns - due_ns <= REQUEST_NS
            yield Sign(due_ns if soon else cleared.by_ns, cleared.by_ns, FAILOVER, opens=False)


def _of_sight(index: Index, returning: _Returns) -> Iterator[Sign]:
    """A subject that cannot be seen any more. The holder of the leader key holds the incident open while it is away."""
    for spell in index.spells:
        if spell.initial or spell.noise or spell.source not in ("patroni", "postgres", "haproxy", "etcd"):
            continue
        if spell.source == "etcd" and ":" not in spell.subject:
            continue
        at_ns = spell.began_ns
        subject = "etcd" if spell.source == "etcd" else spell.subject
        covered = returning.covers(subject, spell.told[0])
        anew = _outage_began(spell, index)
        fault = is_fault(spell, index, anew) and (anew or not _slow_to_start(spell, index))
        opens = fault or not covered
        since_ns = spell.told[0].window.after_ns
        yield Sign(at_ns, at_ns, spell.subject, opens, fault, since_ns, anew)
        for led in index.leaderships:
            until_ns = index.end_ns if led.until_ns is None else led.until_ns
            if spell.source == "patroni" and led.member == spell.subject and led.from_ns <= at_ns < until_ns:
                away_ns = min(until_ns, spell.until_ns(index.end_ns))
                yield Sign(at_ns, away_ns, spell.subject, opens=False)


def _slow_to_start(spell: Spell, index: Index) -> bool:
    """Whether a member was away a moment ago: while it starts it may be slow to answer, which is no new fault."""
    ended = [s.until_ns(index.end_ns) for s in index.spells if (s.source, s.subject) == (spell.source, spell.subject)]
    return spell.how == "silent" and any(0 <= spell.began_ns - ended_ns <= RETURN_NS for ended_ns in ended)


def _outage_began(spell: Spell, index: Index) -> bool:
    """Whether an outage began when the subject went away: between the last look that saw it and the first that failed.

    Half a second is left for what was under way.
    """
    since_ns = spell.told[0].window.after_ns - SECOND_NS // 2
    return any(since_ns <= o.began_ns <= spell.began_ns for own in index.outages.values() for o in own)


def is_fault(spell: Spell, index: Index, anew: bool) -> bool:
    """Whether a spell is evidence of a new fault by itself: Patroni, a proxy or an etcd member went away for a while.

    PostgreSQL alone may be away as a consequence (a restart, a rewind), unless an outage began when it fell silent; and
    so may a proxy that is merely too busy.
    """
    lasts_ns = spell.until_ns(index.end_ns) - spell.began_ns
    if spell.how == "error" or lasts_ns < 2 * SECOND_NS:
        return False
    if spell.source == "haproxy":
        return spell.how == "refused"
    return spell.source in ("patroni", "etcd") or (anew and spell.how == "silent")


def _of_members(index: Index, returning: _Returns) -> Iterator[Sign]:
    """Roles, states and start times. A change that is part of a return keeps nothing open."""
    for change in index.changes:
        event = change.event
        if change.role is not None or change.left_running or change.started_anew:
            opens = not returning.covers(event.subject, event)
            yield Sign(event.by_ns, event.by_ns, event.subject, opens=opens)


def _of_routes(index: Index, returning: _Returns) -> Iterator[Sign]:
    for event in index.recording.events:
        if event.kind == "proxy.restarted":
            yield Sign(event.by_ns, event.by_ns, event.subject, opens=not returning.covers(event.subject, event))
        elif event.kind in ("route.up", "route.down") and not event.detail.get("initial"):
            down = event.kind == "route.down" and event.by_ns > FOUND_SO_NS
            covered = returning.covers(index.member_of(event), event) or returning.covers("haproxy", event)
            yield Sign(event.by_ns, event.by_ns, event.subject, opens=down and not covered)


def _of_pools(index: Index) -> Iterator[Sign]:
    """A pool that lost its last server since that member was elected leader: who reads there pays for the change last.

    The proxy takes its time to see that a new leader is no replica any more. Until then the change is not over.
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
                    yield Sign(from_ns, event.by_ns, name, opens=False)


@dataclass(frozen=True, slots=True)
class _Returns:
    """For each subject, the stretches in which it is away, comes back, or follows a change that is told already.

    A stretch begins with the first event about a subject that means something, and ends when nothing was heard of the
    subject for a while; it does not end while the subject is away.
    """

    stretches: dict[str, list[tuple[int, int, int]]]  # from, until, id() of the event that began it

    def covers(self, subject: str, event: Event) -> bool:
        """Whether an event about a subject only goes on with what began before it."""
        return any(
            from_ns <= event.by_ns <= until_ns and began_by != id(event)
            for from_ns, until_ns, began_by in self.stretches.get(subject, ())
        )


def _returns(index: Index) -> _Returns:
    meaning: dict[str, list[tuple[int, int, bool, int]]] = {}

    def tell(subject: str, event: Event, until_ns: int, begins: bool) -> None:
        meaning.setdefault(subject, []).append((event.by_ns, until_ns, begins, id(event)))

    for spell in index.spells:
        if spell.noise:
            continue
        until_ns = spell.until_ns(index.end_ns)
        subjects = {"etcd": "etcd", "haproxy": "haproxy"}.get(spell.source, spell.subject)
        tell(subjects, spell.told[0], until_ns, True)
        if spell.source == "haproxy":
            tell(spell.subject, spell.told[0], until_ns, True)
    begun = {id(c.event) for c in index.changes if c.role is not None or c.left_running or c.started_anew}
    for event in index.recording.events:
        kind = event.kind
        if kind in ("member.changed", "member.lost"):
            tell(event.subject, event, event.by_ns, kind == "member.lost" or id(event) in begun)
        elif kind in ("leader.lost", "leader.elected"):
            tell(event.subject, event, event.by_ns, True)
        elif kind in ("route.up", "route.down"):
            tell(index.member_of(event), event, event.by_ns, kind == "route.down" and not event.detail.get("initial"))
        elif kind == "proxy.restarted":
            tell("haproxy", event, event.by_ns, True)
            tell(event.subject, event, event.by_ns, True)
        elif kind in ("quorum.lost", "quorum.regained", "raft.elected"):
            tell("etcd", event, event.by_ns, kind != "raft.elected")
    stretches: dict[str, list[tuple[int, int, int]]] = {}
    for subject, heard in meaning.items():
        own: list[tuple[int, int, int]] = []
        for at_ns, until_ns, begins, who in sorted(heard):
            if own and at_ns <= own[-1][1]:
                own[-1] = (own[-1][0], max(own[-1][1], until_ns + RETURN_NS), own[-1][2])
            elif begins:
                own.append((at_ns, until_ns + RETURN_NS, who))
        stretches[subject] = own
    return _Returns(stretches)
