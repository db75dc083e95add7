"""Causes that lie with the proxy: down, frozen, at its connection limit, cut off, or merely reloaded."""

from observer.model.findings import Confidence, Evidence, Unreachable
from observer.model.recording import NEW, SECOND_NS, Event, Operation, Outcome
from reports.analysis.incident_context import IncidentContext, at_s, shows, shows_failed
from reports.analysis.index import pool_of
from reports.analysis.leadership import says_primary
from reports.analysis.rule import RuleResult, found, observed, rejected

# Results of HAProxy's checks that got no connection in time, none at all, or no socket for one.
UNREACHED = ("L4TOUT", "L4CON", "SOCKERR")
# How far an operation came that got no connection.
CONNECTING = ("slot", "connect")
MINUTE_NS = 60 * SECOND_NS


def proxy_down(context: IncidentContext) -> RuleResult:
    """Find a proxy that refuses connections, while everything behind it is healthy."""
    cause, away, refused = "proxy.down", context.unreachable("haproxy"), _refused(context)
    if not away:
        watched = any(e.source == "haproxy" for e in context.index.recording.events)
        if len(refused) < 3 or watched or context.unreachable("patroni") or context.leader_lost is not None:
            return None
        return found(cause, (), "medium", *shows_failed(refused))
    shut = [one for one in away if one.how in ("refused", "closed")]
    if not shut:
        return _other_way(cause, away[0])
    # A proxy that is asked to stop refuses new connections first, and serves the open ones for a while.
    passed = [o for o in _passed(context, shut) if o.probe == NEW or not refused]
    if passed:
        return rejected(cause, "reason.traffic_passed", at_s=at_s(passed[0].finished_ns))
    return found(
        cause,
        (one.subject for one in shut),
        "high" if context.failed() else "medium",
        *_failed_polls(away),
        *shows_failed(refused),
        *[shows("evidence.proxy_back", one.back, proxy=one.subject) for one in away if one.back is not None],
    )


def proxy_frozen(context: IncidentContext) -> RuleResult:
    """Find a proxy that accepts connections and never answers, while direct SQL is healthy."""
    cause, away = "proxy.frozen", context.unreachable("haproxy")
    if not away:
        return None
    silent = [one for one in away if one.how in ("silent", "connect_timeout")]
    if not silent and away[0].how == "refused":
        return rejected(cause, "reason.proxy_refused", proxy=away[0].subject)
    if not silent:
        return _other_way(cause, away[0])
    passed = _passed(context, silent)
    if passed:
        return rejected(cause, "reason.traffic_passed", at_s=at_s(passed[0].finished_ns))
    behind = context.unreachable("postgres")
    if behind:
        return rejected(cause, "reason.sql_how", member=behind[0].subject, how=behind[0].how)
    failed = context.failed()
    sure: Confidence = "high" if failed else "medium"
    return found(cause, (one.subject for one in silent), sure, *_failed_polls(silent), *shows_failed(failed))


def proxy_full(context: IncidentContext) -> RuleResult:
    """Find a proxy at its connection limit: a new connection waits until another one is closed."""
    cause, full, failed = "proxy.full", evidence_of_limit(context), context.failed()
    if not full or not failed or any(o.stage not in CONNECTING for o in failed):
        return None
    if context.leader_lost is not None:
        return rejected(cause, "reason.full_since_key", member=context.leader_lost.subject)
    lost = context.first("quorum.lost")
    if lost is not None:
        return rejected(cause, "reason.quorum_lost", at_s=at_s(lost.by_ns))
    open_ones_work = context.write.ok + context.read.ok and all(o.probe == NEW for o in failed)
    proxies = (str(e.facts["proxy"]) for e in full)
    return found(cause, proxies, "high" if open_ones_work else "medium", *full, *shows_failed(failed))


def evidence_of_limit(context: IncidentContext) -> list[Evidence]:
    """Return evidence that a proxy was at its limit while operations of the incident failed, whatever the cause."""
    since: dict[str, Event] = {}
    periods: list[tuple[Event, Event | None]] = []
    for event in context.index.of_kinds("proxy.full", "proxy.room"):
        if event.kind == "proxy.full":
            since.setdefault(event.subject, event)
        elif event.subject in since:
            periods.append((since.pop(event.subject), event))
    shown: list[Evidence] = []
    failed = context.failed()
    for full, room in (*periods, *((full, None) for full in since.values())):
        until_ns = context.index.end_ns if room is None else room.by_ns
        if any(o.started_ns <= until_ns and o.finished_ns >= full.window.after_ns for o in failed):
            facts = {"sessions": full.detail.get("sessions"), "limit": full.detail.get("limit")}
            shown.append(shows("evidence.proxy_full", full, proxy=full.subject, **facts))
            shown += [] if room is None else [shows("evidence.proxy_room", room, proxy=room.subject)]
    return shown


