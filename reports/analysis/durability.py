"""Which acknowledged writes were lost, by token: those that an audit did not find."""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from observer.model.findings import Lost
from observer.model.recording import SECOND_NS, Action, Audit, Operation, Outcome, Recording
from reports.analysis.results.reads import Appeared

SLICE_NS = 60 * SECOND_NS


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
    """Audited ranges of tokens that do not overlap, in order; the newest of several audits of a token decides."""

    firsts: tuple[str, ...]
    lasts: tuple[str, ...]
    audits: tuple[Audit, ...]

    def of(self, token: str) -> Audit | None:
        """Return the audit that decides about a token; None: not audited."""
        index = bisect_right(self.firsts, token) - 1
        return self.audits[index] if index >= 0 and token <= self.lasts[index] else None


def durability(recording: Recording) -> Durability:
    """Return what the audits of a recording show of its writes."""
    ranges = decided(recording.audits)
    uncertain = [o for o in recording.operations if o.action == "write" and o.outcome is not Outcome.OK and o.token]
    unknown = [o for o in uncertain if o.outcome is Outcome.UNKNOWN]
    count = total_acknowledged(recording, "write")
    if not recording.audits:
        return Durability(count, count, None, len(unknown), None, None)
    return Durability(
        acknowledged=count,
        unaudited=_unaudited(recording, ranges),
        lost=tuple(_lost(recording, ranges)),
        unknown=len(unknown),
        unknown_took_effect=_present(unknown, ranges),
        failed_but_present=_present([o for o in uncertain if o.outcome is Outcome.FAIL], ranges),
    )


def appeared(recording: Recording) -> Iterator[Appeared]:
    """Yield every failed write whose token the newest audit of it found, in order of the tokens.

    A FAIL certainly had no effect, so each of them shows a fault of the observer.
    """
    ranges, header = decided(recording.audits), recording.header
    failed = (o for o in recording.operations if o.action == "write" and o.outcome is Outcome.FAIL and o.token)
    for o in sorted(failed, key=_token):
        audit = ranges.of(o.token)
        if audit is not None and audit.present:
            utc = header.utc(o.finished_ns).isoformat()
            yield Appeared(header.id, o.token, utc, o.finished_ns, o.stage, o.message, o.id, audit.id)


def covered(recording: Recording, since_ns: int, after_ns: int, by_ns: int) -> bool:
    """Return whether audits made since a moment cover every write that was acknowledged in (after_ns, by_ns]."""
    ranges = decided([audit for audit in recording.audits if audit.audited_ns >= since_ns])
    return bool(ranges.firsts) and _unaudited(recording, ranges, after_ns, by_ns) == 0


def total_acknowledged(recording: Recording, action: Action) -> int:
    """Return how many operations of an action were acknowledged in the whole recording."""
    return sum(s.ok for s in recording.seconds if s.action == action)


def in_slices(recording: Recording, after_ns: int, by_ns: int) -> Iterator[Operation]:
    """Yield all operations that finished in (after_ns, by_ns], fetched a minute at a time."""
    while after_ns < by_ns:
        until_ns = min(after_ns + SLICE_NS, by_ns)
        yield from recording.between(after_ns, until_ns)
        after_ns = until_ns


def token_number(token: str | None) -> int | None:
    """Return the number with which a token ends; None: it has none."""
    number = (token or "").rpartition("-")[2]
    return int(number) if number.isdigit() else None


Piece = tuple[str, str, Audit]


def decided(audits: Sequence[Audit]) -> Ranges:
    """Return the audits as ranges that do not overlap. A range that a newer one cuts keeps the rest of its tokens."""
    pieces: list[Piece] = []
    for _, together in groupby(sorted(audits, key=lambda a: (a.audited_ns, a.first_token)), key=lambda a: a.audited_ns):
        newer = [(audit.first_token, audit.last_token, audit) for audit in together]
        older = [left for piece in pieces for left in _without(piece, newer)]
        pieces = sorted([*older, *newer], key=_first)
    return Ranges(tuple(p[0] for p in pieces), tuple(p[1] for p in pieces), tuple(p[2] for p in pieces))


def _without(piece: Piece, newer: Sequence[Piece]) -> Iterator[Piece]:
    """Yield the parts of an older range that newer ones, in order, do not cover."""
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
    """Return the token next to this one; tokens end in "-" and a number of fixed width."""
    tag, dash, number = token.rpartition("-")
    if not dash or not number.isdigit():
        return token + ("\0" if by > 0 else "")
    return f"{tag}-{max(0, int(number) + by):0{len(number)}d}"


