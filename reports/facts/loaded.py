"""What the load met where it was not served: why operations failed, and where. Timeline in, plain facts out. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from observer.model.findings import Incident
from observer.model.recording import SECOND_NS, Operation, Outcome, Recording
from reports.analysis.index import build_index
from reports.analysis.reachability import unreachable
from reports.facts import course

# SQLSTATE read_only_sql_transaction: a write met a server in recovery, or one that was told to be read-only.
READ_ONLY = "25006"
# SQLSTATE cannot_connect_now: PostgreSQL is starting up or shutting down.
NOT_NOW = "57P03"
LOOK_LATE_S = 2
# What ends an operation before any server was reached.
UNREACHED = ("slot", "resolve", "connect")


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
    replicas, with the rows that began both; empty where it showed none. `beside`: who else was UP in it then. `sole`:
    how many of the writes a member certainly met, by its name: it alone was UP. `set_so`: how many met a server that
    alone was UP and said that it was a primary: its own setting forbade them.
    """

    incident: int | None
    operations: int
    replicas: list[str]
    beside: list[str]
    sole: dict[str, int]
    set_so: int
    event_ids: list[int]


def failures_of(recording: Recording) -> list[FailureFact]:
    """Everything that was not acknowledged, the most frequent first."""
    counts = Counter(
        (o.action, o.outcome.value, o.stage, o.sqlstate, o.message, o.server)
        for o in recording.operations
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


def read_only_of(recording: Recording, incidents: Sequence[Incident]) -> list[ReadOnlyFact]:
    """How many writes met a server that takes none, by incident, in the order of the run."""
    met = [o for o in recording.operations if o.action == "write" and o.sqlstate == READ_ONLY]
    if not met:
        return []
    numbers = {_number(o, incidents) for o in met}
    found = {n: _Met() for n in sorted(numbers, key=lambda n: (n is None, n or 0))}
    routes, roles = _routes_of_writes(recording), course.roles_of(recording)
    spells = [(s.from_ns, s.until_ns) for s in unreachable(recording) if s.source == "haproxy"]
    unseen = [(a / SECOND_NS, float("inf") if b is None else b / SECOND_NS) for a, b in spells]
    for operation in met:
        own = found[_number(operation, incidents)]
        own.operations += 1
        at_s, began_s = operation.finished_ns / SECOND_NS, operation.started_ns / SECOND_NS
        up = {r["subject"].rpartition("/")[2]: r for r in routes if r["from_s"] <= at_s and began_s < r["to_s"]}
        now = {r["subject"]: r for r in roles if r["from_s"] <= at_s < r["to_s"]}
        replicas = {member for member in up if member in now and now[member]["what"] == "replica"}
        for member in replicas:
            own.rows.setdefault(member, [up[member]["event_id"], now[member]["event_id"]])
        if replicas:
            for member in up.keys() - replicas:
                own.beside.setdefault(member, [up[member]["event_id"]])
        if len(up) == 1 and not any(from_s < at_s and began_s < to_s for from_s, to_s in unseen):
            own.sole.update(up.keys())
            own.set_so += sum(_surely_primary(now.get(member), began_s, at_s) for member in up)
    return [
        {
            "incident": n,
            "operations": own.operations,
            "replicas": sorted(own.rows),
            "beside": sorted(own.beside.keys() - own.rows.keys()),
            "sole": dict(sorted(own.sole.items())),
            "set_so": own.set_so,
            "event_ids": sorted({row for ids in (own.rows | own.beside).values() for row in ids if row is not None}),
        }
        for n, own in found.items()
    ]


@dataclass(slots=True)
class _Met:
    """What is known of the writes of one incident that a server refused: rows by replica, rows by who else was UP."""

    operations: int = 0
    rows: dict[str, list[int | None]] = field(default_factory=dict)
    beside: dict[str, list[int | None]] = field(default_factory=dict)
    sole: Counter[str] = field(default_factory=Counter)
    set_so: int = 0


def _surely_primary(role: course.SpanFact | None, began_s: float, at_s: float) -> bool:
    """Whether a server was a primary well before an operation and well after it: a demotion is seen a look late."""
    if role is None or role["what"] != "primary":
        return False
    return role["from_s"] <= began_s - LOOK_LATE_S and at_s + LOOK_LATE_S < role["to_s"]


def _routes_of_writes(recording: Recording) -> list[course.SpanFact]:
    """When the proxy's page showed a server UP in a pool that leads to the primary."""
    pools = build_index(recording).primary_pools
    return [span for span in course.routes_of(recording) if span["subject"].rpartition("/")[0] in pools]


def _number(operation: Operation, incidents: Sequence[Incident]) -> int | None:
    own = (i.number for i in incidents if i.began_ns <= operation.finished_ns <= i.ended_ns)
    return next(own, None)
