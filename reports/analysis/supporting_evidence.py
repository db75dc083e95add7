"""What supports an incident beside its cause: logs, container engine, refused writes, etcd, proxy, reads.

The container engine shows which start made an election of etcd possible. No cause and no phase is inferred from it.
"""

from collections.abc import Mapping, Sequence

from observer.model.findings import Incident, Unreachable
from observer.model.recording import SECOND_NS, Event, Recording
from reports.analysis.index import Index
from reports.analysis.load import READ_ONLY
from reports.analysis.outages import acknowledged, within
from reports.analysis.reachability import INFERRED, endpoints, majority_gone
from reports.analysis.reads_served import failed_reads, persistent_reads, reads_served
from reports.analysis.replication import stalled_replication
from reports.analysis.results.evidence import (
    ContainerExit,
    ContainerStart,
    EtcdElection,
    EtcdOutage,
    Interval,
    LogLine,
    RefusedWrites,
    SessionPeak,
    SupportingEvidence,
)
from reports.analysis.theory import live_settings
from reports.analysis.topology import etcd_leader_at

ENGINE = "docker"


def _absences(index: Index) -> list[Unreachable]:
    """Return the periods in which an etcd member that had answered before did not answer."""
    return [s for s in index.unreachable if s.etcd_member and not s.initial]


def majority_lost(index: Index, own: Sequence[Event]) -> Interval | None:
    """Return when etcd lost its majority among some events; None: it did not."""
    lost = next((e for e in own if e.kind == "quorum.lost" and INFERRED not in e.detail), None)
    absences = _absences(index)
    began = (s.began_ns for s in absences if own and own[0].by_ns <= s.began_ns <= own[-1].by_ns)
    known_ns = max(began, default=None) if lost is None else lost.by_ns
    gone = None if known_ns is None else majority_gone(index.recording, absences, known_ns)
    if gone is None:
        return None
    window, silent = gone
    rows = (s.failures[0].id for s in silent)
    return Interval(window.after_ns, window.by_ns, tuple(sorted(row for row in rows if row is not None)))


def etcd_outages(index: Index, from_ns: int, until_ns: int) -> tuple[EtcdOutage, ...]:
    """Return the etcd members that stopped answering in a stretch of time, with the operations meanwhile."""
    own = (s for s in _absences(index) if from_ns <= s.began_ns <= until_ns and not s.noise)
    return tuple(_outage(index, one) for one in own)


def _outage(index: Index, away: Unreachable) -> EtcdOutage:
    from_ns, until_ns, back = away.began_ns, away.ended_ns(index.end_ns), away.back
    return EtcdOutage(
        endpoint=away.subject,
        from_ns=from_ns,
        after_ns=None if back is None else back.window.after_ns,
        to_ns=None if back is None else back.by_ns,
        blind_id=away.failures[0].id,
        sees_id=None if back is None else back.id,
        writes=acknowledged(index.recording, "write", from_ns, until_ns),
        reads=acknowledged(index.recording, "read", from_ns, until_ns),
        failed=sum(len(within(failed, from_ns, until_ns)) for failed in index.failures.values()),
    )


def etcd_elections(index: Index, own: Sequence[Event]) -> tuple[EtcdElection, ...]:
    """Return the elections within etcd among some events."""
    elected = (e for e in own if e.kind == "raft.elected" and isinstance(e.detail.get("before"), Mapping))
    return tuple(
        EtcdElection(
            before=event.detail["before"].get("leader"),
            leader=event.detail.get("leader"),
            term_before=_term(event.detail["before"]),
            term=_term(event.detail),
            after_ns=event.window.after_ns,
            by_ns=event.by_ns,
            event_id=event.id,
            start=enabling_start(index.recording, own, event),
        )
        for event in elected
    )


def _term(detail: Mapping[str, object]) -> int | None:
    term = detail.get("term")
    return term if isinstance(term, int) else None


def enabling_start(recording: Recording, events: Sequence[Event], elected: Event) -> ContainerStart | None:
    """Return the container start before which etcd could not have elected this leader.

    Before it too few members ran, or the leader did not. None: the engine reports no such start.
    """
    members, leader = len(endpoints(recording)), str(elected.detail.get("leader"))
    addresses = {e.subject: str(e.detail.get("address")) for e in events if is_start(e)}
    down: set[str] = set()

    def could_elect() -> bool:
        return members - len(down) > members // 2 and leader not in {addresses.get(name) for name in down}

    for event in (e for e in events if e.by_ns <= elected.by_ns):
        between_polls = event.by_ns > elected.window.after_ns
        if between_polls and could_elect():
            return None
        if event.kind == "container.ended" and event.detail.get("component") == "etcd":
            down.add(event.subject)
        elif is_start(event):
            down.discard(event.subject)
        if between_polls and could_elect():
            return container_start(event)
    return None


def is_start(event: Event) -> bool:
    """Return whether the container engine started, resumed or reconnected a container."""
    return event.kind == "repair.told" and event.source == ENGINE


def container_start(event: Event) -> ContainerStart:
    """Return the container that the engine started, resumed or reconnected."""
    address = event.detail.get("address")
    return ContainerStart(event.subject, None if address is None else str(address), event.by_ns, event.id)


