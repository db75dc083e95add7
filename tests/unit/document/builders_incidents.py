"""Small literal results for the tests of the section of incidents. Times are given in seconds."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observer.model.findings import Brownout, Cost, Evidence, Lost, Outage, Phase, Reported
from observer.model.recording import SECOND_NS, Window
from reports.analysis.results.evidence import ReadsServed, SupportingEvidence
from reports.analysis.results.reads import Consistency, DurabilityTotals
from reports.analysis.results.recording import Part, ProxyChecks, ProxySettings
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results


def ns(seconds: float) -> int:
    return round(seconds * SECOND_NS)


def outage(began_s: float, ended_s: float, open: bool = False) -> Outage:
    return Outage("write", ns(began_s), ns(ended_s), open, 1, 2, ns(began_s), 1, 0)


def cost(*outages: Outage, failed: int = 0, unknown: int = 0, **changes: Any) -> Cost:
    total = sum(o.duration_ns for o in outages)
    known = Cost(
        action="write",
        outage_ns=total,
        persistent_outage_ns=total,
        new_outage_ns=total,
        persistent_open=False,
        new_open=False,
        new_longer=False,
        stable_ns=None,
        calm_id=None,
        within=None,
        open=any(o.open for o in outages),
        ok=10,
        failed=failed,
        unknown=unknown,
        outages=outages,
        persistent_outages=outages,
        new_outages=outages,
    )
    return replace(known, **changes)


def phase(name: str, began_s: float, ended_s: float, bound_s: tuple[float, float] | None = None) -> Phase:
    return Phase(name, Window.at(ns(began_s)), Window.at(ns(ended_s)), None, None, bound_s)


def evidence(says: str, *ids: int, **facts: Any) -> Evidence:
    return Evidence("events", ids, f"evidence.{says}", facts)


def lost(token: str) -> Lost:
    return Lost(token, ns(11), "patroni1", 1, 5, 6)


def reported(kind: str, at_s: float, **detail: Any) -> Reported:
    return Reported(kind, ns(at_s), "2026-11-26T08:00:00+00:00", detail, 7)


SUPPORTING = SupportingEvidence(
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


def incident(id: int = 1, cause: str = "leader.killed", **changes: Any) -> IncidentResults:
    """Return an incident at 10 s in which patroni2 took over from patroni1, with these fields changed."""
    known = IncidentResults(
        id=id,
        number=id,
        recording=1,
        cause=cause,
        target="patroni1",
        targets=("patroni1",),
        confidence="high",
        evidence=(),
        rejected=(),
        began_ns=ns(10),
        ended_ns=ns(60),
        began_utc="2026-11-26T08:36:16+00:00",
        ended_utc="2026-11-26T08:37:06+00:00",
        fault_to_write_ns=None,
        write=cost(),
        read=cost(),
        leader_before="patroni1",
        leader_after="patroni2",
        timeline_before=1,
        timeline_after=2,
        phases=(),
        brownout=Brownout(0),
        brownout_bound_s=None,
        lost=(),
        redundancy_back_ns=None,
        injected=(),
        rejoins=(),
        was_etcd_leader=None,
        supporting=SUPPORTING,
        throughput=(),
    )
    return replace(known, **changes)


UNCHANGED: dict[str, Any] = {
    "leader_before": "patroni3",
    "leader_after": "patroni3",
    "timeline_before": 4,
    "timeline_after": 4,
}


def recording(**changes: Any) -> RecordingResults:
    parts = tuple(Part("etcd", name, (), (), None, ()) for name in ("etcd1", "etcd2", "etcd3"))
    known = RecordingResults(
        id=1,
        began_utc="2026-11-26T08:36:06+00:00",
        ended_utc="2026-11-26T08:40:00+00:00",
        duration_ns=ns(200),
        ended="stop",
        scope="demo",
        cluster_id=None,
        settings={},
        live=None,
        live_id=None,
        versions={},
        version_ids={},
        captures=(),
        totals=(),
        failures=(),
        read_only=(),
        baseline=(),
        served=(),
        last_stale_read=None,
        persistent_on_leader=None,
        leaderships=(),
        unreachable=(),
        not_observed=(),
        notes=(),
        parts=parts,
        watchers=(),
        names={"http://proxy/": ""},
        etcd_leader=None,
        proxy=ProxySettings(None, None, None, False, ()),
        checks=ProxyChecks(None, {}, ()),
        replica_lags=(),
        lag_samples_excluded=(),
        roles=(),
        routes=(),
        promotions=(),
        connection_limits=(),
        quorum=(),
        dashboards=(),
        observer_suspended=(),
        direct_writes=(),
        throughput=(),
    )
    return replace(known, **changes)


def results(*incidents: IncidentResults, **changes: Any) -> Results:
    durability = DurabilityTotals(0, 0, 0, 0, (), 0, 0, 0, ())
    consistency = Consistency(True, (), (), (), ())
    return Results("0", (recording(**changes),), incidents, durability, consistency, (), (), ())
