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


@dataclass(frozen=True, slots=True)
class Cause:
    """One cause of an incident.

    `shape`: which phases its outage of writes has if the leader key did not move (`reports/analysis/phases.py`).
    `preface`: the phase before the outage. `lease_expires`: the leader key goes by its ttl, so detection has bounds;
    `serves_on`: the leader goes on serving while its lease runs out, so detection has no lower bound.
    `may_fail_beside`: the part may fail on its own at the same time, so it is added to the evidence of other causes.
    `harmless_ns`: the longest outage that the cause can explain; None: any. `questions`: the homework's questions that
    its incidents answer. `remedy`: the phrase `remedy.<remedy>` says what to change. `paragraph`: which extra facts
    the report gives. `injected_by`: faults (component, action) on the leader or the part that have this cause;
    `injected_on_replica`: the same on any other member.
    """

    name: str
    layer: Layer
    shape: Shape = "none"
    preface: Preface | None = None
    lease_expires: bool = False
    serves_on: bool = False
    may_fail_beside: bool = False
    harmless_ns: int | None = None
    questions: tuple[str, ...] = ()
    remedy: str = "none"
    paragraph: Paragraph = "none"
    injected_by: tuple[tuple[str, str], ...] = ()
    injected_on_replica: tuple[tuple[str, str], ...] = ()


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
    Cause("leader.taken_back", "leader", "restart", remedy="watchdog"),
    Cause("switchover", "leader", "switchover", preface="request", injected_by=(("cluster", "switchover"),)),
    Cause("failover.manual", "leader", "switchover", preface="request", injected_by=(("cluster", "failover"),)),
    Cause(
        "postgres.crashed",
        "postgres",
        "restart",
        remedy="restart",
        injected_by=(("postgres", "kill"),),
        injected_on_replica=(("postgres", "kill"),),
    ),
    Cause(
        "postgres.frozen",
        "postgres",
        "restart",
        remedy="restart",
        injected_by=(("postgres", "freeze"), ("postgres", "pause")),
        injected_on_replica=(("postgres", "freeze"), ("postgres", "pause")),
    ),
    Cause(
        "postgres.restarted",
        "postgres",
        "restart",
        remedy="restart",
        # Patroni starts a PostgreSQL that was stopped again.
        injected_by=(("postgres", "stop"), ("postgres", "restart")),
        injected_on_replica=(("postgres", "stop"), ("postgres", "restart")),
    ),
    Cause(
        "patroni.killed",
        "patroni",
        "restart",
        lease_expires=True,
        serves_on=True,
        remedy="watchdog",
        injected_by=(("patroni", "kill_alone"),),
        injected_on_replica=(("patroni", "kill_alone"),),
    ),
    Cause(
        "replica.killed",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_on_replica=(("patroni", "kill"),),
    ),
    Cause(
        "replica.stopped",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_on_replica=(("patroni", "stop"),),
    ),
    Cause(
        "replica.frozen",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_on_replica=(("patroni", "freeze"), ("patroni", "pause")),
    ),
    Cause(
        "replica.unreachable",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_on_replica=(("network", "disconnect"),),
    ),
    Cause(
        "replica.cut_off",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_on_replica=(("network", "cut_off"),),
    ),
    Cause(
        "replica.rebuilt",
        "replica",
        questions=("replica",),
        remedy="reads",
        paragraph="replica",
        injected_by=(("postgres", "reinit"),),
        injected_on_replica=(("postgres", "reinit"),),
    ),
    Cause(
        "etcd.member_down",
        "etcd",
        may_fail_beside=True,
        harmless_ns=SECOND_NS,
        questions=("etcd_one", "etcd_leader"),
        remedy="etcd",
        paragraph="etcd_member",
    ),
    Cause("etcd.election", "etcd", injected_by=(("etcd", "elect"),)),
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
        harmless_ns=10 * SECOND_NS,
        remedy="proxy",
        paragraph="proxy",
        injected_by=(("haproxy", "reload"),),
    ),
    Cause("proxy.cut_off", "proxy", "route", remedy="network", injected_by=(("network", "cut_proxy"),)),
    Cause("two_primaries", "leader", remedy="watchdog", injected_by=(("postgres", "promote"),)),
    Cause("observer.blind", "observer"),
    Cause("unknown", "unknown", injected_by=(("tables", "lock"), ("settings", "read_only"))),
)
CAUSES: Mapping[str, Cause] = {cause.name: cause for cause in _ALL}