def _present(operations: Sequence[Operation], ranges: Ranges) -> int | None:
    """Return how many of these writes are there; None: some were not audited."""
    audits = [ranges.of(o.token) for o in operations]
    known = [audit.present for audit in audits if audit is not None]
    return sum(known) if len(known) == len(audits) else None


def _lost(recording: Recording, ranges: Ranges) -> Iterator[Lost]:
    """Yield the acknowledged writes in ranges that are absent.

    Most absent tokens are those of operations that failed, and the recording holds what finished near a failure. Only
    if a range holds other tokens are they fetched.
    """
    at_hand = _at_hand(recording)
    seen: set[str] = set()
    for first, last, audit in zip(ranges.firsts, ranges.lasts, ranges.audits, strict=True):
        if audit.present:
            continue
        low, high = token_number(first), token_number(last)
        held = at_hand[bisect_left(at_hand, first, key=_token) : bisect_right(at_hand, last, key=_token)]
        complete = low is not None and high is not None and len(held) >= high - low + 1
        for o in held if complete else _writes_of(recording, at_hand, first, last):
            if first <= o.token <= last and o.token not in seen and _is_acknowledged(o):
                seen.add(o.token)
                utc = recording.header.utc(o.finished_ns).isoformat()
                yield Lost(o.token, o.finished_ns, o.server, o.timeline, o.id, audit.id, utc)


def _at_hand(recording: Recording) -> list[Operation]:
    return sorted((o for o in recording.operations if o.action == "write" and o.token), key=_token)


def _token(operation: Operation) -> str:
    return operation.token


def _writes_of(recording: Recording, at_hand: Sequence[Operation], first: str, last: str) -> Iterator[Operation]:
    """Yield every write that may carry a token of a range: those that finished between its neighbours at hand.

    Tokens are counted as operations are scheduled, and no operation takes as long as the margin of one slice.
    """
    before, after = bisect_left(at_hand, first, key=_token), bisect_right(at_hand, last, key=_token)
    from_ns = at_hand[before - 1].started_ns - SLICE_NS if before else -1
    until_ns = at_hand[after].finished_ns if after < len(at_hand) else recording.header.until_ns
    return in_slices(recording, max(from_ns, -1), min(until_ns, recording.header.until_ns) + SLICE_NS)


def _unaudited(recording: Recording, ranges: Ranges, after_ns: int = -1, by_ns: int | None = None) -> int:
    """Count the writes acknowledged in (after_ns, by_ns] in the holes between ranges and after the last range.

    Without `by_ns`, to the end of the recording.
    """
    until_ns = recording.header.until_ns if by_ns is None else by_ns
    at_hand = _at_hand(recording)
    count = sum(after_ns < o.finished_ns for o in _beyond(recording, ranges.lasts[-1], until_ns))
    for low, high in _holes(ranges):
        writes = _writes_of(recording, at_hand, low, high)
        own = {o.token: o for o in writes if _is_acknowledged(o) and low <= o.token <= high}
        count += sum(after_ns < o.finished_ns <= until_ns for o in own.values())
    return count


def _holes(ranges: Ranges) -> list[tuple[str, str]]:
    """Return the tokens, first and last, before the first range and between two ranges."""
    pairs = zip(ranges.lasts, ranges.firsts[1:], strict=False)
    holes = [(_step(a, 1), _step(b, -1)) for a, b in pairs if _step(a, 1) < b]
    first = ranges.firsts[0]
    if (token_number(first) or 1) > 1:
        holes.insert(0, (first.rpartition("-")[0] + "-", _step(first, -1)))
    return holes


def _beyond(recording: Recording, last: str, by_ns: int) -> Iterator[Operation]:
    """Yield acknowledged writes with a later token than `last`, from the end back to where all tokens are older.

    No operation takes as long as a slice, so one slice before an older token holds no later one.
    """
    older = False
    while by_ns > -1:
        after_ns = max(-1, by_ns - SLICE_NS)
        writes = [o for o in recording.between(after_ns, by_ns) if _is_acknowledged(o)]
        yield from (o for o in writes if o.token > last)
        if older:
            return
        older = any(o.token <= last for o in writes)
        by_ns = after_ns


def _is_acknowledged(operation: Operation) -> bool:
    """Return whether it is a write that was acknowledged and can be read back."""
    return operation.action == "write" and operation.outcome is Outcome.OK and bool(operation.token)
