"""What a rule says of a cause: found with its evidence, or rejected with the reason; None: nothing points to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Confidence, Evidence, Rejected
from reports.analysis.incident_context import IncidentContext, shows
from reports.analysis.member_observations import MemberObservations


@dataclass(frozen=True, slots=True)
class Found:
    """A cause that holds. One target, or several, or none that is known."""

    cause: str
    targets: tuple[str, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejected, ...] = field(default=())

    @property
    def target(self) -> str | None:
        """The one target; None for several or none."""
        return self.targets[0] if len(self.targets) == 1 else None


RuleResult = Found | Rejected | None
Rule = Callable[[IncidentContext], RuleResult]


def found(cause: str, targets: str | Sequence[str], confidence: Confidence, *evidence: Evidence | None) -> Found:
    """A cause that holds; evidence that there is none of is left out."""
    named = (targets,) if isinstance(targets, str) else tuple(targets)
    return Found(cause, named, confidence, tuple(e for e in evidence if e is not None))


def rejected(cause: str, reason: str, **facts: Any) -> Rejected:
    """A cause that does not hold, and why."""
    return Rejected(cause, reason, facts)


def key_deleted(context: IncidentContext) -> Evidence | None:
    """That the leader key was deleted."""
    lost = context.leader_lost
    return None if lost is None else shows("evidence.leader_key_deleted", lost, member=lost.subject)


def key_taken(context: IncidentContext) -> Evidence | None:
    """That the leader key was taken after."""
    elected = context.leader_elected
    return None if elected is None else shows("evidence.leader_key_taken", elected, member=elected.subject)


def failed(seen: MemberObservations) -> list[Evidence]:
    """How the looks at a member failed."""
    told = []
    if seen.rest is not None:
        told.append(shows("evidence.rest_failed", seen.rest.teller, member=seen.member, how=seen.rest.how))
    if seen.sql is not None:
        told.append(shows("evidence.sql_failed", seen.sql.teller, member=seen.member, how=seen.sql.how))
    return told


def ran_on(seen: MemberObservations) -> Evidence | None:
    """That it lived, though its doors were shut."""
    return None if seen.ran_on is None else shows("evidence.ran_on", seen.ran_on, member=seen.member)


def paused(seen: MemberObservations) -> Evidence | None:
    """That the cluster was in pause mode, in which Patroni may be restarted and leaves its PostgreSQL alone."""
    return None if seen.paused is None else shows("evidence.paused", seen.paused, member=seen.member)
