"""What the load met where it was not served: why operations failed, and where. Timeline in, plain facts out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TypedDict

from observer.timeline import Incident, Operation, Outcome, Timeline

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
    """Writes that met a server that takes none, by the number of the incident within the recording; None: outside."""

    incident: int | None
    operations: int


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
    counts = Counter(_number(o, incidents) for o in met)
    return [{"incident": n, "operations": counts[n]} for n in sorted(counts, key=lambda n: (n is None, n or 0))]


def _number(operation: Operation, incidents: Sequence[Incident]) -> int | None:
    own = (i.number for i in incidents if i.began_ns <= operation.finished_ns <= i.ended_ns)
    return next(own, None)
