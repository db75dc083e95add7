"""Causes that lie with PostgreSQL alone, while its Patroni runs: frozen, restarted, crashed."""

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS
from reports.analysis.incident_context import SHUT, UNREACHED, IncidentContext, MemberObservations
from reports.analysis.rule import (
    RuleResult,
    accepts_on,
    failed,
    found,
    key_deleted,
    key_taken,
    member_state,
    observed,
    rejected,
    restarted,
)

# States that Patroni reports of a PostgreSQL that crashed, and of any that is not up yet.
CRASHED = ("crashed", "start failed", "in crash recovery")
RECOVERING = ("starting", "stopped")


def postgres_frozen(context: IncidentContext) -> RuleResult:
    """Find a PostgreSQL that accepts connections and does not answer, while Patroni answers."""
    return _of_postgres(context, "postgres.frozen")


def postgres_restarted(context: IncidentContext) -> RuleResult:
    """Find a PostgreSQL that was shut down cleanly and started again, while Patroni answers."""
    return _of_postgres(context, "postgres.restarted")


def postgres_crashed(context: IncidentContext) -> RuleResult:
    """Find a PostgreSQL that went away without a request to stop, while Patroni answers."""
    return _of_postgres(context, "postgres.crashed")


def _of_postgres(context: IncidentContext, cause: str) -> RuleResult:
    seen = _postgres_alone(context)
    if seen is None:
        return None
    fate, sure, because = _fate(context, seen)
    if fate != cause:
        return rejected(cause, "reason.sql_how", member=seen.member, how="closed" if seen.sql is None else seen.sql.how)
    evidence = [*failed(seen), because, restarted(seen), key_deleted(context), key_taken(context)]
    return found(cause, seen.member, "high" if sure else "medium", *evidence)


def crashed_first(context: IncidentContext) -> MemberObservations | None:
    """Return the leader that gave up its key because its PostgreSQL had crashed and did not start in time.

    The reports of the server or of Patroni show it, or SQL was refused for longer than one loop of Patroni before the
    member reported a stop; and Patroni itself ran on.
    """
    lost = context.leader_lost
    seen = None if lost is None else observed(context, lost.subject)
    if lost is None or seen is None or seen.expired or context.request is not None or not _alone(context, seen):
        return None
    fate, sure, _ = _fate(context, seen)
    if seen.sql is None or seen.sql.began_ns > lost.by_ns or fate != "postgres.crashed":
        return None
    reported_ns = lost.by_ns if seen.stopping is None else min(seen.stopping.by_ns, lost.by_ns)
    return seen if sure or reported_ns - seen.sql.began_ns > context.loop_wait_ns else None


def _fate(context: IncidentContext, seen: MemberObservations) -> tuple[str, bool, Evidence | None]:
    """Return the cause for a PostgreSQL whose Patroni runs, whether it is sure, and what shows it."""
    if seen.sql is not None and seen.sql.how in ("silent", *UNREACHED):
        return "postgres.frozen", seen.sql.how == "silent" and seen.rest is None, None
    states = {c.event.detail.get("state"): c.event for c in reversed(context.changes(seen.member))}
    if "restarting" in states:
        return "postgres.restarted", True, member_state(states["restarting"])
    crashed = next((states[state] for state in CRASHED if state in states), None)
    codes, texts = _server_reports(context, seen)
    if crashed is not None or "57P02" in codes:
        return "postgres.crashed", True, member_state(crashed)
    if "57P01" in codes or any("shutting down" in text for text in texts):
        return "postgres.restarted", seen.restarted is not None, None
    starting = next((states[state] for state in RECOVERING if state in states), None)
    return "postgres.crashed", False, member_state(starting)


def _server_reports(context: IncidentContext, seen: MemberObservations) -> tuple[set[str], list[str]]:
    """Return SQLSTATEs and texts of the server's errors, at the application and at direct SQL.

    `parting` is the server's last message to the persistent session of the polls: no poll of its own meets a restart of
    half a second, but the server tells every session.
    """
    polls = [] if seen.sql is None else [event.detail for event in seen.sql.failures]
    codes = {o.sqlstate for o in context.failed() if o.sqlstate} | {str(detail.get("sqlstate")) for detail in polls}
    codes |= {
        str(detail.get("parting")) for detail in (*polls, *(c.event.detail for c in context.changes(seen.member)))
    }
    return codes, [str(o.message) for o in context.failed()] + [str(detail.get("error")) for detail in polls]


def _postgres_alone(context: IncidentContext) -> MemberObservations | None:
    """Return a member whose PostgreSQL went away or restarted while its Patroni answered.

    If another member took the leader key, only a leader that crashed first.
    """
    if context.leader_elected is not None:
        return crashed_first(context)
    since = {one.subject: one.began_ns for one in reversed(context.unreachable("postgres"))}
    for change in context.changes():
        if change.restarted and context.concerns(change.event.subject):
            since.setdefault(change.event.subject, change.event.by_ns)
    members = sorted(since, key=lambda member: (member != context.leader_before, since[member]))
    return next((seen for member in members if _alone(context, seen := observed(context, member))), None)


def _alone(context: IncidentContext, seen: MemberObservations) -> bool:
    """Return whether Patroni ran on, whatever became of its PostgreSQL.

    A single poll that PostgreSQL did not answer shows no frozen server. Patroni may not answer only because it waits
    for a PostgreSQL that is gone or frozen.
    """
    sql, rest = seen.sql, seen.rest
    gone = seen.sql_how in SHUT
    lasted = sql is None or gone or sql.ended_ns(context.index.end_ns) - sql.began_ns >= SECOND_NS
    if rest is None or not lasted or not seen.rest_observed:
        return seen.rest_observed and lasted
    shut = any(event.detail.get("how") == "refused" for event in rest.failures)
    return rest.how == "silent" and not shut and sql is not None and (gone or accepts_on(context, rest))
