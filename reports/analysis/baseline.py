"""How the traffic did while nothing was wrong: a quiet spell, its rate and its latencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import get_args

from observer.timeline import MS_NS, SECOND_NS, Action, Incident, Operation, Outcome, Probe, Timeline
from reports.analysis.blindness import blindness

LONGEST_NS = 60 * SECOND_NS
SHORTEST_NS = 2 * SECOND_NS
# Connections open and pools warm up in the first moments of a recording.
WARM_UP_NS = 2 * SECOND_NS
# The sources that see a part of the cluster: while one of them is blind, that part may be away.
PARTS = ("etcd", "patroni", "postgres", "haproxy")


@dataclass(frozen=True, slots=True)
class Baseline:
    """One action by one kind of connection in a quiet spell. Latencies: of acknowledged operations, since due."""

    action: Action
    probe: Probe
    from_ns: int
    until_ns: int
    operations: int
    failed: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @property
    def rate_per_s(self) -> float:
        """Operations a second."""
        return self.operations / ((self.until_ns - self.from_ns) / SECOND_NS)


def quiet_spell(timeline: Timeline, incidents: Sequence[Incident]) -> tuple[int, int] | None:
    """The longest stretch without an incident in which every part was in sight, at most its first 60 s; of equals the
    first. None: there is none.
    """
    end_ns = timeline.recording.until_ns
    blind = (
        (s.from_ns, end_ns if s.until_ns is None else s.until_ns) for s in blindness(timeline) if s.source in PARTS
    )
    spoiled = sorted([(0, WARM_UP_NS), *((i.began_ns, i.ended_ns) for i in incidents), *blind, (end_ns, end_ns)])
    until = accumulate((ended_ns for _, ended_ns in spoiled), max)
    gaps = [(left_ns, began_ns) for left_ns, (began_ns, _) in zip(until, spoiled[1:], strict=False)]
    longest = max(gaps, key=lambda gap: min(gap[1] - gap[0], LONGEST_NS))
    from_ns, until_ns = longest[0], min(longest[1], longest[0] + LONGEST_NS)
    return (from_ns, until_ns) if until_ns - from_ns >= SHORTEST_NS else None


def baseline(timeline: Timeline, incidents: Sequence[Incident]) -> tuple[Baseline, ...]:
    """Each action by each kind of connection in the quiet spell, where there were any operations."""
    spell = quiet_spell(timeline, incidents)
    if spell is None:
        return ()
    operations = timeline.between(*spell)
    found = []
    for action in get_args(Action):
        for probe in get_args(Probe):
            own = [o for o in operations if o.action == action and o.probe == probe]
            if own:
                found.append(_of(action, probe, spell, own))
    return tuple(found)


def _of(action: Action, probe: Probe, spell: tuple[int, int], own: Sequence[Operation]) -> Baseline:
    took = sorted(o.finished_ns - o.due_ns for o in own if o.outcome is Outcome.OK)

    def percentile(share: float) -> float | None:
        return took[max(0, -(-int(share * len(took)) // 100) - 1)] / MS_NS if took else None

    return Baseline(
        action=action,
        probe=probe,
        from_ns=spell[0],
        until_ns=spell[1],
        operations=len(own),
        failed=len(own) - len(took),
        p50_ms=percentile(50),
        p95_ms=percentile(95),
        p99_ms=percentile(99),
        max_ms=took[-1] / MS_NS if took else None,
    )
