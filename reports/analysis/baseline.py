"""How the traffic did while nothing was wrong: the calm spells of a recording, their rate and their latencies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import get_args

from observer.model.findings import Incident
from observer.model.recording import MS_NS, SECOND_NS, Action, Operation, Outcome, Probe, Recording
from reports.analysis.blindness import blindness
from reports.analysis.injected import deeds

# More than this of a long recording says no more.
TOGETHER_NS = 300 * SECOND_NS
SHORTEST_NS = 2 * SECOND_NS
# Connections open and pools warm up in the first moments of a recording.
WARM_UP_NS = 2 * SECOND_NS
# The sources that see a part of the cluster: while one of them is blind, that part may be away.
PARTS = ("etcd", "patroni", "postgres", "haproxy")
# Of fewer operations the 99th percentile is the worst one by another name.
ENOUGH = 100

Spell = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Baseline:
    """One action by one kind of connection in calm spells. Latencies: of acknowledged operations, since due."""

    action: Action
    probe: Probe
    spells: tuple[Spell, ...]
    operations: int
    failed: int
    unknown: int
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    max_ms: float | None

    @property
    def rate_per_s(self) -> float:
        """Operations a second."""
        return self.operations / (sum(until_ns - from_ns for from_ns, until_ns in self.spells) / SECOND_NS)


def calm_spells(recording: Recording, incidents: Sequence[Incident]) -> tuple[Spell, ...]:
    """The stretches of 2 s or more without an incident in which every part was in sight, in order of time.

    A stretch ends at the fault that somebody told of, if that is before its first sign. Of more than 300 s together the
    longest are taken. Their ends are whole milliseconds, so that a query can name them.
    """
    end_ns = recording.header.until_ns
    blind = (
        (s.from_ns, end_ns if s.until_ns is None else s.until_ns) for s in blindness(recording) if s.source in PARTS
    )
    broken = [(min([i.began_ns, *(e.by_ns for e in i.told if e.kind == "fault.told")]), i.ended_ns) for i in incidents]
    faults = [(e.by_ns, e.by_ns) for e in deeds(recording.events) if e.kind == "fault.told"]
    spoiled = sorted([(0, WARM_UP_NS), *broken, *blind, *faults, (end_ns, end_ns)])
    until = accumulate((ended_ns for _, ended_ns in spoiled), max)
    gaps = [
        (-(-left_ns // MS_NS) * MS_NS, began_ns // MS_NS * MS_NS)
        for left_ns, (began_ns, _) in zip(until, spoiled[1:], strict=False)
    ]
    taken: list[Spell] = []
    for from_ns, until_ns in sorted(gaps, key=lambda gap: gap[0] - gap[1]):
        left_ns = TOGETHER_NS - sum(b - a for a, b in taken)
        if until_ns - from_ns >= SHORTEST_NS <= left_ns:
            taken.append((from_ns, min(until_ns, from_ns + left_ns)))
    return tuple(sorted(taken))


def baseline(recording: Recording, incidents: Sequence[Incident]) -> tuple[Baseline, ...]:
    """Each action by each kind of connection in the calm spells, where there were any operations."""
    spells = calm_spells(recording, incidents)
    operations = [o for spell in spells for o in recording.between(*spell)]
    found = []
    for action in get_args(Action):
        for probe in get_args(Probe):
            own = [o for o in operations if o.action == action and o.probe == probe]
            if own:
                found.append(_of(action, probe, spells, own))
    return tuple(found)


def _of(action: Action, probe: Probe, spells: tuple[Spell, ...], own: Sequence[Operation]) -> Baseline:
    took = sorted(o.finished_ns - o.due_ns for o in own if o.outcome is Outcome.OK)

    def percentile(share: float) -> float | None:
        return took[max(0, -(-int(share * len(took)) // 100) - 1)] / MS_NS if took else None

    return Baseline(
        action=action,
        probe=probe,
        spells=spells,
        operations=len(own),
        failed=sum(o.outcome is Outcome.FAIL for o in own),
        unknown=sum(o.outcome is Outcome.UNKNOWN for o in own),
        p50_ms=percentile(50),
        p95_ms=percentile(95),
        p99_ms=percentile(99) if len(took) >= ENOUGH else None,
        max_ms=took[-1] / MS_NS if took else None,
    )
