"""Writes that failed and yet are there: a FAIL certainly had no effect, so each of them shows a fault of observer."""

from __future__ import annotations

from collections.abc import Iterator

from observer.model.recording import Outcome, Recording
from reports.analysis.durability import decided
from reports.analysis.results.reads import Appeared


def appeared(recording: Recording) -> Iterator[Appeared]:
    """Yield every failed write whose token the newest audit of it found, in order of the tokens."""
    ranges, header = decided(recording.audits), recording.header
    failed = (o for o in recording.operations if o.action == "write" and o.outcome is Outcome.FAIL and o.token)
    for o in sorted(failed, key=lambda o: o.token):
        audit = ranges.of(o.token)
        if audit is not None and audit.present:
            utc = header.utc(o.finished_ns).isoformat()
            yield Appeared(header.id, o.token, utc, o.finished_ns, o.stage, o.message, o.id, audit.id)
