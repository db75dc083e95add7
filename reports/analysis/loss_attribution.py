"""Which incident lost which write: each loss belongs to one."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Incident, Leadership, Lost
from observer.model.recording import Recording
from reports.analysis.durability import covered


def losses(
    recording: Recording, incidents: Sequence[Incident], led: Sequence[Leadership], lost: Sequence[Lost]
) -> list[tuple[Lost, ...] | None]:
    """What each incident lost; None: no loss is known, and not all that it may have lost was read back since.

    Only what takes the key, or promotes anew, discards what was acknowledged. So a loss belongs to the first incident
    of that kind that ended after the acknowledgement; where there is none, to the first that did, else to the last.
    What the new leader acknowledged once the key was taken and writes were back is not that incident's to discard.
    """
    moved = [_moved(incident, led) for incident in incidents]
    until_ns = [_settled_ns(i, led) if is_moved else i.ended_ns for i, is_moved in zip(incidents, moved, strict=True)]
    own: list[list[Lost]] = [[] for _ in incidents]
    for write in lost:
        later = [n for n, ended_ns in enumerate(until_ns) if ended_ns >= write.acknowledged_ns]
        index = next((n for n in later if moved[n]), later[0] if later else len(incidents) - 1)
        if incidents:
            own[index].append(write)
    found: list[tuple[Lost, ...] | None] = []
    for n, incident in enumerate(incidents):
        before = [i.ended_ns for i, is_moved in zip(incidents[:n], moved, strict=False) if is_moved or not moved[n]]
        known = own[n] or covered(recording, _over_ns(incident), max(before, default=-1), incident.ended_ns)
        found.append(tuple(own[n]) if known else None)
    return found


def _moved(incident: Incident, led: Sequence[Leadership]) -> bool:
    """Whether the leader key was taken in an incident, or its holder promoted anew."""
    if any(incident.began_ns < spell.from_ns <= incident.ended_ns for spell in led):
        return True
    before, after = incident.timeline_before, incident.timeline_after
    return incident.leader_before != incident.leader_after or before != after


def _settled_ns(incident: Incident, led: Sequence[Leadership]) -> int:
    """When its new leader held the key, and its last outage of writes was over."""
    taken_ns = [spell.from_ns for spell in led if incident.began_ns < spell.from_ns <= incident.ended_ns]
    return max([_over_ns(incident) - 1, *taken_ns])  # the write that ended the outage is the new leader's


def _over_ns(incident: Incident) -> int:
    """When its last outage of writes was over."""
    return max([incident.began_ns, *(outage.ended_ns for outage in incident.write.outages)])
