"""Loss attribution: each lost write belongs to one incident."""

from __future__ import annotations

from collections.abc import Sequence

from observer.model.findings import Incident, Leadership, Lost
from reports.analysis.durability import covered
from reports.analysis.index import Index


def losses(index: Index, incidents: Sequence[Incident]) -> list[tuple[Lost, ...] | None]:
    """Return the lost writes of each incident; None: no loss is known, and not all that it may have lost was read back.

    Only an incident that takes the key, or promotes a primary, discards acknowledged writes. So a loss belongs to the
    first incident of that kind that ended after the acknowledgement; without one, to the first that did, else to the
    last. An incident cannot discard what the new leader acknowledged once the key was taken and writes were back.
    """
    led = index.leaderships
    moved = [_moved(incident, led) for incident in incidents]
    until_ns = [_settled_ns(i, led) if is_moved else i.ended_ns for i, is_moved in zip(incidents, moved, strict=True)]
    own: list[list[Lost]] = [[] for _ in incidents]
    for write in index.durability.lost or () if incidents else ():
        later = [n for n, ended_ns in enumerate(until_ns) if ended_ns >= write.acknowledged_ns]
        first = next((n for n in later if moved[n]), later[0] if later else len(incidents) - 1)
        own[first].append(write)
    found: list[tuple[Lost, ...] | None] = []
    for n, incident in enumerate(incidents):
        before = [i.ended_ns for i, is_moved in zip(incidents[:n], moved, strict=False) if is_moved or not moved[n]]
        since_ns = max(before, default=-1)
        known = own[n] or covered(index.recording, _over_ns(incident), since_ns, incident.ended_ns)
        found.append(tuple(own[n]) if known else None)
    return found


def _moved(incident: Incident, led: Sequence[Leadership]) -> bool:
    """Return whether the leader key was taken in an incident, or its holder was promoted again."""
    if any(incident.began_ns < one.from_ns <= incident.ended_ns for one in led):
        return True
    before, after = incident.timeline_before, incident.timeline_after
    return incident.leader_before != incident.leader_after or before != after


def _settled_ns(incident: Incident, led: Sequence[Leadership]) -> int:
    """Return when its new leader held the key, and its last outage of writes was over."""
    taken_ns = [one.from_ns for one in led if incident.began_ns < one.from_ns <= incident.ended_ns]
    return max([_over_ns(incident) - 1, *taken_ns])  # the write that ended the outage is the new leader's


def _over_ns(incident: Incident) -> int:
    """Return when its last outage of writes was over."""
    return max([incident.began_ns, *(outage.ended_ns for outage in incident.write.outages)])
