"""Outages: the one definition of them, and what they and an incident cost an action.

An outage is the time between two consecutive acknowledged operations of an action, on kept or fresh connections alike,
that is longer than max(3/rate, 150 ms) and in which at least one operation failed or ended unknown.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from observer.model.findings import Cost, Outage
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome, Probe, Recording

STABLE_NS = 5 * SECOND_NS
SHORTEST_NS = 150 * MS_NS
# The timeline holds what finished within 10 s of a failure; what lies further off has to be asked for.
NEAR_NS = 10 * SECOND_NS


def rate_per_s(recording: Recording, probe: Probe = "kept") -> float:
    """How many operations of one action a second were due on one kind of connection; the default where not told."""
    key, default = ("fresh_per_s", 2.0) if probe == "fresh" else ("rate_per_s", 20.0)
    traffic = recording.header.settings.get("traffic")
    rate = traffic.get(key) if isinstance(traffic, dict) else None
    return float(rate) if isinstance(rate, (int, float)) and rate > 0 else default


def threshold_ns(recording: Recording, probe: Probe | None = None) -> int:
    """The shortest gap between two acknowledgements that can be an outage; of one kind of connection by its rate."""
    return max(int(3 * SECOND_NS / rate_per_s(recording, probe or "kept")), SHORTEST_NS)


def failures(recording: Recording, action: Action, probe: Probe | None = None) -> tuple[Operation, ...]:
    """All operations of an action that are not acknowledged, in order of finishing."""
    own = (o for o in recording.operations if _is(o, action, probe) and o.outcome is not Outcome.OK)
    return tuple(sorted(own, key=_finished))


def _is(operation: Operation, action: Action, probe: Probe | None) -> bool:
    return operation.action == action and (probe is None or operation.probe == probe)


def within(failed: Sequence[Operation], after_ns: int, by_ns: int) -> Sequence[Operation]:
    """Those of `failed`, in order of finishing, that finished in (after_ns, by_ns]."""
    return failed[bisect_right(failed, after_ns, key=_finished) : bisect_right(failed, by_ns, key=_finished)]


def _finished(operation: Operation) -> int:
    return operation.finished_ns


def outages(recording: Recording, action: Action, probe: Probe | None = None) -> tuple[Outage, ...]:
    """Every outage of an action, in order; of one kind of connection alone where a probe is named.

    Before the first acknowledgement of a recording an outage begins when the first operation that failed was due; after
    the last one it lasts to the end of the recording, and is open. What the observer slept through is no part of it,
    where nothing had failed before it fell asleep, or nothing did once it woke.
    """
    asleep = slept(recording)
    acknowledged = [o for o in recording.operations if _is(o, action, probe) and o.outcome is Outcome.OK]
    finished = [o.finished_ns for o in acknowledged]

    def neighbours(failure: Operation) -> tuple[Operation | None, Operation | None]:
        at_ns = failure.finished_ns
        index = bisect_left(finished, at_ns)
        before = acknowledged[index - 1] if index else None
        after = acknowledged[index] if index < len(acknowledged) else None
        if before is None or at_ns - before.finished_ns > NEAR_NS:
            before = _last_before(recording, action, at_ns, probe) or before
        if after is None or after.finished_ns - at_ns > NEAR_NS:
            after = _first_after(recording, action, at_ns, probe) or after
        return before, after

    failed = failures(recording, action, probe)
    found: list[Outage] = []
    span: tuple[Operation | None, Operation | None] | None = None
    group: list[Operation] = []
    shortest_ns = threshold_ns(recording, probe)

    def close() -> None:
        if span is None or not group:
            return
        before, after = span
        first_due_ns = min(o.due_ns for o in group)
        began_ns = min(first_due_ns, group[0].finished_ns) if before is None else before.finished_ns
        ended_ns = max(recording.header.until_ns, group[-1].finished_ns) if after is None else after.finished_ns
        awake_ns = _awake(asleep, began_ns, ended_ns, group)
        outage = Outage(
            action=action,
            began_ns=awake_ns[0],
            ended_ns=awake_ns[1],
            open=after is None,
            before_id=None if before is None or awake_ns[0] > began_ns else before.id,
            after_id=None if after is None or awake_ns[1] < ended_ns else after.id,
            first_failure_ns=first_due_ns,
            failed=sum(o.outcome is Outcome.FAIL for o in group),
            unknown=sum(o.outcome is Outcome.UNKNOWN for o in group),
        )
        if outage.duration_ns > shortest_ns:
            found.append(outage)

    for failure in failed:
        after = span[1] if span is not None else None
        if span is not None and (after is None or failure.finished_ns <= after.finished_ns):
            group.append(failure)
            continue
        close()
        span, group = neighbours(failure), [failure]
    close()
    return tuple(found)


def slept(recording: Recording) -> list[tuple[int, int]]:
    """When the observer itself did not run: from, until."""
    return [(e.window.after_ns, e.window.by_ns) for e in recording.events if e.kind == "observer.slept"]


def _awake(
    asleep: Iterable[tuple[int, int]], began_ns: int, ended_ns: int, group: Sequence[Operation]
) -> tuple[int, int]:
    """The beginning and the end of an outage without the sleep before its first failure, and after its last."""
    first_ns, last_ns = group[0].finished_ns, group[-1].finished_ns
    for from_ns, until_ns in asleep:
        if began_ns <= from_ns < first_ns:
            began_ns = min(until_ns, first_ns)
        if last_ns <= from_ns and until_ns <= ended_ns:
            ended_ns = from_ns
    return began_ns, ended_ns


def _last_before(recording: Recording, action: Action, at_ns: int, probe: Probe | None) -> Operation | None:
    """The last acknowledgement before a moment, further back than the timeline holds."""
    reach_ns, by_ns = NEAR_NS, at_ns - 1
    while by_ns > 0:
        after_ns = max(-1, by_ns - reach_ns)
        for operation in reversed(recording.between(after_ns, by_ns)):
            if _is(operation, action, probe) and operation.outcome is Outcome.OK:
                return operation
        by_ns, reach_ns = after_ns, min(reach_ns * 2, 600 * SECOND_NS)
    return None


def _first_after(recording: Recording, action: Action, at_ns: int, probe: Probe | None) -> Operation | None:
    """The first acknowledgement after a moment, further on than the timeline holds."""
    reach_ns, after_ns, end_ns = NEAR_NS, at_ns - 1, recording.header.until_ns
    while after_ns < end_ns:
        by_ns = after_ns + reach_ns
        for operation in recording.between(after_ns, by_ns):
            if _is(operation, action, probe) and operation.outcome is Outcome.OK:
                return operation
        after_ns, reach_ns = by_ns, min(reach_ns * 2, 600 * SECOND_NS)
    return None


def stable(recording: Recording, failed: Sequence[Operation], own: Sequence[Outage]) -> tuple[int | None, int | None]:
    """Return ns from the start of the first outage until 5 s passed without a failure, and the row that began those.

    That row is the operation that ended the last outage, or the last failure after it. None: the recording ended first.
    """
    if not own or own[-1].open:
        return (None if own else 0), None
    calm_ns, calm_id = own[-1].ended_ns, own[-1].after_id
    for failure in failed[bisect_right(failed, calm_ns, key=_finished) :]:
        if failure.finished_ns > calm_ns + STABLE_NS:
            break
        calm_ns, calm_id = failure.finished_ns, failure.id
    calm_ns += STABLE_NS
    return (None, None) if calm_ns > recording.header.until_ns else (calm_ns - own[0].began_ns, calm_id)


def cost(
    recording: Recording,
    action: Action,
    all_failed: Sequence[Operation],
    own: Sequence[Outage],
    began_ns: int,
    ended_ns: int,
) -> Cost:
    """What a stretch of time cost an action, given all its failures and the outages that belong to the stretch."""
    failed = within(all_failed, began_ns, ended_ns)
    ok = acknowledged(recording, action, began_ns, ended_ns)
    observed = bool(ok or failed or own)
    stable_ns, stable_since_id = stable(recording, all_failed, own) if observed else (None, None)
    return Cost(
        action=action,
        outages=tuple(own),
        outage_ns=sum(outage.duration_ns for outage in own) if observed else None,
        stable_ns=stable_ns,
        open=any(outage.open for outage in own),
        ok=ok,
        failed=sum(o.outcome is Outcome.FAIL for o in failed),
        unknown=sum(o.outcome is Outcome.UNKNOWN for o in failed),
        stable_since_id=stable_since_id,
    )


def acknowledged(recording: Recording, action: Action, after_ns: int, by_ns: int) -> int:
    """How many operations of an action were acknowledged in (after_ns, by_ns].

    Whole seconds are taken from the store's counts, so that a long stretch needs no operations; the ends are asked for.
    """
    first_s, last_s = -(-(after_ns + 1) // SECOND_NS), (by_ns + 1) // SECOND_NS
    if not recording.seconds or first_s >= last_s:
        return _count(recording.between(after_ns, by_ns), action)
    whole = sum(s.ok for s in recording.seconds if s.action == action and first_s <= s.at_s < last_s)
    ends = (
        recording.between(after_ns, first_s * SECOND_NS - 1),
        recording.between(last_s * SECOND_NS - 1, by_ns),
    )
    return whole + sum(_count(operations, action) for operations in ends)


def _count(operations: Iterable[Operation], action: Action) -> int:
    return sum(o.action == action and o.outcome is Outcome.OK for o in operations)
