"""The results as dictionaries under their public keys, for the sections that still read those."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from observer.model.findings import Findings
from observer.model.recording import SECOND_NS, Recording
from reports.analysis.dashboards import ANALYZED as JUDGED
from reports.analysis.dashboards import ASKED_NS, LOST, ROUND_TRIP
from reports.analysis.failures import NOT_NOW, READ_ONLY, UNREACHED
from reports.analysis.proxy_checks import longest_up_s
from reports.analysis.results_of import results_of
from reports.analysis.topology import ports as ports_of
from reports.document.commands import psql_command as psql_of
from reports.document.self_checks import CHECKS, checked
from reports.homework.answers import answers_of
from reports.render.json import unrounded

__all__ = [
    "ASKED_S",
    "CHECKS",
    "JUDGED",
    "LOST",
    "NOT_NOW",
    "READ_ONLY",
    "ROUND_TRIP",
    "UNREACHED",
    "facts_of",
    "longest_up_s",
    "ports_of",
    "psql_of",
]
ASKED_S = ASKED_NS / SECOND_NS

AnswerFact = dict[str, Any]
AwayFact = dict[str, Any]
BackFact = dict[str, Any]
BlindnessFact = dict[str, Any]
CaptureFact = dict[str, Any]
ConsistencyFact = dict[str, Any]
CostFact = dict[str, Any]
DurabilityFact = dict[str, Any]
EvidenceFact = dict[str, Any]
Facts = dict[str, Any]
FailureFact = dict[str, Any]
IncidentFact = dict[str, Any]
LeaderFact = dict[str, Any]
LeadershipFact = dict[str, Any]
LineFact = dict[str, Any]
LostFact = dict[str, Any]
MomentFact = dict[str, Any]
ObjectiveFact = dict[str, Any]
OutageFact = dict[str, Any]
PaceFact = dict[str, Any]
PartFact = dict[str, Any]
PhaseFact = dict[str, Any]
PromotionFact = dict[str, Any]
ReadsFact = dict[str, Any]
ReadOnlyFact = dict[str, Any]
RecordingFact = dict[str, Any]
RejectedFact = dict[str, Any]
ReturnFact = dict[str, Any]
ServedFact = dict[str, Any]
ShownFact = dict[str, Any]
SpanFact = dict[str, Any]
SpreadFact = dict[str, Any]
StalenessFact = dict[str, Any]
TestimonyFact = dict[str, Any]
ToldFact = dict[str, Any]
WarningFact = dict[str, Any]


def facts_of(analyzed: Sequence[tuple[Recording, Findings]], version: str) -> Facts:
    """Return the results of recordings with answers and self-checks, as dictionaries."""
    results = checked(results_of(analyzed, version))
    return unrounded(replace(results, answers=answers_of(results)))
