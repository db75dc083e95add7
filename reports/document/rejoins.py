"""How a member came back after its incident: role, timeline, when it streamed, rewound or copied by its log."""

from __future__ import annotations

from reports.analysis.results.evidence import Rejoin
from reports.analysis.results.incident import IncidentResults
from reports.document.blocks import Cell, Inline, Value, say, seconds


def rejoin_cell(incident: IncidentResults) -> Cell:
    """Return how the members of an incident came back; None if no return was analyzed."""
    if len(incident.rejoins) == 1:
        return tuple(_parts(incident.rejoins[0], incident))
    named = [say("rejoin.of", member=r.member, facts=tuple(_parts(r, incident))) for r in incident.rejoins]
    return tuple(named) or None


def was_leader(rejoin: Rejoin, incident: IncidentResults) -> bool:
    """Return whether the member led before the incident and another leads after it."""
    return rejoin.member == incident.leader_before != incident.leader_after


def caught_up_cell(incident: IncidentResults) -> Cell:
    """Return by when the primary saw the members 0 bytes behind, else by when they had replayed all they received."""
    samples = [rejoin.level or rejoin.replayed for rejoin in incident.rejoins]
    known = [sample for sample in samples if sample is not None]
    if not samples:
        return None
    return (
        Value(seconds(max(sample.duration_ns for sample in known)), "tenths")
        if len(known) == len(samples)
        else Value(None)
    )


def _parts(rejoin: Rejoin, incident: IncidentResults) -> list[Inline]:
    if rejoin.answered_ns is None and rejoin.streaming_ns is None:
        return [say("rejoin.not_seen")]
    if rejoin.role == "primary":
        return [Value(rejoin.role, "@role")]
    streamed = seconds(rejoin.streaming_ns)
    parts: list[Inline] = [say("rejoin.no_streaming") if streamed is None else Value(streamed, "tenths")]
    if rejoin.role is not None:
        parts.append(Value(rejoin.role, "@role"))
    # pg_rewind concerns a former leader: a replica has no history of its own.
    if was_leader(rejoin, incident) or rejoin.how is not None:
        parts.append(say(f"rejoin.how_{rejoin.how or 'unknown'}"))
    return parts
