"""Events as one line of English each: what a terminal shows while a recording runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from observer.model.findings import Findings, Incident, Phase
from observer.model.recording import KINDS, SECOND_NS, Event

QUIET_KINDS = frozenset(
    (
        "replication.sampled",
        "cluster.captured",
        "pools.captured",
        "versions.captured",
        "identity.learned",
        "dashboards.captured",
    )
)
"""Kinds that a person who watches need not read."""

_SENTENCES: Mapping[str, str] = {
    "leader.seen": "{subject} leads",
    "leader.elected": "{subject} took the leader key",
    "leader.lost": "{subject} lost the leader key",
    "lease.overdue": "the leader {subject} has not renewed its lease: {remaining_s} s remain of {ttl_s} s",
    "lease.renewed": "the leader {subject} renewed its lease",
    "member.lost": "the key of {subject} is gone",
    "config.changed": "the cluster's configuration was written",
    "history.changed": "the history of timelines has a new line",
    "sync.changed": "the synchronous standbys changed: {value}",
    "failsafe.changed": "the failsafe topology changed",
    "failover.asked": "asked to lead: {candidate}, after {leader}",
    "failover.cleared": "the request for a new leader is gone",
    "quorum.lost": "etcd lost its quorum",
    "quorum.regained": "etcd has a quorum again",
    "raft.elected": "etcd is led by {leader} (term {term})",
    "proxy.restarted": "the proxy was restarted or reloaded",
    "proxy.full": "the proxy is full, {sessions} sessions of {limit}: new connections wait",
    "proxy.room": "the proxy has room again, {sessions} sessions of {limit}",
    "workload.absent": "the tables for a {action} are not there: {error}",
    "workload.present": "the tables for a {action} are there",
    "source.sees": "{subject} answers again",
    "tick.skipped": 'the look "{subject}" takes too long; ticks are skipped',
    "tick.resumed": 'the look "{subject}" runs in time again after {skipped} skipped ticks',
    "clock.stepped": "the wall clock was stepped by {by_ms} ms",
    "observer.slept": "the observer itself did not run for {for_ms} ms",
    "audit.failed": "the writes could not be read back: {error}",
    "note.told": "note: {text}",
    "container.ended": "the container of {subject} ended with code {exit_code}",
    "log.told": "{subject} wrote: {text}",
    "stop.asked": "asked to stop",
}


_UNWRITTEN = ("records are written again", "{dropped} records from here on could not be written: {error}")


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def line(event: Event) -> str:
    """When, who, what: one line, whatever the detail holds."""
    return f"{stamp(event.by_ns)}  {event.source:<9} {sentence(event)}"


def stamp(at_ns: int) -> str:
    """A moment of the recording, in seconds since its beginning."""
    return f"{at_ns / SECOND_NS:9.3f} s"


def sentence(event: Event) -> str:
    """What an event says, without control characters."""
    if event.detail.get("how") == "unwritten":
        text = _UNWRITTEN[event.kind == "source.blind"].format_map(_Lenient(event.detail))
    elif event.kind == "source.blind":
        text = f"{event.subject} cannot be seen: {event.detail.get('how', '?')} ({event.detail.get('error', '')})"
    elif event.kind == "member.changed":
        text = f"{event.subject} is {_member(event.detail)}"
    elif event.kind.startswith("route."):
        text = _route(event)
    elif event.kind in ("fault.told", "repair.told"):
        text = " ".join(str(event.detail.get(key, "")) for key in ("component", "action", "target")).strip()
        text = f"{'broken' if event.kind == 'fault.told' else 'mended'} by hand: {text}"
    elif event.kind in _SENTENCES:
        text = _SENTENCES[event.kind].format_map(_Lenient(event.detail, subject=event.subject))
    else:
        text = f"{event.subject}: {KINDS.get(event.kind, event.kind)}"
    return "".join(letter if letter.isprintable() else " " for letter in text)


def outcome(findings: Findings) -> list[str]:
    """A line for each incident."""
    return [_incident(incident) for incident in findings.incidents]


def _incident(incident: Incident) -> str:
    def out(what: str, outage_ns: int | None) -> str:
        if outage_ns is None:
            return f"{what} not observed"
        return f"{what} out {outage_ns / SECOND_NS:.1f} s" if outage_ns else f"{what} went on"

    target = f" {incident.target or ', '.join(incident.targets)}".rstrip()
    lost = "lost writes not audited" if incident.lost is None else f"{len(incident.lost)} acknowledged writes lost"
    costs = "; ".join((out("writes", incident.write.outage_ns), out("reads", incident.read.outage_ns), lost))
    text = f"incident {incident.number}: {incident.cause}{target} ({incident.confidence} confidence): {costs}"
    return f"{text}{_phases(incident)}"


def _phases(incident: Incident) -> str:
    """The phases that make up the outage, then those that follow it; seconds."""
    ends_ns = max((outage.ended_ns for outage in incident.write.outages), default=0)
    of_it = [phase for phase in incident.phases if phase.ended.by_ns <= ends_ns]
    after = [phase for phase in incident.phases if phase.ended.by_ns > ends_ns]
    parts = [" + ".join(map(_phase, of_it)), ", ".join(map(_phase, after))]
    return "".join(f"; {label}{part}" for label, part in zip(("", "then "), parts, strict=True) if part)


def _phase(phase: Phase) -> str:
    return f"{phase.name} {phase.duration_ns / SECOND_NS:.1f} s"


def _member(detail: Mapping[str, Any]) -> str:
    if "in_recovery" in detail:
        role = {True: "in recovery", False: "a primary"}.get(detail["in_recovery"], "in an unknown role")
    else:
        role = f"{detail.get('role') or 'in an unknown role'}, {detail.get('state') or 'in an unknown state'}"
    return f"{role}, timeline {detail['timeline']}" if detail.get("timeline") is not None else role


def _route(event: Event) -> str:
    status, check = event.detail.get("status", "?"), event.detail.get("check_status") or "no check"
    verb = {"route.up": "gets clients", "route.down": "gets no clients"}.get(event.kind, "still as it was")
    return f"{event.subject} {verb}: {status} ({check})"
