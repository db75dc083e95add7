"""Literal facts for the tests of the report: one measured crash (SIGKILL of the leader, stock settings), and others."""

from __future__ import annotations

from copy import deepcopy
from datetime import UTC, datetime, timedelta
from typing import Any

from reports.text.old_facts import (
    BackFact,
    CostFact,
    EvidenceFact,
    Facts,
    IncidentFact,
    OutageFact,
    PhaseFact,
    ReadsFact,
    RecordingFact,
    StalenessFact,
    TestimonyFact,
)

BEGAN = datetime(2026, 11, 22, 22, 10, 3, tzinfo=UTC)


def utc(at_s: float) -> str:
    return (BEGAN + timedelta(seconds=at_s)).isoformat()


def row(says: str, ids: list[int], table: str = "events", **facts: Any) -> EvidenceFact:
    return {"table": table, "ids": ids, "says": says, "facts": facts}


def phase(name: str, began_s: float, ended_s: float, slack_s: float, *evidence: EvidenceFact) -> PhaseFact:
    seconds = ended_s - began_s
    return {
        "name": name,
        "began_s": began_s,
        "ended_s": ended_s,
        "seconds": seconds,
        "shortest_s": max(0.0, seconds - slack_s),
        "longest_s": seconds + slack_s,
        "bound_s": None,
        "evidence": list(evidence),
    }


def cost(ok: int, failed: int = 0, unknown: int = 0, *outages: OutageFact, stable_s: float | None = None) -> CostFact:
    seconds, is_open = sum(outage["seconds"] for outage in outages), any(outage["open"] for outage in outages)
    return {
        "outage_s": seconds,
        "kept_outage_s": seconds,
        "fresh_outage_s": seconds,
        "kept_open": is_open,
        "fresh_open": is_open,
        "fresh_longer": False,
        "stable_s": stable_s,
        "calm_id": None if stable_s is None or not outages else outages[-1]["after_id"],
        "within": None,
        "open": is_open,
        "ok": ok,
        "failed": failed,
        "unknown": unknown,
        "outages": list(outages),
        "kept_outages": list(outages),
        "fresh_outages": list(outages),
    }


def outage(began_s: float, ended_s: float, before: int, after: int | None, failed: int, unknown: int) -> OutageFact:
    return {
        "began_s": began_s,
        "ended_s": ended_s,
        "seconds": ended_s - began_s,
        "open": after is None,
        "before_id": before,
        "after_id": after,
        "failed": failed,
        "unknown": unknown,
    }


def member(name: str, port: int, role: str, state: str, timeline: int, lag: int | None = None) -> dict[str, Any]:
    return {"name": name, "host": "127.0.0.1", "port": port, "role": role, "state": state, "timeline": timeline} | (
        {} if lag is None else {"lag": lag}
    )


def server(pool: str, name: str, port: int, status: str, code: int) -> dict[str, Any]:
    check = "L7OK" if code == 200 else "L7STS"
    return {
        "pool": pool,
        "server": name,
        "address": f"127.0.0.1:{port}",
        "status": status,
        "check_status": check,
        "check_code": code,
        "last_change_s": 41,
    }


