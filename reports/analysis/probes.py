"""The outages of persistent and of new connections, each kind alone.

The definition of an outage is the one of `outages`, applied to the operations of one kind of connection with the rate
of that kind. A client with a connection pool survives faults that a client with new connections does not: a brownout, a
proxy at its limit, a login that hangs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import get_args

from observer.model.findings import Incident, Outage, PerProbe
from observer.model.recording import NEW, Action, Probe, Recording
from reports.analysis.outages import outages, threshold_ns

OutagesPerProbe = Mapping[tuple[Action, Probe], tuple[Outage, ...] | None]


def per_probe(recording: Recording, incidents: Sequence[Incident]) -> list[tuple[PerProbe, ...]]:
    """Return, for each incident, its cost for each action on each kind of connection."""
    driven = {(s.action, s.probe) for s in recording.served} | {(o.action, o.probe) for o in recording.operations}
    pairs = product(get_args(Action), get_args(Probe))
    found: OutagesPerProbe = {pair: outages(recording, *pair) if pair in driven else None for pair in pairs}
    return [tuple(_cost(found, incidents, incident, *pair) for pair in found) for incident in incidents]


def _cost(
    found: OutagesPerProbe, incidents: Sequence[Incident], incident: Incident, action: Action, probe: Probe
) -> PerProbe:
    """Return the cost of an incident for an action on one kind of connection.

    An outage belongs to the first incident that had not ended when the first operation that failed in it was due.
    """
    every = found[action, probe]
    cost = incident.write if action == "write" else incident.read
    if every is None or cost.outage_ns is None:
        return PerProbe(action, probe, None, False)
    before_ns = max((i.ended_ns for i in incidents if i.ended_ns < incident.ended_ns), default=-1)
    own = tuple(outage for outage in every if before_ns < outage.first_failure_ns <= incident.ended_ns)
    return PerProbe(action, probe, sum(o.duration_ns for o in own), any(o.open for o in own), own)


def new_longer(recording: Recording, persistent: PerProbe, new: PerProbe) -> bool:
    """Return whether new connections were out for longer than persistent ones, by more than their low rate explains."""
    if persistent.outage_ns is None or new.outage_ns is None:
        return False
    return new.outage_ns - persistent.outage_ns > threshold_ns(recording, NEW)
