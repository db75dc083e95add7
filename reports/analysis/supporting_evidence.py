"""What supports an incident beside its cause: logs, container engine, refused writes, etcd, proxy, reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Event
from reports.analysis.etcd_evidence import (
    container_start,
    etcd_elections,
    etcd_outages,
    is_start,
    majority_lost,
)
from reports.analysis.failures import READ_ONLY
from reports.analysis.index import Index
from reports.analysis.outages import within
from reports.analysis.reads_served import failed_reads, persistent_reads, reads_served
from reports.analysis.replica_lag import stalled_replication
from reports.analysis.results.evidence import (
    ContainerExit,
    Interval,
    LogLine,
    RefusedWrites,
    SessionPeak,
    SupportingEvidence,
)
from reports.analysis.theory import live_settings
from reports.analysis.topology import etcd_leader_at

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
    """Return each server's peak of concurrent sessions since HAProxy started, and its limit."""
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
