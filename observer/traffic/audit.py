"""The audit: which tokens of a recording the primary holds. An acknowledged write without its token is lost."""

from collections.abc import Callable, Iterable, Iterator, Sequence

from observer.model.recording import MS_NS, Audit
from observer.postgres.persistent import PersistentConnection
from observer.postgres.session import NoAnswer
from observer.traffic.workload import WORKLOADS, answer, token

CHUNK = 50_000  # tokens per query
QUESTION_MS = 25_000  # the homework's table has no index for it and may be long
WHOLE_MS = 35_000  # `stop` waits for three of them at the most

Run = tuple[int, int]  # consecutive numbers, both ends included


class AuditFailed(Exception):
    """The tokens from `next_n` on could not be read back; the text is one sentence with the reason.

    `found` holds the audits of the tokens before.
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
    name_of: Callable[[str], str | None] = lambda _: None,
    whole_ms: int = WHOLE_MS,
) -> list[Audit]:
    """Read the tokens from first_n to last_n back through the primary; return ranges, each all present or all absent.

    `audited_ns` is when the query was sent. Raise AuditFailed if there is no answer within `question_ms` (per query of
    50,000 tokens) or `whole_ms` (in all), the server is in recovery, or the tables are absent. Raise DsnError.
    """
    statements = WORKLOADS[workload]
    connection = PersistentConnection(dsn, question_ms, now_ns)
    until_ns = now_ns() + whole_ms * MS_NS
    audits: list[Audit] = []
    try:
        for first, last in chunks(first_n, last_n, CHUNK):
            began_ns = now_ns()
            bounds = (statements.prefix + token(tag, first), statements.prefix + token(tag, last))
            try:
                *who, runs = connection.ask(statements.held, bounds, min(until_ns, began_ns + question_ms * MS_NS))[0]
                reply, why = answer(statements, who), ""
            except NoAnswer as failure:
                why = f"the primary gave no answer ({failure.how}): {failure.message}."
            if not why and reply.in_recovery:
                why = f"{reply.address or 'the server'} is in recovery, and a replica cannot show what was lost."
            if why:
                raise AuditFailed(why, joined(audits, tag), first)
            server = name_of(reply.address) if reply.address is not None else None
            audits += [
                Audit(began_ns, token(tag, a), token(tag, b), present, server or reply.address, reply.timeline)
                for a, b, present in ranges([(a, b) for a, b in runs or ()], first, last)
            ]
    finally:
        connection.close()
    return joined(audits, tag)


def chunks(first: int, last: int, size: int) -> Iterator[Run]:
    """Yield the numbers from first to last in runs of at most `size`; none if last is before first."""
    for start in range(first, last + 1, size):
        yield start, min(start + size - 1, last)


def ranges(present: Iterable[Run], first: int, last: int) -> list[tuple[int, int, bool]]:
    """Return the numbers from first to last as ranges in order: those in `present`, which is sorted, and the gaps."""
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
    """Join neighbouring ranges with the same result from the same server; the first query gives the time."""
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
