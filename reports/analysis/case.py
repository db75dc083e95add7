"""One incident as the rules see it: what happened in it, and what each witness said of a member.

Nothing here or in the rules reads what somebody told (`fault.told`, `repair.told`): the cause is inferred.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from observer.timeline import SECOND_NS, Cost, Event, Evidence, Operation, Outage, Outcome
from reports.analysis.blindness import Spell
from reports.analysis.changes import Change, started
from reports.analysis.incidents import TOGETHER_NS, Span
from reports.analysis.leadership import leader_at, says_primary
from reports.analysis.outages import within
from reports.analysis.scene import Scene

TOLD = ("fault.told", "repair.told", "note.told", "stop.asked")
# Keys that expire with one lease go at one revision; where no revision is known, this close together.
ONE_LEASE_NS = SECOND_NS
# How long after an incident's end what belongs to it may still come: the lease of a replica, a proxy's checks.
AFTERMATH_NS = 60 * SECOND_NS
# What a member does so long after its doors were shut it does not do in dying; and what only one that lives writes.
DYING_NS = 2 * SECOND_NS
OF_THE_LIVING = ("key_not_renewed", "demoted")


def at_s(at_ns: int) -> float:
    """Seconds since the recording began, to the millisecond."""
    return round(at_ns / SECOND_NS, 3)


def shows(says: str, events: Event | Iterable[Event] | None, **facts: Any) -> Evidence:
    """Evidence of events; the moment of the first one is among its facts."""
    rows = [events] if isinstance(events, Event) else list(events or ())
    if rows:
        facts.setdefault("at_s", at_s(rows[0].by_ns))
    return Evidence("events", tuple(e.id for e in rows if e.id is not None), says, facts)


def shows_operations(says: str, operations: Iterable[Operation], **facts: Any) -> Evidence:
    """Evidence of operations: at most the first hundred rows."""
    return Evidence("operations", tuple(o.id for o in operations if o.id is not None)[:100], says, facts)


@dataclass(frozen=True, slots=True)
class Witness:
    """What was seen of one member around an incident.

    `rest`, `sql`: the spell in which Patroni's REST API, or PostgreSQL asked directly, could not be reached. Where
    there is none, `rest_observed`, `sql_observed`: it was in sight when the member went away, and went on answering.
    `expired`: the events that show that its lease ran out. `said`: the event in which it said that it stops or stopped.
    `ran_on`: one that shows that it lived all the while, though both its doors were shut.
    """

    member: str
    rest: Spell | None
    rest_observed: bool
    sql: Spell | None
    sql_observed: bool
    sql_primary: Event | None
    leader_lost: Event | None
    expired: tuple[Event, ...]
    key_lost: Event | None
    said: Event | None
    started_anew: Event | None
    ran_on: Event | None


@dataclass(frozen=True, slots=True)
class Case:
    """One incident with everything that may explain it."""

    scene: Scene
    span: Span
    write: Cost
    read: Cost
    leader_before: str | None

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
        subject = self.scene.of(event)
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
            for e in self.scene.between(self.from_ns, until_ns)
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
            for spell in self.scene.spells
            if spell.source == source
            and not spell.initial
            and not spell.noise
            and self.from_ns <= spell.began_ns <= self.until_ns
            and (source != "etcd" or ":" in spell.subject)
            and self.concerns(spell.subject, spell.began_ns)
        ]

    def changes(self, member: str | None = None, source: str | None = None) -> list[Change]:
        """What changed of a member in the incident; also of those that it is not about, but for those of another."""
        return [
            c
            for c in self.scene.changes
            if self.from_ns <= c.event.by_ns <= self.until_ns
            and not self._of_another(c.event.subject, c.event.by_ns)
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
        """A request for a switchover or failover, in the incident or shortly before it."""
        return next(iter(self.events("failover.asked")), None)

    @property
    def outages(self) -> Sequence[Outage]:
        """Those of writes."""
        return self.write.outages

    def failed(self) -> list[Operation]:
        """Operations of the incident that were not acknowledged."""
        span, failures = self.span, self.scene.failures
        both = [o for own in failures.values() for o in within(own, span.began_ns, span.ended_ns)]
        return sorted(both, key=lambda o: o.finished_ns)

    def acknowledged(self) -> int:
        """How many operations were acknowledged in the incident."""
        return self.write.ok + self.read.ok

    def before(self, *kinds: str, subject: str, source: str | None = None) -> list[Event]:
        """The last of these that was told before the incident began, as a list of one or none."""
        told = [
            e
            for e in self.scene.timeline.events
            if e.by_ns <= self.span.since_ns
            and e.kind in kinds
            and e.subject == subject
            and (source is None or e.source == source)
        ]
        return told[-1:]

    def leader_key_kept(self, member: str) -> Evidence:
        """Since when a member has held the leader key; it was not seen to lose it."""
        held = self.before("leader.seen", "leader.elected", subject=member)
        return Evidence(
            "events", tuple(e.id for e in held if e.id is not None), "evidence.leader_key_kept", {"member": member}
        )

    def witness(self, member: str) -> Witness:
        """What was seen of a member in and around the incident."""
        reach_ns = max(self.until_ns, min(self.span.ended_ns + AFTERMATH_NS, self.span.following_ns))
        lost = next((e for e in self.events("leader.lost") if e.subject == member), None)
        key_lost = next(iter(self.events_until(reach_ns, "member.lost", subject=member)), None)
        expired: tuple[Event, ...] = ()
        if lost is not None:
            gone = self.events_until(reach_ns, "member.lost", subject=member)
            with_it = next((e for e in gone if _one_lease(lost, e)), None)
            expired = (lost, with_it) if with_it is not None else ()
        rest = next((s for s in self.spells("patroni") if s.subject == member), None)
        sql = next((s for s in self.spells("postgres") if s.subject == member and _together(s, rest)), None)
        back_ns = reach_ns if rest is None else _shut_ns(rest, self.scene.end_ns)
        # What went away in the incident was there before; of anything else it counts that it was in sight then.
        away_ns = self.from_ns if rest is None else rest.began_ns
        sql_observed = sql is not None or self.scene.in_sight("postgres", member, away_ns)
        sql_primary = self._primary_by_sql(member, self.until_ns if lost is None else lost.by_ns)
        said = next((c.event for c in self.changes(member) if _says_stopped(c) and c.event.by_ns < back_ns), None)
        return Witness(
            member=member,
            rest=rest,
            rest_observed=rest is not None or self.scene.in_sight("patroni", member, self.from_ns),
            sql=sql,
            sql_observed=sql_observed,
            sql_primary=sql_primary if sql_observed else None,
            leader_lost=lost,
            expired=expired,
            key_lost=key_lost,
            said=said,
            started_anew=self._started_anew(member, reach_ns),
            ran_on=None if rest is None or sql is None else self._ran_on(rest, sql, reach_ns),
        )

    def _ran_on(self, rest: Spell, sql: Spell, reach_ns: int) -> Event | None:
        """What its container or its log told of it meanwhile; else that it is back, and was never restarted."""
        ends = [
            e
            for e in self.scene.between(rest.began_ns - DYING_NS, rest.until_ns(self.scene.end_ns))
            if e.subject == rest.subject
            and (e.kind == "container.ended" or (e.kind == "log.told" and e.detail.get("says") in OF_THE_LIVING))
        ]
        if ends:
            first = ends[0]
            killed = first.kind == "log.told" or first.detail.get("exit_code") == 128 + 9
            return first if killed and first.by_ns > rest.began_ns + DYING_NS else None
        back = sql.sees if sql.sees is not None and sql.sees.by_ns <= reach_ns else None
        if back is None or self._started_anew(rest.subject, max(reach_ns, back.by_ns + DYING_NS)) is not None:
            return None
        known = [e for e in self.scene.between(0, sql.began_ns) if e.source == "postgres" and e.subject == rest.subject]
        return back if any(e.kind == "member.changed" and started(e) is not None for e in known) else None

    def _primary_by_sql(self, member: str, until_ns: int) -> Event | None:
        """The last that direct SQL said of the member's role until a moment, if that is "primary"."""
        told = [
            e
            for e in self.scene.between(0, until_ns)
            if e.source == "postgres" and e.subject == member and e.kind == "member.changed"
        ]
        return told[-1] if told and says_primary(told[-1]) else None

    def _started_anew(self, member: str, until_ns: int) -> Event | None:
        return next(
            (
                c.event
                for c in self.scene.changes
                if c.event.subject == member and c.started_anew and self.from_ns <= c.event.by_ns <= until_ns
            ),
            None,
        )


