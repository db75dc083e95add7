"""What each witness said of a member around an incident: Patroni's REST API, PostgreSQL asked directly, and etcd."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from observer.model.recording import SECOND_NS, Event
from reports.analysis.blindness import Spell
from reports.analysis.changes import Change, started
from reports.analysis.incidents import TOGETHER_NS
from reports.analysis.leadership import says_primary

if TYPE_CHECKING:
    from reports.analysis.incident_context import IncidentContext

# How a look fails at a door that is shut, and where there is no way to it.
SHUT = ("refused", "closed", "error")
UNREACHED = ("unreachable", "connect_timeout")
# Keys that expire with one lease go at one revision; where no revision is known, this close together.
ONE_LEASE_NS = SECOND_NS
# How long after an incident's end what belongs to it may still come: the lease of a replica, a proxy's checks.
AFTERMATH_NS = 60 * SECOND_NS
# What a member does so long after its doors were shut it does not do in dying; and what only one that lives writes.
DYING_NS = 2 * SECOND_NS
OF_THE_LIVING = ("key_not_renewed", "demoted")
# A stopped Patroni's accept queue is full after about 5 s of looks and of a proxy's checks (measured: 5.0 s).
QUEUE_NS = 6 * SECOND_NS


@dataclass(frozen=True, slots=True)
class MemberObservations:
    """What was seen of one member around an incident.

    `rest`, `sql`: the spell in which Patroni's REST API, or PostgreSQL asked directly, could not be reached. Where
    there is none, `rest_observed`, `sql_observed`: it was in sight when the member went away, and went on answering.
    `expired`: the events that show that its lease ran out. `said`: the event in which it said that it stops or stopped.
    `ran_on`: one that shows that it lived all the while, though both its doors were shut. `paused`: what Patroni last
    said of itself before, if it was in pause mode then.
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
    paused: Event | None


def observe(context: IncidentContext, member: str) -> MemberObservations:
    """What was seen of a member in and around the incident."""
    reach_ns = max(context.until_ns, min(context.span.ended_ns + AFTERMATH_NS, context.span.following_ns))
    lost = next((e for e in context.events("leader.lost") if e.subject == member), None)
    key_lost = next(iter(context.events_until(reach_ns, "member.lost", subject=member)), None)
    expired: tuple[Event, ...] = ()
    if lost is not None:
        gone = context.events_until(reach_ns, "member.lost", subject=member)
        with_it = next((e for e in gone if _one_lease(lost, e)), None)
        expired = (lost, with_it) if with_it is not None else ()
    rest = next((s for s in context.spells("patroni") if s.subject == member), None)
    sql = next((s for s in context.spells("postgres") if s.subject == member and _together(s, rest)), None)
    back_ns = reach_ns if rest is None else _shut_ns(rest, context.index.end_ns)
    # What went away in the incident was there before; of anything else it counts that it was in sight then.
    away_ns = context.from_ns if rest is None else rest.began_ns
    sql_observed = sql is not None or context.index.in_sight("postgres", member, away_ns)
    sql_primary = _primary_by_sql(context, member, context.until_ns if lost is None else lost.by_ns)
    paused = context.index.last("member.changed", member, away_ns, "patroni")
    said = next((c.event for c in context.changes(member) if _says_stopped(c) and c.event.by_ns < back_ns), None)
    return MemberObservations(
        member=member,
        rest=rest,
        rest_observed=rest is not None or context.index.in_sight("patroni", member, context.from_ns),
        sql=sql,
        sql_observed=sql_observed,
        sql_primary=sql_primary if sql_observed else None,
        leader_lost=lost,
        expired=expired,
        key_lost=key_lost,
        said=said,
        started_anew=_started_anew(context, member, reach_ns),
        ran_on=None if rest is None or sql is None else _ran_on(context, rest, sql, reach_ns),
        paused=paused if paused is not None and paused.detail.get("pause") else None,
    )


def _ran_on(context: IncidentContext, rest: Spell, sql: Spell, reach_ns: int) -> Event | None:
    """What its container or its log told of it meanwhile; else that it is back, and was never restarted."""
    ends = [
        e
        for e in context.index.between(rest.began_ns - DYING_NS, rest.until_ns(context.index.end_ns))
        if e.subject == rest.subject
        and (e.kind == "container.ended" or (e.kind == "log.told" and e.detail.get("says") in OF_THE_LIVING))
    ]
    if ends:
        first = ends[0]
        killed = first.kind == "log.told" or first.detail.get("exit_code") == 128 + 9
        return first if killed and first.by_ns > rest.began_ns + DYING_NS else None
    back = sql.sees if sql.sees is not None and sql.sees.by_ns <= reach_ns else None
    if back is None or _started_anew(context, rest.subject, max(reach_ns, back.by_ns + DYING_NS)) is not None:
        return None
    told = context.index.said.get(("member.changed", rest.subject), ())
    known = (e for e in told if e.source == "postgres" and e.by_ns <= sql.began_ns)
    return back if any(started(e) is not None for e in known) else None


def _primary_by_sql(context: IncidentContext, member: str, until_ns: int) -> Event | None:
    """The last that direct SQL said of the member's role until a moment, if that is "primary"."""
    told = context.index.last("member.changed", member, until_ns, "postgres")
    return told if told is not None and says_primary(told) else None


def _started_anew(context: IncidentContext, member: str, until_ns: int) -> Event | None:
    changed = context.index.changed_between(context.from_ns, until_ns)
    return next((c.event for c in changed if c.event.subject == member and c.started_anew), None)


def accepts_on(context: IncidentContext, rest: Spell) -> bool:
    """Whether REST went on letting connections in while it said nothing: Patroni runs, and waits for its PostgreSQL.

    The accept queue of a Patroni that is stopped holds 5, and is full after a few seconds of looks and checks. Where
    something between (a published port of Docker's) lets the observer in, a proxy's check tells that nobody did.
    """
    until_ns = rest.until_ns(context.index.end_ns)
    if until_ns - rest.began_ns < QUEUE_NS or any(event.detail.get("how") != "silent" for event in rest.told):
        return False
    return not any(
        event.kind.startswith("route.")
        and str(event.detail.get("check_status")).lstrip("* ") == "L4TOUT"
        and context.index.member_of(event) == rest.subject
        for event in context.index.between(rest.began_ns, until_ns)
    )


def went_with_its_address(seen: MemberObservations) -> bool:
    """Whether REST was refused first, and then there was no way to PostgreSQL: a host was there, and nobody on it.

    So it is with a container that is killed: its address goes too, some hundredths of a second later.
    """
    if (
        seen.rest is None
        or seen.rest.how != "refused"
        or seen.sql is None
        or seen.sql.how not in ("silent", *UNREACHED)
    ):
        return False
    return any(event.detail.get("how") in UNREACHED for event in seen.sql.told)


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
