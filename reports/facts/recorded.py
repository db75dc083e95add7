"""A recording as plain facts: what it was, what was captured of the cluster, what the traffic did. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from observer.findings import Findings, Leadership
from observer.timeline import Action, Outcome, Timeline
from reports.analysis.baseline import baseline
from reports.analysis.outages import acknowledged
from reports.analysis.theory import live_settings
from reports.analysis.unobserved import unobserved
from reports.facts import checking, course, dashboards, lagging, loaded, pace, portrait, shape, turns
from reports.facts.moments import or_none, seconds, told, utc_of

# What `versions.captured` may tell of the observer itself; the rest is of what it watches.
COMPONENTS = ("observer", "python", "host", "libpq", "psycopg2", "patroni", "etcd", "haproxy", "postgres")


def recording_facts(timeline: Timeline, found: Findings) -> shape.RecordingFact:
    """Everything that the report says of one recording beside its incidents."""
    recording = timeline.recording
    live, versions = live_settings(timeline), _versions(timeline)
    roles = course.roles_of(timeline)
    return {
        "id": recording.id,
        "began_utc": recording.began_utc.isoformat(),
        "ended_utc": utc_of(timeline, recording.until_ns),
        "duration_s": seconds(recording.until_ns),
        "ended": recording.ended,
        "scope": recording.scope,
        "cluster_id": recording.cluster_id,
        "settings": dict(recording.settings),
        "live": None if live is None else dict(live),
        "live_id": _row_of(timeline, live),
        "versions": {name: ", ".join(sorted(told)) for name, told in versions.items()},
        "version_ids": {name: sorted(row for ids in told.values() for row in ids) for name, told in versions.items()},
        "captures": _captures(timeline),
        "totals": [_totals(timeline, action) for action in get_args(Action) if _ran(timeline, action)],
        "failures": loaded.failures_of(timeline),
        "read_only": loaded.read_only_of(timeline, found.incidents),
        "baseline": [
            {
                "action": b.action,
                "probe": b.probe,
                "spells": [[seconds(from_ns), seconds(until_ns)] for from_ns, until_ns in b.spells],
                "operations": b.operations,
                "failed": b.failed,
                "unknown": b.unknown,
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
        "turned": turns.turned_of(timeline),
        "kept_led": turns.kept_of(timeline),
        "leaderships": [
            {
                "member": spell.member,
                "timeline": spell.timeline,
                "timelines": _timelines(timeline, spell),
                "from_s": seconds(spell.from_ns),
                "to_s": or_none(spell.until_ns),
                "from_utc": utc_of(timeline, spell.from_ns),
                "demoted": course.demoted_of(roles, seconds(spell.from_ns), or_none(spell.until_ns), spell.member),
            }
            for spell in found.leaderships
        ],
        "blindness": [
            {
                "source": spell.source,
                "subject": spell.subject,
                "how": spell.how,
                "from_s": seconds(spell.from_ns),
                "to_s": or_none(spell.until_ns),
                "event_id": spell.event_id,
            }
            for spell in found.blindness
        ],
        "unobserved": [
            {"action": action, "from_s": seconds(from_ns), "to_s": seconds(until_ns)}
            for action in get_args(Action)
            for from_ns, until_ns in unobserved(timeline, action)
        ],
        "notes": [told(timeline, event) for event in timeline.events if event.kind == "note.told"],
        "parts": portrait.parts_of(timeline),
        "watchers": portrait.watchers_of(timeline),
        "names": portrait.names_of(timeline),
        "etcd_leader": portrait.etcd_leader_of(timeline),
        "proxy": portrait.proxy_of(timeline),
        "checks": checking.checks_of(timeline),
        "lags": lagging.lags_of(timeline),
        "lags_apart": lagging.apart_of(timeline),
        "roles": roles,
        "promotions": course.promotions_of(timeline),
        "routes": course.routes_of(timeline),
        "crowds": course.crowds_of(timeline),
        "quorum": course.quorum_of(timeline),
        "dashboards": dashboards.shown(timeline),
        "slept": course.slept_of(timeline),
        "proofs": course.proofs_of(timeline),
        "pace": pace.pace_of(timeline),
    }


def _timelines(timeline: Timeline, spell: Leadership) -> list[int]:
    """Every timeline on which a leader was a primary within its spell, by direct SQL; rising."""
    until_ns = timeline.recording.until_ns if spell.until_ns is None else spell.until_ns
    said = {
        event.detail["timeline"]
        for event in portrait.events_between(timeline, spell.from_ns, until_ns)
        if event.kind == "member.changed" and event.source == "postgres" and event.subject == spell.member
        if event.detail.get("in_recovery") is False and isinstance(event.detail.get("timeline"), int)
    }
    return sorted(said | ({spell.timeline} if spell.timeline is not None else set()))


def _row_of(timeline: Timeline, live: Mapping[str, Any] | None) -> int | None:
    """The last row that tells these settings: a change of them, or a capture of the cluster."""
    told = [e for e in timeline.events if e.kind in ("config.changed", "cluster.captured")]
    first = sorted(told, key=lambda e: e.kind == "cluster.captured")
    own = [e.id for e in first if live is not None and e.detail.get("config") == live]
    return own[0] if own else None


def _versions(timeline: Timeline) -> dict[str, dict[str, list[int]]]:
    """The versions of each component, as each of its members told them last, with the first row that told it so."""
    told: dict[str, dict[str, tuple[str, int | None]]] = {}

    def note(name: str, who: str, version: object, row: int | None) -> None:
        known = told.setdefault(name, {})
        if version and (who not in known or known[who][0] != str(version)):
            known[who] = (str(version), row)

    for event in timeline.events:
        if event.kind == "versions.captured":
            for name in COMPONENTS:
                note(name, f"{event.source} {event.subject}", event.detail.get(name), event.id)
        elif event.kind == "member.changed" and event.source == "patroni":
            note("patroni", event.subject, event.detail.get("patroni_version"), event.id)
    found: dict[str, dict[str, list[int]]] = {name: {} for name in COMPONENTS if told.get(name)}
    for name, rows in found.items():
        for version, row in told[name].values():
            rows.setdefault(version, []).extend([] if row is None else [row])
    return found


def _captures(timeline: Timeline) -> list[shape.CaptureFact]:
    """The cluster and the pools as they were captured; what was captured within 2 s of each other stands together."""
    found: list[shape.CaptureFact] = []
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
            last[name], last[f"{name}_id"] = rows, event.id  # type: ignore[literal-required]  # two keys of the shape
            last["event_ids"] += ids
            continue
        capture: shape.CaptureFact = {
            "at_s": seconds(event.by_ns),
            "utc": utc_of(timeline, event.by_ns),
            "members": rows if name == "members" else [],
            "pools": rows if name == "pools" else [],
            "members_id": event.id if name == "members" else None,
            "pools_id": event.id if name == "pools" else None,
            "event_ids": ids,
        }
        found.append(capture)
    return found


def _add_positions(timeline: Timeline, at_ns: int, rows: list[dict[str, Any]]) -> list[int]:
    """Adds to the rows of members the position in the log that was sampled nearest; gives the rows it came from."""
    ids = []
    for member, (position, row_id) in sorted(portrait.positions_at(timeline, at_ns).items()):
        for row in rows:
            if row.get("name") == member and "lsn" not in row:
                row |= {"lsn": portrait.written_lsn(position), "lsn_id": row_id}
                ids += [] if row_id is None else [row_id]
    return ids


def _ran(timeline: Timeline, action: Action) -> bool:
    return any(s.action == action for s in timeline.seconds) or any(o.action == action for o in timeline.operations)


def _totals(timeline: Timeline, action: Action) -> shape.TotalsFact:
    if timeline.seconds:
        own = [s for s in timeline.seconds if s.action == action]
        ok, failed, unknown = (sum(getattr(s, name) for s in own) for name in ("ok", "failed", "unknown"))
    else:
        ok = acknowledged(timeline, action, -1, timeline.recording.until_ns)
        outcomes = [o.outcome for o in timeline.operations if o.action == action]
        failed, unknown = outcomes.count(Outcome.FAIL), outcomes.count(Outcome.UNKNOWN)
    return {"action": action, "attempted": ok + failed + unknown, "ok": ok, "failed": failed, "unknown": unknown}