def recording() -> RecordingFact:
    return {
        "id": 1,
        "began_utc": utc(0),
        "ended_utc": utc(127.4),
        "duration_s": 127.4,
        "ended": "stop",
        "scope": "demo",
        "cluster_id": "7443512345678901234",
        "settings": {"traffic": {"rate_per_s": 20.0, "fresh_per_s": 2.0, "deadline_ms": 1000, "workload": "homework"}},
        "live": {
            "ttl": 30,
            "loop_wait": 10,
            "retry_timeout": 10,
            "maximum_lag_on_failover": 1048576,
            "postgresql": {"use_pg_rewind": True},
        },
        "live_id": 8,
        "version_ids": {name: [7] for name in ("postgres", "patroni", "etcd", "haproxy", "observer")},
        "versions": {
            "postgres": "15.8",
            "patroni": "3.0.2",
            "etcd": "3.4.23",
            "haproxy": "2.6.12",
            "observer": "0.1.0",
        },
        "captures": [
            {
                "at_s": 0.4,
                "utc": utc(0.4),
                "members": [
                    member("patroni1", 15431, "leader", "running", 1),
                    member("patroni2", 15432, "replica", "streaming", 1, 0),
                    member("patroni3", 15433, "replica", "streaming", 1, 0),
                ],
                "pools": [
                    server("primary", "patroni1", 15431, "UP", 200),
                    server("primary", "patroni2", 15432, "DOWN", 503),
                    server("primary", "patroni3", 15433, "DOWN", 503),
                    server("replicas", "patroni1", 15431, "DOWN", 503),
                    server("replicas", "patroni2", 15432, "UP", 200),
                    server("replicas", "patroni3", 15433, "UP", 200),
                ],
                "members_id": 9,
                "pools_id": 10,
                "event_ids": [9, 10],
            },
            {
                "at_s": 126.9,
                "utc": utc(126.9),
                "members": [
                    member("patroni1", 15431, "replica", "streaming", 2, 0),
                    member("patroni2", 15432, "leader", "running", 2),
                    member("patroni3", 15433, "replica", "streaming", 2, 0),
                ],
                "pools": [],
                "members_id": 411,
                "pools_id": None,
                "event_ids": [411],
            },
        ],
        "totals": [
            {"action": "write", "attempted": 2802, "ok": 2171, "failed": 618, "unknown": 13},
            {"action": "read", "attempted": 2802, "ok": 2802, "failed": 0, "unknown": 0},
        ],
        "failures": [
            failure("fail", "connect", None, "no answer by the deadline", None, 611),
            failure("fail", "answer", "25006", "cannot execute INSERT in a read-only transaction", None, 7),
            failure("unknown", "answer", None, "no answer by the deadline", "patroni1", 13),
        ],
        "read_only": [
            {
                "incident": 1,
                "operations": 6,
                "replicas": ["patroni1"],
                "beside": [],
                "sole": {"patroni1": 6},
                "set_so": 0,
                "event_ids": [5, 84],
            },
            {
                "incident": None,
                "operations": 1,
                "replicas": [],
                "beside": [],
                "sole": {},
                "set_so": 0,
                "event_ids": [],
            },
        ],
        "baseline": [
            {
                "action": action,
                "probe": probe,
                "spells": [[2.0, 7.65], [73.15, 127.4]],
                "operations": int(59.9 * rate),
                "failed": 0,
                "unknown": 0,
                "rate_per_s": rate,
                "p50_ms": p50,
                "p95_ms": p50 * 2,
                "p99_ms": p50 * 3.5,
                "max_ms": p50 * 9,
            }
            for action, probe, rate, p50 in (
                ("write", "kept", 20.0, 2.4),
                ("write", "fresh", 2.0, 11.8),
                ("read", "kept", 20.0, 0.7),
                ("read", "fresh", 2.0, 10.1),
            )
        ],
        "served": [
            served("write", "kept", "patroni1", False, 1, 153),
            served("write", "kept", "patroni2", False, 2, 1758),
            served("write", "fresh", "patroni2", False, 2, 260),
            served("read", "kept", "patroni3", True, 2, 1402),
            served("read", "kept", "patroni2", True, 1, 1400),
        ],
        "turned": None,
        "kept_led": None,
        "leaderships": [
            {
                "member": "patroni1",
                "timeline": 1,
                "timelines": [1],
                "from_s": 0.2,
                "to_s": 33.54,
                "from_utc": utc(0.2),
                "demoted": [],
            },
            {
                "member": "patroni2",
                "timeline": 2,
                "timelines": [2],
                "from_s": 33.67,
                "to_s": None,
                "from_utc": utc(33.67),
                "demoted": [],
            },
        ],
        "blindness": [blind("patroni", 7.9, 58.3, 31), blind("postgres", 7.8, None, 30)],
        "unobserved": [],
        "notes": [],
        "parts": [
            part("etcd", "etcd1", 23791, None),
            part("etcd", "etcd2", 23792, None),
            part("etcd", "etcd3", 23793, None),
            part("patroni", "patroni1", 8011, 12),
            part("postgres", "patroni1", 15431, 3),
            part("postgres", "patroni2", 15432, 4),
            part("postgres", "patroni3", 15433, 5),
            part("haproxy", "write", 5001, None),
            part("haproxy", "read", 5002, None),
        ],
        "watchers": [],
        "names": {},
        "etcd_leader": "etcd1",
        "proxy": {"rise": 2, "fall": 3, "inter_ms": None, "inter_told": False, "event_ids": [10]},
        "checks": {
            "pauses": {
                "count": 6,
                "shortest": {"ms": 2990.4, "event_ids": [47, 50]},
                "median": {"ms": 2999.6, "event_ids": [79, 85]},
                "longest": {"ms": 3076.9, "event_ids": [60, 61]},
            },
            "timeouts": {"L4TOUT": {"ms": 3001, "event_ids": [61]}},
            "lingering": [{"subject": "primary/patroni1", "seconds": 7.3, "event_ids": [30, 61]}],
        },
        "lags": [
            {
                "member": "patroni2",
                "unit": "bytes",
                "from_s": 0.1,
                "samples": 12,
                "median": 0,
                "worst": 4096,
                "worst_at_s": 61.2,
                "event_id": 92,
            }
        ],
        "lags_apart": [85],
        "roles": [
            span("patroni1", "primary", 0.2, 7.8, 1),
            span("patroni1", "away", 7.8, 58.1, 30),
            span("patroni1", "replica", 58.1, 127.4, 84),
            span("patroni2", "replica", 0.2, 33.77, 2),
            span("patroni2", "primary", 33.77, 127.4, 57),
        ],
        "routes": [span("primary/patroni1", "up", 0.3, 15.1, 5), span("primary/patroni2", "up", 39.5, 127.4, 66)],
        "crowds": [],
        "promotions": [],
        "slept": [],
        "quorum": [],
        "dashboards": [],
        "proofs": [],
        "pace": [pace(action, second, 20, 0) for second in range(0, 127, 9) for action in ("read", "write")],
    }


