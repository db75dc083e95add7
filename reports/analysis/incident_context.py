"""One incident as the rules see it: what happened in it, and what was known before.

Nothing here or in the rules reads what somebody told (`fault.told`, `repair.told`): the cause is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from observer.model.findings import Cost, Evidence, Outage
from observer.model.recording import SECOND_NS, Action, Event, Operation
from reports.analysis.blindness import Spell
from reports.analysis.changes import Change
from reports.analysis.incidents import Span
from reports.analysis.index import FAILOVER, Index
from reports.analysis.leadership import leader_at
from reports.analysis.member_observations import MemberObservations, observe
from reports.analysis.outages import within
from reports.analysis.theory import live_settings
from reports.analysis.triggers import REQUEST_NS

LOOP_WAIT_S = 10  # Patroni's default
SHOWN_ROWS = 100


def at_s(at_ns: int) -> float:
    """Seconds since the recording began, to the millisecond."""
    return round(at_ns / SECOND_NS, 3)


def shows(says: str, events: Event | Iterable[Event] | None, **facts: Any) -> Evidence:
    """Evidence of events; the moment of the first one is among its facts."""
    rows = [events] if isinstance(events, Event) else list(events or ())
    if rows:
        facts.setdefault("at_s", at_s(rows[0].by_ns))
    return Evidence("events", tuple(e.id for e in rows if e.id is not None), says, facts)


def shows_failed(operations: Sequence[Operation]) -> list[Evidence]:
    """Evidence of operations that failed, one for each action: their rows, of many the first and the last."""
    shown = []
    for action in get_args(Action):
        own = [o for o in operations if o.action == action]
        if own:
            ids = tuple(o.id for o in own if o.id is not None)
            facts = {"action": action, "count": len(own), "message": own[0].message, "at_s": at_s(own[0].finished_ns)}
            if len(ids) > SHOWN_ROWS:
                shown.append(Evidence("operations", (ids[0], ids[-1]), "evidence.many_failed", facts))
            else:
                shown.append(Evidence("operations", ids, "evidence.operations_failed", facts))
    return shown


@dataclass(frozen=True, slots=True)
class IncidentContext:
    """One incident with everything that may explain it."""

    index: Index
    span: Span
    write: Cost
    read: Cost
    leader_before: str | None
    _observed: dict[str, MemberObservations] = field(default_factory=dict, init=False, repr=False, compare=False)

    @property
    def from_ns(self) -> int:
        """What was known before belongs to others."""
        return self.span.since_ns

    @property
    def until_ns(self) -> int:
        """How far its events reach."""
        return self.span.reach_ns

    def concerns(self, subject: str, at_ns: int | None = None) -> bool:
        """Whether the incident may be about what a subject did, at its beginning or at a moment.

        One that was cut out of another is about its own alone, and the other is no more about those.
        """
        return (not self.span.about or subject in self.span.about) and not self._of_another(subject, at_ns)

    def _of_another(self, subject: str, at_ns: int | None) -> bool:
        since_ns = self.span.not_about.get(subject)
        return since_ns is not None and (self.from_ns if at_ns is None else at_ns) >= since_ns

    def _is_own(self, event: Event) -> bool:
        subject = self.index.of(event)
        return subject is None or self.concerns(subject, event.by_ns)

    def events(self, *kinds: str, subject: str | None = None, source: str | None = None) -> list[Event]:
        """Events of some kinds in the incident, in order."""
        return self.events_until(self.until_ns, *kinds, subject=subject, source=source)

    def events_until(
        self, until_ns: int, *kinds: str, subject: str | None = None, source: str | None = None
    ) -> list[Event]:
        """Events of some kinds from the incident's beginning to a moment."""
        return [
            e
            for e in self.index.between(self.from_ns, until_ns)
            if e.kind in kinds and (subject is None or e.subject == subject) and (source is None or e.source == source)
            if self._is_own(e)
        ]

    def first(self, *kinds: str, subject: str | None = None, source: str | None = None) -> Event | None:
        """The first of these."""
        return next(iter(self.events(*kinds, subject=subject, source=source)), None)

    def spells(self, source: str) -> list[Spell]:
        """Spells of blindness of a source that began in the incident and mean something."""
        return [
            spell
            for spell in self.index.began_between(self.from_ns, self.until_ns)
            if spell.source == source
            and not spell.initial
            and not spell.noise
            and (source != "etcd" or ":" in spell.subject)
            and self.concerns(spell.subject, spell.began_ns)
        ]

    def changes(self, member: str | None = None, source: str | None = None) -> list[Change]:
        """What changed of a member in the incident; also of those that it is not about, but for those of another."""
        return [
            c
            for c in self.index.changed_between(self.from_ns, self.until_ns)
            if not self._of_another(c.event.subject, c.event.by_ns)
            and (member is None or c.event.subject == member)
            and (source is None or c.event.source == source)
        ]

    @property
    def leader_lost(self) -> Event | None:
        """The first loss of the leader key."""
        return self.first("leader.lost")

    @property
    def leader_elected(self) -> Event | None:
        """The first taking of the leader key after its loss; where the loss was not seen, the first by another."""
        lost = self.leader_lost
        for event in self.events("leader.elected"):
            if event.detail.get("initial"):
                continue
            if lost is not None and event.by_ns >= lost.by_ns:
                return event
            if lost is None and event.subject != self.leader_before:
                return event
        return None

    @property
    def asked(self) -> Event | None:
        """The request for a switchover or failover whose hour had come: the first in the incident, else one from before
        that still stood.
        """
        lost = self.leader_lost
        by_ns = self.until_ns if lost is None else lost.by_ns
        due = [r for r in self.index.requests if r.due_ns <= by_ns and self.concerns(FAILOVER, r.due_ns)]
        inside = (r.asked for r in due if self.from_ns <= r.asked.by_ns)
        stood = (r.asked for r in reversed(due) if r.until_ns > self.from_ns and by_ns - r.due_ns <= REQUEST_NS)
        return next(inside, None) or next(stood, None)

    @property
    def outages(self) -> Sequence[Outage]:
        """Those of writes."""
        return self.write.outages

    @property
    def loop_wait_ns(self) -> int:
        """How often Patroni looks, as the cluster's settings say; its default where they were not seen."""
        loop_wait = (live_settings(self.index.recording, self.span.began_ns) or {}).get("loop_wait")
        return round((loop_wait if isinstance(loop_wait, (int, float)) else LOOP_WAIT_S) * SECOND_NS)

    def failed(self) -> list[Operation]:
        """Operations of the incident that were not acknowledged."""
        span, failures = self.span, self.index.failures
        both = [o for own in failures.values() for o in within(own, span.began_ns, span.ended_ns)]
        return sorted(both, key=lambda o: o.finished_ns)

    def acknowledged(self) -> int:
        """How many operations were acknowledged in the incident."""
        return self.write.ok + self.read.ok

    def before(self, *kinds: str, subject: str, source: str | None = None) -> list[Event]:
        """The last of these that was told before the incident began, as a list of one or none."""
        told = [self.index.last(kind, subject, self.span.since_ns, source) for kind in kinds]
        return sorted((event for event in told if event is not None), key=lambda event: event.by_ns)[-1:]

    def leader_key_kept(self, member: str) -> Evidence:
        """Since when a member has held the leader key; it was not seen to lose it."""
        held = self.before("leader.seen", "leader.elected", subject=member)
        return Evidence(
            "events", tuple(e.id for e in held if e.id is not None), "evidence.leader_key_kept", {"member": member}
        )

    def observed(self, member: str) -> MemberObservations:
        """What was seen of a member in and around the incident."""
        if member not in self._observed:
            self._observed[member] = observe(self, member)
        return self._observed[member]


def incident_context(index: Index, span: Span, write: Cost, read: Cost) -> IncidentContext:
    """One incident, ready to be judged. Who led before it held the key until then, or was the first to lose it."""
    one = IncidentContext(index, span, write, read, leader_at(index.leaderships, span.began_ns - 1))
    lost = one.leader_lost
    return replace(one, leader_before=lost.subject) if one.leader_before is None and lost is not None else one
