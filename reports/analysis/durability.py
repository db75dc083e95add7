"""What became of the writes, by identity: which acknowledged ones an audit did not find."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from observer.model.findings import Lost
from observer.model.recording import SECOND_NS, Audit, Operation, Outcome, Recording

CHUNK_NS = 60 * SECOND_NS


@dataclass(frozen=True, slots=True)
class Durability:
    """Counts of writes. None: not audited."""

    acknowledged: int
    unaudited: int
    lost: tuple[Lost, ...] | None
    unknown: int
    unknown_took_effect: int | None
    failed_but_present: int | None


@dataclass(frozen=True, slots=True)
class Ranges:
    """Audited ranges of tokens that do not overlap, in order; where audits overlap, the newest decides."""

    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    audits: tuple[Audit, ...]

    def of(self, token: str) -> Audit | None:
        """The audit that decides about a token; None: not audited."""
        index = bisect_right(self.firsts, token) - 1
        return self.audits[index] if index >= 0 and token <= self.lasts[index] else None


def durability(recording: Recording) -> Durability:
    """What the audits of a recording say of its writes."""
    ranges = decided(recording.audits)
    uncertain = [o for o in recording.operations if o.action == "write" and o.outcome is not Outcome.OK and o.token]
    unknown = [o for o in uncertain if o.outcome is Outcome.UNKNOWN]
    acknowledged = _acknowledged(recording)
    if not recording.audits:
        return Durability(acknowledged, acknowledged, None, len(unknown), None, None)
    return Durability(
        acknowledged=acknowledged,
        unaudited=_unaudited(recording, ranges),
        lost=tuple(_lost(recording, ranges)),
        unknown=len(unknown),
        unknown_took_effect=_present(unknown, ranges),
        failed_but_present=_present([o for o in uncertain if o.outcome is Outcome.FAIL], ranges),
    )


def covered(recording: Recording, since_ns: int, after_ns: int, by_ns: int) -> bool:
    """Whether audits made since a moment cover every write that was acknowledged in (after_ns, by_ns]."""
    ranges = decided([audit for audit in recording.audits if audit.audited_ns >= since_ns])
    return bool(ranges.firsts) and _unaudited(recording, ranges, after_ns, by_ns) == 0


def decided(audits: Sequence[Audit]) -> Ranges:
    """The audits as ranges that do not overlap. A range that a newer one cuts keeps what is left of it."""
    pieces: list[Piece] = []
    for _, together in groupby(sorted(audits, key=lambda a: (a.audited_ns, a.first_token)), key=lambda a: a.audited_ns):
        newer = [(audit.first_token, audit.last_token, audit) for audit in together]
        older = [left for piece in pieces for left in _without(piece, newer)]
        pieces = sorted([*older, *newer], key=_first)
    return Ranges(tuple(p[0] for p in pieces), tuple(p[1] for p in pieces), tuple(p[2] for p in pieces))


Piece = tuple[str, str, Audit]


def _without(piece: Piece, newer: Sequence[Piece]) -> Iterator[Piece]:
    """What newer ranges, in order, leave of an older one."""
    first, last, audit = piece
    index = max(0, bisect_right(newer, first, key=_first) - 1)
    while index < len(newer) and newer[index][0] <= last:
        if newer[index][1] >= first:
            if newer[index][0] > first:
                yield first, _step(newer[index][0], -1), audit
            first = _step(newer[index][1], 1)
        index += 1
    if first <= last:
        yield first, last, audit


def _first(piece: Piece) -> str:
    return piece[0]


def _step(token: str, by: int) -> str:
    """The token beside this one; tokens end in "-" and a number of fixed width."""
    tag, dash, number = token.rpartition("-")
    if not dash or not number.isdigit():
        return token + ("\0" if by > 0 else "")
    return f"{tag}-{max(0, int(number) + by):0{len(number)}d}"


def _number(token: str) -> int | None:
    number = token.rpartition("-")[2]
    return int(number) if number.isdigit() else None


def _present(operations: Sequence[Operation], ranges: Ranges) -> int | None:
    """How many of these are there; None: not all of them were looked for."""
    audits = [ranges.of(o.token) for o in operations]
    known = [audit.present for audit in audits if audit is not None]
    return sum(known) if len(known) == len(audits) else None


def _acknowledged(recording: Recording) -> int:
    if recording.seconds:
        return sum(s.ok for s in recording.seconds if s.action == "write")
    return sum(o.action == "write" and o.outcome is Outcome.OK for o in recording.operations)


def _lost(recording: Recording, ranges: Ranges) -> Iterator[Lost]:
    """Acknowledged writes in ranges that are absent.

    Most absent tokens are those of operations that failed, and what finished near a failure is in the timeline; only
    where a range holds tokens that are not, they are asked for.
    """
    at_hand = _at_hand(recording)
    seen: set[str] = set()
    for first, last, audit in zip(ranges.firsts, ranges.lasts, ranges.audits, strict=True):
        if audit.present:
            continue
        low, high = _number(first), _number(last)
        held = at_hand[bisect_left(at_hand, first, key=_token) : bisect_right(at_hand, last, key=_token)]
        complete = low is not None and high is not None and len(held) >= high - low + 1
        for operation in held if complete else _writes_of(recording, at_hand, first, last):
            absent = first <= operation.token <= last and operation.token not in seen
            if absent and operation.action == "write" and operation.outcome is Outcome.OK:
                seen.add(operation.token)
                yield Lost(
                    operation.token,
                    operation.finished_ns,
                    operation.server,
                    operation.timeline,
                    operation.id,
                    audit.id,
                )


def _at_hand(recording: Recording) -> list[Operation]:
    """The writes that the timeline holds, in order of their tokens."""
    return sorted((o for o in recording.operations if o.action == "write" and o.token), key=_token)


def _token(operation: Operation) -> str:
    return operation.token


def _writes_of(recording: Recording, at_hand: Sequence[Operation], first: str, last: str) -> Iterator[Operation]:
    """Every write that may carry a token of a range: those that finished between its neighbours at hand.

    Tokens are counted as operations are scheduled, none of which takes as long as the margin that is left here.
    """
    before, after = bisect_left(at_hand, first, key=_token), bisect_right(at_hand, last, key=_token)
    from_ns = at_hand[before - 1].started_ns - CHUNK_NS if before else -1
    until_ns = at_hand[after].finished_ns if after < len(at_hand) else recording.header.until_ns
    yield from _chunks(recording, max(from_ns, -1), min(until_ns, recording.header.until_ns) + CHUNK_NS)


def _chunks(recording: Recording, from_ns: int, until_ns: int) -> Iterator[Operation]:
    while from_ns < until_ns:
        by_ns = min(from_ns + CHUNK_NS, until_ns)
        yield from recording.between(from_ns, by_ns)
        from_ns = by_ns


def _unaudited(recording: Recording, ranges: Ranges, after_ns: int = -1, by_ns: int | None = None) -> int:
    """Writes acknowledged in (after_ns, by_ns] that no range covers: in the holes between ranges, and after the last.

    Without `by_ns`, to the end of the recording.
    """
    until_ns = recording.header.until_ns if by_ns is None else by_ns
    at_hand = _at_hand(recording)
    count = sum(after_ns < o.finished_ns for o in _beyond(recording, ranges.lasts[-1], until_ns))
    for low, high in _holes(ranges):
        own = {o.token: o for o in _writes_of(recording, at_hand, low, high) if _kept(o) and low <= o.token <= high}
        count += sum(after_ns < o.finished_ns <= until_ns for o in own.values())
    return count


def _holes(ranges: Ranges) -> list[tuple[str, str]]:
    """The stretches of tokens before the first range and between two of them."""
    pairs = zip(ranges.lasts, ranges.firsts[1:], strict=False)
    holes = [(_step(a, 1), _step(b, -1)) for a, b in pairs if _step(a, 1) < b]
    first = ranges.firsts[0]
    if (_number(first) or 1) > 1:
        holes.insert(0, (first.rpartition("-")[0] + "-", _step(first, -1)))
    return holes


def _beyond(recording: Recording, last: str, by_ns: int) -> Iterator[Operation]:
    """Acknowledged writes with a later token than `last`, from the end back to where all are older.

    No operation takes as long as a chunk, so that one chunk before an older token there is no later one.
    """
    older = False
    while by_ns > -1:
        after_ns = max(-1, by_ns - CHUNK_NS)
        writes = [o for o in recording.between(after_ns, by_ns) if _kept(o)]
        yield from (o for o in writes if o.token > last)
        if older:
            return
        older = any(o.token <= last for o in writes)
        by_ns = after_ns


def _kept(operation: Operation) -> bool:
    """Whether it is a write that was acknowledged and can be read back."""
    return operation.action == "write" and operation.outcome is Outcome.OK and bool(operation.token)
