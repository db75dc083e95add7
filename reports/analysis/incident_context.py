"""One incident as the rules read it: what happened in it, and what was known before.

Neither this module nor a rule reads injected faults (`fault.told`, `repair.told`): the cause is inferred.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, get_args

from observer.model.findings import Cost, Evidence, Unreachable
from observer.model.recording import SECOND_NS, Action, Event, Operation
from reports.analysis.changes import Change
from reports.analysis.incidents import Span
from reports.analysis.index import FAILOVER, Index
from reports.analysis.leadership import Request, leader_at
from reports.analysis.outages import within
from reports.analysis.theory import live_settings
from reports.analysis.triggers import REQUEST_NS

LOOP_WAIT_S = 10  # Patroni's default
SHOWN_ROWS = 100
# How a poll fails if nothing listens, and if there is no route to the member.
SHUT = ("refused", "closed", "error")
UNREACHED = ("unreachable", "connect_timeout")


def at_s(at_ns: int) -> float:
    """Return seconds, rounded to the millisecond."""
    return round(at_ns / SECOND_NS, 3)


def shows(says: str, events: Event | Iterable[Event] | None, **facts: Any) -> Evidence:
    """Return evidence of events; `at_s`, the moment of the first one, is among its facts."""
    rows = [events] if isinstance(events, Event) else list(events or ())
    if rows:
        facts.setdefault("at_s", at_s(rows[0].by_ns))
    return Evidence("events", tuple(e.id for e in rows if e.id is not None), says, facts)


def shows_failed(operations: Sequence[Operation]) -> list[Evidence]:
    """Return evidence of operations that failed, one for each action: their rows; of many the first and the last."""
    shown = []
    for action in get_args(Action):
        own = [o for o in operations if o.action == action]
        if own:
            ids = tuple(o.id for o in own if o.id is not None)
            many = len(ids) > SHOWN_ROWS
            says = "evidence.many_failed" if many else "evidence.operations_failed"
            facts = {"action": action, "count": len(own), "message": own[0].message, "at_s": at_s(own[0].finished_ns)}
            shown.append(Evidence("operations", (ids[0], ids[-1]) if many else ids, says, facts))
    return shown


@dataclass(frozen=True, slots=True)
class MemberObservations:
    """What was observed of one member around an incident.

    `rest`, `sql`: the period in which Patroni's REST API, or PostgreSQL by direct SQL, was unreachable. If there is
    none, `rest_observed`, `sql_observed`: it was reachable when the member went away, and went on answering.
    `expired`: the events that show that its lease ran out. `stopping`: the event in which it reported that it stops.
    `ran_on`: an event that shows that the member ran throughout, though neither answered. `paused`: the last report of
    Patroni before, if it was in pause mode then.
    """

    member: str
    rest: Unreachable | None
    rest_observed: bool
    sql: Unreachable | None
    sql_observed: bool
    sql_primary: Event | None
    leader_lost: Event | None
    expired: tuple[Event, ...]
    key_lost: Event | None
    stopping: Event | None
    restarted: Event | None
    ran_on: Event | None
    paused: Event | None

    @property
    def rest_how(self) -> str:
        """Return how Patroni's REST API was unreachable: refused, silent, ...; empty: it was not."""
        return "" if self.rest is None else self.rest.how

    @property
    def sql_how(self) -> str:
        """Return how PostgreSQL was unreachable; empty: it was not."""
        return "" if self.sql is None else self.sql.how

    @property
    def serves(self) -> bool:
        """Return whether PostgreSQL went on answering as a primary."""
        return self.sql is None and self.sql_primary is not None

    @property
    def address_gone(self) -> bool:
        """Return whether REST was refused first, and then there was no route to PostgreSQL.

        This is a container that is killed: its address goes too, some hundredths of a second later.
        """
        if self.sql is None or self.rest_how != "refused" or self.sql_how not in ("silent", *UNREACHED):
            return False
        return any(event.detail.get("how") in UNREACHED for event in self.sql.failures)

    @property
    def refused_first(self) -> bool:
        """Return whether SQL was refused first, though there was no route to REST: the same container, polled later."""
        return self.rest_how in UNREACHED and self.sql_how == "refused"


