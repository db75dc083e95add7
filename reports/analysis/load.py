"""The operations of a recording: their rate, their latencies in calm periods, and those that failed."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, product
from typing import get_args

from observer.model.findings import Findings, Incident, Unreachable
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome, Probe, Recording
from reports.analysis.index import Index
from reports.analysis.injected import injected
from reports.analysis.reads import percentile
from reports.analysis.results.recording import Baseline, FailureGroup, Period, ReadOnlyWrites, Throughput, Totals

# The most columns that a picture can show.
COLUMNS = 240
MARGIN_S = 5
# No operation ends later than this after it was due.
LATE_NS = 60 * SECOND_NS
# A repair that was reported so soon after an incident is shown with it.
REPAIRED_NS = 15 * SECOND_NS

# Counts of each outcome, the latency of the slowest, and of the slowest that succeeded (None: unknown), milliseconds.
_Counts = tuple[int, int, int, float, float | None]


def whole_throughput(recording: Recording) -> tuple[Throughput, ...]:
    """Return the throughput of the whole recording in at most COLUMNS columns."""
    return _by_seconds(recording, 0, max(1, -(-recording.header.until_ns // SECOND_NS)))


def throughput_around(recording: Recording, incident: Incident) -> tuple[Throughput, ...]:
    """Return the throughput of an incident, its phases and a margin, per second since the incident began.

    An operation counts in the second in which it was due: operations that wait for an answer all end at once. A long
    incident has at most COLUMNS columns, counted by when the operations finished.
    """
    zero_ns = incident.began_ns
    ended_ns = max([incident.ended_ns, *(phase.ended.by_ns for phase in incident.phases)])
    ended_ns = max([ended_ns, *(one.at_ns for one in incident.injected if one.at_ns < ended_ns + REPAIRED_NS)])
    left_s = (recording.header.until_ns - zero_ns) // SECOND_NS
    first = -min(MARGIN_S, zero_ns // SECOND_NS)
    last = max(1, min((ended_ns - zero_ns) // SECOND_NS + MARGIN_S, left_s))
    if last - first > COLUMNS:
        return _by_seconds(recording, zero_ns // SECOND_NS + first, zero_ns // SECOND_NS + last)
    columns: dict[tuple[int, str], list[_Counts]] = defaultdict(list)
    from_ns, until_ns = zero_ns + first * SECOND_NS, zero_ns + last * SECOND_NS
    for o in recording.between(from_ns - 1, until_ns + LATE_NS):
        if from_ns <= o.due_ns < until_ns:
            ok, failed, unknown = (int(o.outcome is outcome) for outcome in (Outcome.OK, Outcome.FAIL, Outcome.UNKNOWN))
            ms = (o.finished_ns - o.due_ns) / MS_NS
            at_ns = o.due_ns - (o.due_ns - zero_ns) % SECOND_NS
            columns[at_ns, o.action].append((ok, failed, unknown, ms, ms if ok else 0.0))
    return _throughput(columns, SECOND_NS)


def _by_seconds(recording: Recording, first_s: int, last_s: int) -> tuple[Throughput, ...]:
    width_s = max(1, -(-(last_s - first_s) // COLUMNS))
    columns: dict[tuple[int, str], list[_Counts]] = defaultdict(list)
    first, last = (bisect_left(recording.seconds, at_s, key=lambda s: s.at_s) for at_s in (first_s, last_s))
    for s in recording.seconds[first:last]:
        at_s = first_s + (s.at_s - first_s) // width_s * width_s
        columns[at_s * SECOND_NS, s.action].append((s.ok, s.failed, s.unknown, s.max_ns / MS_NS, None))
    return _throughput(columns, width_s * SECOND_NS)


def _throughput(columns: Mapping[tuple[int, str], Sequence[_Counts]], width_ns: int) -> tuple[Throughput, ...]:
    found = []
    for (at_ns, action), own in sorted(columns.items()):
        ok, failed, unknown, slowest_ms, ok_ms = zip(*own, strict=True)
        known_ms = max((ms for ms in ok_ms if ms is not None), default=None)
        found.append(Throughput(action, at_ns, width_ns, sum(ok), sum(failed), sum(unknown), max(slowest_ms), known_ms))
    return tuple(found)


# A long recording needs no more than this.
TOGETHER_NS = 300 * SECOND_NS
SHORTEST_NS = 2 * SECOND_NS
# Connections open and pools warm up in the first moments of a recording.
WARM_UP_NS = 2 * SECOND_NS
# Sources that watch a part of the cluster: while one of them does not reach it, that part may be away.
PARTS = ("etcd", "patroni", "postgres", "haproxy")
# With fewer operations the 99th percentile is the slowest one.
ENOUGH = 100

Stretch = tuple[int, int]  # from, until


def calm_periods(recording: Recording, findings: Findings) -> tuple[Stretch, ...]:
    """Return the periods of 2 s or more without an incident in which every part answered, in order of time.

    A period ends at a reported fault, if that comes before the first trigger. If the periods sum to more than 300 s,
    the longest are taken. Their ends are whole milliseconds, so that a query can name them.
    """
    end_ns = recording.header.until_ns
    away = (
        (one.from_ns, end_ns if one.until_ns is None else one.until_ns)
        for one in findings.unreachable
        if one.source in PARTS
    )
    broken = [(incident.fault_ns, incident.ended_ns) for incident in findings.incidents]
    faults = [(e.by_ns, e.by_ns) for e in injected(recording.events) if e.kind == "fault.told"]
    spoiled = sorted([(0, WARM_UP_NS), *broken, *away, *faults, (end_ns, end_ns)])
    until = accumulate((ended_ns for _, ended_ns in spoiled), max)
    gaps = [
        (-(-left_ns // MS_NS) * MS_NS, began_ns // MS_NS * MS_NS)
        for left_ns, (began_ns, _) in zip(until, spoiled[1:], strict=False)
    ]
    taken: list[Stretch] = []
    for from_ns, until_ns in sorted(gaps, key=lambda gap: gap[0] - gap[1]):
        left_ns = TOGETHER_NS - sum(b - a for a, b in taken)
        if until_ns - from_ns >= SHORTEST_NS <= left_ns:
            taken.append((from_ns, min(until_ns, from_ns + left_ns)))
    return tuple(sorted(taken))


def baseline(recording: Recording, findings: Findings) -> tuple[Baseline, ...]:
    """Return each action on each kind of connection in the calm periods, if it had any operations there."""
    periods = calm_periods(recording, findings)
    operations = [o for period in periods for o in recording.between(*period)]
    found = []
    for action, probe in product(get_args(Action), get_args(Probe)):
        own = [o for o in operations if o.action == action and o.probe == probe]
        if own:
            found.append(_baseline(action, probe, periods, own))
    return tuple(found)


def _baseline(action: Action, probe: Probe, periods: tuple[Stretch, ...], own: Sequence[Operation]) -> Baseline:
    took = sorted(o.finished_ns - o.due_ns for o in own if o.outcome is Outcome.OK)
    p50, p95, p99, most = (percentile(took, share) / MS_NS if took else None for share in (50, 95, 99, 100))
    return Baseline(
        action=action,
        probe=probe,
        periods=periods,
        operations=len(own),
        failed=sum(o.outcome is Outcome.FAIL for o in own),
        unknown=sum(o.outcome is Outcome.UNKNOWN for o in own),
        rate_per_s=round(len(own) / (sum(until_ns - from_ns for from_ns, until_ns in periods) / SECOND_NS), 3),
        p50_ms=p50,
        p95_ms=p95,
        p99_ms=p99 if len(took) >= ENOUGH else None,
        max_ms=most,
    )


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
