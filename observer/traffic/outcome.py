"""The outcome of an operation, from its stage and the way it ended; one rule for writes and reads."""

from __future__ import annotations

from typing import Literal

from observer.model.recording import Outcome

Ended = Literal["answered", "error", "lost", "deadline"]

# Before the statement is sent, nothing can have taken effect.
_NOT_SENT = frozenset({"slot", "resolve", "connect", "send"})
# A server that shuts down may return these for a statement that it had already committed.
_UNCERTAIN = frozenset({"57P01", "57P02", "40003"})


def outcome(stage: str, ended: Ended, sqlstate: str | None = None) -> Outcome:
    """Return OK, FAIL (certainly without effect) or UNKNOWN (it may have taken effect).

    `stage` as in `Operation.stage`. `ended`: answered; error, from a live server; lost, the connection; deadline.
    """
    if ended == "answered":
        return Outcome.OK
    if stage in _NOT_SENT:
        return Outcome.FAIL
    certain = ended == "error" and sqlstate is not None and sqlstate not in _UNCERTAIN and sqlstate[:2] != "08"
    return Outcome.FAIL if certain else Outcome.UNKNOWN