@dataclass(frozen=True, slots=True)
class IncidentContext:
    """One incident with everything that may explain it. `observations` is the cache of `rule.observed`, by member."""

    index: Index
    span: Span
    write: Cost
    read: Cost
    leader_before: str | None
    observations: dict[str, MemberObservations] = field(default_factory=dict, init=False, repr=False, compare=False)

    def concerns(self, subject: str, at_ns: int | None = None) -> bool:
        """Return whether the incident may be about a subject's action, at its beginning or at a moment.

        An incident that was cut out of another is about its own subjects alone, and the other no more about those.
        """
        return (not self.span.about or subject in self.span.about) and not self._of_another(subject, at_ns)

    def _of_another(self, subject: str, at_ns: int | None) -> bool:
        since_ns = self.span.not_about.get(subject)
        return since_ns is not None and (self.span.since_ns if at_ns is None else at_ns) >= since_ns

    def events(
        self, *kinds: str, subject: str | None = None, source: str | None = None, until_ns: int | None = None
    ) -> list[Event]:
        """Return events of some kinds from the incident's beginning to its end, or to a moment, in order."""
        return [
            e
            for e in self.index.between(self.span.since_ns, self.span.reach_ns if until_ns is None else until_ns)
            if e.kind in kinds and (subject is None or e.subject == subject) and (source is None or e.source == source)
            if (own := self.index.subject_of(e)) is None or self.concerns(own, e.by_ns)
        ]

    def first(self, *kinds: str, subject: str | None = None) -> Event | None:
        """Return the first of these events."""
        return next(iter(self.events(*kinds, subject=subject)), None)

    def unreachable(self, source: str) -> list[Unreachable]:
        """Return the unreachable periods of a source that began in the incident and show something."""
        return [
            one
            for one in self.index.unreachable_since(self.span.since_ns, self.span.reach_ns)
            if one.source == source
            and not one.initial
            and not one.noise
            and (source != "etcd" or one.etcd_member)
            and self.concerns(one.subject, one.began_ns)
        ]

    def changes(self, member: str | None = None, source: str | None = None) -> list[Change]:
        """Return the changes of a member in the incident, except those of another incident's subjects."""
        return [
            c
            for c in self.index.changed_between(self.span.since_ns, self.span.reach_ns)
            if not self._of_another(c.event.subject, c.event.by_ns)
            and (member is None or c.event.subject == member)
            and (source is None or c.event.source == source)
        ]

    @property
    def leader_lost(self) -> Event | None:
        """Return the first loss of the leader key."""
        return self.first("leader.lost")

    @property
    def leader_elected(self) -> Event | None:
        """Return the first taking of the leader key after its loss; if the loss was not observed, by another member."""
        lost = self.leader_lost
        for event in self.events("leader.elected"):
            if event.detail.get("initial"):
                continue
            if event.by_ns >= lost.by_ns if lost is not None else event.subject != self.leader_before:
                return event
        return None

    @property
    def request(self) -> Event | None:
        """Return the request for a switchover or failover that was due: the first in the incident, else one before it
        that still stood.
        """
        lost = self.leader_lost
        by_ns = self.span.reach_ns if lost is None else lost.by_ns
        due = [r for r in self.index.requests if r.due_ns <= by_ns and self.concerns(FAILOVER, r.due_ns)]
        inside = [r for r in due if self.span.since_ns <= r.event.by_ns]

        def stood(r: Request) -> bool:
            return r.until_ns > self.span.since_ns and by_ns - r.due_ns <= REQUEST_NS

        return next((r.event for r in (*inside[:1], *filter(stood, reversed(due)))), None)

    @property
    def loop_wait_ns(self) -> int:
        """Return how often Patroni polls, by the cluster's settings; Patroni's default if they were not observed."""
        live = live_settings(self.index.settings, self.span.began_ns)
        loop_wait = None if live is None else live.values.get("loop_wait")
        return round((loop_wait if isinstance(loop_wait, (int, float)) else LOOP_WAIT_S) * SECOND_NS)

    def failed(self) -> list[Operation]:
        """Return the operations of the incident that were not acknowledged, in order of finishing."""
        span, failures = self.span, self.index.failures
        every = [o for own in failures.values() for o in within(own, span.began_ns, span.ended_ns)]
        return sorted(every, key=lambda o: o.finished_ns)

    def before(self, *kinds: str, subject: str, source: str | None = None) -> list[Event]:
        """Return the last of these events that was known before the incident began, as a list of one or none."""
        known = [self.index.last(kind, subject, self.span.since_ns, source) for kind in kinds]
        return sorted((event for event in known if event is not None), key=lambda event: event.by_ns)[-1:]

    def leader_key_kept(self, member: str) -> Evidence:
        """Return evidence of a member that took the leader key before and was not seen to lose it."""
        held = self.before("leader.seen", "leader.elected", subject=member)
        ids = tuple(e.id for e in held if e.id is not None)
        return Evidence("events", ids, "evidence.leader_key_kept", {"member": member})


def incident_context(index: Index, span: Span, write: Cost, read: Cost) -> IncidentContext:
    """Return an incident for the rules. The leader before held the key until then, or was the first to lose it."""
    context = IncidentContext(index, span, write, read, leader_at(index.leaderships, span.began_ns - 1))
    lost = context.leader_lost
    if context.leader_before is None and lost is not None:
        return replace(context, leader_before=lost.subject)
    return context
