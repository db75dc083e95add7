"""What became of an operation, from how far it came and how it ended: one law for writes and reads alike."""

from __future__ import annotations

from typing import Literal

from observer.model.recording import Outcome

Ended = Literal["answered", "error", "lost", "deadline"]

# Before the statement is sent, nothing can have taken effect.
_NOT_SENT = frozenset({"slot", "resolve", "connect", "send"})
# States that a dying server may give to a statement that it had already committed.
_UNCERTAIN = frozenset({"57P01", "57P02", "40003"})


def outcome(stage: str, ended: Ended, sqlstate: str | None = None) -> Outcome:
    """OK, FAIL (certainly without effect) or UNKNOWN (it may have taken effect).

    `stage` as in `Operation.stage`. `ended`: answered; error, which a live server said; lost, the connection; deadline.
    """
    if ended == "answered":
        return Outcome.OK
    if stage in _NOT_SENT:
        return Outcome.FAIL
    certain = ended == "error" and sqlstate is not None and sqlstate not in _UNCERTAIN and sqlstate[:2] != "08"
    return Outcome.FAIL if certain else Outcome.UNKNOWN
