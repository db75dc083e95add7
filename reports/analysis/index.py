"""Everything that the rules read, prepared once for a recording: outages, leaderships, changes, routes, settings."""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, TypeVar, get_args

from observer.model.findings import Leadership, Outage, Unreachable
from observer.model.recording import SECOND_NS, Action, Event, Fetch, Operation, Recording
from reports.analysis.changes import Change, addresses, changes, member_of, members
from reports.analysis.durability import Durability, durability
from reports.analysis.leadership import Request, leaderships, requests, two_primaries
from reports.analysis.outages import Interval, failures, outages, unobserved
from reports.analysis.reachability import inferred_quorum_events, unreachable
from reports.analysis.results.reads import TwoPrimaries
from reports.analysis.theory import LiveSettings, patroni_version, proxy_settings, settings_history

# Subjects that are no part of the cluster by name: a request for a new leader, and etcd as a whole.
FAILOVER, ETCD = "failover", "etcd"
MINUTE_NS, CACHED_MINUTES = 60 * SECOND_NS, 6

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Index:
    """One recording, read once. `recording.events` includes the inferred events of `reachability.py`.

    `routes`: `route.up` and `route.down` by pool. `servers`: the server that answered an operation, by the row's id.
    """

    recording: Recording
    failures: Mapping[Action, tuple[Operation, ...]]
    outages: Mapping[Action, tuple[Outage, ...]]
    unobserved: Mapping[Action, tuple[Interval, ...]]
    leaderships: tuple[Leadership, ...]
    unreachable: tuple[Unreachable, ...]
    changes: tuple[Change, ...]
    members: frozenset[str]
    addresses: Mapping[str, str]
    routes: Mapping[str, Sequence[Event]]
    primary_pools: frozenset[str]
    two_primaries: tuple[TwoPrimaries, ...]
    requests: tuple[Request, ...]
    settings: tuple[LiveSettings, ...]
    patroni_version: str | None
    proxy_settings: Mapping[str, Any]
    durability: Durability
    by_kind: Mapping[str, Sequence[Event]]
    by_kind_and_subject: Mapping[tuple[str, str], Sequence[Event]]
    servers: Mapping[int, str]

    def events_of(self, kind: str, subject: str | None = None) -> Sequence[Event]:
        """Return the events of a kind, or those of them about one subject, in order."""
        return self.by_kind.get(kind, ()) if subject is None else self.by_kind_and_subject.get((kind, subject), ())

    def reports_of(self, member: str) -> Sequence[Event]:
        """Return every `member.changed` of a member, in order."""
        return self.events_of("member.changed", member)

    def of_kinds(self, *kinds: str) -> list[Event]:
        """Return all events of some kinds, in order."""
        return sorted((e for kind in kinds for e in self.events_of(kind)), key=lambda e: (e.by_ns, e.id or 0))

    def last(self, kind: str, subject: str, until_ns: int, source: str | None = None) -> Event | None:
        """Return the last event of a kind about a subject that was known at a moment, from any source or from one."""
        events = self.events_of(kind, subject)
        until = bisect_right(events, until_ns, key=_known)
        return next((e for e in reversed(events[:until]) if source is None or e.source == source), None)

    def between(self, from_ns: int, until_ns: int) -> Sequence[Event]:
        """Return the events that were known from one moment to another, both included."""
        return _cut(self.recording.events, from_ns, until_ns, _known)

    def unreachable_since(self, from_ns: int, until_ns: int) -> Sequence[Unreachable]:
        """Return the unreachable periods that began in an interval, both ends included."""
        return _cut(self.unreachable, from_ns, until_ns, lambda one: one.began_ns)

    def changed_between(self, from_ns: int, until_ns: int) -> Sequence[Change]:
        """Return the changes of members in an interval, both ends included."""
        return _cut(self.changes, from_ns, until_ns, lambda change: change.event.by_ns)

    @property
    def end_ns(self) -> int:
        """Return the end of what is known."""
        return self.recording.header.until_ns

    def member_of(self, route: Event) -> str:
        """Return the member behind a route."""
        return member_of(route, self.members, self.addresses)

    def observed(self, source: str, member: str, at_ns: int) -> bool:
        """Return whether a source reached a member at a moment: it had reached it before, and not lost it since."""
        away = any(
            one.began_ns <= at_ns < one.ended_ns(self.end_ns + 1)
            for one in self.unreachable
            if (one.source, one.subject) == (source, member) and not one.noise
        )
        return not away and any(self.last(kind, member, at_ns, source) for kind in ("member.changed", "source.sees"))

    def subject_of(self, event: Event) -> str | None:
        """Return the subject whose action an event shows, None for the observer's own events.

        That is the member behind a route, and the holder from which a leader key was taken.
        """
        if event.kind == "leader.elected":
            return next((led.member for led in reversed(self.leaderships) if led.from_ns < event.by_ns), event.subject)
        if event.kind.startswith("failover."):
            return FAILOVER
        if event.kind in ("route.up", "route.down"):
            return self.member_of(event)
        return None if event.source == "daemon" else event.subject


