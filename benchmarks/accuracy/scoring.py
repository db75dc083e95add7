"""The score of many runs as Markdown: causes, outages compared with the probe, sums of phases, lost writes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.accuracy import recorded_run
from benchmarks.accuracy.probe import Attempt, Gap, sharp, span
from observer.model.findings import Findings, Incident
from observer.model.recording import SECOND_NS, Recording
from reports.analysis.analyze import analyze
from reports.analysis.injected import Score, scores

RATE_PER_S = 20
MARGIN_S = 0.02
END_BAR_S = 1 / RATE_PER_S + MARGIN_S
LENGTH_BAR_S = 2 / RATE_PER_S + 0.04
AFTER = ("settling", "protection")  # phases after the outage; all others add up to it


@dataclass(frozen=True, slots=True)
class Pair:
    """An outage in the report and in the probe, each begin and end in ns; None if one of them has no such outage.

    `longest`: the longest outage that one of the probe's five clients measured. `sharp`: for each end, whether every
    client must have measured it at its next attempt. Both are None if the probe's attempts were not stored.
    """

    ours: tuple[int, int] | None
    probe: tuple[int, int] | None
    longest: tuple[int, int] | None = None
    sharp: tuple[bool, bool] | None = None

    @property
    def ends(self) -> tuple[End, ...]:
        """Both ends; none if the report or the probe has no outage."""
        if self.ours is None or self.probe is None:
            return ()
        sharp, longest = self.sharp or (None, None), self.longest or (None, None)
        return tuple(
            End((mine - other) / SECOND_NS, is_sharp, None if far is None else abs(far - other) / SECOND_NS)
            for mine, other, is_sharp, far in zip(self.ours, self.probe, sharp, longest, strict=True)
        )


@dataclass(frozen=True, slots=True)
class End:
    """One end of an outage.

    `late_s`: how much later it is in the report than in the probe. `apart_s`: how far the probe's five clients differ.
    """

    late_s: float
    sharp: bool | None
    apart_s: float | None

    @property
    def within_bar(self) -> bool:
        """Whether it is within the bar."""
        return abs(self.late_s) <= END_BAR_S

    @property
    def text(self) -> str:
        """The cell of the end in a table."""
        kind = {True: "sharp", False: "blurred", None: "unknown"}[self.sharp]
        apart = "" if self.apart_s is None else f", clients {self.apart_s:.3f} apart"
        return f"{self.late_s:+.3f}, {kind}{apart}"


@dataclass(frozen=True, slots=True)
class Run:
    """One analyzed run. `gap_ns`: difference between the phases and the outage; None if there is nothing to compare."""

    name: str
    truth: recorded_run.Truth
    scores: list[Score]
    outages: list[Pair]
    gap_ns: int | None
    lost: frozenset[str] | None
    versions: frozenset[str]

    @property
    def right(self) -> bool:
        """Whether every cause is right, and the report has no other incident."""
        return all(score.right for score in self.scores)


def analyzed(path: Path) -> Run:
    """Analyze a stored run with the present rules."""
    run = recorded_run.read(path)
    findings = analyze(run.recording)
    return Run(
        name=path.name.removesuffix(".json.xz"),
        truth=run.truth,
        scores=scores(run.recording, findings),
        outages=_paired(findings, run.truth),
        gap_ns=max((gap for gap in map(_gap, findings.incidents) if gap is not None), default=None),
        lost=None if findings.lost is None else frozenset(write.token for write in findings.lost),
        versions=_versions(run.recording),
    )


def markdown(paths: Sequence[Path]) -> str:
    """Return the whole score as Markdown."""
    runs = [analyzed(path) for path in paths]
    if not runs:
        return "There are no runs yet."
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


def _paired(findings: Findings, truth: recorded_run.Truth) -> list[Pair]:
    """Pair each outage of the report with the one of the probe that overlaps it most, if there is one."""
    ours = [(o.began_ns, o.ended_ns) for i in findings.incidents for o in i.write.outages if not o.open]
    attempts = [Attempt(*one) for one in truth.attempts]
    pairs: list[Pair] = []
    left = list(truth.outages)
    for one in ours:
        best = max(left, key=lambda other: min(one[1], other[1]) - max(one[0], other[0]), default=None)
        if best is not None and min(one[1], best[1]) > max(one[0], best[0]):
            left.remove(best)
            pairs.append(_pair(one, best, attempts))
        else:
            pairs.append(Pair(one, None))
    return [*pairs, *(Pair(None, other) for other in left)]


def _pair(ours: tuple[int, int], probe: tuple[int, int], attempts: Sequence[Attempt]) -> Pair:
    if not attempts:
        return Pair(ours, probe)
    gap = Gap(*probe)
    longest = span(attempts, gap)
    return Pair(ours, probe, (longest.from_ns, longest.to_ns), sharp(attempts, gap))


def _versions(recording: Recording) -> frozenset[str]:
    """Return the versions that the members reported."""
    found = {("Patroni", e.detail.get("patroni_version")) for e in recording.events if e.source == "patroni"}
    found |= {("PostgreSQL", e.detail.get("postgres")) for e in recording.events if e.kind == "versions.captured"}
    return frozenset(f"{name} {version}" for name, version in found if version)


def _gap(incident: Incident) -> int | None:
    """Return the difference between an outage and the sum of its phases; None if one of them is missing."""
    phases = [phase for phase in incident.phases if phase.name not in AFTER]
    if not phases or not incident.write.outages or not incident.write.outage_ns:
        return None
    main = max(incident.write.outages, key=lambda outage: outage.duration_ns)
    inner = [phase for phase in phases if main.began_ns <= phase.began.by_ns and phase.ended.by_ns <= main.ended_ns]
    return abs(sum(phase.duration_ns for phase in inner) - main.duration_ns)


def _outages_line(runs: Sequence[Run]) -> list[str]:
    every = [pair for run in runs for pair in run.outages]
    both = [pair for pair in every if pair.ends]
    if not both:
        return ["- outages: the report and the probe have none in common"]
    ends = [end for pair in both for end in pair.ends]
    sharp_ends, blurred = ([end for end in ends if end.sharp is which] for which in (True, False))
    lengths = [abs(pair.ends[1].late_s - pair.ends[0].late_s) for pair in both]
    beyond = sum(abs(end.late_s) > (end.apart_s or 0) + END_BAR_S for end in blurred)
    return [
        f"- outages of writes compared with the probe (n = {len(both)}): each end off by {_spread(_late_s(ends))}, "
        f"{_within_bar(ends)} within {END_BAR_S:.2f} s. The length is off by {_spread(lengths)}, "
        f"{sum(e <= LENGTH_BAR_S for e in lengths)} of {len(lengths)} within {LENGTH_BAR_S:.2f} s",
        f"- sharp ends, with every attempt of the probe in the next five periods acknowledged within one period: "
        f"off by {_spread(_late_s(sharp_ends))}, {_within_bar(sharp_ends)} within {END_BAR_S:.2f} s",
        f"- blurred ends, with some attempts that succeeded and some that did not: off by {_spread(_late_s(blurred))}, "
        f"{_within_bar(blurred)} within {END_BAR_S:.2f} s. Beyond this bar plus the difference between the probe's "
        f"five clients: {beyond}",
        f"- outages only in the report: {sum(pair.probe is None for pair in every)}, the longest "
        f"{_longest(pair.ours for pair in every if pair.probe is None)}; only in the probe: "
        f"{sum(pair.ours is None for pair in every)}, the longest "
        f"{_longest(pair.probe for pair in every if pair.ours is None)}",
    ]


def _late_s(ends: Sequence[End]) -> list[float]:
    return [abs(end.late_s) for end in ends]


def _spread(seconds: Sequence[float]) -> str:
    if not seconds:
        return "nothing (there were none)"
    ordered = sorted(seconds)
    return f"{ordered[len(ordered) // 2]:.3f} s (median), {ordered[-1]:.3f} s (largest)"


def _within_bar(ends: Sequence[End]) -> str:
    return f"{sum(end.within_bar for end in ends)} of {len(ends)}"


def _longest(outages: Iterable[tuple[int, int] | None]) -> str:
    lengths = [(one[1] - one[0]) / SECOND_NS for one in outages if one is not None]
    return f"{max(lengths):.3f} s" if lengths else "none"


def _outside(runs: Sequence[Run]) -> list[str]:
    """Return a table of the outages with an end outside the bar."""
    lines = ["| outage outside the bar | from, ours later by, s | to, ours later by, s |", "|---|---|---|"]
    for run in runs:
        for pair in run.outages:
            if not all(end.within_bar for end in pair.ends):
                lines.append(f"| {run.name} | {pair.ends[0].text} | {pair.ends[1].text} |")
    return lines


def _gap_text(runs: Sequence[Run]) -> str:
    gaps = [run.gap_ns for run in runs if run.gap_ns is not None]
    return f"{max(gaps) / 1e6:.3f} ms (n = {len(gaps)})" if gaps else "no incident had both"


def _losses_line(runs: Sequence[Run]) -> list[str]:
    made = sum(len(run.truth.lost) for run in runs)
    found = sum(len(run.lost or ()) for run in runs)
    exact = sum(run.lost == frozenset(run.truth.lost) for run in runs)
    return [f"- acknowledged writes lost: {made} made, {found} found; the same tokens in {exact} of {len(runs)} runs"]


def _confusion(every: Sequence[Score]) -> list[str]:
    counts = Counter((" + ".join(score.injected) or "nothing", score.found or "nothing") for score in every)
    confidences = Counter((" + ".join(s.injected) or "nothing", s.found or "nothing", s.confidence) for s in every)
    lines = ["| injected | found | times | with high confidence |", "|---|---|---|---|"]
    return lines + [
        f"| {injected} | {found} | {times} | {confidences[injected, found, 'high']} |"
        for (injected, found), times in sorted(counts.items())
    ]


def _by_scenario(runs: Sequence[Run]) -> list[str]:
    lines = ["| scenario | runs | all right | write outage, s (min, median, max) |", "|---|---|---|---|"]
    for name in sorted({run.truth.scenario for run in runs}):
        own = [run for run in runs if run.truth.scenario == name]
        lengths = sorted(sum(p.ours[1] - p.ours[0] for p in run.outages if p.ours) / SECOND_NS for run in own)
        spread = ", ".join(f"{value:.2f}" for value in (lengths[0], lengths[len(lengths) // 2], lengths[-1]))
        lines.append(f"| {name} | {len(own)} | {sum(run.right for run in own)} | {spread} |")
    return lines
