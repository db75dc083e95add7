"""The corpus: recordings of real runs, each with the injected faults and what an independent probe measured."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import pytest

from benchmarks.accuracy import recorded_run
from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Outcome
from reports.analysis.analyze import analyze
from reports.analysis.injected import Score, scores
from reports.analysis.rule import Rule
from reports.analysis.rules import ordered as causes
from reports.analysis.rules.other import observer_blind
from reports.analysis.rules.proxy import proxy_full
from tests.unit.recordings import STATS, event, fail, healthy, recording_of, traffic

RUNS = sorted((Path(__file__).parents[1] / "corpus" / "runs").glob("*.json.xz"))
# How far the observer and the probe may differ at 20 operations a second: in each end of an outage.
END_NS = (1 / 20 + 0.02) * SECOND_NS
AFTER = ("settling", "protection")

every_run = pytest.mark.parametrize("path", RUNS, ids=[path.name.removesuffix(".json.xz") for path in RUNS])


@cache
def run(path: Path) -> recorded_run.RecordedRun:
    return recorded_run.read(path)


@cache
def found(path: Path) -> Findings:
    return analyze(run(path).recording)


def scored(path: Path) -> list[Score]:
    given = run(path).recording
    return scores(given, analyze(given))


@every_run
def test_the_injected_cause_is_found_and_no_other(path: Path) -> None:
    for score in scores(run(path).recording, found(path)):
        assert score.right, f"injected {score.injected}, found {score.found} at {score.at_ns / SECOND_NS:.1f} s"


@every_run
def test_the_same_is_found_without_the_reports_of_injected_faults(path: Path) -> None:
    mute = recorded_run.without_told(run(path).recording)
    assert [(i.cause, i.targets, i.confidence) for i in analyze(mute).incidents] == [
        (i.cause, i.targets, i.confidence) for i in found(path).incidents
    ]


@every_run
def test_the_independent_probe_measured_each_outage_of_writes_too(path: Path) -> None:
    if run(path).truth.scenario == "unknown-tables-locked":
        pytest.skip("the probe writes into a table of its own, which was not locked")
    outages = [outage for i in found(path).incidents for outage in i.write.outages]
    saw = list(run(path).truth.outages)
    for outage in outages:
        near = [one for one in saw if abs(one[0] - outage.began_ns) <= 4 * END_NS]
        assert near, f"the probe measured no outage at {outage.began_ns / SECOND_NS:.2f} s"
    long = [one for one in saw if one[1] - one[0] > SECOND_NS]
    assert len(long) <= len(outages)


@every_run
def test_phases_sum_to_the_outage(path: Path) -> None:
    for incident in found(path).incidents:
        inner = [phase for phase in incident.phases if phase.name not in AFTER]
        if not incident.write.outages or not inner:
            continue
        main = max(incident.write.outages, key=lambda outage: outage.duration_ns)
        parts = [p for p in inner if main.began_ns <= p.began.by_ns and p.ended.by_ns <= main.ended_ns]
        assert sum(part.duration_ns for part in parts) == main.duration_ns


@every_run
def test_exactly_the_writes_that_the_table_lacks_are_lost(path: Path) -> None:
    lost = found(path).lost
    assert lost is not None
    assert {write.token for write in lost} == set(run(path).truth.lost)


# A cause that no drill can play has a literal recording here, and its rule is left out of PLAYED.
# A drill cannot play a machine that sleeps for a minute and finds its connections gone when it wakes.
SLEPT = recording_of(
    [*healthy(), event(70, "daemon", "observer.slept", "daemon", after_s=10, for_ms=60_000)],
    traffic((1, 10, Outcome.OK), (70, 70.5, Outcome.FAIL), (70.5, 100, Outcome.OK)),
)


def test_without_its_rule_a_machine_that_slept_has_an_unknown_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    (incident,) = analyze(SLEPT).incidents
    assert (incident.cause, incident.write.outage_ns) == ("observer.blind", 500_000_000)  # and not 60.5 s
    monkeypatch.setattr(causes, "RULES", tuple(rule for rule in causes.RULES if rule is not observer_blind))
    assert [i.cause for i in analyze(SLEPT).incidents] == ["unknown"]


# Nor a proxy at its limit: a drill has not enough clients.
FULL = recording_of(
    [
        *healthy(),
        event(20, "haproxy", "proxy.full", STATS, sessions=100, limit=100),
        event(40, "haproxy", "proxy.room", STATS, sessions=3, limit=100),
    ],
    [*traffic((1, 100, Outcome.OK)), *(fail(21 + n, took_s=1, probe="fresh") for n in range(19))],
)


def test_without_its_rule_a_proxy_at_its_limit_has_an_unknown_cause(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [i.cause for i in analyze(FULL).incidents] == ["proxy.full"]
    monkeypatch.setattr(causes, "RULES", tuple(rule for rule in causes.RULES if rule is not proxy_full))
    assert [i.cause for i in analyze(FULL).incidents] == ["unknown"]


PLAYED = [rule for rule in causes.RULES if rule not in (observer_blind, proxy_full)]


@pytest.mark.parametrize("rule", PLAYED, ids=[rule.__name__ for rule in PLAYED])
def test_without_this_rule_the_cause_of_some_run_is_wrong(rule: Rule, monkeypatch: pytest.MonkeyPatch) -> None:
    def has_another_cause(path: Path) -> bool:
        return all(not i.cause.replace(".", "_").startswith(rule.__name__) for i in found(path).incidents)

    right = [path for path in RUNS if all(score.right for score in scores(run(path).recording, found(path)))]
    right.sort(key=has_another_cause)  # the runs that most likely need the rule come first
    monkeypatch.setattr(causes, "RULES", tuple(one for one in causes.RULES if one is not rule))
    assert any(not score.right for path in right for score in scored(path)), (
        f"no run needs the rule {rule.__name__}: without it every run still has its cause. Record one that needs it "
        "with `make accuracy ONLY=SCENARIO`, and copy it from build/accuracy into tests/corpus/runs. If no drill can "
        "play the cause, leave the rule out of PLAYED and test it with a literal recording, as SLEPT and FULL do."
    )


def test_a_resumed_leader_that_took_the_key_back_is_listed_with_its_losses() -> None:
    path = next(path for path in RUNS if path.name.startswith("leader-frozen-and-back"))
    (incident,) = found(path).incidents
    taken = [e.facts["member"] for e in incident.evidence if e.says == "evidence.leader_key_taken"]
    assert taken == ["patroni2", "patroni1"]
    assert incident.lost is not None
    assert len(incident.lost) == 115


def test_what_a_successor_acknowledged_was_lost_by_the_former_leader_that_took_the_key_from_it() -> None:
    path = next(path for path in RUNS if path.name.startswith("leader-frozen-and-taken-back"))
    shown = [(i.cause, i.target, len(i.lost or ())) for i in found(path).incidents]
    assert shown == [("leader.frozen", "patroni2", 0), ("leader.taken_back", "patroni2", 202)]
