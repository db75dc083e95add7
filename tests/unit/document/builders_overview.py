"""Small results to make sections from: what a test does not name has nothing to say."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from observer.model.findings import Cost, Outage, Phase, Reported
from observer.model.recording import SECOND_NS, Window
from reports.analysis.results.evidence import ReadsServed, SupportingEvidence
from reports.analysis.results.reads import Consistency, DurabilityTotals
from reports.analysis.results.recording import ProxyChecks, ProxySettings, Totals
from reports.analysis.results.whole import IncidentResults, RecordingResults, Results
from reports.document.blocks import Section
from reports.render.language import language
from reports.render.markdown import markdown

_NO_COST = Cost("write", (), 0, None, False, 0, 0, 0, persistent_outage_ns=0, new_outage_ns=0)
_NO_SUPPORT = SupportingEvidence(
    (), (), (), None, None, (), None, (), None, None, None, None, ReadsServed(0, (), 0), None, False, None, ()
)


def ns(seconds: float) -> int:
    """Return seconds as nanoseconds."""
    return round(seconds * SECOND_NS)


def cost(*outages_s: tuple[float, float], failed: int = 0, still_open: bool = False, **given: Any) -> Cost:
    """Return what an incident cost an action: its outages, from and to, seconds."""
    outages = tuple(
        Outage("write", ns(began), ns(ended), still_open, 1, 2, ns(began), failed, 0) for began, ended in outages_s
    )
    total = sum(outage.duration_ns for outage in outages)
    return replace(_NO_COST, outage_ns=total, outages=outages, failed=failed, open=still_open, **given)


def phase(name: str, began_s: float, ended_s: float) -> Phase:
    """Return a phase between two exact moments."""
    return Phase(name, Window.at(ns(began_s)), Window.at(ns(ended_s)))


def reported(kind: str, at_s: float) -> Reported:
    """Return a fault or a repair that was reported."""
    return Reported(kind, ns(at_s), "2026-11-26T08:36:00+00:00", {}, 1)


def incident(number: int, cause: str, write: Cost = _NO_COST, **given: Any) -> IncidentResults:
    """Return an incident of a cause, with what it cost writes."""
    base = IncidentResults(
        number, cause, "patroni1", ("patroni1",), "high", (), (), ns(10), ns(60), write, _NO_COST,
        "patroni1", "patroni2", 1, 2, (), None, (), None, None,
        id=number, recording=1, began_utc="2026-11-26T08:36:10+00:00", ended_utc="2026-11-26T08:37:00+00:00",
        brownout_bound_s=None, rejoins=(), was_etcd_leader=None, supporting=_NO_SUPPORT, throughput=(),
    )  # fmt: skip
    return replace(base, **given)


def recording(**given: Any) -> RecordingResults:
    """Return a recording of 100 s with acknowledged writes and reads."""
    base = RecordingResults(
        1, "2026-11-26T08:36:00+00:00", "2026-11-26T08:37:40+00:00", ns(100), "stop", "demo", None, {}, None, None,
        {}, {}, (), (Totals("write", 900, 900, 0, 0), Totals("read", 900, 900, 0, 0)), (), (), (), (), None, None,
        (), (), (), (), (), (), {}, None, ProxySettings(None, None, None, False, ()), ProxyChecks(None, {}, ()),
        (), (), (), (), (), (), (), (), (), (), (),
    )  # fmt: skip
    return replace(base, **given)


def results(*incidents: IncidentResults, **given: Any) -> Results:
    """Return the results of one recording with these incidents, every write of it read back."""
    base = Results(
        "0.2.0", (recording(),), incidents, DurabilityTotals(900, 900, 0, 0, (), 0, 0, 0, ()),
        Consistency(True, (), (), (), ()), (), (), (),
    )  # fmt: skip
    return replace(base, **given)


def written(section: Section | None, name: str = "en") -> str:
    """Return a section as Markdown, with plain spaces."""
    return "" if section is None else markdown([section], language(name)).replace("\u00a0", " ")
