"""Writes that failed and yet are there: by the law of outcomes there is none, so each shows a fault of the observer."""

from __future__ import annotations

from dataclasses import dataclass

from observer.model.recording import Operation, Outcome, Recording
from reports.analysis.durability import decided


@dataclass(frozen=True, slots=True)
class Appeared:
    """A write that certainly had no effect, and the row of the audit that found its token (None: not stored)."""

    write: Operation
    audit_id: int | None


def appeared(recording: Recording) -> tuple[Appeared, ...]:
    """Every failed write whose token the newest audit of it found, in order of the tokens."""
    ranges = decided(recording.audits)
    failed = [o for o in recording.operations if o.action == "write" and o.outcome is Outcome.FAIL and o.token]
    told = [(o, ranges.of(o.token)) for o in sorted(failed, key=lambda o: o.token)]
    return tuple(Appeared(write, audit.id) for write, audit in told if audit is not None and audit.present)
