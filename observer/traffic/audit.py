"""Which of a recording's tokens the primary holds: how a lost write becomes known."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from observer.model.recording import MS_NS, Audit
from observer.postgres.persistent import Kept
from observer.postgres.session import NoAnswer
from observer.traffic.workload import WORKLOADS, answer, token

CHUNK = 50_000  # tokens a question
QUESTION_MS = 25_000  # the table of the homework has no index for it, and may be long
WHOLE_MS = 35_000  # `stop` waits for three of them at the most

Run = tuple[int, int]  # consecutive numbers, both ends included


class AuditFailed(Exception):
    """The tokens from `next_n` on could not be read back; the text is one sentence that says why.

    `found` is what was read back of those before.
    """

    def __init__(self, why: str, found: Sequence[Audit], next_n: int) -> None:
        super().__init__(why)
        self.found = found
        self.next_n = next_n


def audit(
    dsn: str,
    workload: str,
    tag: str,
    first_n: int,
    last_n: int,
    question_ms: int,
    now_ns: Callable[[], int],
    name_of: Callable[[str], str | None] = lambda address: None,
    whole_ms: int = WHOLE_MS,
) -> list[Audit]:
    """The tokens from first_n to last_n, read back through the primary, as ranges that are all present or all absent.

    `audited_ns` is when the question was asked. Raises AuditFailed: no answer within `question_ms` (of each question of
    50,000 tokens) or `whole_ms` (of all of them), the server is in recovery, the tables are not there. Raises DsnError.
    """
    asked = WORKLOADS[workload]
    kept = Kept(dsn, question_ms, now_ns)
    until_ns = now_ns() + whole_ms * MS_NS
    audits: list[Audit] = []
    try:
        for first, last in chunks(first_n, last_n, CHUNK):
            began_ns = now_ns()
            bounds = (asked.prefix + token(tag, first), asked.prefix + token(tag, last))
            try:
                *who, runs = kept.ask(asked.held, bounds, min(until_ns, began_ns + question_ms * MS_NS))[0]
            except NoAnswer as failure:
                why = f"the primary gave no answer ({failure.how}): {failure.message}."
                raise AuditFailed(why, joined(audits, tag), first) from None
            said = answer(asked, who)
            if said.in_recovery:
                why = f"{said.address or 'the server'} is in recovery, so that it cannot say what was lost."
                raise AuditFailed(why, joined(audits, tag), first)
            server = name_of(said.address) if said.address is not None else None
            audits += [
                Audit(began_ns, token(tag, a), token(tag, b), present, server or said.address, said.timeline)
                for a, b, present in ranges([(a, b) for a, b in runs or ()], first, last)
            ]
    finally:
        kept.close()
    return joined(audits, tag)


def chunks(first: int, last: int, size: int) -> Iterator[Run]:
    """The numbers from first to last in runs of `size` at most; none where last is before first."""
    for start in range(first, last + 1, size):
        yield start, min(start + size - 1, last)


def ranges(present: Iterable[Run], first: int, last: int) -> list[tuple[int, int, bool]]:
    """All numbers from first to last as ranges in order: those in `present`, itself in order, and those between."""
    found: list[tuple[int, int, bool]] = []
    at = first
    for start, end in present:
        if start > at:
            found.append((at, start - 1, False))
        found.append((start, end, True))
        at = end + 1
    if at <= last:
        found.append((at, last, False))
    return found


def joined(audits: Sequence[Audit], tag: str) -> list[Audit]:
    """Neighbours that say the same of the same server, as one; its moment is that of the first question."""
    whole: list[Audit] = []
    for one in audits:
        last = whole[-1] if whole else None
        if (
            last is not None
            and (last.present, last.server, last.timeline) == (one.present, one.server, one.timeline)
            and one.first_token == token(tag, int(last.last_token[-10:]) + 1)
        ):
            whole[-1] = Audit(last.audited_ns, last.first_token, one.last_token, one.present, one.server, one.timeline)
        else:
            whole.append(one)
    return whole
