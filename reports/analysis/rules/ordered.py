"""The cause of an incident: the rules in the order in which they decide, and the evidence beside the cause."""

from dataclasses import replace

from observer.model.causes import CAUSES
from observer.model.findings import Evidence, Rejected
from reports.analysis.incident_context import IncidentContext, at_s, shows
from reports.analysis.rule import Found, Rule
from reports.analysis.rules import etcd, leader, other, postgres, proxy, replica

# The first rule that finds its cause decides. Each comment says why the rule precedes the next one.
RULES: tuple[Rule, ...] = (
    leader.switchover,  # a request in etcd explains a key that is given up; the two kinds of request exclude each other
    leader.failover_manual,  # a requested change of leader looks like a clean stop and restarts members of the cluster
    etcd.failsafe,  # it is a loss of quorum too, and says more: the primary went on serving
    etcd.quorum_lost,  # without quorum the leader demotes itself and its key expires: both are consequences
    leader.leader_taken_back,  # an overwritten key was not lost; the rules below need a lost one or a silent leader
    leader.leader_stopped,  # a key that was deleted alone excludes all causes in which the lease ran out
    leader.leader_killed,  # refused by Patroni and PostgreSQL, the narrowest of those with an expired lease
    leader.patroni_killed,  # refused by Patroni alone
    leader.leader_frozen,  # accepted and not answered; it may become unreachable later, not the reverse
    leader.leader_unreachable,  # no connection at all; one that answered the observer is left to the next rule
    leader.leader_cut_off,  # a leader that lost its lease explains the outage, whatever the proxy did meanwhile
    proxy.proxy_down,  # refused connections are surer than missing answers
    proxy.proxy_frozen,  # the checks of a frozen proxy time out too, when it resumes
    proxy.proxy_cut_off,  # only the proxy misses the member, so nothing of the cluster failed
    other.two_primaries,  # a replica promoted by hand restarts and is rebuilt later: consequences
    replica.replica_rebuilt,  # a copy restarts PostgreSQL, which looks like a crash
    postgres.postgres_frozen,  # the three fates exclude each other; their order decides which reasons are listed
    postgres.postgres_restarted,  # a requested stop, which the server reports; without a report it is a crash
    postgres.postgres_crashed,  # a leader's PostgreSQL explains an outage of writes, a replica does not
    replica.replica,  # a member that is away explains failed reads, a proxy at its limit only what could not connect
    proxy.proxy_full,  # it costs operations that got no connection, a missing member of etcd costs a hiccup at most
    etcd.etcd_member_down,  # a member that is away explains an election of etcd; it rarely costs an operation
    proxy.proxy_reloaded,  # a reload may cost an operation, an election of etcd costs none
    etcd.etcd_election,  # an observer that slept may miss what happened, so any observed cause comes first
    other.observer_blind,
)


def cause_of(context: IncidentContext) -> Found:
    """Return the cause of an incident with its evidence and the causes that were rejected; "unknown" if none holds."""
    results = [rule(context) for rule in RULES]
    found = [result for result in results if isinstance(result, Found)]
    unexplained = [reason for result in found if (reason := _unexplained(context, result)) is not None]
    too_harmless = {reason.cause for reason in unexplained}
    holds = next((result for result in found if result.cause not in too_harmless), None) or other.unknown(context)
    others = (result for result in (*results, *unexplained) if isinstance(result, Rejected))
    more = [
        *other.evidence_of_two(context),
        *proxy.evidence_of_limit(context),
        *_taken_again(context),
        *(e for result in found if _fails_beside(result.cause, holds.cause) for e in result.evidence if e.ids),
    ]
    return replace(
        holds,
        evidence=(*holds.evidence, *(e for e in more if e not in holds.evidence)),
        rejected=tuple(reason for reason in others if reason.cause != holds.cause),
    )


def _unexplained(context: IncidentContext, result: Found) -> Rejected | None:
    """Return the reason why a harmless cause does not hold: the incident has an outage that it does not explain."""
    harmless_ns = CAUSES[result.cause].harmless_ns
    outages = (o for cost in (context.write, context.read) for o in cost.outages)
    long = next((o for o in outages if harmless_ns is not None and o.duration_ns > harmless_ns), None)
    if long is None:
        return None
    facts = {"action": long.action, "seconds": at_s(long.duration_ns)}
    return Rejected(result.cause, "reason.outage_unexplained", facts)


def _taken_again(context: IncidentContext) -> list[Evidence]:
    """Return evidence that the leader key changed hands again, as when a frozen leader resumes and takes it back."""
    first = context.leader_elected
    if first is None or context.span.about:
        return []
    again = [e for e in context.events("leader.elected") if e.by_ns > first.by_ns and e.subject != first.subject]
    return [shows("evidence.leader_key_taken", event, member=event.subject) for event in again]


def _fails_beside(cause: str, other: str) -> bool:
    return CAUSES[cause].may_fail_beside and CAUSES[cause].layer != CAUSES[other].layer
