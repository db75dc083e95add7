"""Find the outages of a recording, what they and an incident cost an action, and when an action was not observed.

`observer.model.outages` holds the definition of an outage. It counts persistent and new connections together, and each
kind apart with the rate of that kind: a client with a connection pool survives faults that a client with new
connections does not, such as a brownout, a proxy at its limit, or a login that hangs.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise, product
from typing import get_args

from observer.model.findings import Cost, Outage, Unreachable
from observer.model.outages import OutageDetector, limit_ns
from observer.model.recording import MS_NS, NEW, PERSISTENT, SECOND_NS, Action, Operation, Outcome, Probe, Recording

STABLE_NS = 5 * SECOND_NS
# A recording holds all operations that finished within 10 s of a failure; those further off have to be fetched.
NEAR_NS = 10 * SECOND_NS


def threshold_ns(recording: Recording, probe: Probe | None = None) -> int:
    """Return the longest gap between two acknowledgements that is no outage, from the rate of a kind of connection.

    Without a rate in the settings, it is the default one.
    """
    key, default = ("fresh_per_s", 2.0) if probe == NEW else ("rate_per_s", 20.0)
    traffic = recording.header.settings.get("traffic")
    rate = traffic.get(key) if isinstance(traffic, dict) else None
    return limit_ns(float(rate) if isinstance(rate, (int, float)) and rate > 0 else default)


def failures(recording: Recording, action: Action) -> tuple[Operation, ...]:
    """Return all operations of an action that were not acknowledged, in order of finishing."""
    own = (o for o in recording.operations if o.action == action and o.outcome is not Outcome.OK)
    return tuple(sorted(own, key=_finished))


def _is(operation: Operation, action: Action, probe: Probe | None) -> bool:
    return operation.action == action and (probe is None or operation.probe == probe)


def within(failed: Sequence[Operation], after_ns: int, by_ns: int) -> Sequence[Operation]:
    """Return the operations of `failed`, which is in order of finishing, that finished in (after_ns, by_ns]."""
    return failed[bisect_right(failed, after_ns, key=_finished) : bisect_right(failed, by_ns, key=_finished)]


def _finished(operation: Operation) -> int:
    return operation.finished_ns


def outages(recording: Recording, action: Action, probe: Probe | None = None) -> tuple[Outage, ...]:
    """Return every outage of an action, in order; with `probe`, of that kind of connection alone.

    After the last acknowledgement an outage lasts to the end of the recording, and is open.
    """
    detector = OutageDetector(action, threshold_ns(recording, probe), slept(recording))
    found = [detector.add(operation) for operation in _complete(recording, action, probe)]
    found.append(detector.running(recording.header.until_ns))
    return tuple(outage for outage in found if outage is not None)


def _complete(recording: Recording, action: Action, probe: Probe | None) -> Sequence[Operation]:
    """Return the operations of an action in order of finishing, with the acknowledgements next to each failure.

    A failure that finished together with an acknowledgement comes first: that acknowledgement ends its gap.
    """
    own = sorted(
        (o for o in recording.operations if _is(o, action, probe)),
        key=lambda o: (o.finished_ns, o.outcome is Outcome.OK),
    )
    found: list[Operation] = []
    for before, after in pairwise([None, *own, None]):
        from_ns = -1 if before is None else before.finished_ns
        until_ns = recording.header.until_ns if after is None else after.finished_ns - 1
        if before is None or after is None or until_ns - from_ns > NEAR_NS:
            if before is not None and before.outcome is not Outcome.OK:
                found += _nearest(recording, action, probe, from_ns, until_ns)
            if after is not None and after.outcome is not Outcome.OK:
                found += _nearest(recording, action, probe, from_ns, until_ns, backwards=True)
        if after is not None:
            found.append(after)
    return found


def _nearest(
    recording: Recording, action: Action, probe: Probe | None, after_ns: int, by_ns: int, backwards: bool = False
) -> list[Operation]:
    """Fetch the first acknowledgement in (after_ns, by_ns], or the last one; an empty list if there is none."""
    reach_ns = NEAR_NS
    while after_ns < by_ns:
        span = (max(after_ns, by_ns - reach_ns), by_ns) if backwards else (after_ns, min(by_ns, after_ns + reach_ns))
        operations = recording.between(*span)
        for operation in reversed(operations) if backwards else operations:
            if _is(operation, action, probe) and operation.outcome is Outcome.OK:
                return [operation]
        after_ns, by_ns = (after_ns, span[0]) if backwards else (span[1], by_ns)
        reach_ns = min(reach_ns * 2, 600 * SECOND_NS)
    return []


def slept(recording: Recording) -> list[tuple[int, int]]:
    """Return when the observer itself did not run: from, until."""
    return [(e.window.after_ns, e.window.by_ns) for e in recording.events if e.kind == "observer.slept"]


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
    """Return what an interval cost an action, given all its failures and the outages that belong to the interval."""
    failed = within(all_failed, began_ns, ended_ns)
    ok = acknowledged(recording, action, began_ns, ended_ns)
    observed = bool(ok or failed or own)
    stable_ns, calm_id = stable(recording, all_failed, own) if observed else (None, None)
    return Cost(
        action=action,
        outages=tuple(own),
        outage_ns=sum(outage.duration_ns for outage in own) if observed else None,
        stable_ns=stable_ns,
        calm_id=calm_id,
        open=any(outage.open for outage in own),
        ok=ok,
        failed=sum(o.outcome is Outcome.FAIL for o in failed),
        unknown=sum(o.outcome is Outcome.UNKNOWN for o in failed),
    )


def outages_by_probe(recording: Recording) -> dict[tuple[Action, Probe], tuple[Outage, ...] | None]:
    """Return the outages of each action on each kind of connection; None: no operation used that kind."""
    used = {(s.action, s.probe) for s in recording.served} | {(o.action, o.probe) for o in recording.operations}
    pairs = product(get_args(Action), get_args(Probe))
    return {pair: outages(recording, *pair) if pair in used else None for pair in pairs}


def with_probes(
    recording: Recording,
    cost: Cost,
    by_probe: Mapping[tuple[Action, Probe], Sequence[Outage] | None],
    before_ns: int,
    ended_ns: int,
) -> Cost:
    """Return the cost of an incident with its outages on persistent and on new connections.

    An outage belongs to the first incident that had not ended when the first operation that failed in it was due.
    `before_ns` is the end of the incident before, `ended_ns` the end of this one.
    """

    def own(probe: Probe) -> tuple[tuple[Outage, ...], int | None]:
        every = by_probe[cost.action, probe]
        if every is None or cost.outage_ns is None:
            return (), None
        found = tuple(outage for outage in every if before_ns < outage.first_failure_ns <= ended_ns)
        return found, sum(outage.duration_ns for outage in found)

    (persistent, persistent_ns), (new, new_ns) = own(PERSISTENT), own(NEW)
    known = persistent_ns is not None and new_ns is not None
    return replace(
        cost,
        persistent_outages=persistent,
        persistent_outage_ns=persistent_ns,
        persistent_open=any(outage.open for outage in persistent),
        new_outages=new,
        new_outage_ns=new_ns,
        new_open=any(outage.open for outage in new),
        new_longer=known and (new_ns or 0) - (persistent_ns or 0) > threshold_ns(recording, NEW),
    )


def acknowledged(recording: Recording, action: Action, after_ns: int, by_ns: int) -> int:
    """Return how many operations of an action were acknowledged in (after_ns, by_ns].

    Whole seconds come from the store's counts, so that a long interval loads no operations; its two ends are fetched.
    """
    first_s, last_s = -(-(after_ns + 1) // SECOND_NS), (by_ns + 1) // SECOND_NS
    if first_s >= last_s:
        return _count(recording.between(after_ns, by_ns), action)
    whole = sum(s.ok for s in recording.seconds if s.action == action and first_s <= s.at_s < last_s)
    ends = (
        recording.between(after_ns, first_s * SECOND_NS - 1),
        recording.between(last_s * SECOND_NS - 1, by_ns),
    )
    return whole + sum(_count(operations, action) for operations in ends)


def _count(operations: Iterable[Operation], action: Action) -> int:
    return sum(o.action == action and o.outcome is Outcome.OK for o in operations)


UNREACHABLE = (("traffic", "generator"), ("daemon", "recorder"))
# The sources start before the first operation; after the last one the recording ends, with its audits.
BEGINNING_NS = 3 * SECOND_NS
ENDING_NS = 120 * SECOND_NS
DEADLINE_MS = 1000  # of an operation, if the recording does not hold it

Interval = tuple[int, int]  # from, until


def unobserved(recording: Recording, periods: Sequence[Unreachable], action: Action) -> tuple[Interval, ...]:
    """Return the intervals, in order and merged, in which an action was not observed.

    The generator was dead, the observer slept or its records were lost, the tables were absent, or no operation of the
    action ended for longer than one may take.
    """
    stopped = [
        (one.began_ns, one.ended_ns(recording.header.until_ns))
        for one in periods
        if (one.source, one.subject) in UNREACHABLE
    ]
    found = [*stopped, *slept(recording), *_absent(recording, action), *_idle(recording, action)]
    return tuple(merged(found))


def _absent(recording: Recording, action: Action) -> Iterator[Interval]:
    since_ns: int | None = None
    for event in recording.events:
        if event.subject != action:
            continue
        if event.kind == "workload.absent" and since_ns is None:
            since_ns = event.by_ns
        elif event.kind == "workload.present" and since_ns is not None:
            yield since_ns, event.by_ns
            since_ns = None
    if since_ns is not None:
        yield since_ns, recording.header.until_ns


def _idle(recording: Recording, action: Action) -> Iterator[Interval]:
    """Yield whole seconds without an operation that neither the rate nor the deadline of the traffic explains."""
    header = recording.header
    deadline_ms = header.settings.get("traffic", {}).get("deadline_ms", DEADLINE_MS)
    shortest_ns = max(threshold_ns(recording), deadline_ms * MS_NS)  # all operations may wait this long for an answer
    end_ns = header.until_ns - (0 if header.ended_ns is None else ENDING_NS)
    busy_ns = [second.at_s * SECOND_NS for second in recording.seconds if second.action == action]
    at_ns = BEGINNING_NS
    for from_ns, next_ns in [*((busy, busy + SECOND_NS) for busy in sorted(busy_ns)), (end_ns, end_ns)]:
        if from_ns - at_ns > shortest_ns:
            yield at_ns, from_ns
        at_ns = max(at_ns, next_ns)


def merged(intervals: Iterable[Interval]) -> list[Interval]:
    """Return intervals in order, with those that touch or overlap made one."""
    found: list[Interval] = []
    for from_ns, until_ns in sorted(intervals):
        if found and from_ns <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until_ns)
        else:
            found.append((from_ns, until_ns))
    return found
