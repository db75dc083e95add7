"""All that the rules look at, prepared once for a timeline: outages, leaderships, spells, changes, routes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from observer.model.findings import Leadership, Outage
from observer.model.recording import Action, Event, Operation, Recording
from reports.analysis.blindness import Spell, spells
from reports.analysis.changes import Change, addresses, changes, member_of, members
from reports.analysis.consistency import Both, two_primaries
from reports.analysis.leadership import leaderships
from reports.analysis.outages import failures, outages
from reports.analysis.quorum import unspoken
from reports.analysis.requests import Request, requests

# Subjects that are no part of the cluster by name: a request for a new leader, and etcd as a whole.
FAILOVER, ETCD = "failover", "etcd"


@dataclass(frozen=True, slots=True)
class Index:
    """One timeline, read once."""

    recording: Recording
    failures: Mapping[Action, tuple[Operation, ...]]
    outages: Mapping[Action, tuple[Outage, ...]]
    leaderships: tuple[Leadership, ...]
    spells: tuple[Spell, ...]
    changes: tuple[Change, ...]
    members: frozenset[str]
    addresses: Mapping[str, str]
    primary_pools: frozenset[str]
    both: tuple[Both, ...]
    requests: tuple[Request, ...]
    said: Mapping[tuple[str, str], Sequence[Event]]  # by kind and subject
    by_kind: Mapping[str, Sequence[Event]]
    servers: Mapping[int, str]  # that answered operations, by their ids

    def last(self, kind: str, subject: str, until_ns: int, source: str | None = None) -> Event | None:
        """The last event of a kind about a subject that was known at a moment; of one source where it is named."""
        events = self.said.get((kind, subject), ())
        until = bisect_right(events, until_ns, key=_known)
        return next((e for e in reversed(events[:until]) if source is None or e.source == source), None)

    def between(self, from_ns: int, until_ns: int) -> Sequence[Event]:
        """Events that were known from a moment on until another, both included."""
        events = self.recording.events
        return events[bisect_left(events, from_ns, key=_known) : bisect_right(events, until_ns, key=_known)]

    def of_kinds(self, *kinds: str) -> list[Event]:
        """Return all events of some kinds, in order."""
        return sorted((event for kind in kinds for event in self.by_kind.get(kind, ())), key=_order)

    def began_between(self, from_ns: int, until_ns: int) -> Sequence[Spell]:
        """Spells of blindness that began in a stretch of time."""
        return self.spells[
            bisect_left(self.spells, from_ns, key=_began) : bisect_right(self.spells, until_ns, key=_began)
        ]

    def changed_between(self, from_ns: int, until_ns: int) -> Sequence[Change]:
        """What changed of members in a stretch of time."""
        first = bisect_left(self.changes, from_ns, key=_changed)
        return self.changes[first : bisect_right(self.changes, until_ns, key=_changed)]

    @property
    def end_ns(self) -> int:
        """The end of what is known."""
        return self.recording.header.until_ns

    def member_of(self, route: Event) -> str:
        """The member behind a route."""
        return member_of(route, self.members, self.addresses)

    def in_sight(self, source: str, member: str, at_ns: int) -> bool:
        """Whether a source could see a member at a moment: it had seen it before, and was not blind for it then."""
        own = [spell for spell in self.spells if (spell.source, spell.subject) == (source, member) and not spell.noise]
        if any(spell.began_ns <= at_ns < spell.until_ns(self.end_ns + 1) for spell in own):
            return False
        return any(self.last(kind, member, at_ns, source) for kind in ("member.changed", "source.sees"))

    def of(self, event: Event) -> str | None:
        """Whose doing an event shows: the member behind a route, the holder that a leader key was taken from; None:
        nobody's.
        """
        if event.kind == "leader.elected":
            return next((led.member for led in reversed(self.leaderships) if led.from_ns < event.by_ns), event.subject)
        if event.kind.startswith("failover."):
            return FAILOVER
        if event.kind in ("route.up", "route.down"):
            return self.member_of(event)
        return None if event.kind.startswith("observer.") else event.subject


def build_index(recording: Recording) -> Index:
    """Reads a timeline once for all that comes after."""
    recording = replace(recording, events=tuple(sorted(recording.events, key=_known)))
    seen = spells(recording)
    recording = replace(recording, events=tuple(sorted((*recording.events, *unspoken(recording, seen)), key=_known)))
    spells_of_leaders = leaderships(recording)
    names, known = members(recording), addresses(recording)
    return Index(
        recording=recording,
        failures={"write": failures(recording, "write"), "read": failures(recording, "read")},
        outages={"write": outages(recording, "write"), "read": outages(recording, "read")},
        leaderships=spells_of_leaders,
        spells=seen,
        changes=changes(recording),
        members=names,
        addresses=known,
        primary_pools=primary_pools(recording, spells_of_leaders, names, known),
        both=two_primaries(recording),
        requests=requests(recording),
        said=_by_kind_and_subject(recording.events),
        by_kind=_by_kind(recording.events),
        servers={o.id: o.server for o in recording.operations if o.id is not None and o.server is not None},
    )


def _by_kind_and_subject(events: Sequence[Event]) -> Mapping[tuple[str, str], Sequence[Event]]:
    said: dict[tuple[str, str], list[Event]] = {}
    for event in events:
        said.setdefault((event.kind, event.subject), []).append(event)
    return said


def _by_kind(events: Sequence[Event]) -> Mapping[str, Sequence[Event]]:
    found: dict[str, list[Event]] = {}
    for event in events:
        found.setdefault(event.kind, []).append(event)
    return found


def _order(event: Event) -> tuple[int, int]:
    return event.by_ns, event.id or 0


def _known(event: Event) -> int:
    return event.by_ns


def _began(spell: Spell) -> int:
    return spell.began_ns


def _changed(change: Change) -> int:
    return change.event.by_ns


def primary_pools(
    recording: Recording, led: tuple[Leadership, ...], names: frozenset[str], known: Mapping[str, str]
) -> frozenset[str]:
    """The pools that send clients to the leader: the one the settings name, else those that did.

    A pool is asked at the end of each leadership, when it has had the longest time to follow: it is a primary's where
    the leader alone was UP in it more often than others without the leader. An old route that lingers says nothing.
    """
    haproxy = recording.header.settings.get("haproxy")
    named = haproxy.get("primary") if isinstance(haproxy, dict) else None
    if isinstance(named, str) and named:
        return frozenset({named})
    ends = [recording.header.until_ns if spell.until_ns is None else spell.until_ns - 1 for spell in led]
    up: dict[str, set[str]] = {}
    votes: dict[str, int] = {}
    routes = iter([e for e in recording.events if e.kind in ("route.up", "route.down")])
    route = next(routes, None)
    for spell, end_ns in zip(led, ends, strict=True):
        while route is not None and route.by_ns <= end_ns:
            pool = pool_of(route)
            servers = up.setdefault(pool, set())
            (servers.add if route.kind == "route.up" else servers.discard)(member_of(route, names, known))
            route = next(routes, None)
        for pool, servers in up.items():
            follows = 1 if servers == {spell.member} else -1 if servers and spell.member not in servers else 0
            votes[pool] = votes.get(pool, 0) + follows
    return frozenset(pool for pool, count in votes.items() if count > 0)


def pool_of(route: Event) -> str:
    """The pool of a route."""
    return str(route.detail.get("pool") or route.subject.rpartition("/")[0])
