"""Replicas that stopped receiving WAL and received it again, by their own Patroni's word. Timeline in, facts out. Pure.

A leader that is demoted and promoted anew has as many replicas at its promotion as before; in between it had none.
"""

from __future__ import annotations

from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import Recording
from reports.facts.moments import seconds

STREAMING = "streaming"


class HaltedFact(TypedDict):
    """Which replicas had stopped by when, and by when all of these streamed again (None: not in the incident)."""

    members: list[str]
    by_s: float
    event_ids: list[int]
    back_s: float | None
    back_ids: list[int]


def halted(recording: Recording, incident: Incident) -> HaltedFact | None:
    """The replicas that streamed before the incident and, in it, did not; None: no row tells of any."""
    state: dict[str, bool] = {}
    stopped: dict[str, tuple[int, int | None]] = {}
    back: dict[str, tuple[int, int | None]] = {}
    for event in recording.events:
        if event.by_ns > incident.ended_ns:
            break
        if event.source != "patroni" or event.kind != "member.changed" or "replication_state" not in event.detail:
            continue
        name, streams = event.subject, event.detail["replication_state"] == STREAMING
        if event.by_ns >= incident.began_ns and event.detail.get("role") == "replica":
            if state.get(name) and not streams:
                stopped.setdefault(name, (event.by_ns, event.id))
            elif streams and name in stopped:
                back.setdefault(name, (event.by_ns, event.id))
        state[name] = streams
    if not stopped:
        return None
    whole = back.keys() == stopped.keys()
    return {
        "members": sorted(stopped),
        "by_s": seconds(max(at_ns for at_ns, _ in stopped.values())),
        "event_ids": sorted(row for _, row in stopped.values() if row is not None),
        "back_s": seconds(max(at_ns for at_ns, _ in back.values())) if whole else None,
        "back_ids": sorted(row for _, row in back.values() if row is not None) if whole else [],
    }
