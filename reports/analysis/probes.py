"""Kept and fresh connections apart: how long each kind alone was without an acknowledgement.

The definition of an outage is the one of `outages`, applied to the operations of one kind of connection with that
kind's own rate. A client that pools connections lives through what one that connects anew may not: a brownout, a full
proxy, a login that hangs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import product
from typing import get_args

from observer.model.findings import Alone, Incident, Outage
from observer.model.recording import Action, Probe, Recording
from reports.analysis.outages import outages, threshold_ns

Apart = Mapping[tuple[Action, Probe], tuple[Outage, ...] | None]


def alone(recording: Recording, incidents: Sequence[Incident]) -> list[tuple[Alone, ...]]:
    """For each incident, what it cost each action on each kind of connection."""
    found = _apart(recording)
    return [tuple(_alone(found, incidents, incident, *pair) for pair in found) for incident in incidents]


def _apart(recording: Recording) -> Apart:
    """The outages of each action on each kind of connection; None: it was not driven."""
    driven = {(s.action, s.probe) for s in recording.served} | {(o.action, o.probe) for o in recording.operations}
    pairs = product(get_args(Action), get_args(Probe))
    return {pair: outages(recording, *pair) if pair in driven else None for pair in pairs}


def _alone(found: Apart, incidents: Sequence[Incident], incident: Incident, action: Action, probe: Probe) -> Alone:
    """What an incident cost an action on one kind of connection.

    An outage belongs to the first incident that had not ended when the first operation that failed in it was due.
    """
    own = found[action, probe]
    cost = incident.write if action == "write" else incident.read
    if own is None or cost.outage_ns is None:
        return Alone(action, probe, None, False)
    before_ns = max((i.ended_ns for i in incidents if i.ended_ns < incident.ended_ns), default=-1)
    mine = [outage for outage in own if before_ns < outage.first_failure_ns <= incident.ended_ns]
    whole_ns, is_open = sum(outage.duration_ns for outage in mine), any(outage.open for outage in mine)
    return Alone(action, probe, whole_ns, is_open, tuple(mine))


def fresh_longer(recording: Recording, kept: Alone, fresh: Alone) -> bool:
    """Whether fresh connections were out for longer than kept ones, by more than how seldom they are tried explains."""
    if kept.outage_ns is None or fresh.outage_ns is None:
        return False
    return fresh.outage_ns - kept.outage_ns > threshold_ns(recording, "fresh")
