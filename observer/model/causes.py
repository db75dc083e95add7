"""The table of causes: everything that differs from one cause of an incident to another, in one entry each.

A new cause is an entry here, a rule in `reports/analysis/rules/`, and its phrases (`cause.<name>` in each language).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
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


# What the causes of one kind have in common: each is `Cause` with these fields filled in.
_leader = partial(Cause, layer="leader", shape="restart")
_expired = partial(_leader, lease_expires=True, remedy="lease")
_handover = partial(Cause, layer="leader", shape="switchover", preface="request")
_postgres = partial(Cause, layer="postgres", shape="restart", remedy="restart")
_replica = partial(Cause, layer="replica", questions=("replica",), remedy="reads", paragraph="replica")
_quorum = partial(Cause, layer="etcd", shape="quorum", preface="demotion", remedy="etcd", paragraph="quorum")
_proxy = partial(Cause, layer="proxy", shape="proxy", may_fail_beside=True, remedy="proxy", paragraph="proxy")

_ALL = (
    _expired("leader.killed", questions=("leader_killed",), injected_by=(("patroni", "kill"),)),
    _leader("leader.stopped", questions=("leader_stopped",), remedy="routing", injected_by=(("patroni", "stop"),)),
    _expired("leader.frozen", questions=("leader_frozen",), injected_by=(("patroni", "freeze"), ("patroni", "pause"))),
    _expired("leader.cut_off", serves_on=True, injected_by=(("network", "cut_off"),)),
    _expired("leader.unreachable", injected_by=(("network", "disconnect"),)),
    _leader("leader.taken_back", may_follow=True, remedy="watchdog"),
    _handover("switchover", injected_by=(("cluster", "switchover"),)),
    _handover("failover.manual", injected_by=(("cluster", "failover"),)),
    _postgres("postgres.crashed", in_place=True, injected_by=(("postgres", "kill"),)),
    _postgres("postgres.frozen", injected_by=(("postgres", "freeze"), ("postgres", "pause"))),
    # Patroni starts a PostgreSQL that was stopped.
    _postgres("postgres.restarted", injected_by=(("postgres", "stop"), ("postgres", "restart"))),
    _expired(
        "patroni.killed", layer="patroni", serves_on=True, remedy="watchdog", injected_by=(("patroni", "kill_alone"),)
    ),
    _replica("replica.killed", injected_on_replica=(("patroni", "kill"),)),
    _replica("replica.stopped", injected_on_replica=(("patroni", "stop"),)),
    _replica("replica.frozen", injected_on_replica=(("patroni", "freeze"), ("patroni", "pause"))),
    _replica("replica.unreachable", injected_on_replica=(("network", "disconnect"),)),
    _replica("replica.cut_off", injected_on_replica=(("network", "cut_off"),)),
    _replica("replica.rebuilt", injected_by=(("postgres", "reinit"),)),
    # Harmless but for a hiccup, while etcd elects another leader.
    Cause(
        "etcd.member_down",
        "etcd",
        may_fail_beside=True,
        harmless_ns=SECOND_NS,
        questions=("etcd_one", "etcd_leader"),
        remedy="etcd",
        paragraph="etcd_member",
    ),
    Cause("etcd.election", "etcd", has_target=False, injected_by=(("etcd", "elect"),)),
    _quorum("etcd.quorum_lost", questions=("etcd_two", "etcd_all")),
    _quorum("failsafe", questions=("etcd_all",)),
    _proxy("proxy.down", questions=("proxy",), injected_by=(("haproxy", "kill"), ("haproxy", "stop"))),
    _proxy("proxy.frozen", injected_by=(("haproxy", "freeze"), ("haproxy", "pause"))),
    Cause("proxy.full", "proxy", remedy="connections"),
    # Harmless but for a few checks: until then a new process takes every server for UP.
    _proxy("proxy.reloaded", harmless_ns=10 * SECOND_NS, injected_by=(("haproxy", "reload"),)),
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
