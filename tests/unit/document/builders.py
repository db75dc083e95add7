"""Small literal results for the tests of the report. Times are given in seconds.

`blank` fills every field that a test does not name by its type, so a new field needs no change here. `recording`,
`incident` and `results` have next to nothing to say; those of the demo fill every section.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass, replace
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from observer.model.findings import Brownout, Cost, Evidence, Lost, Outage, Phase, Reported
from observer.model.recording import SECOND_NS, Served, Window
from reports.analysis.results.evidence import SupportingEvidence
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

T = TypeVar("T")

BEGAN = "2026-11-26T08:36:08+00:00"
ENDED = "2026-11-26T08:38:08+00:00"


def blank(made: type[T], **given: Any) -> T:
    """Return a dataclass of these values; every other field has its default, else the empty value of its type."""
    types_of = get_type_hints(made)
    empty = {
        field.name: empty_of(types_of[field.name])
        for field in fields(made)  # type: ignore[arg-type]
        if field.default is MISSING and field.default_factory is MISSING
    }
    return made(**{**empty, **given})


def empty_of(kind: Any) -> Any:
    """Return None if a type allows it, else its empty value: 0, "", (), {}, a first choice, a blank dataclass."""
    origin, inner = get_origin(kind), get_args(kind)
    if kind is Any or type(None) in inner:
        return None
    if origin is Literal:
        return inner[0]
    if origin in (Union, types.UnionType):
        return empty_of(inner[0])
    if origin is tuple:
        return () if inner[-1:] == (Ellipsis,) else tuple(map(empty_of, inner))
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return {}
    return blank(kind) if isinstance(kind, type) and is_dataclass(kind) else kind()


def ns(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return round(seconds * SECOND_NS)


def shown(section: Section | None, name: str = "en") -> str:
    """Return a section as Markdown with ordinary spaces; "" for none."""
    return "" if section is None else markdown([section], language(name)).replace("\u00a0", " ")


def cost(*outages_s: tuple[float, float], still_open: bool = False, **given: Any) -> Cost:
    """Return what an incident cost an action: its outages, each from and to."""
    outages = tuple(
        blank(Outage, began_ns=ns(began), ended_ns=ns(ended), open=still_open, first_failure_ns=ns(began))
        for began, ended in outages_s
    )
    total_ns = sum(outage.duration_ns for outage in outages)
    lengths = dict.fromkeys(("outage_ns", "persistent_outage_ns", "new_outage_ns"), total_ns)
    return blank(Cost, **{**lengths, "outages": outages, "open": still_open, "ok": 10, **given})


def phase(name: str, began_s: float, ended_s: float, bound_s: tuple[float, float] | None = None) -> Phase:
    """Return a phase between two exact moments."""
    return Phase(name, Window.at(ns(began_s)), Window.at(ns(ended_s)), bound_s=bound_s)


def evidence(says: str, *ids: int, **facts: Any) -> Evidence:
    """Return evidence of rows of events, by its key without "evidence."."""
    return Evidence("events", ids, f"evidence.{says}", facts)


def reported(kind: str, at_s: float, **detail: Any) -> Reported:
    """Return a fault or a repair that was reported."""
    return Reported(kind, ns(at_s), BEGAN, detail, 7)


def lost(token: str) -> Lost:
    """Return a write that was acknowledged at 11 s and lost."""
    return Lost(token, ns(11), "patroni1", 1, 5, 6)


def support(**given: Any) -> SupportingEvidence:
    """Return supporting evidence that holds these values alone."""
    return blank(SupportingEvidence, **given)


def incident(number: int = 1, cause: str = "leader.killed", **given: Any) -> IncidentResults:
    """Return an incident from 10 s to 60 s without an outage, in which patroni2 took over from patroni1."""
    known: dict[str, Any] = {
        "id": number,
        "number": number,
        "recording": 1,
        "cause": cause,
        "target": "patroni1",
        "targets": ("patroni1",),
        "began_ns": ns(10),
        "ended_ns": ns(60),
        "began_utc": "2026-11-26T08:36:18+00:00",
        "ended_utc": "2026-11-26T08:37:08+00:00",
        "write": cost(),
        "read": cost(),
        "leader_before": "patroni1",
        "leader_after": "patroni2",
        "timeline_before": 1,
        "timeline_after": 2,
        "lost": (),
        "brownout": Brownout(0),
    }
    return blank(IncidentResults, **{**known, **given})


def recording(**given: Any) -> RecordingResults:
    """Return a recording of 100 s with acknowledged writes and reads."""
    known: dict[str, Any] = {
        "id": 1,
        "began_utc": BEGAN,
        "ended_utc": "2026-11-26T08:37:48+00:00",
        "duration_ns": ns(100),
        "ended": "stop",
        "scope": "demo",
        "totals": (Totals("write", 900, 900, 0, 0), Totals("read", 900, 900, 0, 0)),
    }
    return blank(RecordingResults, **{**known, **given})


def results(*incidents: IncidentResults, **given: Any) -> Results:
    """Return the results of one recording with these incidents, every write of it read back."""
    durability = blank(DurabilityTotals, acknowledged=900, audited=900, lost=0, unknown_took_effect=0)
    known: dict[str, Any] = {
        "observer": "0.1.0",
        "recordings": (recording(),),
        "incidents": incidents,
        "durability": durability,
        "consistency": blank(Consistency, observed=True),
    }
    return blank(Results, **{**known, **given})


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


TRAFFIC = {
    "rate_per_s": 20.0,
    "fresh_per_s": 2.0,
    "deadline_ms": 1000,
    "write": "host=127.0.0.1 port=5001 user=postgres dbname=postgres",
    "read": "host=127.0.0.1 port=5002 user=postgres dbname=postgres",
}


def demo_recording(**given: Any) -> RecordingResults:
    """Return a recording of two minutes of two members, of which every source found something."""
    found = recording(
        ended_utc=ENDED,
        duration_ns=ns(120),
        cluster_id="7712396073502273558",
        settings={"traffic": TRAFFIC},
        live={"ttl": 30, "loop_wait": 10, "retry_timeout": 10},
        live_id=5,
        versions={"postgres": "17.12", "patroni": "4.0.7", "etcd": "3.5.16", "haproxy": "3.0.11", "libpq": "17.11"},
        version_ids={"postgres": (15,), "patroni": (1,)},
        captures=(capture(),),
        totals=(Totals("write", 110, 100, 8, 2), Totals("read", 110, 110, 0, 0)),
        baseline=(Baseline("write", "kept", ((ns(2), ns(12)),), 200, 0, 0, 20.0, 2.66, 8.27, 31.4, 161.5),),
        served=(
            Served("write", "kept", "patroni1", "10.0.0.1:5432", False, 1, 100),
            Served("read", "kept", "patroni2", "10.0.0.2:5432", True, 1, 100),
            Served("read", "fresh", "patroni2", "10.0.0.2:5432", True, 1, 10),
        ),
        leaderships=(LeaderPeriod("patroni1", 1, (1,), ns(0.2), None, BEGAN, ()),),
        parts=(
            Part("etcd", "etcd1", ("etcd1:2379",), ("127.0.0.1:23791",), BEGAN, (12,)),
            Part("postgres", "patroni1", ("patroni1:5432",), ("127.0.0.1:15431",), None, (8,)),
            Part("postgres", "patroni2", ("patroni2:5432",), ("127.0.0.1:15432",), None, (9,)),
            Part("haproxy", "write", (), ("127.0.0.1:5001",), None, ()),
            Part("haproxy", "read", (), ("127.0.0.1:5002",), None, ()),
        ),
        etcd_leader="etcd1",
        proxy=ProxySettings(2, 3, 3000, True, (35,)),
        checks=ProxyChecks(
            CheckPauses(69, Measured(2966.8, (78,)), Measured(2998.1, (883, 886)), Measured(3098.7, (750,))),
            {"L7TOUT": Measured(5001.0, (243,))},
            (StaleUp("primary/patroni3", ns(19.48), (939, 960)),),
        ),
        replica_lags=(ReplicaLag("patroni2", "seconds", ns(0.2), 48, 0.0, 0.073, ns(70.6), 690),),
        roles=(
            Period("patroni1", "primary", ns(0.1), ns(120), 1, None),
            Period("patroni2", "replica", ns(0.1), ns(120), 2, None),
        ),
        routes=(Period("primary/patroni1", "up", ns(0.1), ns(120), 3, None),),
        throughput=(Throughput("write", 0, ns(120), 2400, 0, 0, 9.0, 9.0),),
    )
    return replace(found, **given)


def demo_incident(number: int = 1, cause: str = "leader.killed", **given: Any) -> IncidentResults:
    """Return an incident from 10 s to 45 s in which the leader was killed and writes were down for 26.1 s."""
    known: dict[str, Any] = {
        "ended_ns": ns(45),
        "ended_utc": "2026-11-26T08:36:53+00:00",
        "fault_to_write_ns": ns(26.1),
        "write": cost((10, 36.1), failed=5),
        "read": cost(new_longer=True, new_outage_ns=ns(17.2)),
        "phases": (
            phase("detection", 10, 31.61, (20.0, 31.0)),
            phase("routing", 31.61, 36.1),
            phase("settling", 36.1, 41),
        ),
        "brownout": None,
        "injected": (reported("fault.told", 10, component="x", action="kill", target="patroni1"),),
        "throughput": (
            Throughput("write", ns(9), ns(1), 20, 0, 0, 9.0, 9.0),
            Throughput("write", ns(10), ns(1), 0, 20, 0, 1000.0, 0.0),
            Throughput("write", ns(37), ns(1), 20, 0, 0, 9.0, 9.0),
        ),
    }
    return incident(number, cause, **{**known, **given})


def demo_results(*incidents: IncidentResults, **given: Any) -> Results:
    """Return the results of the recording of two minutes, with an answer to three questions of the homework."""
    asked = (("leader_killed", "leader.killed", "kill"), ("replica", "replica.stopped", "stop"))
    answers = tuple(
        Answer(name, tuple(i.id for i in incidents if i.cause == cause), (f"docker {verb} demo-patroni1",))
        for name, cause, verb in (*asked, ("proxy", "proxy.down", "stop"))
    )
    known: dict[str, Any] = {
        "recordings": (demo_recording(),),
        "durability": DurabilityTotals(100, 100, 0, 0, (), 2, 1, 0, ()),
        "answers": answers,
    }
    return replace(results(*incidents), **{**known, **given})