def was_etcd_leader(index: Index, incident: Incident) -> bool | None:
    """Return whether the etcd member that failed led etcd; None: unknown, or the incident has another cause.

    The failure of a leader is followed by an election. Without one, the last known leader counts only if it is another
    member.
    """
    if incident.cause != "etcd.member_down" or incident.target is None:
        return None
    for event in index.between(incident.began_ns - SECOND_NS, incident.ended_ns):
        if event.kind == "raft.elected":
            before = event.detail.get("before")
            leader = before.get("leader") if isinstance(before, Mapping) else None
            return None if leader is None else bool(leader == incident.target)
    led = etcd_leader_at(index, incident.began_ns)
    return None if led is None or led.endpoint == incident.target else False


# Log lines of a member about its own role.
OWN_ROLE = ("demoted", "promoted", "new_timeline")
# A kill is reported, and shows in the container engine, this long before the first sign of the incident.
REPORTED_NS = 2 * SECOND_NS


def supporting_evidence(index: Index, incident: Incident) -> SupportingEvidence:
    """Return everything that supports one incident."""
    recording, began_ns, ended_ns = index.recording, incident.began_ns, incident.ended_ns
    live = live_settings(index.settings, began_ns)
    own = index.between(incident.fault_ns - REPORTED_NS, ended_ns)
    return SupportingEvidence(
        lines=_role_lines(own, began_ns),
        ended=tuple(_exit(event) for event in own if event.kind == "container.ended"),
        started=tuple(container_start(event) for event in own if is_start(event)),
        read_only=_refused_writes(index, incident),
        majority_gone=majority_lost(index, own),
        etcd_outages=etcd_outages(index, began_ns - REPORTED_NS, ended_ns),
        etcd_led=etcd_leader_at(index, began_ns),
        elections=etcd_elections(index, own),
        session_peak=_session_peak(index, incident),
        brownout=_brownout(incident),
        failed_reads=failed_reads(recording, incident),
        persistent_reads=persistent_reads(recording, incident),
        reads_served=reads_served(recording, incident),
        stalled_replication=stalled_replication(index, incident),
        failsafe_mode=live is not None and bool(live.values.get("failsafe_mode")),
        config_id=None if live is None else live.event.id,
        timeline_ids=_timeline_ids(own, incident),
    )


def _role_lines(own: Sequence[Event], began_ns: int) -> tuple[LogLine, ...]:
    lines = (e for e in own if e.kind == "log.told" and e.detail.get("says") in OWN_ROLE and e.by_ns >= began_ns)
    return tuple(LogLine(e.subject, str(e.detail["says"]), str(e.detail.get("text")), e.by_ns, e.id) for e in lines)


def _exit(event: Event) -> ContainerExit:
    code = event.detail.get("exit_code")
    return ContainerExit(event.subject, code if isinstance(code, int) else None, event.by_ns, event.id)


def _refused_writes(index: Index, incident: Incident) -> RefusedWrites | None:
    failed = within(index.failures["write"], incident.began_ns - 1, incident.ended_ns)
    own = [o for o in failed if o.sqlstate == READ_ONLY]
    if not own:
        return None
    return RefusedWrites(len(own), own[0].finished_ns, own[-1].finished_ns, own[0].id, own[-1].id)


def _session_peak(index: Index, incident: Incident) -> SessionPeak | None:
    """Return the server whose session peak rose most between the captures before and after the incident."""
    captures = index.of_kinds("pools.captured")
    before = next((e for e in reversed(captures) if e.by_ns < incident.began_ns), None)
    after = next((e for e in captures if e.by_ns >= incident.ended_ns), None)
    if before is None or after is None or before.subject != after.subject:
        return None
    was, now = _session_peaks(before), _session_peaks(after)
    rose = {key: most for key, (most, limit) in now.items() if most > was.get(key, (most, 0))[0] and 2 * most > limit}
    if not rose:
        return None
    (pool, server), most = max(rose.items(), key=lambda item: item[1])
    return SessionPeak(pool, server, most, tuple(e.id for e in (before, after) if e.id is not None))


def _session_peaks(capture: Event) -> dict[tuple[str, str], tuple[int, int]]:
    rows = [row for row in capture.detail.get("pools") or () if isinstance(row, Mapping)]
    servers = (row for row in rows if row.get("server") not in ("FRONTEND", "BACKEND"))
    return {
        (str(row.get("pool")), str(row.get("server"))): (row["sessions_max"], row.get("sessions_limit") or 0)
        for row in servers
        if isinstance(row.get("sessions_max"), int)
    }


def _brownout(incident: Incident) -> Interval | None:
    """Return the shortest and longest possible length of the brownout; None: there was none, or it did not end."""
    if incident.brownout is None or incident.brownout.length is None:
        return None
    length = incident.brownout.length
    return Interval(length.after_ns, length.by_ns, incident.brownout.event_ids)


def _timeline_ids(own: Sequence[Event], incident: Incident) -> tuple[int, ...]:
    """Return the rows in which the new leader first reported its new timeline, by SQL and in its log."""
    after = incident.timeline_after
    if after is None or after == incident.timeline_before:
        return ()
    said = [e for e in own if e.subject == incident.leader_after and str(e.detail.get("timeline")) == str(after)]
    by_sql = next((e for e in said if e.source == "postgres" and e.detail.get("in_recovery") is False), None)
    by_log = next((e for e in said if e.kind == "log.told"), None)
    return tuple(sorted(e.id for e in (by_sql, by_log) if e is not None and e.id is not None))