def build_index(recording: Recording) -> Index:
    """Read a recording once for everything that follows."""
    fetch = None if recording.fetch is None else _cached(recording.fetch)
    recording = replace(recording, events=tuple(sorted(recording.events, key=_known)), fetch=fetch)
    away = unreachable(recording)
    events = tuple(sorted((*recording.events, *inferred_quorum_events(recording, away)), key=_known))
    recording = replace(recording, events=events)
    led, names, known = leaderships(recording), members(recording), addresses(recording)
    by_kind: dict[str, list[Event]] = defaultdict(list)
    by_kind_and_subject: dict[tuple[str, str], list[Event]] = defaultdict(list)
    routes: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_kind[event.kind].append(event)
        by_kind_and_subject[event.kind, event.subject].append(event)
        if event.kind in ("route.up", "route.down"):
            routes[pool_of(event)].append(event)
    actions: tuple[Action, ...] = get_args(Action)
    return Index(
        recording=recording,
        failures={action: failures(recording, action) for action in actions},
        outages={action: outages(recording, action) for action in actions},
        unobserved={action: unobserved(recording, away, action) for action in actions},
        leaderships=led,
        unreachable=away,
        changes=changes(recording),
        members=names,
        addresses=known,
        routes=dict(routes),
        primary_pools=primary_pools(recording, led, routes, lambda route: member_of(route, names, known)),
        two_primaries=two_primaries(recording),
        requests=requests(recording),
        settings=settings_history(events),
        patroni_version=patroni_version(recording),
        proxy_settings=proxy_settings(recording),
        durability=durability(recording),
        by_kind=dict(by_kind),
        by_kind_and_subject=dict(by_kind_and_subject),
        servers={o.id: o.server for o in recording.operations if o.id is not None and o.server is not None},
    )


def _cached(fetch: Fetch) -> Fetch:
    """Return a fetch that keeps the last minutes that it read: the analysis needs those of an incident many times."""

    @lru_cache(maxsize=CACHED_MINUTES)
    def minute(number: int) -> Sequence[Operation]:
        return fetch(number * MINUTE_NS - 1, (number + 1) * MINUTE_NS - 1)

    def between(after_ns: int, by_ns: int) -> Sequence[Operation]:
        numbers = range((after_ns + 1) // MINUTE_NS, by_ns // MINUTE_NS + 1)
        operations = [o for number in numbers for o in minute(number)]
        first, last = (bisect_right(operations, at_ns, key=lambda o: o.finished_ns) for at_ns in (after_ns, by_ns))
        return operations[first:last]

    return between


def _known(event: Event) -> int:
    return event.by_ns


def _cut(items: Sequence[_T], from_ns: int, until_ns: int, key: Callable[[_T], int]) -> Sequence[_T]:
    return items[bisect_left(items, from_ns, key=key) : bisect_right(items, until_ns, key=key)]


def pool_of(route: Event) -> str:
    """Return the pool of a route."""
    return str(route.detail.get("pool") or route.subject.rpartition("/")[0])


def primary_pools(
    recording: Recording,
    led: Sequence[Leadership],
    routes: Mapping[str, Sequence[Event]],
    member: Callable[[Event], str],
) -> frozenset[str]:
    """Return the pools that route to the leader: the one that the settings name, else those that did.

    A pool is read at the end of each leadership, when it has had the longest time to follow. It is a primary's pool if
    the leader alone was UP in it more often than others without the leader. A stale route shows nothing.
    """
    haproxy = recording.header.settings.get("haproxy")
    named = haproxy.get("primary") if isinstance(haproxy, dict) else None
    if isinstance(named, str) and named:
        return frozenset({named})
    end_ns = recording.header.until_ns
    return frozenset(pool for pool, own in routes.items() if _followed(led, own, member, end_ns) > 0)


def _followed(led: Sequence[Leadership], own: Sequence[Event], member: Callable[[Event], str], end_ns: int) -> int:
    """Return how much more often a pool held the leader alone at the end of a leadership than others without it."""
    count, position = 0, 0
    up: set[str] = set()
    for one in led:
        ended_ns = end_ns if one.until_ns is None else one.until_ns - 1
        while position < len(own) and own[position].by_ns <= ended_ns:
            route = own[position]
            (up.add if route.kind == "route.up" else up.discard)(member(route))
            position += 1
        count += int(up == {one.member}) - int(bool(up) and one.member not in up)
    return count
