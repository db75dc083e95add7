"""Causes that lie with PostgreSQL alone, while its Patroni lives: frozen, restarted, crashed."""

from __future__ import annotations

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS
from reports.analysis.blindness import Spell
from reports.analysis.incident_context import IncidentContext, shows
from reports.analysis.member_observations import SHUT, UNREACHED, MemberObservations, accepts_on
from reports.analysis.rule import RuleResult, failed, found, key_deleted, key_taken, rejected

# What Patroni says of a PostgreSQL that crashed, and what it says of any that is not up yet.
CRASHED = ("crashed", "start failed", "in crash recovery")
RECOVERING = ("starting", "stopped")


def postgres_frozen(context: IncidentContext) -> RuleResult:
    """Patroni answers; PostgreSQL lets one in and says nothing."""
    return _of_postgres(context, "postgres.frozen")


def postgres_restarted(context: IncidentContext) -> RuleResult:
    """Patroni answers; PostgreSQL was shut down and started again, in order."""
    return _of_postgres(context, "postgres.restarted")


def postgres_crashed(context: IncidentContext) -> RuleResult:
    """Patroni answers; PostgreSQL went away without having been asked to."""
    return _of_postgres(context, "postgres.crashed")


def _of_postgres(context: IncidentContext, cause: str) -> RuleResult:
    seen = _postgres_alone(context)
    if seen is None:
        return None
    anew = (
        None if seen.started_anew is None else shows("evidence.postgres_started", seen.started_anew, member=seen.member)
    )
    truth, confidence, because = _fate(context, seen)
    if truth != cause:
        how = "closed" if seen.sql is None else seen.sql.how
        return rejected(cause, "reason.sql_how", member=seen.member, how=how)
    gone = [key_deleted(context), key_taken(context)]
    return found(cause, seen.member, "high" if confidence else "medium", *failed(seen), because, anew, *gone)


def crashed_first(context: IncidentContext) -> MemberObservations | None:
    """The leader that gave up its key because its PostgreSQL had crashed and did not start in time.

    That shows in what the server or Patroni said of it, or in doors that were shut for longer than one round of
    Patroni's before it spoke of a stop; and Patroni itself lived on.
    """
    lost = context.leader_lost
    seen = None if lost is None else context.observed(lost.subject)
    if lost is None or seen is None or seen.expired or context.asked is not None or not _alone(context, seen):
        return None
    if seen.sql is None or seen.sql.began_ns > lost.by_ns or _fate(context, seen)[0] != "postgres.crashed":
        return None
    spoke_ns = lost.by_ns if seen.said is None else min(seen.said.by_ns, lost.by_ns)
    if _fate(context, seen)[1] or spoke_ns - seen.sql.began_ns > context.loop_wait_ns:
        return seen
    return None


def _fate(context: IncidentContext, seen: MemberObservations) -> tuple[str, bool, Evidence | None]:
    """What became of a PostgreSQL whose Patroni lives, whether that is sure, and what shows it."""
    if seen.sql is not None and seen.sql.how in ("silent", *UNREACHED):
        return "postgres.frozen", seen.sql.how == "silent" and seen.rest is None, None
    states = {c.event.detail.get("state"): c.event for c in reversed(context.changes(seen.member))}
    if "restarting" in states:
        event = states["restarting"]
        return "postgres.restarted", True, shows("evidence.member_state", event, member=seen.member, state="restarting")
    crashed = next((states[state] for state in CRASHED if state in states), None)
    codes, texts = _server_said(context, seen)
    if crashed is not None or "57P02" in codes:
        facts = {"member": seen.member, "state": None if crashed is None else crashed.detail.get("state")}
        return "postgres.crashed", True, None if crashed is None else shows("evidence.member_state", crashed, **facts)
    if "57P01" in codes or any("shutting down" in text for text in texts):
        return "postgres.restarted", seen.started_anew is not None, None
    starting = next((states[state] for state in RECOVERING if state in states), None)
    if starting is None:
        return "postgres.crashed", False, None
    facts = {"member": seen.member, "state": starting.detail.get("state")}
    return "postgres.crashed", False, shows("evidence.member_state", starting, **facts)


def _server_said(context: IncidentContext, seen: MemberObservations) -> tuple[set[str], list[str]]:
    """SQLSTATEs and texts of what went wrong, at the application and at direct SQL.

    `parting` is the server's last word to the session that the looks had kept: nobody meets a restart of half a second
    in a look of its own, but every session is told of it.
    """
    told = [] if seen.sql is None else [event.detail for event in seen.sql.told]
    codes = {o.sqlstate for o in context.failed() if o.sqlstate} | {str(detail.get("sqlstate")) for detail in told}
    codes |= {str(detail.get("parting")) for detail in (*told, *(c.event.detail for c in context.changes(seen.member)))}
    return codes, [str(o.message) for o in context.failed()] + [str(detail.get("error")) for detail in told]


def _postgres_alone(context: IncidentContext) -> MemberObservations | None:
    """A member whose PostgreSQL went away or began anew while its Patroni answered.

    Where another took the leader key, only a leader that crashed first.
    """
    if context.leader_elected is not None:
        return crashed_first(context)
    since = {spell.subject: spell.began_ns for spell in reversed(context.spells("postgres"))}
    for change in context.changes():
        if change.started_anew and context.concerns(change.event.subject):
            since.setdefault(change.event.subject, change.event.by_ns)
    for member in sorted(since, key=lambda m: (m != context.leader_before, since[m])):
        seen = context.observed(member)
        if _alone(context, seen):
            return seen
    return None


def _alone(context: IncidentContext, seen: MemberObservations) -> bool:
    """Whether Patroni lived on, whatever became of its PostgreSQL."""
    return seen.rest_observed and _lasted(seen.sql, context) and (seen.rest is None or _waits(seen, seen.rest, context))


def _waits(seen: MemberObservations, rest: Spell, context: IncidentContext) -> bool:
    """Whether Patroni says nothing only because it waits for a PostgreSQL that is gone or frozen."""
    shut = any(event.detail.get("how") == "refused" for event in rest.told)
    if rest.how != "silent" or shut or seen.sql is None:
        return False
    return seen.sql.how in SHUT or accepts_on(context, rest)


def _lasted(spell: Spell | None, context: IncidentContext) -> bool:
    """One look without an answer is no frozen server."""
    return spell is None or spell.how in SHUT or spell.until_ns(context.index.end_ns) - spell.began_ns >= SECOND_NS
