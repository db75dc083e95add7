"""Whether reads told the truth: those that went back in time, how stale they were, and rows that were read and lost.

What the record knows of a read is the newest token of the recording that it found (`saw`), the server that answered,
and that server's role; not which connection carried it. So what one client would call its session is the server here.

Tokens are numbered as they are given out. A read is compared with what was known for certain when it *began*: writes
acknowledged, and reads finished, strictly before. Times are ns of the recording's clock.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from heapq import heappop, heappush

from observer.model.recording import SECOND_NS, Operation, Outcome, Recording
from reports.analysis.durability import Ranges, decided

WHOLE = 800_000
"""With more operations than this (five hours at the default rate) a part of them is looked at."""
IDS = 20  # rows quoted for one token, and for reads that went back
NEAR_NS = 10 * SECOND_NS
SLICE_NS = 60 * SECOND_NS
# No operation lasts as long: what happened so long before another one finished has been told.
LONGEST_NS = 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Back:
    """A read that saw an older token than another read that had finished before it began.

    `writes`: how many acknowledged writes lie between the two, at least the one that was read. `since_ns`: for how long
    something newer had been read by then. `operation_ids`: the first read of anything newer, the newest read before,
    and this one.
    """

    server: str | None
    writes: int
    since_ns: int
    operation_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Backs:
    """All reads that went back in one way: how many, the worst by writes and by time, and the first of them."""

    count: int = 0
    by_writes: Back | None = None
    by_time: Back | None = None
    first: tuple[Back, ...] = ()

    def with_one(self, one: Back) -> Backs:
        """These and one more; of equals the earlier stays."""
        return Backs(
            self.count + 1,
            one if self.by_writes is None or one.writes > self.by_writes.writes else self.by_writes,
            one if self.by_time is None or one.since_ns > self.by_time.since_ns else self.by_time,
            (*self.first, one) if len(self.first) < IDS else self.first,
        )


@dataclass(frozen=True, slots=True)
class Spread:
    """The distribution of a quantity: percentiles are values that occurred (nearest rank)."""

    median: int
    p95: int
    p99: int
    most: int


@dataclass(frozen=True, slots=True)
class Staleness:
    """How far reads were behind the writes acknowledged before they began. `server` None: all of that role.

    `writes`: acknowledged writes that a read did not see. `behind_ns`: for how long the first of them had been
    acknowledged; 0 for a read that missed none. `behind` counts the reads that missed any.
    """

    in_recovery: bool
    server: str | None
    reads: int
    behind: int
    writes: Spread
    behind_ns: Spread


@dataclass(frozen=True, slots=True)
class ReadThenLost:
    """A token that reads saw and a later audit did not find. `read_ns` and `server` are of the first that saw it."""

    token: str
    server: str | None
    read_ns: int
    reads: int
    operation_ids: tuple[int, ...]
    audit_id: int | None


@dataclass(frozen=True, slots=True)
class Reads:
    """What the reads of a recording tell. `looked_at`: reads that told what they saw, of `acknowledged` in all.

    `whole`: every operation of the recording was looked at. `back_same`: the read's own server had shown the newer
    token; `back_other`: another one had. None: no read told what it saw. `lost` None: no audit covers anything seen.
    """

    acknowledged: int
    looked_at: int
    whole: bool
    back_same: Backs | None
    back_other: Backs | None
    staleness: tuple[Staleness, ...]
    lost: tuple[ReadThenLost, ...] | None


def reads(recording: Recording) -> Reads:
    """What the reads tell, walked in slices: all of them, or in a long recording those of `stretches`."""
    spans = stretches(recording)
    found = _Found(decided(recording.audits))
    for after_ns, by_ns in spans:
        _walk(recording, after_ns, by_ns, found)
    return Reads(
        acknowledged=_acknowledged(recording),
        looked_at=found.looked_at,
        whole=spans == ((-1, recording.header.until_ns),),
        back_same=found.back_same if found.looked_at else None,
        back_other=found.back_other if found.looked_at else None,
        staleness=tuple(found.staleness()),
        lost=tuple(sorted(found.lost.values(), key=lambda lost: lost.token)) if found.audited else None,
    )


def stretches(recording: Recording) -> tuple[tuple[int, int], ...]:
    """Which operations are looked at, by when they finished, (after, by].

    All of them, up to WHOLE. Of more than that: those within 10 s of an operation that was not acknowledged, and a
    minute at a time, evenly spread, as many as make WHOLE together.
    """
    until_ns = recording.header.until_ns
    total = sum(s.ok + s.failed + s.unknown for s in recording.seconds) or len(recording.operations)
    if total <= WHOLE:
        return ((-1, until_ns),)
    every_ns = SLICE_NS * total // WHOLE
    spread = [(at_ns, at_ns + SLICE_NS) for at_ns in range(-1, until_ns, every_ns)]
    failed = (o.finished_ns for o in recording.operations if o.outcome is not Outcome.OK)
    near = [(at_ns - NEAR_NS, at_ns + NEAR_NS) for at_ns in failed]
    joined: list[tuple[int, int]] = []
    for after_ns, by_ns in sorted([*spread, *near]):
        if joined and after_ns <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], by_ns))
        else:
            joined.append((after_ns, by_ns))
    return tuple(joined)


def _acknowledged(recording: Recording) -> int:
    if recording.seconds:
        return sum(s.ok for s in recording.seconds if s.action == "read")
    return sum(o.action == "read" and o.outcome is Outcome.OK for o in recording.operations)


@dataclass(slots=True)
class _Found:
    """What has been found so far. Numbers stand in arrays: there may be as many as reads."""

    ranges: Ranges
    looked_at: int = 0
    audited: bool = False
    lost: dict[str, ReadThenLost] = field(default_factory=dict)
    back_same: Backs = Backs()
    back_other: Backs = Backs()
    writes: dict[tuple[bool, str | None], array[int]] = field(default_factory=lambda: defaultdict(_numbers))
    behind_ns: dict[tuple[bool, str | None], array[int]] = field(default_factory=lambda: defaultdict(_numbers))

    def audit(self, read: Operation) -> None:
        """Looks up what an audit after the read says of the token that it saw."""
        token = read.saw or ""
        audit = self.ranges.of(token)
        if audit is None or audit.audited_ns < read.finished_ns:
            return
        self.audited = True
        if not audit.present:
            ids = () if read.id is None else (read.id,)
            first = self.lost.get(token) or ReadThenLost(token, _server(read), read.finished_ns, 0, (), audit.id)
            self.lost[token] = replace(first, reads=first.reads + 1, operation_ids=(first.operation_ids + ids)[:IDS])

    def staleness(self) -> Iterator[Staleness]:
        """Replicas before primaries; of each role all together, then each server."""
        for in_recovery in (True, False):
            own = sorted((key for key in self.writes if key[0] is in_recovery), key=lambda key: key[1] or "")
            groups = [(None, own), *((key[1], [key]) for key in own if key[1] is not None)] if own else []
            for server, keys in groups:
                writes = sorted(n for key in keys for n in self.writes[key])
                behind_ns = sorted(n for key in keys for n in self.behind_ns[key])
                missed = len(writes) - bisect_right(writes, 0)
                yield Staleness(in_recovery, server, len(writes), missed, _spread(writes), _spread(behind_ns))


def _numbers() -> array[int]:
    return array("q")


def _spread(values: Sequence[int]) -> Spread:
    def percentile(share: int) -> int:
        return values[max(0, -(-share * len(values) // 100) - 1)]

    return Spread(percentile(50), percentile(95), percentile(99), values[-1])


@dataclass(slots=True)
class _Newest:
    """Each time that a read found something newer than any before: the number, when it finished, its row."""

    numbers: array[int] = field(default_factory=_numbers)
    finished_ns: array[int] = field(default_factory=_numbers)
    ids: array[int] = field(default_factory=_numbers)

    def note(self, number: int, read: Operation) -> None:
        if not self.numbers or number > self.numbers[-1]:
            self.numbers.append(number)
            self.finished_ns.append(read.finished_ns)
            self.ids.append(read.id or 0)


def _walk(recording: Recording, after_ns: int, by_ns: int, found: _Found) -> None:
    """Adds what one stretch tells. Nothing is known of what was acknowledged or read before it."""
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
        found.looked_at += 1
        own = by_server[_server(operation)] if _server(operation) is not None else _Newest()
        same = bool(own.numbers) and own.numbers[-1] > number
        seen = own if same else anywhere
        missed = bisect_right(acknowledged, number)
        if seen.numbers and seen.numbers[-1] > number:
            first = bisect_right(seen.numbers, number)
            ids = dict.fromkeys((seen.ids[first], seen.ids[-1], operation.id or 0))
            back = Back(
                _server(operation),
                max(1, bisect_right(acknowledged, seen.numbers[-1]) - missed),
                operation.started_ns - seen.finished_ns[first],
                tuple(i for i in ids if i),
            )
            if same:
                found.back_same = found.back_same.with_one(back)
            else:
                found.back_other = found.back_other.with_one(back)
        if acknowledged and operation.in_recovery is not None:
            key = (operation.in_recovery, _server(operation))
            is_behind = missed < len(acknowledged)
            found.writes[key].append(len(acknowledged) - missed)
            found.behind_ns[key].append(operation.started_ns - acknowledged_ns[missed] if is_behind else 0)


_BEGAN, _ENDED = 0, 1


def _moments(recording: Recording, after_ns: int, by_ns: int) -> Iterator[tuple[int, Operation, int]]:
    """In order of time, when each acknowledged write ended, and when each read that tells what it saw began and ended.

    With the number of the token. At one moment what begins comes first.
    """
    waiting: list[tuple[int, int, int, Operation, int]] = []
    for count, operation in enumerate(_operations(recording, after_ns, by_ns)):
        number = _number(operation.token if operation.action == "write" else operation.saw)
        if operation.outcome is not Outcome.OK or number is None:
            continue
        if operation.action == "read":
            heappush(waiting, (operation.started_ns, _BEGAN, count, operation, number))
        heappush(waiting, (operation.finished_ns, _ENDED, count, operation, number))
        while waiting[0][0] < operation.finished_ns - LONGEST_NS:
            _, kind, _, told, number = heappop(waiting)
            yield kind, told, number
    while waiting:
        _, kind, _, told, number = heappop(waiting)
        yield kind, told, number


def _operations(recording: Recording, after_ns: int, by_ns: int) -> Iterator[Operation]:
    while after_ns < by_ns:
        until_ns = min(after_ns + SLICE_NS, by_ns)
        yield from recording.between(after_ns, until_ns)
        after_ns = until_ns


def _number(token: str | None) -> int | None:
    number = (token or "").rpartition("-")[2]
    return int(number) if number.isdigit() else None


def _server(operation: Operation) -> str | None:
    return operation.server or operation.address
