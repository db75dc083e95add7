"""The result of a rule, and the evidence that several rules share.

A rule finds its cause with the rows that show it, rejects it with a reason, or returns None if nothing points to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from observer.model.findings import Confidence, Evidence, Rejected, Unreachable
from observer.model.recording import Event
from reports.analysis.incident_context import IncidentContext, MemberObservations, shows


@dataclass(frozen=True, slots=True)
class Found:
    """A cause that holds, with its targets."""

    cause: str
    targets: tuple[str, ...]
    confidence: Confidence
    evidence: tuple[Evidence, ...]
    rejected: tuple[Rejected, ...] = field(default=())

    @property
    def target(self) -> str | None:
        """Return the target; None if there are several or none."""
        return self.targets[0] if len(self.targets) == 1 else None


RuleResult = Found | Rejected | None
Rule = Callable[[IncidentContext], RuleResult]


def found(cause: str, targets: str | Iterable[str], sure: Confidence | bool, *evidence: Evidence | None) -> Found:
    """Return a cause that holds, with each target once and without the evidence that is None.

    `sure`: the confidence; True is "high", False "medium".
    """
    named = (targets,) if isinstance(targets, str) else tuple(dict.fromkeys(targets))
    confidence: Confidence = sure if isinstance(sure, str) else "high" if sure else "medium"
    return Found(cause, named, confidence, tuple(e for e in evidence if e is not None))


def rejected(cause: str, reason: str, **facts: Any) -> Rejected:
    """Return a cause that does not hold, and why."""
    return Rejected(cause, reason, facts)


def decided(
    cause: str,
    seen: MemberObservations,
    reasons: Mapping[str, object],
    sure: Confidence | bool,
    *evidence: Evidence | None,
) -> RuleResult:
    """Return a cause that lies with a member; if one of the reasons against it applies, the first of those."""
    reason = next((reason for reason, applies in reasons.items() if applies), None)
    if reason is None:
        return found(cause, seen.member, sure, *evidence)
    hows = {"reason.rest_how": seen.rest_how, "reason.sql_how": seen.sql_how}
    facts = {"how": hows[reason]} if reason in hows else {}
    return rejected(cause, reason, member=seen.member, **facts)


def of_member(says: str, event: Event | Sequence[Event] | None, member: str, **facts: Any) -> Evidence | None:
    """Return evidence of an event about a member; None if there is no event."""
    return None if event is None else shows(says, event, member=member, **facts)


def key_deleted(context: IncidentContext) -> Evidence | None:
    """Return evidence that the leader key was deleted."""
    return _of_subject("evidence.leader_key_deleted", context.leader_lost)


def key_taken(context: IncidentContext) -> Evidence | None:
    """Return evidence that the leader key was taken after."""
    return _of_subject("evidence.leader_key_taken", context.leader_elected)


def _of_subject(says: str, event: Event | None) -> Evidence | None:
    return None if event is None else shows(says, event, member=event.subject)


def expired(seen: MemberObservations) -> Evidence:
    """Return evidence that the lease of a leader ran out: its keys went at one revision."""
    revision = seen.expired[0].detail.get("revision")
    return shows("evidence.lease_expired", seen.expired, member=seen.member, revision=revision)


def failed(seen: MemberObservations) -> list[Evidence]:
    """Return evidence of how the polls of a member failed."""
    polls = (("evidence.rest_failed", seen.rest), ("evidence.sql_failed", seen.sql))
    return [shows(says, one.event, member=seen.member, how=one.how) for says, one in polls if one is not None]


def failed_endpoints(down: Iterable[Unreachable]) -> list[Evidence]:
    """Return evidence of the members of etcd that did not answer."""
    return [shows("evidence.etcd_failed", one.event, endpoint=one.subject, how=one.how) for one in down]


def member_state(event: Event | None, member: str) -> Evidence | None:
    """Return evidence of the state that a member reported."""
    return None if event is None else of_member("evidence.member_state", event, member, state=event.detail.get("state"))


def restarted(seen: MemberObservations) -> Evidence | None:
    """Return evidence that its PostgreSQL has another start time."""
    return of_member("evidence.postgres_started", seen.restarted, seen.member)


def ran_on(seen: MemberObservations) -> Evidence | None:
    """Return evidence that it ran, though it did not answer."""
    return of_member("evidence.ran_on", seen.ran_on, seen.member)


def serves(seen: MemberObservations) -> Evidence | None:
    """Return evidence that its PostgreSQL went on as a primary."""
    return of_member("evidence.sql_primary", seen.sql_primary, seen.member) if seen.serves else None


def paused(seen: MemberObservations) -> Evidence | None:
    """Return evidence of pause mode, in which Patroni may be restarted and leaves its PostgreSQL alone."""
    return of_member("evidence.paused", seen.paused, seen.member)
