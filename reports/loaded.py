"""What the load met where it was not served: why operations failed, and where. Timeline in, plain facts out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from observer.findings import Incident
from observer.timeline import SECOND_NS, Operation, Outcome, Timeline
from reports import course
from reports.analysis.changes import addresses, members
from reports.analysis.leadership import leaderships
from reports.analysis.scene import primary_pools

# SQLSTATE read_only_sql_transaction: a write met a server in recovery, or one that was told to be read-only.
READ_ONLY = "25006"


class FailureFact(TypedDict):
    """Operations that were not acknowledged, by what they met. `server`: who they reached, None where nobody said."""

    action: str
    outcome: str
    stage: str
    sqlstate: str | None
    message: str | None
    server: str | None
    operations: int


class ReadOnlyFact(TypedDict):
    """Writes that met a server that takes none, by the number of the incident within the recording; None: outside.

    `replicas`: members that the proxy's page showed UP in the pool of the leader while they said that they were
    replicas, with the rows that began both; empty where it showed none.
    """

    incident: int | None
    operations: int
    replicas: list[str]
    event_ids: list[int]


def failures_of(timeline: Timeline) -> list[FailureFact]:
    """Everything that was not acknowledged, the most frequent first."""
    counts = Counter(
        (o.action, o.outcome.value, o.stage, o.sqlstate, o.message, o.server)
        for o in timeline.operations
        if o.outcome is not Outcome.OK
    )
    return [
        {
            "action": action,
            "outcome": outcome,
            "stage": stage,
            "sqlstate": sqlstate,
            "message": message,
            "server": server,
            "operations": n,
        }
        for (action, outcome, stage, sqlstate, message, server), n in sorted(
            counts.items(), key=lambda item: (-item[1], *map(str, item[0]))
        )
    ]


def read_only_of(timeline: Timeline, incidents: Sequence[Incident]) -> list[ReadOnlyFact]:
    """How many writes met a server that takes none, by incident, in the order of the run."""
    met = [o for o in timeline.operations if o.action == "write" and o.sqlstate == READ_ONLY]
    if not met:
        return []
    counts = Counter(_number(o, incidents) for o in met)
    found: dict[int | None, dict[str, list[int]]] = {}
    routes, replicas = _routes_of_writes(timeline), [s for s in course.roles_of(timeline) if s["what"] == "replica"]
    for operation in met:
        at_s = operation.finished_ns / SECOND_NS
        for route in (span for span in routes if span["from_s"] <= at_s < span["to_s"]):
            member = route["subject"].rpartition("/")[2]
            for span in replicas:
                if span["subject"] == member and span["from_s"] <= at_s < span["to_s"]:
                    ids = [row for row in (route["event_id"], span["event_id"]) if row is not None]
                    found.setdefault(_number(operation, incidents), {}).setdefault(member, ids)
    return [
        {
            "incident": n,
            "operations": counts[n],
            "replicas": sorted(found.get(n, {})),
            "event_ids": sorted({row for ids in found.get(n, {}).values() for row in ids}),
        }
        for n in sorted(counts, key=lambda n: (n is None, n or 0))
    ]


def _routes_of_writes(timeline: Timeline) -> list[course.SpanFact]:
    """When the proxy's page showed a server UP in a pool that leads to the primary."""
    pools = primary_pools(timeline, leaderships(timeline), members(timeline), addresses(timeline))
    return [span for span in course.routes_of(timeline) if span["subject"].rpartition("/")[0] in pools]


def _number(operation: Operation, incidents: Sequence[Incident]) -> int | None:
    own = (i.number for i in incidents if i.began_ns <= operation.finished_ns <= i.ended_ns)
    return next(own, None)
