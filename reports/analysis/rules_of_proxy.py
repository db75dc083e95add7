"""Causes that lie with the proxy: down, frozen, or merely reloaded."""

from __future__ import annotations

from observer.timeline import Evidence, Operation
from reports.analysis.case import Case, at_s, shows, shows_operations
from reports.analysis.ruling import Ruling, found, rejected
from reports.analysis.scene import pool_of

# How HAProxy writes that a check got no connection in time, none at all, or none to be had.
UNREACHED = ("L4TOUT", "L4CON", "SOCKERR")


def proxy_down(case: Case) -> Ruling:
    """The proxy refuses connections, everything behind it is well."""
    cause, spells, refused = "proxy.down", case.spells("haproxy"), _refused(case)
    if not spells:
        if len(refused) < 3 or _watched(case) or case.spells("patroni") or case.leader_lost is not None:
            return None
        return found(cause, (), "medium", _operations(refused))
    proxies = tuple(dict.fromkeys(s.subject for s in spells if s.how in ("refused", "closed")))
    if not proxies:
        return rejected(cause, "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    return found(
        cause,
        proxies,
        "high",
        *[shows("evidence.proxy_failed", s.teller, proxy=s.subject, how=s.how) for s in spells],
        _operations(refused) if refused else None,
        *[shows("evidence.proxy_back", s.sees, proxy=s.subject) for s in spells if s.sees is not None],
    )


def proxy_frozen(case: Case) -> Ruling:
    """The proxy lets one in and never answers, while PostgreSQL asked directly is well."""
    cause, spells = "proxy.frozen", case.spells("haproxy")
    if not spells:
        return None
    silent = [s for s in spells if s.how in ("silent", "connect_timeout")]
    if not silent:
        return rejected(cause, "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    behind = case.spells("postgres")
    if behind:
        return rejected(cause, "reason.sql_how", member=behind[0].subject, how=behind[0].how)
    failed = case.failed()
    return found(
        cause,
        tuple(dict.fromkeys(s.subject for s in silent)),
        "high" if failed else "medium",
        *[shows("evidence.proxy_failed", s.teller, proxy=s.subject, how=s.how) for s in silent],
        _operations(failed) if failed else None,
    )


def proxy_cut_off(case: Case) -> Ruling:
    """The proxy's checks do not reach a member that answers everyone else."""
    cause = "proxy.cut_off"
    downs = [e for e in case.events("route.down") if str(e.detail.get("check_status")).lstrip("* ") in UNREACHED]
    if not downs:
        return None
    away = {spell.subject for source in ("patroni", "postgres") for spell in case.spells(source)}
    reached = [e for e in downs if case.scene.member_of(e) not in away]
    if not reached:
        return None  # others do not reach it either, and say how
    members = tuple(dict.fromkeys(map(case.scene.member_of, reached)))
    if case.leader_lost is not None:
        return rejected(cause, "reason.leader_key_changed", member=case.leader_lost.subject)
    return found(
        cause,
        members,
        "high" if all(case.witness(member).rest_observed for member in members) else "medium",
        *[
            shows(
                "evidence.route_down",
                e,
                pool=pool_of(e),
                server=case.scene.member_of(e),
                check_status=e.detail.get("check_status"),
            )
            for e in reached
        ],
        *[shows("evidence.rest_answers", case.before("member.changed", subject=m), member=m) for m in members],
    )


def proxy_reloaded(case: Case) -> Ruling:
    """The proxy's counters began anew, and it was never away."""
    restarted = case.first("proxy.restarted")
    if restarted is None:
        return None
    spells = case.spells("haproxy")
    if spells:
        return rejected("proxy.reloaded", "reason.proxy_how", proxy=spells[0].subject, how=spells[0].how)
    return found(
        "proxy.reloaded",
        restarted.subject,
        "high" if not _refused(case) else "medium",
        shows("evidence.proxy_restarted", restarted, proxy=restarted.subject),
    )


def _refused(case: Case) -> list[Operation]:
    """Operations that were refused, or cut, before they could be sent."""
    return [o for o in case.failed() if o.stage == "connect" and "refused" in (o.message or "").lower()]


def _watched(case: Case) -> bool:
    return any(e.source == "haproxy" for e in case.scene.timeline.events)


def _operations(failed: list[Operation]) -> Evidence:
    return shows_operations(
        "evidence.operations_failed",
        failed,
        action=failed[0].action,
        count=len(failed),
        message=failed[0].message,
        at_s=at_s(failed[0].finished_ns),
    )
