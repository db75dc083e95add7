"""The report's document: timelines and their findings in, plain facts out (the shape is in facts.py)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, get_args

from observer.timeline import SECOND_NS, Action, Event, Evidence, Findings, Incident, Lost, Outcome, Timeline
from reports import course, facts, portrait
from reports.analysis.baseline import baseline
from reports.analysis.consistency import two_primaries
from reports.analysis.durability import Durability, durability
from reports.analysis.outages import acknowledged
from reports.analysis.theory import live_settings
from reports.answers import answers_of
from reports.checks import warnings_of

# What `versions.captured` may tell of the observer itself; the rest is of what it watches.
COMPONENTS = ("observer", "python", "host", "libpq", "psycopg2", "patroni", "etcd", "haproxy", "postgres")


def facts_of(judged: Sequence[tuple[Timeline, Findings]], version: str) -> facts.Facts:
    """The whole document of one or more recordings, each with its findings; `version` is the observer's own."""
    incidents: list[facts.IncidentFact] = []
    for timeline, found in judged:
        incidents += [
            _incident(timeline, found, incident, len(incidents) + 1 + i) for i, incident in enumerate(found.incidents)
        ]
    document: facts.Facts = {
        "observer": version,
        "recordings": [_recording(timeline, found) for timeline, found in judged],
        "incidents": incidents,
        "durability": _durability([(timeline, durability(timeline)) for timeline, _ in judged]),
        "consistency": {
            "observed": all(_asked_directly(timeline) for timeline, _ in judged),
            "two_primaries": [both for timeline, _ in judged for both in _both(timeline)],
        },
        "answers": [],
        "objectives": [],
        "warnings": [],
    }
    document["answers"] = answers_of(document)
    document["warnings"] = warnings_of(document)
    return document


def seconds(at_ns: int) -> float:
    """Nanoseconds as seconds, exact to the microsecond: what is printed is rounded later."""
    return round(at_ns / SECOND_NS, 6)


def _or_none(at_ns: int | None) -> float | None:
    return None if at_ns is None else seconds(at_ns)


def _utc(timeline: Timeline, at_ns: int) -> str:
    return timeline.recording.utc(at_ns).isoformat()


def _evidence(evidence: Evidence) -> facts.EvidenceFact:
    return {"table": evidence.table, "ids": list(evidence.ids), "says": evidence.says, "facts": dict(evidence.facts)}


def _incident(timeline: Timeline, found: Findings, incident: Incident, number: int) -> facts.IncidentFact:
    return {
        "id": number,
        "number": incident.number,
        "recording": timeline.recording.id,
        "cause": incident.cause,
        "target": incident.target,
        "targets": list(incident.targets),
        "confidence": incident.confidence,
        "evidence": [_evidence(evidence) for evidence in incident.evidence],
        "rejected": [{"cause": r.cause, "reason": r.reason, "facts": dict(r.facts)} for r in incident.rejected],
        "began_s": seconds(incident.began_ns),
        "ended_s": seconds(incident.ended_ns),
        "began_utc": _utc(timeline, incident.began_ns),
        "ended_utc": _utc(timeline, incident.ended_ns),
        "fault_to_write_s": _or_none(incident.fault_to_write_ns),
        "write": _cost(incident, "write"),
        "read": _cost(incident, "read"),
        "leader": {
            "before": incident.leader_before,
            "after": incident.leader_after,
            "timeline_before": incident.timeline_before,
            "timeline_after": incident.timeline_after,
        },
        "phases": [
            {
                "name": phase.name,
                "began_s": seconds(phase.began.by_ns),
                "ended_s": seconds(phase.ended.by_ns),
                "seconds": seconds(phase.duration_ns),
                "shortest_s": seconds(phase.shortest_ns),
                "longest_s": seconds(phase.longest_ns),
                "bound_s": None if phase.bound_s is None else list(phase.bound_s),
                "evidence": [_evidence(e) for e in (phase.began_by, phase.ended_by) if e is not None],
            }
            for phase in incident.phases
        ],
        "brownout_s": _or_none(incident.brownout_ns),
        "lost_writes": None if incident.lost is None else len(incident.lost),
        "lost": [_lost(timeline, lost) for lost in incident.lost or ()],
        "redundancy_back_s": _or_none(incident.redundancy_back_ns),
        "told": [_told(timeline, event) for event in incident.told],
        "returns": course.returns_of(timeline, incident, _next_of(found, incident, timeline)),
        "led_etcd": course.led_etcd(timeline, incident),
        "pace": course.pace_around(timeline, incident),
    }


