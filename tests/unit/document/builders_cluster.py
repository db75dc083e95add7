"""Small literal results for the sections on the cluster, the load and the leaders; and the rendering of a section."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observer.model.findings import Cost, Outage, Phase, Reported
from observer.model.recording import SECOND_NS, Served, Window
from reports.analysis.results.evidence import ReadsServed, SupportingEvidence
from reports.analysis.results.reads import Consistency, DurabilityTotals
from reports.analysis.results.recording import (
    Baseline,
    Capture,
    CheckPauses,
    LeaderPeriod,
    Measured,
    Part,
    Period,
    ProxyChecks,
    ProxySettings,
    ReplicaLag,
    StaleUp,
    Throughput,
    Totals,
)
from reports.analysis.results.whole import Answer, IncidentResults, RecordingResults, Results
from reports.document.blocks import Section
from reports.render.language import language
from reports.render.markdown import markdown

BEGAN = "2026-11-26T08:36:08+00:00"
ENDED = "2026-11-26T08:38:08+00:00"


def ns(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return round(seconds * SECOND_NS)


def shown(section: Section | None, name: str = "en") -> str:
    """Return a section as Markdown with ordinary spaces; "" for none."""
    return "" if section is None else markdown([section], language(name)).replace("\u00a0", " ")


def member(name: str, role: str, lag: int | None, timeline: int = 1) -> dict[str, Any]:
    """Return a row of the list of members."""
    state = "running" if role == "leader" else "streaming"
    found = {"name": name, "host": name, "port": 5432, "role": role, "state": state, "timeline": timeline}
    return {**found, "lsn": "0/404EF58", **({} if lag is None else {"lag": lag})}


def server(pool: str, name: str, status: str) -> dict[str, Any]:
    """Return a row of the proxy's statistics."""
    check = {"UP": ("L7OK", 200), "DOWN": ("L7STS", 503)}[status]
    found = {"pool": pool, "server": name, "address": f"{name}:5432", "status": status, "last_change_s": 22}
    return {**found, "check_status": check[0], "check_code": check[1]}


def capture(leader: str = "patroni1", at_s: float = 0.3, timeline: int = 1) -> Capture:
    """Return two members and the servers of both pools, captured at one moment."""
    names = ("patroni1", "patroni2")
    members = tuple(
        member(name, "leader", None, timeline) if name == leader else member(name, "replica", 0, timeline)
        for name in names
    )
    pools = (
        *(server("primary", name, "UP" if name == leader else "DOWN") for name in names),
        *(server("replicas", name, "DOWN" if name == leader else "UP") for name in names),
    )
    utc = BEGAN if at_s < 60 else ENDED
    return Capture(ns(at_s), utc, members, pools, members_id=34, pools_id=35, event_ids=(34, 35))


def recording(**changes: Any) -> RecordingResults:
    """Return a recording of two minutes in which nothing failed."""
    found = RecordingResults(
        id=1,
        began_utc=BEGAN,
        ended_utc=ENDED,
        duration_ns=ns(120),
        ended="stop",
        scope="demo",
        cluster_id="7712396073502273558",
        settings={
            "traffic": {
                "rate_per_s": 20.0,
                "fresh_per_s": 2.0,
                "deadline_ms": 1000,
                "write": "host=127.0.0.1 port=5001 user=postgres dbname=postgres",
                "read": "host=127.0.0.1 port=5002 user=postgres dbname=postgres",
            }
        },
        live={"ttl": 30, "loop_wait": 10, "retry_timeout": 10},
        live_id=5,
        versions={"postgres": "17.12", "patroni": "4.0.7", "etcd": "3.5.16", "haproxy": "3.0.11", "libpq": "17.11"},
        version_ids={"postgres": (15,), "patroni": (1,)},
        captures=(capture(),),
        totals=(Totals("write", 110, 100, 8, 2), Totals("read", 110, 110, 0, 0)),
        failures=(),
        read_only=(),
        baseline=(Baseline("write", "kept", ((ns(2), ns(12)),), 200, 0, 0, 20.0, 2.66, 8.27, 31.4, 161.5),),
        served=(
            Served("write", "kept", "patroni1", "10.0.0.1:5432", False, 1, 100),
            Served("read", "kept", "patroni2", "10.0.0.2:5432", True, 1, 100),
            Served("read", "fresh", "patroni2", "10.0.0.2:5432", True, 1, 10),
        ),
        last_stale_read=None,
        persistent_on_leader=None,
        leaderships=(LeaderPeriod("patroni1", 1, (1,), ns(0.2), None, BEGAN, ()),),
        unreachable=(),
        not_observed=(),
        notes=(),
        parts=(
            Part("etcd", "etcd1", ("etcd1:2379",), ("127.0.0.1:23791",), BEGAN, (12,)),
            Part("postgres", "patroni1", ("patroni1:5432",), ("127.0.0.1:15431",), None, (8,)),
            Part("postgres", "patroni2", ("patroni2:5432",), ("127.0.0.1:15432",), None, (9,)),
            Part("haproxy", "write", (), ("127.0.0.1:5001",), None, ()),
            Part("haproxy", "read", (), ("127.0.0.1:5002",), None, ()),
        ),
        watchers=(),
        names={},
        etcd_leader="etcd1",
        proxy=ProxySettings(2, 3, 3000, True, (35,)),
        checks=ProxyChecks(
            CheckPauses(69, Measured(2966.8, (78,)), Measured(2998.1, (883, 886)), Measured(3098.7, (750,))),
            {"L7TOUT": Measured(5001.0, (243,))},
            (StaleUp("primary/patroni3", ns(19.48), (939, 960)),),
        ),
        replica_lags=(ReplicaLag("patroni2", "seconds", ns(0.2), 48, 0.0, 0.073, ns(70.6), 690),),
        lag_samples_excluded=(),
        roles=(
            Period("patroni1", "primary", ns(0.1), ns(120), 1, None),
            Period("patroni2", "replica", ns(0.1), ns(120), 2, None),
        ),
        routes=(Period("primary/patroni1", "up", ns(0.1), ns(120), 3, None),),
        promotions=(),
        connection_limits=(),
        quorum=(),
        dashboards=(),
        observer_suspended=(),
        direct_writes=(),
        throughput=(Throughput("write", 0, ns(120), 2400, 0, 0, 9.0, 9.0),),
    )
    return replace(found, **changes)


