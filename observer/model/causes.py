"""The table of causes: everything that differs from one cause of an incident to another, in one entry each.

A new cause is an entry here, a rule in `reports/analysis/rules/`, and its phrases (`cause.<name>` in each language).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from observer.model.recording import SECOND_NS

Layer = Literal["leader", "postgres", "patroni", "replica", "etcd", "proxy", "observer", "unknown"]
Shape = Literal["failover", "switchover", "quorum", "proxy", "route", "restart", "none"]
Paragraph = Literal["quorum", "proxy", "replica", "etcd_member", "none"]
Preface = Literal["request", "demotion"]
Fault = tuple[str, str]  # component, action


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of an incident.

    `shape`: the phases of its outage of writes if the leader key did not move (`reports/analysis/phases.py`).
    `preface`: the phase before the outage. `lease_expires`: the leader key goes by its ttl, so detection has bounds;
    `serves_on`: the leader goes on serving while its lease runs out, so detection has no lower bound. `in_place`:
    PostgreSQL comes back in its place or not at all, so its absence has a bound. `may_fail_beside`: the part may fail
    on its own at the same time, so it is added to the evidence of causes of other layers. `harmless_ns`: the longest
    outage that the cause can explain; None: any. `may_follow`: true wherever it is found, so it is no wrong cause if
    another fault was injected. `has_target`: it names a target. `questions`: the homework's questions that its
    incidents answer. `remedy`: the phrase `remedy.<remedy>` says what to change. `paragraph`: which extra facts the
    report gives. `injected_by`: faults that have this cause; `injected_on_replica`: faults that have it if their
    target is not the leader, though on the leader they have another.
    """

    name: str
    layer: Layer
    shape: Shape = "none"
    preface: Preface | None = None
    lease_expires: bool = False
    serves_on: bool = False
    in_place: bool = False
    may_fail_beside: bool = False
    harmless_ns: int | None = None
    may_follow: bool = False
    has_target: bool = True
    questions: tuple[str, ...] = ()
    remedy: str = "none"
    paragraph: Paragraph = "none"
    injected_by: tuple[Fault, ...] = ()
    injected_on_replica: tuple[Fault, ...] = ()


def _replica(name: str, *on_replica: Fault, injected_by: tuple[Fault, ...] = ()) -> Cause:
    """Return a cause that lies with a replica: they differ only in the faults that have them."""
    return Cause(
        name,
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_by=injected_by,
        injected_on_replica=on_replica,
    )


_ALL = (
    Cause(
        "leader.killed",
        "leader",
        "restart",
        lease_expires=True,
        questions=("leader_killed",),
        remedy="lease",
        injected_by=(("patroni", "kill"),),
    ),
    Cause(
        "leader.stopped",
        "leader",
        "restart",
        questions=("leader_stopped",),
        remedy="routing",
        injected_by=(("patroni", "stop"),),
    ),
    Cause(
        "leader.frozen",
        "leader",
        "restart",
        lease_expires=True,
        questions=("leader_frozen",),
        remedy="lease",
        injected_by=(("patroni", "freeze"), ("patroni", "pause")),
    ),
    Cause(
        "leader.cut_off",
        "leader",
        "restart",
        lease_expires=True,
        serves_on=True,
        remedy="lease",
        injected_by=(("network", "cut_off"),),
    ),
    Cause(
        "leader.unreachable",
        "leader",
        "restart",
        lease_expires=True,
        remedy="lease",
        injected_by=(("network", "disconnect"),),
    ),
    Cause("leader.taken_back", "leader", "restart", may_follow=True, remedy="watchdog"),
    Cause("switchover", "leader", "switchover", preface="request", injected_by=(("cluster", "switchover"),)),
    Cause("failover.manual", "leader", "switchover", preface="request", injected_by=(("cluster", "failover"),)),
    Cause(
        "postgres.crashed", "postgres", "restart", in_place=True, remedy="restart", injected_by=(("postgres", "kill"),)
    ),
    Cause(
        "postgres.frozen",
        "postgres",
        "restart",
        remedy="restart",
        injected_by=(("postgres", "freeze"), ("postgres", "pause")),
    ),
    Cause(
        "postgres.restarted",
        "postgres",
        "restart",
        remedy="restart",
        injected_by=(("postgres", "stop"), ("postgres", "restart")),  # Patroni starts a stopped PostgreSQL again
    ),
    Cause(
        "patroni.killed",
        "patroni",
        "restart",
        lease_expires=True,
        serves_on=True,
        remedy="watchdog",
        injected_by=(("patroni", "kill_alone"),),
    ),
    _replica("replica.killed", ("patroni", "kill")),
    _replica("replica.stopped", ("patroni", "stop")),
    _replica("replica.frozen", ("patroni", "freeze"), ("patroni", "pause")),
    _replica("replica.unreachable", ("network", "disconnect")),
    _replica("replica.cut_off", ("network", "cut_off")),
    _replica("replica.rebuilt", injected_by=(("postgres", "reinit"),)),
    Cause(
        "etcd.member_down",
        "etcd",
        may_fail_beside=True,
        harmless_ns=SECOND_NS,  # a hiccup, while etcd elects another leader
        questions=("etcd_one", "etcd_leader"),
        remedy="etcd",
        paragraph="etcd_member",
    ),
    Cause("etcd.election", "etcd", has_target=False, injected_by=(("etcd", "elect"),)),
    Cause(
        "etcd.quorum_lost",
        "etcd",
        "quorum",
        preface="demotion",
        questions=("etcd_two", "etcd_all"),
        remedy="etcd",
        paragraph="quorum",
    ),
    Cause("failsafe", "etcd", "quorum", preface="demotion", questions=("etcd_all",), remedy="etcd", paragraph="quorum"),
    Cause(
        "proxy.down",
        "proxy",
        "proxy",
        may_fail_beside=True,
        questions=("proxy",),
        remedy="proxy",
        paragraph="proxy",
        injected_by=(("haproxy", "kill"), ("haproxy", "stop")),
    ),
    Cause(
        "proxy.frozen",
        "proxy",
        "proxy",
        may_fail_beside=True,
        remedy="proxy",
        paragraph="proxy",
        injected_by=(("haproxy", "freeze"), ("haproxy", "pause")),
    ),
    Cause("proxy.full", "proxy", remedy="connections"),
    Cause(
        "proxy.reloaded",
        "proxy",
        "proxy",
        may_fail_beside=True,
        harmless_ns=10 * SECOND_NS,  # a few checks, until which a new process takes every server for UP
        remedy="proxy",
        paragraph="proxy",
        injected_by=(("haproxy", "reload"),),
    ),
    Cause("proxy.cut_off", "proxy", "route", remedy="network", injected_by=(("network", "cut_proxy"),)),
    Cause(
        "two_primaries",
        "leader",
        may_follow=True,
        has_target=False,
        remedy="watchdog",
        injected_by=(("postgres", "promote"),),
    ),
    Cause("observer.blind", "observer", may_follow=True),
    Cause("unknown", "unknown", has_target=False, injected_by=(("tables", "lock"), ("settings", "read_only"))),
)
CAUSES: Mapping[str, Cause] = {cause.name: cause for cause in _ALL}
