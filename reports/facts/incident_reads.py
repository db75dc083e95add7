"""How reads met an incident: which failed where there was no outage, and whence the persistent ones came.

Timeline in, plain facts out. Pure.
"""

from __future__ import annotations

from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Operation, Outcome, Recording
from reports.facts.moments import seconds

# So long before the fault its readers are looked at, and so long before the first sign it may have been told.
LOOK_NS = 2 * SECOND_NS
OF_MEMBERS = ("leader.", "replica.", "postgres.", "patroni.")


class UnluckyFact(TypedDict):
    """Reads that failed: on how many new connections of all, on how many kept ones, and when.

    `first_id` and `last_id` are the rows between which all those on new connections lie.
    """

    fresh: int
    tried: int
    kept: int
    from_s: float
    to_s: float
    last_began_s: float
    message: str | None
    first_id: int | None
    last_id: int | None


class MovedFact(TypedDict):
    """The reads went to another server: the last success on the old one, the first on the new.

    `seconds` from the one to the other, `failed` of those that were due in between; the ids are rows of `operations`.
    """

    server: str
    seconds: float
    before_id: int | None
    after_id: int | None
    failed: int


class LedFact(TypedDict):
    """Reads that a primary answered: how many, when the first of them ended, and its row."""

    server: str
    n: int
    at_s: float
    id: int | None


class AnsweredFact(TypedDict):
    """Who answered the reads while writes were down: how many came from replicas, from primaries, and from whom not."""

    replicas: int
    leaders: list[LedFact]
    unknown: int


class KeptReadsFact(TypedDict):
    """Who answered the persistent reads of the last two seconds before a fault, and what became of them.

    `hit`: one of them is the member that failed. `primary`: one of them was a primary then. `moved` None: no success
    on another server in the incident, or they came from several servers, of which any may be the next.
    """

    servers: list[str]
    hit: bool
    primary: bool
    moved: MovedFact | None


def unlucky_reads(recording: Recording, incident: Incident) -> UnluckyFact | None:
    """The reads that failed; None where no read failed, or reads had an outage, which tells more."""
    if incident.read.outages or not incident.read.failed + incident.read.unknown:
        return None
    own = [o for o in recording.between(incident.began_ns, incident.ended_ns) if o.action == "read"]
    failed = [o for o in own if o.outcome is not Outcome.OK]
    if not failed:
        return None
    messages = {o.message for o in failed}
    return {
        "fresh": sum(o.probe == "fresh" for o in failed),
        "tried": sum(o.probe == "fresh" for o in own),
        "kept": sum(o.probe == "kept" for o in failed),
        "from_s": seconds(failed[0].finished_ns),
        "to_s": seconds(failed[-1].finished_ns),
        "last_began_s": seconds(max(o.started_ns for o in failed)),
        "message": messages.pop() if len(messages) == 1 else None,
        "first_id": min((o.id for o in own if o.probe == "fresh" and o.id is not None), default=None),
        "last_id": max((o.id for o in own if o.probe == "fresh" and o.id is not None), default=None),
    }


def answered_by(recording: Recording, incident: Incident) -> AnsweredFact:
    """The reads that succeeded in the whole seconds of the incident in which writes were down, as pace.py counts."""
    zero_ns, outages = incident.began_ns, [(seconds(o.began_ns), seconds(o.ended_ns)) for o in incident.write.outages]
    fact: AnsweredFact = {"replicas": 0, "leaders": [], "unknown": 0}
    first: dict[str, LedFact] = {}
    for o in recording.between(zero_ns, incident.ended_ns + LOOK_NS) if outages else ():
        at_s = round(zero_ns / SECOND_NS + (o.due_ns - zero_ns) // SECOND_NS, 6)
        inside = any(began_s <= at_s and at_s + 1 <= ended_s for began_s, ended_s in outages)
        if o.action != "read" or o.outcome is not Outcome.OK or not inside:
            continue
        if o.in_recovery:
            fact["replicas"] += 1
        elif o.in_recovery is None or o.server is None:
            fact["unknown"] += 1
        else:
            led = first.setdefault(o.server, {"server": o.server, "n": 0, "at_s": seconds(o.finished_ns), "id": o.id})
            led["n"] += 1
    fact["leaders"] = list(first.values())
    return fact


def kept_reads(recording: Recording, incident: Incident) -> KeptReadsFact | None:
    """The persistent readers of an incident whose cause is a member; None: another cause, or none were known."""
    if not incident.cause.startswith(OF_MEMBERS):
        return None
    told = [e.by_ns for e in incident.injected if e.kind == "fault.told"]
    fault_ns = min([incident.began_ns, *told])
    own = [
        o
        for o in recording.between(fault_ns - LOOK_NS, incident.ended_ns)
        if (o.action, o.probe) == ("read", "kept") and (o.server is not None or o.outcome is not Outcome.OK)
    ]
    before = [o for o in own if o.finished_ns <= fault_ns and o.outcome is Outcome.OK]
    servers = sorted({o.server for o in before if o.server is not None})
    if not servers:
        return None
    gone = {incident.target, *incident.targets} & set(servers)
    return {
        "servers": servers,
        "hit": bool(gone),
        "primary": any(o.in_recovery is False for o in before),
        "moved": _moved(own, servers[0]) if gone and len(servers) == 1 else None,
    }


def _moved(own: list[Operation], server: str) -> MovedFact | None:
    good = [o for o in own if o.outcome is Outcome.OK]
    index = next((i for i, o in enumerate(good) if o.server != server), None)
    if index is None:
        return None
    last, first = good[index - 1], good[index]
    return {
        "server": str(first.server),
        "seconds": seconds(first.finished_ns - last.finished_ns),
        "before_id": last.id,
        "after_id": first.id,
        "failed": sum(o.outcome is not Outcome.OK and last.due_ns < o.due_ns < first.due_ns for o in own),
    }
