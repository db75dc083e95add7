"""The score of many runs, as it is printed: causes, outages against the probe, gaps between phases, losses."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from observer.timeline import SECOND_NS, Findings, Incident, Timeline
from reports.analysis.judge import judge
from reports.analysis.scoring import Score, scores
from tests.corpus import tape

RATE_PER_S = 20
END_BAR_S = 1 / RATE_PER_S + 0.02
LENGTH_BAR_S = 2 / RATE_PER_S + 0.04
# The phases from the outage's beginning to its end; those after it stand beside.
AFTER = ("settling", "protection")


@dataclass(frozen=True, slots=True)
class Run:
    """One run, judged. `outages`: pairs of ours and the probe's, from and to, ns. `gap_ns` None: nothing to compare."""

    name: str
    truth: tape.Truth
    scores: list[Score]
    outages: list[tuple[tuple[int, int] | None, tuple[int, int] | None]]
    gap_ns: int | None
    lost: frozenset[str] | None
    versions: frozenset[str]

    @property
    def right(self) -> bool:
        """Whether every cause was, and nothing was said that did not happen."""
        return all(score.right for score in self.scores)


def judged(path: Path) -> Run:
    """A run that was kept, judged by the judge of today."""
    kept = tape.read(path)
    findings = judge(kept.timeline)
    return Run(
        name=path.name.removesuffix(".json.xz"),
        truth=kept.truth,
        scores=scores(kept.timeline, findings),
        outages=_paired(findings, kept.truth.outages),
        gap_ns=max((gap for gap in map(_gap, findings.incidents) if gap is not None), default=None),
        lost=None if findings.lost is None else frozenset(write.token for write in findings.lost),
        versions=_versions(kept.timeline),
    )


def printed(paths: Sequence[Path]) -> str:
    """The whole score as Markdown."""
    runs = [judged(path) for path in paths]
    if not runs:
        return "Nothing was played yet."
    every = [score for run in runs for score in run.scores]
    right = sum(score.right for score in every)
    dates = sorted(run.truth.date for run in runs)
    versions = [f"observer {version}" for version in sorted({run.truth.version for run in runs})]
    versions += sorted({version for run in runs for version in run.versions})
    return "\n".join(
        [
            f"{len(runs)} runs of {len({run.truth.scenario for run in runs})} scenarios, "
            f"played {dates[0]} to {dates[-1]} UTC with {', '.join(versions)}.",
            "",
            f"- causes: {right} of {len(every)} right ({100 * right / len(every):.1f} %); "
            f"wrong causes stated with high confidence: {sum(score.wrongly_sure for score in every)}",
            *_outages_line(runs),
            f"- largest gap between the phases and the outage: {_gap_text(runs)}",
            *_losses_line(runs),
            "",
            *_confusion(every),
            "",
            *_by_scenario(runs),
            "",
            *_outside(runs),
        ]
    )


def _paired(
    findings: Findings, probe: Sequence[tuple[int, int]]
) -> list[tuple[tuple[int, int] | None, tuple[int, int] | None]]:
    """Outages of ours beside those of the probe that overlap them; one without the other stands alone."""
    ours = [(o.began_ns, o.ended_ns) for i in findings.incidents for o in i.write.outages if not o.open]
    pairs: list[tuple[tuple[int, int] | None, tuple[int, int] | None]] = []
    left = list(probe)
    for one in ours:
        best = max(left, key=lambda other: min(one[1], other[1]) - max(one[0], other[0]), default=None)
        if best is not None and min(one[1], best[1]) > max(one[0], best[0]):
            left.remove(best)
            pairs.append((one, best))
        else:
            pairs.append((one, None))
    return [*pairs, *((None, other) for other in left)]


def _versions(timeline: Timeline) -> frozenset[str]:
    """What the members said of their versions."""
    said = {("Patroni", e.detail.get("patroni_version")) for e in timeline.events if e.source == "patroni"}
    said |= {("PostgreSQL", e.detail.get("postgres")) for e in timeline.events if e.kind == "versions.captured"}
    return frozenset(f"{name} {version}" for name, version in said if version)


