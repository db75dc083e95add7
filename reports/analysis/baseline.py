"""The traffic while the cluster was healthy: the calm periods of a recording, their rate and their latencies."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, product
from typing import get_args

from observer.model.findings import Findings
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome, Probe, Recording
from reports.analysis.injected import injected
from reports.analysis.reads import percentile
from reports.analysis.results.recording import Baseline

# A long recording needs no more than this.
TOGETHER_NS = 300 * SECOND_NS
SHORTEST_NS = 2 * SECOND_NS
# Connections open and pools warm up in the first moments of a recording.
WARM_UP_NS = 2 * SECOND_NS
# Sources that watch a part of the cluster: while one of them does not reach it, that part may be away.
PARTS = ("etcd", "patroni", "postgres", "haproxy")
# With fewer operations the 99th percentile is the slowest one.
ENOUGH = 100

Period = tuple[int, int]  # from, until


def calm_periods(recording: Recording, findings: Findings) -> tuple[Period, ...]:
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
    taken: list[Period] = []
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
            found.append(_of(action, probe, periods, own))
    return tuple(found)


def _of(action: Action, probe: Probe, periods: tuple[Period, ...], own: Sequence[Operation]) -> Baseline:
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