def _next_of(found: Findings, incident: Incident, timeline: Timeline) -> int:
    """When the next incident about the same member begins, or the recording ends."""
    own = {incident.target, *incident.targets}
    later = [i.began_ns for i in found.incidents if i.began_ns > incident.began_ns and own & {i.target, *i.targets}]
    return min(later, default=timeline.recording.until_ns)


def _cost(incident: Incident, action: Action) -> facts.CostFact:
    cost = incident.write if action == "write" else incident.read
    return {
        "outage_s": _or_none(cost.outage_ns),
        "stable_s": _or_none(cost.stable_ns),
        "open": cost.open,
        "ok": cost.ok,
        "failed": cost.failed,
        "unknown": cost.unknown,
        "outages": [
            {
                "began_s": seconds(outage.began_ns),
                "ended_s": seconds(outage.ended_ns),
                "seconds": seconds(outage.duration_ns),
                "open": outage.open,
                "before_id": outage.before_id,
                "after_id": outage.after_id,
                "failed": outage.failed,
                "unknown": outage.unknown,
            }
            for outage in cost.outages
        ],
    }


def _lost(timeline: Timeline, lost: Lost) -> facts.LostFact:
    return {
        "token": lost.token,
        "acknowledged_utc": _utc(timeline, lost.acknowledged_ns),
        "acknowledged_s": seconds(lost.acknowledged_ns),
        "server": lost.server,
        "timeline": lost.timeline,
        "operation_id": lost.operation_id,
        "audit_id": lost.audit_id,
    }


def _told(timeline: Timeline, event: Event) -> facts.ToldFact:
    return {
        "kind": event.kind,
        "at_s": seconds(event.by_ns),
        "utc": _utc(timeline, event.by_ns),
        "detail": dict(event.detail),
        "event_id": event.id,
    }


def _recording(timeline: Timeline, found: Findings) -> facts.RecordingFact:
    recording = timeline.recording
    live = live_settings(timeline)
    return {
        "id": recording.id,
        "began_utc": recording.began_utc.isoformat(),
        "ended_utc": _utc(timeline, recording.until_ns),
        "duration_s": seconds(recording.until_ns),
        "ended": recording.ended,
        "scope": recording.scope,
        "cluster_id": recording.cluster_id,
        "settings": dict(recording.settings),
        "live": None if live is None else dict(live),
        "versions": _versions(timeline),
        "captures": _captures(timeline),
        "totals": [_totals(timeline, action) for action in get_args(Action) if _ran(timeline, action)],
        "baseline": [
            {
                "action": b.action,
                "probe": b.probe,
                "from_s": seconds(b.from_ns),
                "to_s": seconds(b.until_ns),
                "operations": b.operations,
                "failed": b.failed,
                "rate_per_s": round(b.rate_per_s, 3),
                "p50_ms": b.p50_ms,
                "p95_ms": b.p95_ms,
                "p99_ms": b.p99_ms,
                "max_ms": b.max_ms,
            }
            for b in baseline(timeline, found.incidents)
        ],
        "served": [
            {
                "action": s.action,
                "probe": s.probe,
                "server": s.server,
                "address": s.address,
                "in_recovery": s.in_recovery,
                "timeline": s.timeline,
                "operations": s.operations,
            }
            for s in timeline.served
        ],
        "leaderships": [
            {
                "member": spell.member,
                "timeline": spell.timeline,
                "from_s": seconds(spell.from_ns),
                "to_s": _or_none(spell.until_ns),
                "from_utc": _utc(timeline, spell.from_ns),
            }
            for spell in found.leaderships
        ],
        "blindness": [
            {
                "source": spell.source,
                "subject": spell.subject,
                "how": spell.how,
                "from_s": seconds(spell.from_ns),
                "to_s": _or_none(spell.until_ns),
                "event_id": spell.event_id,
            }
            for spell in found.blindness
        ],
        "notes": [_told(timeline, event) for event in timeline.events if event.kind == "note.told"],
        "parts": portrait.parts_of(timeline),
        "proxy": portrait.proxy_of(timeline),
        "lags": portrait.lags_of(timeline),
        "roles": course.roles_of(timeline),
        "routes": course.routes_of(timeline),
        "quorum": course.quorum_of(timeline),
        "proofs": course.proofs_of(timeline),
        "pace": course.pace_of(timeline),
    }


