"""Causes that lie with the proxy: down, frozen, full, cut off, or merely reloaded."""

from __future__ import annotations

from observer.model.findings import Evidence
from observer.model.recording import SECOND_NS, Event, Operation, Outcome
from reports.analysis.blindness import Spell
from reports.analysis.incident_context import IncidentContext, at_s, shows, shows_failed
from reports.analysis.index import pool_of
from reports.analysis.leadership import says_primary
from reports.analysis.rule import RuleResult, found, rejected

# How HAProxy writes that a check got no connection in time, none at all, or none to be had.
UNREACHED = ("L4TOUT", "L4CON", "SOCKERR")
# How far an operation came that found no way in.
CONNECTING = ("slot", "connect")
MINUTE_NS = 60 * SECOND_NS


def proxy_down(context: IncidentContext) -> RuleResult:
    """The proxy refuses connections, everything behind it is well."""
    cause, spells, refused = "proxy.down", context.spells("haproxy"), _refused(context)
    if not spells:
        if len(refused) < 3 or _watched(context) or context.spells("patroni") or context.leader_lost is not None:
            return None
        return found(cause, (), "medium", *shows_failed(refused))
    shut = [s for s in spells if s.how in ("refused", "closed")]
    if not shut:
        return rejected(cause, "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    # A proxy that is asked to stop refuses new connections first, and serves those that it has for a while.
    passed = [o for o in _passed(context, shut) if o.probe == "fresh" or not refused]
    if passed:
        return rejected(cause, "reason.traffic_passed", at_s=at_s(passed[0].finished_ns))
    return found(
        cause,
        tuple(dict.fromkeys(s.subject for s in shut)),
        "high" if context.failed() else "medium",
        *[shows("evidence.proxy_failed", s.teller, proxy=s.subject, how=s.how) for s in spells],
        *shows_failed(refused),
        *[shows("evidence.proxy_back", s.sees, proxy=s.subject) for s in spells if s.sees is not None],
    )


def proxy_frozen(context: IncidentContext) -> RuleResult:
    """The proxy lets one in and never answers, while PostgreSQL asked directly is well."""
    cause, spells = "proxy.frozen", context.spells("haproxy")
    if not spells:
        return None
    silent = [s for s in spells if s.how in ("silent", "connect_timeout")]
    if not silent:
        if spells[0].how == "refused":
            return rejected(cause, "reason.proxy_refused", proxy=spells[0].subject)
        return rejected(cause, "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    passed = _passed(context, silent)
    if passed:
        return rejected(cause, "reason.traffic_passed", at_s=at_s(passed[0].finished_ns))
    behind = context.spells("postgres")
    if behind:
        return rejected(cause, "reason.sql_how", member=behind[0].subject, how=behind[0].how)
    failed = context.failed()
    return found(
        cause,
        tuple(dict.fromkeys(s.subject for s in silent)),
        "high" if failed else "medium",
        *[shows("evidence.proxy_failed", s.teller, proxy=s.subject, how=s.how) for s in silent],
        *shows_failed(failed),
    )


def proxy_full(context: IncidentContext) -> RuleResult:
    """The proxy has as many sessions as it may have: who connects waits, who is connected goes on."""
    full, failed = evidence_of_full(context), context.failed()
    if not full or not failed or any(o.stage not in CONNECTING for o in failed):
        return None
    if context.leader_lost is not None:
        return rejected("proxy.full", "reason.full_since_key", member=context.leader_lost.subject)
    lost = context.first("quorum.lost")
    if lost is not None:
        return rejected("proxy.full", "reason.quorum_lost", at_s=at_s(lost.by_ns))
    kept_on = context.acknowledged() and all(o.probe == "fresh" for o in failed)
    proxies = tuple(dict.fromkeys(str(e.facts["proxy"]) for e in full))
    return found("proxy.full", proxies, "high" if kept_on else "medium", *full, *shows_failed(failed))


def evidence_of_full(context: IncidentContext) -> list[Evidence]:
    """That a proxy was full while operations of the incident failed, whatever the cause."""
    told: list[Evidence] = []
    since: dict[str, Event] = {}
    events = [e for e in context.index.recording.events if e.kind in ("proxy.full", "proxy.room")]
    failed = context.failed()

    def close(full: Event, room: Event | None) -> None:
        until_ns = context.index.end_ns if room is None else room.by_ns
        if not any(o.started_ns <= until_ns and o.finished_ns >= full.window.after_ns for o in failed):
            return
        facts = {"sessions": full.detail.get("sessions"), "limit": full.detail.get("limit")}
        told.append(shows("evidence.proxy_full", full, proxy=full.subject, **facts))
        if room is not None:
            told.append(shows("evidence.proxy_room", room, proxy=room.subject))

    for event in events:
        full = since.pop(event.subject, None)
        if event.kind == "proxy.full":
            since[event.subject] = full or event
        elif full is not None:
            close(full, event)
    for full in since.values():
        close(full, None)
    return told


def proxy_cut_off(context: IncidentContext) -> RuleResult:
    """The proxy's checks do not reach a member that answers everyone else."""
    cause = "proxy.cut_off"
    downs = [e for e in context.events("route.down") if str(e.detail.get("check_status")).lstrip("* ") in UNREACHED]
    if not downs:
        return None
    reached = [e for e in downs if _in_sight(context, context.index.member_of(e), e)]
    if not reached:
        return None  # others do not reach it either, and say how, or nobody else looks
    members = tuple(dict.fromkeys(map(context.index.member_of, reached)))
    if context.leader_lost is not None:
        return rejected(cause, "reason.leader_key_changed", member=context.leader_lost.subject)
    return found(
        cause,
        members,
        "high" if all(context.observed(member).rest_observed for member in members) else "medium",
        *[
            shows(
                "evidence.route_down",
                e,
                pool=pool_of(e),
                server=context.index.member_of(e),
                check_status=e.detail.get("check_status"),
            )
            for e in reached
        ],
        *[_answers(context, member) for member in members],
    )


def _in_sight(context: IncidentContext, member: str, down: Event) -> bool:
    """Whether Patroni or PostgreSQL of a member was asked directly, and neither was away when its route went down."""
    seen = context.observed(member)
    away = [
        spell
        for spell in context.index.spells
        if spell.source in ("patroni", "postgres") and spell.subject == member and not spell.noise
        if spell.began_ns <= down.by_ns and spell.until_ns(context.index.end_ns) >= down.window.after_ns
    ]
    soon = [spell for spell in (seen.rest, seen.sql) if spell is not None]
    return (seen.rest_observed or seen.sql_observed) and not away and not soon


def _answers(context: IncidentContext, member: str) -> Evidence:
    """What others last heard of a member: its REST, else its PostgreSQL."""
    rest = context.before("member.changed", subject=member, source="patroni")
    if rest:
        return shows("evidence.rest_answers", rest, member=member)
    told = context.before("member.changed", subject=member, source="postgres")
    primary = any(says_primary(event) for event in told)
    return shows("evidence.sql_primary" if primary else "evidence.sql_replica", told, member=member)


def proxy_reloaded(context: IncidentContext) -> RuleResult:
    """The proxy's counters began anew, and it was never away."""
    restarted = context.first("proxy.restarted")
    if restarted is None:
        return None
    spells = context.spells("haproxy")
    if spells:
        return rejected("proxy.reloaded", "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    return found(
        "proxy.reloaded",
        restarted.subject,
        "high" if not _refused(context) else "medium",
        shows("evidence.proxy_restarted", restarted, proxy=restarted.subject),
    )


def _refused(context: IncidentContext) -> list[Operation]:
    """Operations that were refused, or cut, before they could be sent."""
    return [o for o in context.failed() if o.stage == "connect" and "refused" in (o.message or "").lower()]


def _passed(context: IncidentContext, spells: list[Spell]) -> list[Operation]:
    """Operations that began and were acknowledged while the proxy was certainly away, in the first minute of that.

    None where another proxy is watched too, through which they may have gone.
    """
    haproxy = context.index.recording.header.settings.get("haproxy")
    pages = haproxy.get("stats") if isinstance(haproxy, dict) else None
    if len(pages or ()) > len({spell.subject for spell in spells}):
        return []
    return [
        o
        for spell in spells
        for o in context.index.recording.between(
            spell.began_ns, min(_away_until_ns(context, spell), spell.began_ns + MINUTE_NS)
        )
        if o.outcome is Outcome.OK and o.started_ns >= spell.began_ns
    ]


def _away_until_ns(context: IncidentContext, spell: Spell) -> int:
    """When the last look that failed began."""
    return context.index.end_ns if spell.sees is None else spell.sees.window.after_ns


def _watched(context: IncidentContext) -> bool:
    return any(e.source == "haproxy" for e in context.index.recording.events)