def part(kind: str, name: str, port: int, row_id: int | None) -> Any:
    address = f"127.0.0.1:{port}"
    inside, ids = ([], []) if row_id is None else ([address], [row_id])
    return {"kind": kind, "name": name, "inside": inside, "outside": [address], "led_utc": None, "event_ids": ids}


def failure(outcome: str, stage: str, sqlstate: str | None, message: str, server: str | None, operations: int) -> Any:
    told = {"stage": stage, "sqlstate": sqlstate, "message": message, "server": server, "operations": operations}
    return {"action": "write", "outcome": outcome, **told}


def span(subject: str, what: str, from_s: float, to_s: float, event_id: int) -> Any:
    return {"subject": subject, "what": what, "from_s": from_s, "to_s": to_s, "event_id": event_id, "until_id": None}


def pace(action: str, at_s: int, ok: int, failed: int) -> Any:
    counts = {"ok": ok, "failed": failed, "unknown": 0}
    return {"action": action, "at_s": at_s, "width_s": 1, **counts, "max_ms": 12.5, "ok_ms": 12.5 if ok else 0.0}


def blind(source: str, from_s: float, to_s: float | None, event_id: int) -> Any:
    return {
        "source": source,
        "subject": "patroni1",
        "how": "refused",
        "from_s": from_s,
        "to_s": to_s,
        "event_id": event_id,
    }


def served(action: str, probe: str, name: str, in_recovery: bool, timeline: int, operations: int) -> Any:
    return {
        "action": action,
        "probe": probe,
        "server": name,
        "address": f"127.0.0.1:1543{name[-1]}",
        "in_recovery": in_recovery,
        "timeline": timeline,
        "operations": operations,
    }


def testimony() -> TestimonyFact:
    """Nobody else told of it."""
    return {
        "lines": [],
        "ended": [],
        "started": [],
        "read_only": None,
        "majority_gone": None,
        "etcd_away": [],
        "etcd_led": None,
        "elections": [],
        "peak": None,
        "brownout": None,
        "failsafe_mode": False,
        "config_id": 6,
        "unlucky_reads": None,
        "kept_reads": None,
        "answered": {"replicas": 0, "leaders": [], "unknown": 0},
        "halted": None,
        "timeline_ids": [],
    }


