"""A recording as plain facts: what it was, what was captured of the cluster, what the traffic did. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from observer.model.findings import Findings, Leadership
from observer.model.recording import Action, Outcome, Recording
from reports.analysis.baseline import baseline
from reports.analysis.coverage import unobserved
from reports.analysis.outages import acknowledged
from reports.analysis.reachability import unreachable
from reports.analysis.theory import live_settings, settings_history
from reports.facts import checking, course, dashboards, lagging, loaded, pace, portrait, shape, turns
from reports.facts.moments import or_none, seconds, told, utc_of

# What `versions.captured` may tell of the observer itself; the rest is of what it watches.
COMPONENTS = ("observer", "python", "host", "libpq", "psycopg2", "patroni", "etcd", "haproxy", "postgres")


def recording_facts(recording: Recording, found: Findings) -> shape.RecordingFact:
    """Everything that the report says of one recording beside its incidents."""
    header = recording.header
    live, versions = live_settings(settings_history(recording.events)), _versions(recording)
    roles = course.roles_of(recording)
    return {
        "id": header.id,
        "began_utc": header.began_utc.isoformat(),
        "ended_utc": utc_of(recording, header.until_ns),
        "duration_s": seconds(header.until_ns),
        "ended": header.ended,
        "scope": header.scope,
        "cluster_id": header.cluster_id,
        "settings": dict(header.settings),
        "live": None if live is None else dict(live.values),
        "live_id": None if live is None else live.event.id,
        "versions": {name: ", ".join(sorted(told)) for name, told in versions.items()},
        "version_ids": {name: sorted(row for ids in told.values() for row in ids) for name, told in versions.items()},
        "captures": _captures(recording),
        "totals": [_totals(recording, action) for action in get_args(Action) if _ran(recording, action)],
        "failures": loaded.failures_of(recording),
        "read_only": loaded.read_only_of(recording, found.incidents),
        "baseline": [
            {
                "action": b.action,
                "probe": b.probe,
                "spells": [[seconds(from_ns), seconds(until_ns)] for from_ns, until_ns in b.periods],
                "operations": b.operations,
                "failed": b.failed,
                "unknown": b.unknown,
                "rate_per_s": b.rate_per_s,
                "p50_ms": b.p50_ms,
                "p95_ms": b.p95_ms,
                "p99_ms": b.p99_ms,
                "max_ms": b.max_ms,
            }
            for b in baseline(recording, found)
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
            for s in recording.served
        ],
        "turned": turns.turned_of(recording),
        "kept_led": turns.kept_of(recording),
        "leaderships": [
            {
                "member": spell.member,
                "timeline": spell.timeline,
                "timelines": _timelines(recording, spell),
                "from_s": seconds(spell.from_ns),
                "to_s": or_none(spell.until_ns),
                "from_utc": utc_of(recording, spell.from_ns),
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
                "event_id": spell.event.id,
            }
            for spell in found.unreachable
        ],
        "unobserved": [
            {"action": action, "from_s": seconds(from_ns), "to_s": seconds(until_ns)}
            for action in get_args(Action)
            for from_ns, until_ns in unobserved(recording, unreachable(recording), action)
        ],
        "notes": [told(recording, event) for event in recording.events if event.kind == "note.told"],
        "parts": portrait.parts_of(recording),
        "watchers": portrait.watchers_of(recording),
        "names": portrait.names_of(recording),
        "etcd_leader": portrait.etcd_leader_of(recording),
        "proxy": portrait.proxy_of(recording),
        "checks": checking.checks_of(recording),
        "lags": lagging.lags_of(recording),
        "lags_apart": lagging.apart_of(recording),
        "roles": roles,
        "promotions": course.promotions_of(recording),
        "routes": course.routes_of(recording),
        "crowds": course.crowds_of(recording),
        "quorum": course.quorum_of(recording),
        "dashboards": dashboards.shown(recording),
        "slept": course.slept_of(recording),
        "proofs": course.proofs_of(recording),
        "pace": pace.pace_of(recording),
    }


def _timelines(recording: Recording, spell: Leadership) -> list[int]:
    """Every timeline on which a leader was a primary within its spell, by direct SQL; rising."""
    until_ns = recording.header.until_ns if spell.until_ns is None else spell.until_ns
    said = {
        event.detail["timeline"]
        for event in portrait.events_between(recording, spell.from_ns, until_ns)
        if event.kind == "member.changed" and event.source == "postgres" and event.subject == spell.member
        if event.detail.get("in_recovery") is False and isinstance(event.detail.get("timeline"), int)
    }
    return sorted(said | ({spell.timeline} if spell.timeline is not None else set()))


def _versions(recording: Recording) -> dict[str, dict[str, list[int]]]:
    """The versions of each component, as each of its members told them last, with the first row that told it so."""
    told: dict[str, dict[str, tuple[str, int | None]]] = {}

    def note(name: str, who: str, version: object, row: int | None) -> None:
        known = told.setdefault(name, {})
        if version and (who not in known or known[who][0] != str(version)):
            known[who] = (str(version), row)

    for event in recording.events:
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


def _captures(recording: Recording) -> list[shape.CaptureFact]:
    """The cluster and the pools as they were captured; what was captured within 2 s of each other stands together."""
    found: list[shape.CaptureFact] = []
    for event in recording.events:
        if event.kind not in ("cluster.captured", "pools.captured"):
            continue
        name = "members" if event.kind == "cluster.captured" else "pools"
        rows = [dict(row) for row in event.detail.get(name) or () if isinstance(row, Mapping)]
        ids = [] if event.id is None else [event.id]
        if name == "members":
            ids += _add_positions(recording, event.by_ns, rows)
        last = found[-1] if found else None
        if last is not None and not last[name] and seconds(event.by_ns) - last["at_s"] < 2:  # type: ignore[literal-required]
            last[name], last[f"{name}_id"] = rows, event.id  # type: ignore[literal-required]  # two keys of the shape
            last["event_ids"] += ids
            continue
        capture: shape.CaptureFact = {
            "at_s": seconds(event.by_ns),
            "utc": utc_of(recording, event.by_ns),
            "members": rows if name == "members" else [],
            "pools": rows if name == "pools" else [],
            "members_id": event.id if name == "members" else None,
            "pools_id": event.id if name == "pools" else None,
            "event_ids": ids,
        }
        found.append(capture)
    return found


def _add_positions(recording: Recording, at_ns: int, rows: list[dict[str, Any]]) -> list[int]:
    """Adds to the rows of members the position in the log that was sampled nearest; gives the rows it came from."""
    ids = []
    for member, (position, row_id) in sorted(portrait.positions_at(recording, at_ns).items()):
        for row in rows:
            if row.get("name") == member and "lsn" not in row:
                row |= {"lsn": portrait.written_lsn(position), "lsn_id": row_id}
                ids += [] if row_id is None else [row_id]
    return ids


def _ran(recording: Recording, action: Action) -> bool:
    return any(s.action == action for s in recording.seconds) or any(o.action == action for o in recording.operations)


def _totals(recording: Recording, action: Action) -> shape.TotalsFact:
    if recording.seconds:
        own = [s for s in recording.seconds if s.action == action]
        ok, failed, unknown = (sum(getattr(s, name) for s in own) for name in ("ok", "failed", "unknown"))
    else:
        ok = acknowledged(recording, action, -1, recording.header.until_ns)
        outcomes = [o.outcome for o in recording.operations if o.action == action]
        failed, unknown = outcomes.count(Outcome.FAIL), outcomes.count(Outcome.UNKNOWN)
    return {"action": action, "attempted": ok + failed + unknown, "ok": ok, "failed": failed, "unknown": unknown}
