"""Operations that were not acknowledged: totals, causes by SQLSTATE and stage, and writes refused as read-only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import get_args

from observer.model.findings import Incident, Unreachable
from observer.model.recording import SECOND_NS, Action, Operation, Recording
from reports.analysis.index import Index
from reports.analysis.results.recording import FailureGroup, Period, ReadOnlyWrites, Totals

# SQLSTATE read_only_sql_transaction: the server is in recovery, or it is set to read-only.
READ_ONLY = "25006"
# A poll may see a demotion this late.
POLL_LATE_NS = 2 * SECOND_NS


def totals(recording: Recording) -> Iterator[Totals]:
    """Yield the totals of each action that the traffic used."""
    for action in get_args(Action):
        own = [s for s in recording.seconds if s.action == action]
        ok, failed, unknown = (sum(getattr(s, name) for s in own) for name in ("ok", "failed", "unknown"))
        if own:
            yield Totals(action, ok + failed + unknown, ok, failed, unknown)


def failure_groups(index: Index) -> tuple[FailureGroup, ...]:
    """Return the failed operations in groups, the largest first."""
    counts = Counter(
        (o.action, o.outcome.value, o.stage, o.sqlstate, o.message, o.server)
        for own in index.failures.values()
        for o in own
    )
    largest = sorted(counts.items(), key=lambda item: (-item[1], *map(str, item[0])))
    return tuple(FailureGroup(*key, operations=n) for key, n in largest)


@dataclass(slots=True)
class _Refused:
    """The refused writes of one incident: rows by replica, rows by other member that was UP, and counts."""

    operations: int = 0
    replicas: dict[str, list[int | None]] = field(default_factory=dict)
    beside: dict[str, list[int | None]] = field(default_factory=dict)
    sole: Counter[str] = field(default_factory=Counter)
    setting: int = 0


def read_only_writes(
    index: Index,
    incidents: Sequence[Incident],
    routes: Iterable[Period],
    roles: Iterable[Period],
) -> tuple[ReadOnlyWrites, ...]:
    """Return the writes that a server refused as read-only, per incident, in order of time; those of none last."""
    refused = [o for o in index.failures["write"] if o.sqlstate == READ_ONLY]
    numbers = {_number(o, incidents) for o in refused}
    found = {n: _Refused() for n in sorted(numbers, key=lambda n: (n is None, n or 0))}
    leader_routes = [route for route in routes if route.subject.rpartition("/")[0] in index.primary_pools]
    unseen = [s for s in index.unreachable if s.source == "haproxy"]
    for operation in refused:
        _add(found[_number(operation, incidents)], operation, leader_routes, roles, unseen)
    return tuple(
        ReadOnlyWrites(
            incident=n,
            operations=own.operations,
            replicas=tuple(sorted(own.replicas)),
            beside=tuple(sorted(own.beside.keys() - own.replicas.keys())),
            sole=dict(sorted(own.sole.items())),
            read_only_setting=own.setting,
            event_ids=tuple(
                sorted({row for ids in (own.replicas | own.beside).values() for row in ids if row is not None})
            ),
        )
        for n, own in found.items()
    )


def _add(
    own: _Refused,
    operation: Operation,
    routes: Iterable[Period],
    roles: Iterable[Period],
    unseen: Iterable[Unreachable],
) -> None:
    own.operations += 1
    began_ns, at_ns = operation.started_ns, operation.finished_ns
    up = {r.subject.rpartition("/")[2]: r for r in routes if r.from_ns <= at_ns and began_ns < r.to_ns}
    now = {r.subject: r for r in roles if r.from_ns <= at_ns < r.to_ns}
    replicas = {member for member in up if member in now and now[member].what == "replica"}
    for member in replicas:
        own.replicas.setdefault(member, [up[member].event_id, now[member].event_id])
    if replicas:
        for member in up.keys() - replicas:
            own.beside.setdefault(member, [up[member].event_id])
    hidden = any(s.from_ns < at_ns and (s.until_ns is None or began_ns < s.until_ns) for s in unseen)
    if len(up) == 1 and not hidden:
        own.sole.update(up.keys())
        own.setting += sum(_certainly_primary(now.get(member), began_ns, at_ns) for member in up)


def _certainly_primary(role: Period | None, began_ns: int, at_ns: int) -> bool:
    if role is None or role.what != "primary":
        return False
    return role.from_ns <= began_ns - POLL_LATE_NS and at_ns + POLL_LATE_NS < role.to_ns


def _number(operation: Operation, incidents: Sequence[Incident]) -> int | None:
    own = (i.number for i in incidents if i.began_ns <= operation.finished_ns <= i.ended_ns)
    return next(own, None)