def incident() -> IncidentFact:
    expired = row("evidence.lease_expired", [52, 53], member="patroni1", at_s=33.54, revision=814)
    taken = row("evidence.leader_key_taken", [54], member="patroni2", at_s=33.67)
    phases = [
        phase("detection", 7.67, 33.54, 0.06, expired),
        phase("election", 33.54, 33.67, 0.02, taken),
        phase("promotion", 33.67, 33.77, 0.25, row("evidence.sql_primary", [57], member="patroni2", at_s=33.77)),
        phase(
            "routing", 33.77, 39.5, 0.1, row("evidence.route_up", [66], pool="primary", server="patroni2", at_s=39.5)
        ),
        phase(
            "recovery",
            39.5,
            39.53,
            0.1,
            row("evidence.first_acknowledged", [772], "operations", action="write", server="patroni2", at_s=39.53),
        ),
        phase("settling", 39.53, 40.1, 0.1, row("evidence.stable", [790], "operations", at_s=45.1)),
        phase(
            "protection", 39.53, 66.2, 0.3, row("evidence.streaming", [88], member="patroni2", replicas=2, at_s=66.2)
        ),
    ]
    phases[0]["bound_s"] = [20.0, 30.0]
    phases[3]["bound_s"] = [3.0, 6.0]
    return {
        "id": 1,
        "number": 1,
        "recording": 1,
        "cause": "leader.killed",
        "target": "patroni1",
        "targets": ["patroni1"],
        "confidence": "high",
        "evidence": [
            expired,
            row("evidence.rest_failed", [31], member="patroni1", how="refused", at_s=7.9),
            row("evidence.sql_failed", [30], member="patroni1", how="refused", at_s=7.8),
        ],
        "rejected": [
            {"cause": "leader.stopped", "reason": "reason.lease_expired", "facts": {"member": "patroni1"}},
            {"cause": "leader.frozen", "reason": "reason.rest_how", "facts": {"member": "patroni1", "how": "refused"}},
            {"cause": "switchover", "reason": "reason.no_failover_asked", "facts": {}},
        ],
        "began_s": 7.67,
        "ended_s": 45.1,
        "began_utc": utc(7.67),
        "ended_utc": utc(45.1),
        "fault_to_write_s": 31.88,
        "write": cost(130, 618, 13, outage(7.67, 39.53, 153, 772, 618, 13), stable_s=36.9),
        "read": cost(823),
        "leader": {"before": "patroni1", "after": "patroni2", "timeline_before": 1, "timeline_after": 2},
        "phases": phases,
        "brownout_s": None,
        "brownout_bound_s": None,
        "lost_writes": 0,
        "lost": [],
        "redundancy_back_s": 58.5,
        "told": [
            {
                "kind": "fault.told",
                "at_s": 7.65,
                "utc": utc(7.65),
                "detail": {"component": "patroni", "action": "kill", "target": "patroni1"},
                "event_id": 29,
            }
        ],
        "returns": [
            {
                "member": "patroni1",
                "role": "replica",
                "timeline": 2,
                "answered_s": 50.4,
                "streaming_s": 58.5,
                "streaming_id": 88,
                "replayed": None,
                "diverged": None,
                "level": {"seconds": 60.5, "event_id": 90},
                "how": None,
                "event_ids": [84, 88],
            }
        ],
        "led_etcd": None,
        "testimony": testimony(),
        "pace": [
            pace("write", second, 0 if 8 <= second < 40 else 22, 22 if 8 <= second < 40 else 0)
            for second in range(3, 50)
        ],
    }


def reads(recording: int) -> ReadsFact:
    """Reads of one replica that was behind once, and of the other beside it."""
    few, none = ({"median": 0.0, "p95": 0.0, "p99": p99, "max": most} for p99, most in ((1.0, 12.0), (0.0, 0.0)))
    late = {"median": 0.0, "p95": 0.0, "p99": 0.003, "max": 1.9}
    back: BackFact = {
        "count": 3,
        "worst_writes": 12,
        "worst_writes_ids": [501, 540, 542],
        "worst_s": 1.9,
        "worst_s_ids": [501, 540, 542],
        "operation_ids": [542, 544, 546],
    }
    unmoved: BackFact = {
        "count": 0,
        "worst_writes": None,
        "worst_writes_ids": [],
        "worst_s": None,
        "worst_s_ids": [],
        "operation_ids": [],
    }

    def stale(server: str | None, reads: int, behind: int, writes: Any, behind_s: Any) -> StalenessFact:
        counts = {"reads": reads, "behind": behind, "writes": writes, "behind_s": behind_s}
        return {"role": "replica", "server": server, **counts}  # type: ignore[typeddict-item]

    return {
        "recording": recording,
        "acknowledged": 2802,
        "looked_at": 2802,
        "whole": True,
        "back_same_server": unmoved,
        "back_other_server": back,
        "staleness": [
            stale(None, 2802, 31, few, late),
            stale("patroni2", 1400, 0, none, none),
            stale("patroni3", 1402, 31, few, late),
        ],
        "read_then_lost": [],
    }