def case(scene: Scene, span: Span, write: Cost, read: Cost) -> Case:
    """One incident, ready to be judged. Who led before it held the key until then, or was the first to lose it."""
    one = Case(scene, span, write, read, leader_at(scene.leaderships, span.began_ns - 1))
    lost = one.leader_lost
    return replace(one, leader_before=lost.subject) if one.leader_before is None and lost is not None else one


def failed_outcomes(operations: Sequence[Operation]) -> int:
    """How many were not acknowledged."""
    return sum(o.outcome is not Outcome.OK for o in operations)


def _together(sql: Spell, rest: Spell | None) -> bool:
    """Whether PostgreSQL went away with Patroni, or before it. One that goes later is shut down by a Patroni come back.

    Where Patroni was there all the time, whenever.
    """
    return rest is None or sql.began_ns <= rest.began_ns + TOGETHER_NS


def _one_lease(lost: Event, member_lost: Event) -> bool:
    one, other = lost.detail.get("revision"), member_lost.detail.get("revision")
    if one is not None and other is not None and one == other:
        return True
    unknown = one is None or other is None
    return unknown and abs(lost.by_ns - member_lost.by_ns) <= ONE_LEASE_NS


def _shut_ns(rest: Spell, end_ns: int) -> int:
    """Until when a member may still speak of its stop: a moment after its door was shut.

    What it says later it says when it comes back, since a Patroni that starts calls its PostgreSQL stopped, too.
    """
    shut = next((event.by_ns for event in rest.told if event.detail.get("how") == "refused"), None)
    return rest.until_ns(end_ns) if shut is None else shut + SECOND_NS


def _says_stopped(change: Change) -> bool:
    return change.event.detail.get("state") in ("stopping", "stopped", "shutting down")