def _versions(timeline: Timeline) -> dict[str, str]:
    """The version of each component, as it was told last; what members run in different versions is joined."""
    told: dict[str, dict[str, str]] = {}
    for event in timeline.events:
        if event.kind == "versions.captured":
            for name in COMPONENTS:
                if event.detail.get(name):
                    told.setdefault(name, {})[f"{event.source} {event.subject}"] = str(event.detail[name])
        elif event.kind == "member.changed" and event.source == "patroni" and event.detail.get("patroni_version"):
            told.setdefault("patroni", {})[event.subject] = str(event.detail["patroni_version"])
    return {name: ", ".join(sorted(set(told[name].values()))) for name in COMPONENTS if name in told}


def _captures(timeline: Timeline) -> list[facts.CaptureFact]:
    """The cluster and the pools as they were captured; what was captured within 2 s of each other stands together."""
    found: list[facts.CaptureFact] = []
    for event in timeline.events:
        if event.kind not in ("cluster.captured", "pools.captured"):
            continue
        name = "members" if event.kind == "cluster.captured" else "pools"
        rows = [dict(row) for row in event.detail.get(name) or () if isinstance(row, Mapping)]
        ids = [] if event.id is None else [event.id]
        if name == "members":
            ids += _add_positions(timeline, event.by_ns, rows)
        last = found[-1] if found else None
        if last is not None and not last[name] and seconds(event.by_ns) - last["at_s"] < 2:  # type: ignore[literal-required]
            last[name] = rows  # type: ignore[literal-required]  # one of the two keys of the shape
            last["event_ids"] += ids
            continue
        capture: facts.CaptureFact = {
            "at_s": seconds(event.by_ns),
            "utc": _utc(timeline, event.by_ns),
            "members": rows if name == "members" else [],
            "pools": rows if name == "pools" else [],
            "event_ids": ids,
        }
        found.append(capture)
    return found


def _add_positions(timeline: Timeline, at_ns: int, rows: list[dict[str, Any]]) -> list[int]:
    """Adds to the rows of members the position in the log that was sampled nearest; gives the rows it came from."""
    ids = []
    for member, (position, row_id) in sorted(portrait.positions_at(timeline, at_ns).items()):
        for row in rows:
            if row.get("name") == member:
                row.setdefault("lsn", portrait.written_lsn(position))
                ids += [] if row_id is None else [row_id]
    return ids


def _ran(timeline: Timeline, action: Action) -> bool:
    return any(s.action == action for s in timeline.seconds) or any(o.action == action for o in timeline.operations)


def _totals(timeline: Timeline, action: Action) -> facts.TotalsFact:
    if timeline.seconds:
        own = [s for s in timeline.seconds if s.action == action]
        ok, failed, unknown = (sum(getattr(s, name) for s in own) for name in ("ok", "failed", "unknown"))
    else:
        ok = acknowledged(timeline, action, -1, timeline.recording.until_ns)
        outcomes = [o.outcome for o in timeline.operations if o.action == action]
        failed, unknown = outcomes.count(Outcome.FAIL), outcomes.count(Outcome.UNKNOWN)
    return {"action": action, "attempted": ok + failed + unknown, "ok": ok, "failed": failed, "unknown": unknown}


def _durability(told: Sequence[tuple[Timeline, Durability]]) -> facts.DurabilityFact:
    """All recordings together. What one of them does not know, the whole does not know."""

    def total(values: Sequence[int | None]) -> int | None:
        known = [value for value in values if value is not None]
        return sum(known) if known and len(known) == len(values) else None

    kept = [one for _, one in told if one.acknowledged or one.unknown]
    unaudited = sum(one.unaudited for one in kept)
    written = sum(one.acknowledged for one in kept)
    return {
        "acknowledged": written,
        "audited": written - unaudited,
        "unaudited": unaudited,
        "lost": total([None if one.lost is None else len(one.lost) for one in kept]),
        "lost_writes": [_lost(timeline, lost) for timeline, one in told for lost in one.lost or ()],
        "unknown": sum(one.unknown for one in kept),
        "unknown_took_effect": total([one.unknown_took_effect for one in kept]),
        "failed_but_present": total([one.failed_but_present for one in kept]),
    }


def _asked_directly(timeline: Timeline) -> bool:
    """Whether the PostgreSQL of two members or more answered for itself: else two primaries could not be seen."""
    answered = {e.subject for e in timeline.events if e.source == "postgres" and "in_recovery" in e.detail}
    return len(answered) > 1


def _both(timeline: Timeline) -> list[dict[str, Any]]:
    return [
        {
            "recording": timeline.recording.id,
            "members": list(both.members),
            "from_s": seconds(both.from_ns),
            "to_s": seconds(both.until_ns),
            "seconds": seconds(both.until_ns - both.from_ns),
            "event_ids": [event.id for event in both.events if event.id is not None],
        }
        for both in two_primaries(timeline)
    ]