def cost(outage_s: float | None = 0.0, **changes: Any) -> Cost:
    """Return what an incident cost one action; None: not observed."""
    lasted = None if outage_s is None else ns(outage_s)
    outages = (Outage("write", ns(10), ns(10) + lasted, False, 1, 2, ns(10), 5, 0),) if lasted else ()
    found = Cost(
        action="write",
        outage_ns=lasted,
        persistent_outage_ns=lasted,
        new_outage_ns=lasted,
        persistent_open=False,
        new_open=False,
        new_longer=False,
        stable_ns=None,
        calm_id=None,
        within=None,
        open=False,
        ok=50,
        failed=5 if lasted else 0,
        unknown=0,
        outages=outages,
        persistent_outages=(),
        new_outages=(),
    )
    return replace(found, **changes)


NO_EVIDENCE = SupportingEvidence(
    lines=(),
    ended=(),
    started=(),
    read_only=None,
    majority_gone=None,
    etcd_outages=(),
    etcd_led=None,
    elections=(),
    session_peak=None,
    brownout=None,
    failed_reads=None,
    persistent_reads=None,
    reads_served=ReadsServed(0, (), 0),
    stalled_replication=None,
    failsafe_mode=False,
    config_id=None,
    timeline_ids=(),
)


def phase(name: str, from_s: float, to_s: float, bound_s: tuple[float, float] | None = None) -> Phase:
    """Return a phase whose boundaries are exact."""
    return Phase(name, Window(ns(from_s), ns(from_s)), Window(ns(to_s), ns(to_s)), None, None, bound_s)


def incident(number: int = 1, cause: str = "leader.killed", **changes: Any) -> IncidentResults:
    """Return an incident from 10 s to 45 s in which the leader was killed and patroni2 took over."""
    found = IncidentResults(
        id=number,
        number=number,
        recording=1,
        cause=cause,
        target="patroni1",
        targets=("patroni1",),
        confidence="high",
        evidence=(),
        rejected=(),
        began_ns=ns(10),
        ended_ns=ns(45),
        began_utc="2026-11-26T08:36:18+00:00",
        ended_utc="2026-11-26T08:36:53+00:00",
        fault_to_write_ns=ns(26.1),
        write=cost(26.1),
        read=cost(0.0, new_longer=True, new_outage_ns=ns(17.2)),
        leader_before="patroni1",
        leader_after="patroni2",
        timeline_before=1,
        timeline_after=2,
        phases=(
            phase("detection", 10, 31.61, (20.0, 31.0)),
            phase("routing", 31.61, 36.1),
            phase("settling", 36.1, 41),
        ),
        brownout=None,
        brownout_bound_s=None,
        lost=(),
        redundancy_back_ns=None,
        injected=(
            Reported("fault.told", ns(10), BEGAN, {"component": "x", "action": "kill", "target": "patroni1"}, 128),
        ),
        rejoins=(),
        was_etcd_leader=None,
        supporting=NO_EVIDENCE,
        throughput=(
            Throughput("write", ns(9), ns(1), 20, 0, 0, 9.0, 9.0),
            Throughput("write", ns(10), ns(1), 0, 20, 0, 1000.0, 0.0),
            Throughput("write", ns(37), ns(1), 20, 0, 0, 9.0, 9.0),
        ),
    )
    return replace(found, **changes)


def results(*incidents: IncidentResults, **changes: Any) -> Results:
    """Return a document of one recording and some incidents."""
    found = Results(
        observer="0.1.0",
        recordings=(recording(),),
        incidents=incidents,
        durability=DurabilityTotals(100, 100, 0, 0, (), 2, 1, 0, ()),
        consistency=Consistency(True, (), (), (), ()),
        answers=tuple(
            Answer(name, tuple(i.id for i in incidents if i.cause == cause), (f"docker {verb} demo-patroni1",))
            for name, cause, verb in (
                ("leader_killed", "leader.killed", "kill"),
                ("replica", "replica.stopped", "stop"),
                ("proxy", "proxy.down", "stop"),
            )
        ),
        objectives=(),
        warnings=(),
    )
    return replace(found, **changes)
