"""Whether reads returned current rows: reads that went back in time, how stale they were, rows lost after being read.

A recording holds of a read the newest token that it found (`saw`), the server that answered and its role; not which
connection carried it. So a session of Jepsen's consistency models is a server here.

Tokens are numbered as they are issued. A read is compared with what was certain when it *began*: writes acknowledged
and reads finished strictly before. Times are ns of the recording's clock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from observer.model.recording import SECOND_NS, Operation, Outcome, Recording, RecordingHeader
from reports.analysis.durability import SLICE_NS, Ranges, decided, in_slices, token_number, total_acknowledged
from reports.analysis.outages import merged
from reports.analysis.results.reads import BackwardReads, ReadConsistency, ReadThenLost, Spread, Staleness

WHOLE = 800_000
"""A recording with more operations than this (five hours at the default rate) is sampled."""
IDS = 20  # rows quoted for one token, and for reads that went back
NEAR_NS = 10 * SECOND_NS
# No operation lasts longer: all that began so long before another one finished is known by then.
LONGEST_NS = 60 * SECOND_NS


def reads(recording: Recording) -> ReadConsistency:
    """Return what the reads show, examined in slices: all of them, or in a long recording those of `sampled`."""
    intervals = sampled(recording)
    found = _Found(recording.header, decided(recording.audits))
    for after_ns, by_ns in intervals:
        _examine(recording, after_ns, by_ns, found)
    return ReadConsistency(
        recording=recording.header.id,
        acknowledged=total_acknowledged(recording, "read"),
        examined=found.examined,
        complete=intervals == ((-1, recording.header.until_ns),),
        back_same_server=found.back_same.result() if found.examined else None,
        back_other_server=found.back_other.result() if found.examined else None,
        staleness=tuple(found.staleness()),
        read_then_lost=tuple(sorted(found.lost.values(), key=lambda lost: lost.token)) if found.audited else None,
    )


def sampled(recording: Recording) -> tuple[tuple[int, int], ...]:
    """Return the intervals (after, by] of finishing in which operations are examined.

    All of them, up to WHOLE. Of more operations: those within 10 s of one that was not acknowledged, and minutes spread
    evenly, as many as make WHOLE together.
    """
    until_ns = recording.header.until_ns
    total = sum(s.ok + s.failed + s.unknown for s in recording.seconds)
    if total <= WHOLE:
        return ((-1, until_ns),)
    every_ns = SLICE_NS * total // WHOLE
    spread = [(at_ns, at_ns + SLICE_NS) for at_ns in range(-1, until_ns, every_ns)]
    failed = (o.finished_ns for o in recording.operations if o.outcome is not Outcome.OK)
    return tuple(merged([*spread, *((at_ns - NEAR_NS, at_ns + NEAR_NS) for at_ns in failed)]))


def percentile(values: Sequence[int], share: int) -> int:
    """Return a percentile of sorted values: the one at the nearest rank, so that it occurred."""
    return values[max(0, -(-share * len(values) // 100) - 1)]


def _numbers() -> array[int]:
    return array("q")


@dataclass(slots=True)
class _Backward:
    """The reads that saw an older token than another read that had finished before they began.

    The worst are kept with their rows: the first read of any newer token, the newest read before, and the read itself.
    """

    count: int = 0
    by_writes: tuple[int, tuple[int, ...]] = (0, ())
    by_duration: tuple[int, tuple[int, ...]] = (-1, ())
    ids: list[int] = field(default_factory=list)

    def add(self, writes: int, since_ns: int, ids: tuple[int, ...]) -> None:
        """Add a read: how many acknowledged writes it went back, at least 1, and how long a newer token was known."""
        self.count += 1
        if writes > self.by_writes[0]:
            self.by_writes = writes, ids
        if since_ns > self.by_duration[0]:
            self.by_duration = since_ns, ids
        if self.count <= IDS:
            self.ids += ids[-1:]

    def result(self) -> BackwardReads:
        """Return the count, the worst and the first."""
        (writes, writes_ids), (since_ns, duration_ids) = self.by_writes, self.by_duration
        worst = (writes, since_ns) if self.count else (None, None)
        return BackwardReads(self.count, worst[0], writes_ids, worst[1], duration_ids, tuple(self.ids))


@dataclass(slots=True)
class _Found:
    """The results so far. Numbers stand in arrays: there may be as many as reads."""

    header: RecordingHeader
    ranges: Ranges
    examined: int = 0
    audited: bool = False
    lost: dict[str, ReadThenLost] = field(default_factory=dict)
    back_same: _Backward = field(default_factory=_Backward)
    back_other: _Backward = field(default_factory=_Backward)
    writes: dict[tuple[bool, str | None], array[int]] = field(default_factory=lambda: defaultdict(_numbers))
    behind_ns: dict[tuple[bool, str | None], array[int]] = field(default_factory=lambda: defaultdict(_numbers))

    def audit(self, read: Operation) -> None:
        """Look up what an audit after the read shows of the token that it saw."""
        token = read.saw or ""
        audit = self.ranges.of(token)
        if audit is None or audit.audited_ns < read.finished_ns:
            return
        self.audited = True
        if not audit.present:
            ids = () if read.id is None else (read.id,)
            utc = self.header.utc(read.finished_ns).isoformat()
            first = self.lost.get(token) or ReadThenLost(token, _server(read), read.finished_ns, utc, 0, (), audit.id)
            self.lost[token] = replace(first, reads=first.reads + 1, operation_ids=(first.operation_ids + ids)[:IDS])

    def staleness(self) -> Iterator[Staleness]:
        """Yield replicas before primaries; of each role all together, then each server."""
        for in_recovery in (True, False):
            own = sorted((key for key in self.writes if key[0] is in_recovery), key=lambda key: key[1] or "")
            groups = [(None, own), *((key[1], [key]) for key in own if key[1] is not None)] if own else []
            for server, keys in groups:
                writes = sorted(n for key in keys for n in self.writes[key])
                behind_ns = sorted(n for key in keys for n in self.behind_ns[key])
                missed = len(writes) - bisect_right(writes, 0)
                role = "replica" if in_recovery else "primary"
                spread_s = (round(value / SECOND_NS, 6) for value in _spread(behind_ns))
                yield Staleness(role, server, len(writes), missed, Spread(*_spread(writes)), Spread(*spread_s))


def _spread(values: Sequence[int]) -> list[int]:
    return [percentile(values, share) for share in (50, 95, 99, 100)]


@dataclass(slots=True)
class _Newest:
    """Each read that found a newer token than any before: the token's number, when the read finished, its row."""

    numbers: array[int] = field(default_factory=_numbers)
    finished_ns: array[int] = field(default_factory=_numbers)
    ids: array[int] = field(default_factory=_numbers)

    def note(self, number: int, read: Operation) -> None:
        if not self.numbers or number > self.numbers[-1]:
            self.numbers.append(number)
            self.finished_ns.append(read.finished_ns)
            self.ids.append(read.id or 0)