def _gap(incident: Incident) -> int | None:
    """By how much the phases of an outage differ from it; None where there is none, or no phases."""
    phases = [phase for phase in incident.phases if phase.name not in AFTER]
    if not phases or not incident.write.outages or not incident.write.outage_ns:
        return None
    main = max(incident.write.outages, key=lambda outage: outage.duration_ns)
    inner = [phase for phase in phases if main.began_ns <= phase.began.by_ns and phase.ended.by_ns <= main.ended_ns]
    return abs(sum(phase.duration_ns for phase in inner) - main.duration_ns)


def _outages_line(runs: Sequence[Run]) -> list[str]:
    both = [(one, other) for run in runs for one, other in run.outages if one and other]
    if not both:
        return ["- outages: none was seen by both"]
    ends = sorted(abs(one[side] - other[side]) / SECOND_NS for one, other in both for side in (0, 1))
    lengths = sorted(abs((one[1] - one[0]) - (other[1] - other[0])) / SECOND_NS for one, other in both)
    alone = sum(other is None for run in runs for _, other in run.outages)
    missed = sum(one is None for run in runs for one, _ in run.outages)
    return [
        f"- outages of writes against the probe (n = {len(both)}): each end off by {_spread(ends)}, "
        f"{sum(e <= END_BAR_S for e in ends)} of {len(ends)} within {END_BAR_S:.2f} s; the length by "
        f"{_spread(lengths)}, {sum(e <= LENGTH_BAR_S for e in lengths)} of {len(lengths)} within {LENGTH_BAR_S:.2f} s",
        f"- outages that only the report tells of: {alone}; that only the probe saw: {missed}",
    ]


def _outside(runs: Sequence[Run]) -> list[str]:
    """The outages whose ends differ by more than the bar, each by how much."""
    lines = ["| outage outside the bar | from, ours later by, s | to, ours later by, s |", "|---|---|---|"]
    for run in runs:
        for one, other in run.outages:
            if one and other:
                ends = [(one[side] - other[side]) / SECOND_NS for side in (0, 1)]
                if max(map(abs, ends)) > END_BAR_S:
                    lines.append(f"| {run.name} | {ends[0]:+.3f} | {ends[1]:+.3f} |")
    return lines


def _spread(values: Sequence[float]) -> str:
    return f"{values[len(values) // 2]:.3f} s (median), {values[-1]:.3f} s (largest)"


def _gap_text(runs: Sequence[Run]) -> str:
    gaps = [run.gap_ns for run in runs if run.gap_ns is not None]
    return f"{max(gaps) / 1e6:.3f} ms (n = {len(gaps)})" if gaps else "no incident had both"


def _losses_line(runs: Sequence[Run]) -> list[str]:
    made = sum(len(run.truth.lost) for run in runs)
    found = sum(len(run.lost or ()) for run in runs)
    exact = sum(run.lost == frozenset(run.truth.lost) for run in runs)
    return [f"- acknowledged writes lost: {made} made, {found} found; the same tokens in {exact} of {len(runs)} runs"]


def _confusion(every: Sequence[Score]) -> list[str]:
    counts = Counter((" + ".join(score.told) or "nothing", score.found or "nothing") for score in every)
    confidences = Counter((" + ".join(s.told) or "nothing", s.found or "nothing", s.confidence) for s in every)
    lines = ["| told | found | times | with high confidence |", "|---|---|---|---|"]
    return lines + [
        f"| {told} | {found} | {times} | {confidences[told, found, 'high']} |"
        for (told, found), times in sorted(counts.items())
    ]


def _by_scenario(runs: Sequence[Run]) -> list[str]:
    lines = ["| scenario | runs | all right | write outage, s (min, median, max) |", "|---|---|---|---|"]
    for name in sorted({run.truth.scenario for run in runs}):
        own = [run for run in runs if run.truth.scenario == name]
        lengths = sorted(sum(one[1] - one[0] for one, _ in run.outages if one) / SECOND_NS for run in own)
        spread = ", ".join(f"{value:.2f}" for value in (lengths[0], lengths[len(lengths) // 2], lengths[-1]))
        lines.append(f"| {name} | {len(own)} | {sum(run.right for run in own)} | {spread} |")
    return lines
