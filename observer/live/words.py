"""Events and incidents as one line of English each, for the live view, `status` and the list of events."""

from collections.abc import Mapping
from typing import Any

from observer.model.findings import Findings, Incident
from observer.model.recording import KINDS, SECOND_NS, Event

QUIET_KINDS = frozenset(kind for kind in KINDS if kind.endswith((".captured", ".sampled", ".learned")))
"""Kinds that the live view and `status` leave out."""

CAUSES_OF_FAILURE: Mapping[str, str] = {
    "connect_timeout": "timed out",
    "silent": "no answer",
    "closed": "closed",
    "unresolved": "no address",
}
"""Words for how a connection or a request failed, if the recorded word is not plain English already."""

# The recorder writes records instead of answering requests.
_UNWRITTEN = {
    "source.sees": "records are written again",
    "source.blind": "{dropped} records from here on could not be written: {error}",
}


class _Lenient(dict[str, Any]):
    def __missing__(self, key: str) -> str:
        return "?"


def line(event: Event) -> str:
    """Return an event as one line: when, source, what."""
    return f"{stamp(event.by_ns)}  {event.source:<9} {sentence(event)}"


def stamp(at_ns: int) -> str:
    """Return a moment of the recording in seconds since its beginning."""
    return f"{at_ns / SECOND_NS:9.3f} s"


def cause_of_failure(how: str) -> str:
    """Return the words for how a connection or a request failed, at most 12 letters long."""
    return CAUSES_OF_FAILURE.get(how, how)


def sentence(event: Event) -> str:
    """Return what an event means, without control characters."""
    detail = _Lenient(event.detail)
    if event.detail.get("how") == "unwritten":
        text = _UNWRITTEN[event.kind].format_map(detail)
    elif event.kind == "source.blind" and event.source == "traffic":
        text = f"the traffic generator failed: {detail['error']}"
    elif event.kind == "source.blind":
        error = f" ({event.detail['error']})" if event.detail.get("error") else ""
        text = f"{event.subject} is unreachable: {cause_of_failure(str(detail['how']))}{error}"
    elif event.kind == "member.changed":
        text = f"{event.subject}: {_member(event.detail)}"
    elif event.kind.startswith("route."):
        text = _route(event)
    elif event.kind == "replication.sampled":
        text = _replication(event)
    elif event.kind == "versions.captured":
        versions = ", ".join(f"{name} {value}" for name, value in event.detail.items() if isinstance(value, str))
        text = f"versions of {event.subject}: {versions}"
    elif event.kind in KINDS:
        text = KINDS[event.kind].format_map(_Lenient(event.detail, subject=event.subject))
    else:
        text = f"{event.subject}: {event.kind}"
    return "".join(letter if letter.isprintable() else " " for letter in text).strip()


def incident_lines(findings: Findings) -> list[str]:
    """Return one line for each incident: cause, cost and phases."""
    return list(map(_incident, findings.incidents))


def _incident(incident: Incident) -> str:
    def cost(what: str, outage_ns: int | None) -> str:
        if outage_ns is None:
            return f"{what} not observed"
        return f"{what} failed for {outage_ns / SECOND_NS:.1f} s" if outage_ns else f"no {what[:-1]} outage"

    target = f" {incident.target or ', '.join(incident.targets)}".rstrip()
    lost = "lost writes unknown" if incident.lost is None else f"{incident.lost_writes} acknowledged writes lost"
    costs = "; ".join((cost("writes", incident.write.outage_ns), cost("reads", incident.read.outage_ns), lost))
    text = f"incident {incident.number}: {incident.cause}{target} ({incident.confidence} confidence): {costs}"
    return f"{text}{_phases(incident)}"


def _phases(incident: Incident) -> str:
    """Return the phases that sum to the outage, then those that follow it, in seconds."""
    ends_ns = max((outage.ended_ns for outage in incident.write.outages), default=0)
    parts: dict[bool, list[str]] = {False: [], True: []}
    for phase in incident.phases:
        parts[phase.ended.by_ns > ends_ns].append(f"{phase.name} {phase.duration_ns / SECOND_NS:.1f} s")
    outage = f"; {' + '.join(parts[False])}" if parts[False] else ""
    return f"{outage}; then {', '.join(parts[True])}" if parts[True] else outage


def _member(detail: Mapping[str, Any]) -> str:
    if "in_recovery" in detail:
        role = {True: "in recovery", False: "primary"}.get(detail["in_recovery"], "role unknown")
    else:
        role = f"{detail.get('role') or 'role unknown'}, {detail.get('state') or 'state unknown'}"
    return f"{role}, timeline {detail['timeline']}" if detail.get("timeline") is not None else role


def _route(event: Event) -> str:
    status, check = event.detail.get("status", "?"), event.detail.get("check_status") or "no check"
    if event.kind == "route.changed":
        return f"check of {event.subject} changed, still {status}, {check}"
    verb = "routes to" if event.kind == "route.up" else "no longer routes to"
    if event.kind == "route.down" and event.detail.get("initial"):
        verb = "does not route to"
    return f"HAProxy {verb} {event.subject}: {status}, {check}"


def _replication(event: Event) -> str:
    lags, lag_s = event.detail.get("lag_bytes"), event.detail.get("lag_s")
    if isinstance(lags, Mapping):
        return f"{event.subject}: lag of " + ", ".join(f"{name} {lag} bytes" for name, lag in sorted(lags.items()))
    if lag_s is not None:
        return f"{event.subject}: replay lag {lag_s:.1f} s"
    shown = [f"{name} {value}" for name, value in event.detail.items() if isinstance(value, (str, int, float))]
    return f"{event.subject}: {', '.join(shown) or 'no positions'}"
