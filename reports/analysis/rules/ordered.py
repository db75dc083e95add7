"""Which cause an incident has: the rules in the order in which they are asked, and what follows from their answers.

The first rule that finds decides; the reasons of the others that something pointed to are kept. A rule to which
nothing points says nothing.
"""

from __future__ import annotations

from dataclasses import replace

from observer.model.findings import Evidence, Rejected
from observer.model.recording import SECOND_NS
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.rule import Found, Rule
from reports.analysis.rules.etcd import etcd_election, etcd_member_down, failsafe, quorum_lost
from reports.analysis.rules.leader import (
    failover_manual,
    leader_cut_off,
    leader_frozen,
    leader_killed,
    leader_stopped,
    leader_taken_back,
    leader_unreachable,
    patroni_killed,
    switchover,
)
from reports.analysis.rules.postgres import postgres_crashed, postgres_frozen, postgres_restarted
from reports.analysis.rules.proxy import (
    evidence_of_full,
    proxy_cut_off,
    proxy_down,
    proxy_frozen,
    proxy_full,
    proxy_reloaded,
)
from reports.analysis.rules.replica import (
    evidence_of_two,
    observer_blind,
    replica,
    replica_rebuilt,
    two_primaries,
    unknown,
)

RULES: tuple[Rule, ...] = (
    switchover,
    failover_manual,
    failsafe,
    quorum_lost,
    leader_taken_back,
    leader_stopped,
    leader_killed,
    patroni_killed,
    leader_frozen,
    leader_unreachable,
    leader_cut_off,
    proxy_down,
    proxy_frozen,
    proxy_cut_off,
    two_primaries,
    replica_rebuilt,
    postgres_frozen,
    postgres_restarted,
    postgres_crashed,
    replica,
    proxy_full,
    etcd_member_down,
    proxy_reloaded,
    etcd_election,
    observer_blind,
)


def cause_of(context: IncidentContext) -> Found:
    """The cause of an incident, with its evidence and the causes that were rejected; "unknown" with what was seen."""
    rulings = [rule(context) for rule in RULES]
    harmless = [too_long for r in rulings if isinstance(r, Found) for too_long in _unexplained(context, r)]
    told = [r for r in rulings if isinstance(r, Found) and r.cause not in {one.cause for one in harmless}]
    holds = next(iter(told), None) or unknown(context)
    others = tuple(r for r in (*rulings, *harmless) if isinstance(r, Rejected) and r.cause != holds.cause)
    beside = [r for r in rulings if isinstance(r, Found) and r.cause in BESIDE and _apart(r.cause, holds.cause)]
    more = [
        *evidence_of_two(context),
        *evidence_of_full(context),
        *_taken_again(context),
        *(e for ruling in beside for e in ruling.evidence if e.ids),
    ]
    beyond = tuple(e for e in more if e not in holds.evidence)
    return replace(holds, evidence=(*holds.evidence, *beyond), rejected=others)


# What may fail at the same time by itself: it is told among the evidence of a cause of another layer.
BESIDE = ("etcd.member_down", "proxy.down", "proxy.frozen", "proxy.reloaded")
# What costs the application little or nothing, and how long an outage it may explain: one etcd of three a hiccup; a
# proxy that began anew, and takes every server for alive until its checks say otherwise, a few of those.
HARMLESS_NS = {"etcd.member_down": SECOND_NS, "proxy.reloaded": 10 * SECOND_NS}


def _unexplained(context: IncidentContext, ruling: Found) -> list[Rejected]:
    """That the incident has an outage which a harmless cause does not explain; else none."""
    longest_ns = HARMLESS_NS.get(ruling.cause)
    outages = [o for cost in (context.write, context.read) for o in cost.outages]
    long = [o for o in outages if longest_ns is not None and o.duration_ns > longest_ns]
    facts = [{"action": o.action, "seconds": at_s(o.duration_ns)} for o in long[:1]]
    return [Rejected(ruling.cause, "reason.outage_unexplained", one) for one in facts]


def _taken_again(context: IncidentContext) -> list[Evidence]:
    """That the leader key changed hands again in the same incident, as when a frozen leader wakes and takes it back."""
    first = context.leader_elected
    if first is None or context.span.about:
        return []
    again = [e for e in context.events("leader.elected") if e.by_ns > first.by_ns and e.subject != first.subject]
    return [shows("evidence.leader_key_taken", event, member=event.subject) for event in again]


def _apart(one: str, other: str) -> bool:
    """Whether two causes lie in different layers."""
    return one.partition(".")[0] != other.partition(".")[0]