def no_reads() -> ReadsFact:
    """A recording whose reads told nothing."""
    return {
        "recording": 1,
        "acknowledged": 0,
        "looked_at": 0,
        "whole": True,
        "back_same_server": None,
        "back_other_server": None,
        "staleness": [],
        "read_then_lost": None,
    }


def crash() -> Facts:
    """SIGKILL of the leader: 31.9 s without writes, nothing lost."""
    return {
        "observer": "0.1.0",
        "recordings": [recording()],
        "incidents": [incident()],
        "durability": {
            "acknowledged": 2171,
            "audited": 2171,
            "unaudited": 0,
            "lost": 0,
            "lost_writes": [],
            "unknown": 13,
            "unknown_took_effect": 1,
            "failed_but_present": 0,
            "failed_but_present_writes": [],
        },
        "consistency": {"observed": True, "two_primaries": [], "hidden": [], "forks": [], "reads": [reads(1)]},
        "answers": [],
        "objectives": [],
        "warnings": [],
    }


def healthy() -> Facts:
    """A recording in which nothing happened."""
    facts = crash()
    only = facts["recordings"][0]
    only["leaderships"], only["blindness"] = [{**only["leaderships"][0], "to_s": None}], []
    only["captures"] = only["captures"][:1]
    only["totals"] = [{**total, "attempted": total["ok"], "failed": 0, "unknown": 0} for total in only["totals"]]
    only["failures"], only["read_only"] = [], []
    facts["incidents"] = []
    return facts


def nothing_seen() -> Facts:
    """A recording that was cut off, with no traffic and nothing known of the cluster."""
    facts = healthy()
    facts["recordings"][0] |= {
        "ended": None,
        "scope": None,
        "cluster_id": None,
        "live": None,
        "settings": {},
        "versions": {},
        "captures": [],
        "totals": [],
        "baseline": [],
        "served": [],
        "turned": None,
        "kept_led": None,
        "leaderships": [],
        "parts": [],
        "names": {},
        "etcd_leader": None,
        "watchers": [],
        "failures": [],
        "read_only": [],
        "live_id": None,
        "version_ids": {},
        "proxy": {"rise": None, "fall": None, "inter_ms": None, "inter_told": False, "event_ids": []},
        "checks": {"pauses": None, "timeouts": {}, "lingering": []},
        "lags": [],
        "lags_apart": [],
        "roles": [],
        "routes": [],
        "crowds": [],
        "promotions": [],
        "slept": [],
        "pace": [],
    }
    facts["consistency"] = {"observed": False, "two_primaries": [], "hidden": [], "forks": [], "reads": [no_reads()]}
    facts["durability"] = {
        "acknowledged": 0,
        "audited": 0,
        "unaudited": 0,
        "lost": None,
        "lost_writes": [],
        "unknown": 0,
        "unknown_took_effect": None,
        "failed_but_present": None,
        "failed_but_present_writes": [],
    }
    return facts


def lossy() -> Facts:
    """The crash again, of an unknown cause, still open at the end, with two writes lost and nothing of reads known."""
    facts = crash()
    only = facts["incidents"][0]
    only["cause"], only["target"], only["targets"], only["confidence"] = "unknown", None, [], "low"
    only["write"] = cost(153, 2000, 13, outage(7.67, 127.4, 153, None, 2000, 13))
    only["read"] = {**cost(0), "outage_s": None, "kept_outage_s": None, "fresh_outage_s": None}
    only["phases"], only["told"], only["redundancy_back_s"] = [], [], None
    only["leader"] = {"before": "patroni1", "after": None, "timeline_before": 1, "timeline_after": None}
    only["lost_writes"] = 2
    only["lost"] = [
        {
            "token": f"deadbeef-{n:010d}",
            "acknowledged_utc": utc(7.6),
            "acknowledged_s": 7.6,
            "server": "patroni1",
            "timeline": 1,
            "operation_id": n,
            "audit_id": 4,
        }
        for n in (152, 153)
    ]
    facts["durability"] |= {"lost": 2, "lost_writes": deepcopy(only["lost"])}
    return facts


def twice() -> Facts:
    """Two recordings: the crash, then a quiet one."""
    facts, second = crash(), healthy()["recordings"][0]
    facts["recordings"].append({**second, "id": 2})
    facts["consistency"]["reads"].append(reads(2))
    return facts


ALL = {"crash": crash, "healthy": healthy, "nothing_seen": nothing_seen, "lossy": lossy, "twice": twice}