def proxy_cut_off(context: IncidentContext) -> RuleResult:
    """Find a proxy whose checks do not reach a member that answers all other sources."""
    cause, index = "proxy.cut_off", context.index
    downs = [e for e in context.events("route.down") if str(e.detail.get("check_status")).lstrip("* ") in UNREACHED]
    reached = [e for e in downs if _answered(context, index.member_of(e), e)]
    if not reached:
        return None  # no check failed so, or other sources do not reach the member either, or none polls it
    members = tuple(dict.fromkeys(map(index.member_of, reached)))
    if context.leader_lost is not None:
        return rejected(cause, "reason.leader_key_changed", member=context.leader_lost.subject)
    return found(
        cause,
        members,
        "high" if all(observed(context, member).rest_observed for member in members) else "medium",
        *[_route_down(e, index.member_of(e)) for e in reached],
        *[_answers(context, member) for member in members],
    )


def _route_down(event: Event, server: str) -> Evidence:
    facts = {"pool": pool_of(event), "server": server, "check_status": event.detail.get("check_status")}
    return shows("evidence.route_down", event, **facts)


def _answered(context: IncidentContext, member: str, down: Event) -> bool:
    """Return whether Patroni or PostgreSQL of a member was polled, and neither was away when its route went down."""
    seen = observed(context, member)
    away = any(
        one.began_ns <= down.by_ns and one.ended_ns(context.index.end_ns) >= down.window.after_ns
        for one in context.index.unreachable
        if one.source in ("patroni", "postgres") and one.subject == member and not one.noise
    )
    return (seen.rest_observed or seen.sql_observed) and not away and seen.rest is None and seen.sql is None


def _answers(context: IncidentContext, member: str) -> Evidence:
    rest = context.before("member.changed", subject=member, source="patroni")
    if rest:
        return shows("evidence.rest_answers", rest, member=member)
    sql = context.before("member.changed", subject=member, source="postgres")
    primary = any(says_primary(event) for event in sql)
    return shows("evidence.sql_primary" if primary else "evidence.sql_replica", sql, member=member)


def proxy_reloaded(context: IncidentContext) -> RuleResult:
    """Find a proxy whose counters started from zero, and that was never away."""
    cause, restarted = "proxy.reloaded", context.first("proxy.restarted")
    if restarted is None:
        return None
    away = context.unreachable("haproxy")
    if away:
        return _other_way(cause, away[0])
    shown = shows("evidence.proxy_restarted", restarted, proxy=restarted.subject)
    return found(cause, restarted.subject, "high" if not _refused(context) else "medium", shown)


def _other_way(cause: str, one: Unreachable) -> RuleResult:
    return rejected(cause, "reason.proxy_how", proxy=one.subject, how=one.how)


def _failed_polls(away: list[Unreachable]) -> list[Evidence]:
    return [shows("evidence.proxy_failed", one.event, proxy=one.subject, how=one.how) for one in away]


def _refused(context: IncidentContext) -> list[Operation]:
    """Return operations that were refused, or cut, before they could be sent."""
    return [o for o in context.failed() if o.stage == "connect" and "refused" in (o.message or "").lower()]


def _passed(context: IncidentContext, away: list[Unreachable]) -> list[Operation]:
    """Return operations that began and were acknowledged in the first minute in which the proxy was certainly away.

    The list is empty if another proxy is watched too, through which they may have gone.
    """
    index = context.index
    haproxy = index.recording.header.settings.get("haproxy")
    pages = haproxy.get("stats") if isinstance(haproxy, dict) else None
    if len(pages or ()) > len({one.subject for one in away}):
        return []
    found: list[Operation] = []
    for one in away:
        last_failed_ns = index.end_ns if one.back is None else one.back.window.after_ns
        operations = index.recording.between(one.began_ns, min(last_failed_ns, one.began_ns + MINUTE_NS))
        found += (o for o in operations if o.outcome is Outcome.OK and o.started_ns >= one.began_ns)
    return found
