"""What others than the rules' own signs tell of an incident: logs, the container engine, refusals, etcd's absences.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypedDict

from observer.model.findings import Incident, Unreachable
from observer.model.recording import SECOND_NS, Event, Outcome, Recording
from reports.analysis.outages import acknowledged
from reports.analysis.quorum import majority_gone
from reports.analysis.reachability import unreachable
from reports.analysis.theory import live_settings, settings_history
from reports.facts.course import raft_leader
from reports.facts.engine import StartedFact, able, started
from reports.facts.halted import HaltedFact, halted
from reports.facts.incident_reads import (
    AnsweredFact,
    KeptReadsFact,
    UnluckyFact,
    answered_by,
    kept_reads,
    unlucky_reads,
)
from reports.facts.moments import or_none, seconds
from reports.facts.portrait import events_between

# What a member's log says of its own role.
OWN_ROLE = ("demoted", "promoted", "new_timeline")
# A kill is told, and shows in the container engine, a moment before the incident's first sign.
TOLD_NS = 2 * SECOND_NS
READ_ONLY = "25006"


class LineFact(TypedDict):
    """A line of a member's log about its own role, as it stands there."""

    member: str
    says: str
    text: str
    at_s: float
    event_id: int | None


class EndedFact(TypedDict):
    """A container that ended, as its engine told."""

    name: str
    code: int | None
    at_s: float
    event_id: int | None


class RefusedFact(TypedDict):
    """Writes that a server in recovery refused (SQLSTATE 25006): how many, when, the first and the last row."""

    count: int
    from_s: float
    to_s: float
    first_id: int | None
    last_id: int | None


class WindowFact(TypedDict):
    """Something that certainly happened between two moments, with the rows that show it."""

    after_s: float
    by_s: float
    event_ids: list[int]


class AwayFact(TypedDict):
    """A member of etcd that did not answer, and the operations meanwhile. `to_s` None: not back in the recording.

    It came back between `after_s` and `to_s`.
    """

    endpoint: str
    from_s: float
    after_s: float | None
    to_s: float | None
    blind_id: int | None
    sees_id: int | None
    writes: int
    reads: int
    failed: int


class ElectionFact(TypedDict):
    """An election within etcd, between two looks. `start`: the start before which it could not be."""

    before: str | None
    leader: str | None
    term_before: int | None
    term: int | None
    after_s: float
    by_s: float
    event_id: int | None
    start: StartedFact | None


class RaftFact(TypedDict):
    """Who led etcd, and the row that tells."""

    endpoint: str
    event_id: int | None


class PeakFact(TypedDict):
    """The server that held more than half of the proxy's sessions at once, by the two looks between which it did."""

    pool: str
    server: str
    most: int
    event_ids: list[int]


class TestimonyFact(TypedDict):
    """All of it for one incident. `majority_gone`: when most of etcd was gone; `brownout`: how long it may have been.

    `failsafe_mode` as it was set when the incident began, told by the row `config_id`.
    `timeline_ids`: where the leader after the incident first said its new timeline, by SQL and in its log.
    """

    lines: list[LineFact]
    ended: list[EndedFact]
    started: list[StartedFact]
    read_only: RefusedFact | None
    majority_gone: WindowFact | None
    etcd_away: list[AwayFact]
    etcd_led: RaftFact | None
    elections: list[ElectionFact]
    peak: PeakFact | None
    brownout: WindowFact | None
    unlucky_reads: UnluckyFact | None
    kept_reads: KeptReadsFact | None
    answered: AnsweredFact
    halted: HaltedFact | None
    failsafe_mode: bool
    config_id: int | None
    timeline_ids: list[int]


def testimony_of(recording: Recording, incident: Incident) -> TestimonyFact:
    """What others tell of an incident."""
    first_ns = min((e.by_ns for e in incident.injected if e.kind == "fault.told"), default=incident.began_ns)
    own = events_between(recording, min(first_ns, incident.began_ns) - TOLD_NS, incident.ended_ns)
    away = tuple(s for s in unreachable(recording) if s.source == "etcd" and ":" in s.subject and not s.initial)
    live = live_settings(settings_history(recording.events), incident.began_ns)
    return {
        "lines": [
            {
                "member": e.subject,
                "says": str(e.detail.get("says")),
                "text": str(e.detail.get("text")),
                "at_s": seconds(e.by_ns),
                "event_id": e.id,
            }
            for e in own
            if e.kind == "log.told" and e.detail.get("says") in OWN_ROLE and e.by_ns >= incident.began_ns
        ],
        "ended": [
            {"name": e.subject, "code": _whole(e.detail, "exit_code"), "at_s": seconds(e.by_ns), "event_id": e.id}
            for e in own
            if e.kind == "container.ended"
        ],
        "started": started(own),
        "read_only": _read_only(recording, incident),
        "majority_gone": _majority_gone(recording, away, own),
        "etcd_away": [
            _away(recording, spell)
            for spell in away
            if incident.began_ns - TOLD_NS <= spell.began_ns <= incident.ended_ns and not spell.noise
        ],
        "etcd_led": None if (led := raft_leader(recording, incident.began_ns)) is None else _raft(*led),
        "elections": [
            _election(recording, own, e)
            for e in own
            if e.kind == "raft.elected" and isinstance(e.detail.get("before"), dict)
        ],
        "peak": _peak(recording, incident),
        "brownout": _brownout(incident),
        "unlucky_reads": unlucky_reads(recording, incident),
        "kept_reads": kept_reads(recording, incident),
        "answered": answered_by(recording, incident),
        "halted": halted(recording, incident),
        "failsafe_mode": bool(live is not None and live.values.get("failsafe_mode")),
        "config_id": None if live is None else live.event.id,
        "timeline_ids": _timeline_ids(own, incident),
    }