def _examine(recording: Recording, after_ns: int, by_ns: int, found: _Found) -> None:
    acknowledged, acknowledged_ns = _numbers(), _numbers()  # in order of the numbers
    by_server: dict[str | None, _Newest] = defaultdict(_Newest)
    anywhere = _Newest()
    for kind, operation, number in _moments(recording, after_ns, by_ns):
        if kind == _ENDED:
            if operation.action == "write":
                index = bisect_right(acknowledged, number)
                acknowledged.insert(index, number)
                acknowledged_ns.insert(index, operation.finished_ns)
            else:
                found.audit(operation)
                anywhere.note(number, operation)
                by_server[_server(operation)].note(number, operation)
            continue
        found.examined += 1
        own = by_server[_server(operation)] if _server(operation) is not None else _Newest()
        same = bool(own.numbers) and own.numbers[-1] > number
        newest = own if same else anywhere
        missed = bisect_right(acknowledged, number)
        if newest.numbers and newest.numbers[-1] > number:
            first = bisect_right(newest.numbers, number)
            ids = dict.fromkeys((newest.ids[first], newest.ids[-1], operation.id or 0))
            writes = max(1, bisect_right(acknowledged, newest.numbers[-1]) - missed)
            since_ns = operation.started_ns - newest.finished_ns[first]
            (found.back_same if same else found.back_other).add(writes, since_ns, tuple(i for i in ids if i))
        if acknowledged and operation.in_recovery is not None:
            key = (operation.in_recovery, _server(operation))
            is_behind = missed < len(acknowledged)
            found.writes[key].append(len(acknowledged) - missed)
            found.behind_ns[key].append(operation.started_ns - acknowledged_ns[missed] if is_behind else 0)


_BEGAN, _ENDED = 0, 1


def _moments(recording: Recording, after_ns: int, by_ns: int) -> Iterator[tuple[int, Operation, int]]:
    """Yield in order of time each acknowledged write when it ended, and each read when it began and when it ended.

    Each comes with the number of its token. At one moment what begins comes first.
    """
    waiting: list[tuple[int, int, int, Operation, int]] = []
    for count, operation in enumerate(in_slices(recording, after_ns, by_ns)):
        number = token_number(operation.token if operation.action == "write" else operation.saw)
        if operation.outcome is not Outcome.OK or number is None:
            continue
        if operation.action == "read":
            heappush(waiting, (operation.started_ns, _BEGAN, count, operation, number))
        heappush(waiting, (operation.finished_ns, _ENDED, count, operation, number))
        while waiting[0][0] < operation.finished_ns - LONGEST_NS:
            _, kind, _, earliest, number = heappop(waiting)
            yield kind, earliest, number
    while waiting:
        _, kind, _, earliest, number = heappop(waiting)
        yield kind, earliest, number


def _server(operation: Operation) -> str | None:
    return operation.server or operation.address