def _raft(endpoint: str, event_id: int | None) -> RaftFact:
    return {"endpoint": endpoint, "event_id": event_id}


def _read_only(recording: Recording, incident: Incident) -> RefusedFact | None:
    own = [
        o
        for o in recording.operations
        if o.action == "write" and o.sqlstate == READ_ONLY and incident.began_ns <= o.finished_ns <= incident.ended_ns
    ]
    if not own:
        return None
    return {
        "count": len(own),
        "from_s": seconds(own[0].finished_ns),
        "to_s": seconds(own[-1].finished_ns),
        "first_id": own[0].id,
        "last_id": own[-1].id,
    }


def _majority_gone(recording: Recording, away: tuple[Unreachable, ...], own: Sequence[Event]) -> WindowFact | None:
    lost = next((e for e in own if e.kind == "quorum.lost"), None)
    at_ns = max((s.began_ns for s in away if own and own[0].by_ns <= s.began_ns <= own[-1].by_ns), default=None)
    known_ns = at_ns if lost is None else lost.by_ns
    gone = None if known_ns is None else majority_gone(recording, away, known_ns)
    if gone is None:
        return None
    window, silent = gone
    return {
        "after_s": seconds(window.after_ns),
        "by_s": seconds(window.by_ns),
        "event_ids": sorted(s.failures[0].id for s in silent if s.failures[0].id is not None),
    }


def _away(recording: Recording, spell: Unreachable) -> AwayFact:
    from_ns, until_ns = spell.began_ns, spell.ended_ns(recording.header.until_ns)
    failed = [o for o in recording.operations if o.outcome is not Outcome.OK and from_ns < o.finished_ns <= until_ns]
    return {
        "endpoint": spell.subject,
        "from_s": seconds(from_ns),
        "after_s": None if spell.back is None else seconds(spell.back.window.after_ns),
        "to_s": or_none(None if spell.back is None else spell.back.by_ns),
        "blind_id": spell.failures[0].id,
        "sees_id": None if spell.back is None else spell.back.id,
        "writes": acknowledged(recording, "write", from_ns, until_ns),
        "reads": acknowledged(recording, "read", from_ns, until_ns),
        "failed": len(failed),
    }


def _election(recording: Recording, own: Sequence[Event], event: Event) -> ElectionFact:
    before = event.detail["before"]
    return {
        "before": before.get("leader"),
        "leader": event.detail.get("leader"),
        "term_before": _whole(before, "term"),
        "term": _whole(event.detail, "term"),
        "after_s": seconds(event.window.after_ns),
        "by_s": seconds(event.by_ns),
        "event_id": event.id,
        "start": able(recording, own, event),
    }


def _peak(recording: Recording, incident: Incident) -> PeakFact | None:
    """Between the last look at the statistics before the incident and the first after its first outage."""
    looks = [e for e in recording.events if e.kind == "pools.captured"]
    before = next((e for e in reversed(looks) if e.by_ns < incident.began_ns), None)
    after = next((e for e in looks if e.by_ns >= incident.ended_ns), None)
    if before is None or after is None or before.subject != after.subject:
        return None
    was, now = _sessions_max(before), _sessions_max(after)
    rose = {key: most for key, (most, limit) in now.items() if most > was.get(key, (most, 0))[0] and 2 * most > limit}
    if not rose:
        return None
    (pool, server), most = max(rose.items(), key=lambda item: item[1])
    ids = [e.id for e in (before, after) if e.id is not None]
    return {"pool": pool, "server": server, "most": most, "event_ids": ids}


def _sessions_max(event: Event) -> dict[tuple[str, str], tuple[int, int]]:
    """The most sessions at once that each server ever had, and how many it may have."""
    rows = [row for row in event.detail.get("pools") or () if isinstance(row, Mapping)]
    return {
        (str(row.get("pool")), str(row.get("server"))): (most, _whole(row, "sessions_limit") or 0)
        for row in rows
        if row.get("server") not in ("FRONTEND", "BACKEND") and (most := _whole(row, "sessions_max")) is not None
    }


def _brownout(incident: Incident) -> WindowFact | None:
    found = incident.brownout
    if found is None or found.length is None:
        return None
    after_ns, by_ns = found.length.after_ns, found.length.by_ns
    return {"after_s": seconds(after_ns), "by_s": seconds(by_ns), "event_ids": list(found.event_ids)}


def _timeline_ids(own: Sequence[Event], incident: Incident) -> list[int]:
    """Where the leader after the incident first said the timeline that it has since."""
    after = incident.timeline_after
    if after is None or after == incident.timeline_before:
        return []
    said = [e for e in own if e.subject == incident.leader_after and str(e.detail.get("timeline")) == str(after)]
    by_sql = next((e for e in said if e.source == "postgres" and e.detail.get("in_recovery") is False), None)
    by_log = next((e for e in said if e.kind == "log.told"), None)
    return sorted(e.id for e in (by_sql, by_log) if e is not None and e.id is not None)


def _whole(detail: Mapping[str, Any], key: str) -> int | None:
    value = detail.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else None
